"""Second factors: an authenticator app and recovery codes, the second step of a sign-in, proving again."""

import asyncio
from datetime import timedelta

import pyotp
import pytest

from mercato.contracts.users import FactorsChanged, SignIn
from mercato.kernel.context import GUEST
from mercato.kernel.errors import (
    Conflict,
    Denied,
    Invalid,
    NotFound,
    Throttled,
    Unauthenticated,
)
from mercato.users.actions import second_step
from mercato.users.factors import codes
from support.users import GUEST_CONTEXT, PASSWORD, UsersShop, users_shop
from users.factor_steps import EMAIL, challenge_of, code_of, finish, proved, refused, with_app


class TestAuthenticatorApp:
    async def test_is_set_up_with_a_code_and_gives_ten_recovery_codes_once(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in(EMAIL)
        setup = await shop.users.begin_app(ctx)
        uri = pyotp.parse_uri(setup.uri)
        assert (uri.secret, uri.name, uri.issuer) == (setup.secret, EMAIL, "Mercato")
        assert not (await shop.users.factors(ctx)).is_on

        recovery = await shop.users.confirm_app(ctx, code=code_of(setup.secret))

        assert len(set(recovery)) == 10
        found = await shop.users.factors(ctx)
        assert (found.has_app, found.recovery_codes_left, found.passkeys) == (True, 10, [])
        assert [event.change for event in await shop.events(FactorsChanged)] == ["app_added"]

    async def test_keeps_neither_secret_nor_codes_in_the_open(self, shop: UsersShop) -> None:
        secret, recovery = await with_app(shop, await shop.signed_in(EMAIL))
        row = await shop.database.fetchrow("select * from users.authenticators")
        hashes = await shop.database.fetch("select code_hash from users.recovery_codes")
        stored = repr(dict(row or {})) + repr([bytes(each["code_hash"]) for each in hashes])
        raw = bytes(row["sealed_secret"]) if row else b""
        assert secret not in stored and secret.encode() not in raw
        assert all(code not in stored and code.replace("-", "") not in stored for code in recovery)

    async def test_a_wrong_first_code_switches_nothing_on(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in(EMAIL)
        setup = await shop.users.begin_app(ctx)
        wrong = f"{(int(code_of(setup.secret)) + 1) % 1_000_000:06}"
        with pytest.raises(Invalid, match="code_wrong"):
            await shop.users.confirm_app(ctx, code=wrong)
        assert not (await shop.users.factors(ctx)).has_app
        assert await shop.count("recovery_codes") == 0
        assert (await shop.sign_in(EMAIL)).session_token

    async def test_a_second_app_needs_the_first_one_gone(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in(EMAIL)
        await with_app(shop, ctx)
        with pytest.raises(Conflict, match="app_exists"):
            await shop.users.begin_app(ctx)
        await shop.users.remove_app(ctx)
        assert (await shop.users.factors(ctx)).recovery_codes_left == 0
        assert (await shop.sign_in(EMAIL)).session_token
        with pytest.raises(NotFound):
            await shop.users.remove_app(ctx)
        changes = [event.change for event in await shop.events(FactorsChanged)]
        assert changes == ["app_added", "app_removed"]

    async def test_switching_it_on_ends_every_other_session(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in(EMAIL)
        other = await shop.sign_in(EMAIL, browser=False)
        await with_app(shop, ctx)
        assert (await shop.context_of(other)).principal == GUEST
        ends = await shop.database.fetch("select has_mfa, end_reason from users.sessions order by created_at")
        assert [tuple(row) for row in ends] == [(True, None), (False, "factor_added")]

    async def test_a_setup_that_waited_an_hour_begins_anew(self, shop: UsersShop, later) -> None:
        ctx = await shop.signed_in(EMAIL)
        setup = await shop.users.begin_app(ctx)
        later(timedelta(minutes=61))
        fresh = await proved(shop, ctx, password=PASSWORD)
        with pytest.raises(Conflict, match="app_not_begun"):
            await shop.users.confirm_app(fresh, code=code_of(setup.secret))


class TestSecondStep:
    async def test_a_password_alone_opens_no_session(self, shop: UsersShop) -> None:
        await with_app(shop, await shop.signed_in(EMAIL))
        before = await shop.count("sessions")
        asked = await shop.sign_in(EMAIL)
        assert asked.challenge is not None
        assert asked.challenge.methods == ["app", "recovery_code"]
        assert (asked.session_token, asked.access_token, asked.refresh_token) == (None, None, None)
        assert (await shop.users.resolve(GUEST_CONTEXT, credential=asked.challenge.token)) == GUEST
        assert await shop.count("sessions") == before

    async def test_the_code_finishes_it_for_browser_and_api(self, shop: UsersShop) -> None:
        secret, recovery = await with_app(shop, await shop.signed_in(EMAIL))
        browser = await finish(shop, await challenge_of(shop), code_of(secret, steps=1))
        principal = (await shop.context_of(browser)).principal
        assert (principal.email, principal.has_mfa) == (EMAIL, True)
        tokens = await finish(shop, await challenge_of(shop, browser=False), recovery[3])
        assert tokens.access_token and tokens.refresh_token and tokens.session_token is None
        assert (await shop.context_of(tokens)).principal.has_mfa

    async def test_a_time_step_is_accepted_once(self, shop: UsersShop, later) -> None:
        secret, _ = await with_app(shop, await shop.signed_in(EMAIL))
        later(timedelta(minutes=2))
        code = code_of(secret)
        await finish(shop, await challenge_of(shop), code)
        sessions = await shop.count("sessions")
        assert (await refused(shop, await challenge_of(shop), code)).code == "code_wrong"
        earlier = code_of(secret, steps=-1)
        assert (await refused(shop, await challenge_of(shop), earlier)).code == "code_wrong"
        assert await shop.count("sessions") == sessions
        await finish(shop, await challenge_of(shop), code_of(secret, steps=1))

    async def test_the_code_of_the_setup_signs_nobody_in(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in(EMAIL)
        setup = await shop.users.begin_app(ctx)
        code = code_of(setup.secret)
        await shop.users.confirm_app(ctx, code=code)
        assert (await refused(shop, await challenge_of(shop), code)).code == "code_wrong"

    async def test_one_code_sent_many_times_at_once_opens_one_session(self, shop: UsersShop) -> None:
        secret, _ = await with_app(shop, await shop.signed_in(EMAIL))
        tokens = [await challenge_of(shop) for _ in range(4)]
        before = await shop.count("sessions")
        code = code_of(secret, steps=1)
        results = await asyncio.gather(*(finish(shop, one, code) for one in tokens), return_exceptions=True)
        assert sum(isinstance(result, SignIn) for result in results) == 1
        assert await shop.count("sessions") == before + 1

    async def test_a_recovery_code_works_once_and_its_owner_is_told(self, shop: UsersShop) -> None:
        _, recovery = await with_app(shop, await shop.signed_in(EMAIL))
        typed = recovery[0].replace("-", " ").upper()
        await finish(shop, await challenge_of(shop), typed)
        assert (await refused(shop, await challenge_of(shop), recovery[0])).code == "code_wrong"
        left = await shop.database.fetchval("select count(*) from users.recovery_codes where used_at is null")
        assert left == 9
        assert [event.change for event in await shop.events(FactorsChanged)][1:] == ["recovery_code_used"]

    async def test_a_challenge_is_used_once_lives_ten_minutes_and_is_no_other_one(
        self, shop: UsersShop, later
    ) -> None:
        _, recovery = await with_app(shop, await shop.signed_in(EMAIL))
        used = await challenge_of(shop)
        await finish(shop, used, recovery[0])
        assert (await refused(shop, used, recovery[1])).code == "challenge_invalid"
        assert (await refused(shop, "made up", recovery[1])).code == "challenge_invalid"
        options = await shop.users.ask_passkey(GUEST_CONTEXT)
        assert (await refused(shop, options.challenge, recovery[1])).code == "challenge_invalid"
        old = await challenge_of(shop)
        later(second_step.STEP_LIFE)
        assert (await refused(shop, old, recovery[1])).code == "challenge_invalid"

    async def test_a_password_that_changes_meanwhile_ends_the_sign_in(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in(EMAIL)
        _, recovery = await with_app(shop, ctx)
        challenge = await challenge_of(shop)
        await shop.users.change_password(ctx, current=PASSWORD, new="another walnut harbor")
        assert (await refused(shop, challenge, recovery[0])).code == "sign_in_failed"
        left = await shop.database.fetchval("select count(*) from users.recovery_codes where used_at is null")
        assert left == 10

    async def test_guesses_are_slowed_down_by_address_and_over_all_addresses(self, shop: UsersShop) -> None:
        secret, _ = await with_app(shop, await shop.signed_in(EMAIL))
        present = {code_of(secret, steps=step) for step in range(-2, 3)}
        wrong = next(f"{n:06}" for n in range(10) if f"{n:06}" not in present)
        challenge = await challenge_of(shop)
        for _ in range(6):
            assert (await refused(shop, challenge, wrong)).code == "code_wrong"
        assert isinstance(await refused(shop, challenge, wrong), Throttled)
        fresh = await challenge_of(shop)
        for each in range(20 - 6 + 1):
            assert (await refused(shop, fresh, wrong, f"198.51.100.{each}")).code == "code_wrong"
        assert isinstance(await refused(shop, fresh, wrong, "198.51.100.99"), Throttled)

    async def test_another_account_s_secret_does_not_open_this_one(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in("ben@example.org")
        stolen, _ = await with_app(shop, ctx)
        await with_app(shop, await shop.signed_in(EMAIL))
        await shop.database.execute(
            "update users.authenticators set sealed_secret ="
            " (select sealed_secret from users.authenticators where user_id = $1)",
            ctx.principal.id,
        )
        assert (await refused(shop, await challenge_of(shop), code_of(stolen, steps=1))).code == "code_wrong"


class TestProvingAgain:
    async def test_old_sessions_are_asked_and_go_on_under_a_new_token(self, shop: UsersShop, later) -> None:
        await shop.create(EMAIL)
        first = await shop.sign_in(EMAIL)
        later(timedelta(minutes=11))
        ctx = await shop.context_of(first)
        with pytest.raises(Denied, match="step_up_required"):
            await shop.users.begin_app(ctx)
        assert await shop.count("authenticators") == 0
        renewed = await shop.users.prove(ctx, password=PASSWORD)
        assert renewed.session_token not in (None, first.session_token)
        assert (await shop.context_of(first)).principal == GUEST
        fresh = await shop.context_of(renewed)
        assert fresh.principal.session_id == ctx.principal.session_id
        await shop.users.begin_app(fresh)

    async def test_an_api_session_gets_a_new_access_token(self, shop: UsersShop, later) -> None:
        await shop.create(EMAIL)
        tokens = await shop.sign_in(EMAIL, browser=False)
        later(timedelta(minutes=11))
        renewed = await shop.users.prove(await shop.context_of(tokens), password=PASSWORD)
        assert renewed.access_token and renewed.session_token is None and renewed.refresh_token is None
        (await shop.context_of(renewed)).principal.require_recent()
        await shop.users.refresh(GUEST_CONTEXT, refresh_token=tokens.refresh_token or "")

    async def test_a_wrong_password_proves_nothing(self, shop: UsersShop, later) -> None:
        ctx = await shop.signed_in(EMAIL)
        later(timedelta(minutes=11))
        with pytest.raises(Unauthenticated, match="proof_wrong"):
            await shop.users.prove(ctx, password="wrong wrong wrong")
        row = await shop.database.fetchrow("select proven_at, created_at from users.sessions")
        assert row is not None and row["proven_at"] == row["created_at"]

    async def test_who_has_a_factor_needs_it_beside_the_password(self, shop: UsersShop, later) -> None:
        ctx = await shop.signed_in(EMAIL)
        secret, _ = await with_app(shop, ctx)
        later(timedelta(minutes=11))
        for password, code in ((PASSWORD, ""), (PASSWORD, "000000"), ("wrong", code_of(secret))):
            with pytest.raises(Unauthenticated):
                await shop.users.prove(ctx, password=password, code=code)
        await proved(shop, ctx, password=PASSWORD, code=code_of(secret))

    async def test_guesses_of_the_password_are_slowed_down(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in(EMAIL)
        for _ in range(6):
            with pytest.raises(Unauthenticated):
                await shop.users.prove(ctx, password="wrong")
        with pytest.raises(Throttled):
            await shop.users.prove(ctx, password=PASSWORD)

    async def test_an_account_without_any_proof_is_told_so(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in(EMAIL)
        await shop.database.execute("update users.users set password_hash = null")
        with pytest.raises(Conflict, match="no_proof"):
            await shop.users.prove(ctx, password=PASSWORD)


class TestForms:
    async def test_the_second_step_works_between_processes(
        self, database_url: str, nats_url: str, namespace: str
    ) -> None:
        async with users_shop(database_url, nats_url, namespace, form="remote") as shop:
            secret, recovery = await with_app(shop, await shop.signed_in(EMAIL))
            assert len(recovery) == 10
            done = await finish(shop, await challenge_of(shop), code_of(secret, steps=1))
            assert (await shop.context_of(done)).principal.has_mfa


class TestCodes:
    def test_recovery_codes_are_read_however_they_are_typed(self) -> None:
        (first, *_) = codes.new_recovery_codes()
        plain = first.replace("-", "")
        for typed in (first, first.upper(), plain, f" {first} "):
            assert codes.recovery_code_of(typed) == plain
        for typed in ("", "123456", plain[:-1], plain + "a", "0000-0000-0000"):
            assert codes.recovery_code_of(typed) is None

    def test_codes_of_apps_may_be_spaced(self) -> None:
        assert codes.app_code_of("123 456") == "123456"
        for typed in ("", "12345", "1234567", "12345a", "\u0661\u0662\u0663\u0664\u0665\u0666"):
            assert codes.app_code_of(typed) is None
