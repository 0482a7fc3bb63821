"""Signing in and out: sessions, tokens, throttling, and what strangers learn."""

import asyncio
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from argon2 import PasswordHasher
from joserfc import jwt
from joserfc.jwk import OKPKey

from mercato.contracts.users import AccessChanged, SignIn
from mercato.kernel import clock
from mercato.kernel.acts import Acted
from mercato.kernel.context import GUEST
from mercato.kernel.errors import Invalid, NotFound, Throttled, Unauthenticated, Unavailable
from mercato.users import domain
from mercato.users.actions import opening
from mercato.users.actions.throttling import admit
from mercato.users.passwords import Passwords
from mercato.users.store import accounts
from support.users import GUEST_CONTEXT, PASSWORD, UsersShop, users_shop


async def wrong(shop: UsersShop, email: str, address: str = "203.0.113.7") -> Unauthenticated | Throttled:
    ctx = msgspec.structs.replace(GUEST_CONTEXT, client_address=address)
    with pytest.raises((Unauthenticated, Throttled)) as caught:
        await shop.users.sign_in(ctx, email=email, password="not the password", browser=True)
    return caught.value


class TestBrowser:
    async def test_a_session_token_names_its_user_with_rights_from_roles(self, shop: UsersShop) -> None:
        user = await shop.create("ann@example.org", "fulfillment")
        signed_in = await shop.sign_in("Ann@Example.org ")
        assert signed_in.access_token is None and signed_in.refresh_token is None
        assert signed_in.expires_in == 7 * 24 * 3600
        principal = (await shop.context_of(signed_in)).principal
        assert principal.id == user.id and principal.email == "ann@example.org"
        assert principal.permissions == {
            "read_fulfillments", "write_fulfillments", "read_stock", "write_stock", "read_orders",
            "read_products",
        }  # fmt: skip

    async def test_only_the_hash_of_a_session_token_is_stored(self, shop: UsersShop) -> None:
        await shop.create("ann@example.org")
        token = (await shop.sign_in("ann@example.org")).session_token or ""
        stored = str(await shop.database.fetch("select * from users.sessions"))
        assert token and token not in stored

    async def test_signing_in_again_ends_the_session_that_the_browser_had(self, shop: UsersShop) -> None:
        await shop.create("ann@example.org")
        first = await shop.sign_in("ann@example.org")
        ctx = await shop.context_of(first)
        second = await shop.sign_in("ann@example.org", principal=ctx.principal)
        assert second.session_token != first.session_token
        assert (await shop.context_of(first)).principal == GUEST
        assert (await shop.context_of(second)).principal.is_signed_in

    async def test_signing_out_ends_the_session_at_once(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in("ann@example.org")
        signed_in = await shop.sign_in("ann@example.org")
        await shop.users.sign_out(ctx)
        assert (await shop.context_of(signed_in)).principal.is_signed_in
        await shop.users.sign_out(GUEST_CONTEXT, token=signed_in.session_token)
        assert (await shop.context_of(signed_in)).principal == GUEST
        assert len(await shop.events(AccessChanged)) == 2

    async def test_a_session_ends_when_it_was_not_used_for_its_idle_time(
        self, shop: UsersShop, later
    ) -> None:
        await shop.create("ann@example.org")
        signed_in = await shop.sign_in("ann@example.org")
        later(domain.SHOPPER_LIMITS.idle - timedelta(minutes=1))
        assert (await shop.context_of(signed_in)).principal.is_signed_in
        later(2 * domain.SHOPPER_LIMITS.idle - timedelta(minutes=2))
        assert (await shop.context_of(signed_in)).principal.is_signed_in
        later(3 * domain.SHOPPER_LIMITS.idle)
        assert (await shop.context_of(signed_in)).principal == GUEST

    async def test_a_session_of_staff_ends_a_week_after_sign_in_however_it_is_used(
        self, shop: UsersShop, later
    ) -> None:
        await shop.create("ann@example.org", "support")
        signed_in = await shop.sign_in("ann@example.org")
        for hours in range(10, 7 * 24, 10):
            later(timedelta(hours=hours))
            assert (await shop.context_of(signed_in)).principal.is_signed_in, hours
        later(timedelta(days=7, seconds=1))
        assert (await shop.context_of(signed_in)).principal == GUEST


class TestApi:
    async def test_an_access_token_can_be_verified_with_the_published_key(self, shop: UsersShop) -> None:
        user = await shop.create("ann@example.org", "owner")
        signed_in = await shop.sign_in("ann@example.org", browser=False)
        (public,) = await shop.users.public_keys(GUEST_CONTEXT)
        key = OKPKey.import_key(msgspec.to_builtins(public))
        token = jwt.decode(signed_in.access_token or "", key, algorithms=["EdDSA"])
        assert token.claims["sub"] == str(user.id) and token.header["kid"] == public.kid
        assert token.claims["exp"] - token.claims["iat"] == signed_in.expires_in == 900
        assert "permissions" not in token.claims

    async def test_an_access_token_carries_no_rights_of_its_own(self, shop: UsersShop) -> None:
        user = await shop.create("ann@example.org", "support")
        await shop.create("owner@example.org", "owner")
        signed_in = await shop.sign_in("ann@example.org", browser=False)
        assert (await shop.context_of(signed_in)).principal.may("write_refunds")
        await shop.database.execute("delete from users.user_roles where user_id = $1", user.id)
        assert (await shop.context_of(signed_in)).principal.permissions == frozenset()

    async def test_a_forged_or_expired_access_token_is_a_guest(self, shop: UsersShop, later) -> None:
        await shop.create("ann@example.org")
        access = (await shop.sign_in("ann@example.org", browser=False)).access_token or ""
        head, body, seal = access.split(".")
        for credential in (f"{head}.{body}.{seal[::-1]}", f"{head}.{body[:-2]}AA.{seal}", "a.b.c", "..", "x"):
            assert await shop.users.resolve(GUEST_CONTEXT, credential=credential) == GUEST
        stranger = OKPKey.generate_key("Ed25519")
        claims = jwt.decode(access, next(iter(shop.service.keys._keys.values())), algorithms=["EdDSA"]).claims
        forged = jwt.encode({"alg": "EdDSA", "kid": "mine"}, claims, stranger, algorithms=["EdDSA"])
        assert await shop.users.resolve(GUEST_CONTEXT, credential=forged) == GUEST
        later(timedelta(minutes=15))
        assert await shop.users.resolve(GUEST_CONTEXT, credential=access) == GUEST

    async def test_a_refresh_token_gives_a_new_pair_of_the_same_session(self, shop: UsersShop) -> None:
        await shop.create("ann@example.org")
        first = await shop.sign_in("ann@example.org", browser=False)
        second = await shop.users.refresh(GUEST_CONTEXT, refresh_token=first.refresh_token or "")
        assert second.refresh_token != first.refresh_token and second.access_token != first.access_token
        one, two = await shop.context_of(first), await shop.context_of(second)
        assert one.principal.session_id == two.principal.session_id
        assert await shop.count("sessions") == 1

    async def test_reuse_of_a_spent_refresh_token_ends_the_session(self, shop: UsersShop) -> None:
        await shop.create("ann@example.org")
        stolen = await shop.sign_in("ann@example.org", browser=False)
        fresh = await shop.users.refresh(GUEST_CONTEXT, refresh_token=stolen.refresh_token or "")
        other = await shop.sign_in("ann@example.org", browser=False)
        with pytest.raises(Unauthenticated, match="refresh_token_invalid"):
            await shop.users.refresh(GUEST_CONTEXT, refresh_token=stolen.refresh_token or "")
        assert (await shop.context_of(fresh)).principal == GUEST
        with pytest.raises(Unauthenticated):
            await shop.users.refresh(GUEST_CONTEXT, refresh_token=fresh.refresh_token or "")
        assert (await shop.context_of(other)).principal.is_signed_in
        reasons = await shop.database.fetch("select end_reason from users.sessions order by created_at")
        assert [row["end_reason"] for row in reasons] == ["refresh_reused", None]
        assert len(await shop.events(AccessChanged)) == 1
        told = [act.act for act in await shop.events(Acted) if act.act.startswith("session.")]
        assert told == ["session.refresh_token_reused"]

    async def test_a_sign_in_of_staff_is_written_down_and_one_of_a_shopper_is_not(
        self, shop: UsersShop
    ) -> None:
        ann = await shop.create("ann@example.org", "support")
        await shop.create("bob@example.org")
        for email in ("ann@example.org", "bob@example.org"):
            await shop.sign_in(email)
        (act,) = [act for act in await shop.events(Acted) if act.act.startswith("session.")]
        assert (act.act, act.actor_id, act.object_id) == ("session.staff_signed_in", ann.id, str(ann.id))
        assert [(change.field, change.after) for change in act.changes] == [("second_factor", "false")]
        assert act.client_address == GUEST_CONTEXT.client_address

    async def test_one_refresh_token_used_twice_at_once_gives_one_pair_at_most(self, shop: UsersShop) -> None:
        await shop.create("ann@example.org")
        token = (await shop.sign_in("ann@example.org", browser=False)).refresh_token or ""
        results = await asyncio.gather(
            *(shop.users.refresh(GUEST_CONTEXT, refresh_token=token) for _ in range(5)),
            return_exceptions=True,
        )
        assert sum(isinstance(result, SignIn) for result in results) == 1
        assert sum(isinstance(result, Unauthenticated) for result in results) == 4

    async def test_a_token_signed_by_another_process_is_accepted(
        self, shop: UsersShop, database_url: str, nats_url: str, namespace: str
    ) -> None:
        await shop.create("ann@example.org")
        async with users_shop(database_url, nats_url, namespace) as other:
            signed_in = await other.sign_in("ann@example.org", browser=False)
            assert (await shop.context_of(signed_in)).principal.email == "ann@example.org"

    async def test_a_new_signing_key_signs_nobody_out(self, shop: UsersShop, later) -> None:
        await shop.create("ann@example.org")
        old = await shop.users.public_keys(GUEST_CONTEXT)
        later(domain.SIGNING_KEY_LIFE - timedelta(minutes=5))
        before = await shop.sign_in("ann@example.org", browser=False)
        later(domain.SIGNING_KEY_LIFE + timedelta(minutes=1))
        await shop.service.keys.rotate()
        after = await shop.sign_in("ann@example.org", browser=False)
        assert (await shop.context_of(before)).principal.is_signed_in
        assert (await shop.context_of(after)).principal.is_signed_in
        keys = await shop.users.public_keys(GUEST_CONTEXT)
        assert len(keys) == 2 and keys[1] == old[0]


class TestWhatStrangersLearn:
    async def test_sign_in_takes_the_same_path_for_unknown_addresses(self, shop: UsersShop) -> None:
        await shop.create("ann@example.org")
        before = shop.service.passwords.verifications
        known = await wrong(shop, "ann@example.org")
        assert shop.service.passwords.verifications == before + 1
        unknown = await wrong(shop, "nobody@example.org")
        assert shop.service.passwords.verifications == before + 2
        assert (type(known), known.code, known.detail) == (type(unknown), unknown.code, unknown.detail)

    async def test_an_account_that_is_off_or_not_confirmed_is_refused_in_the_same_words(
        self, shop: UsersShop
    ) -> None:
        off = await shop.create("off@example.org")
        await shop.database.execute("update users.users set is_active = false where id = $1", off.id)
        await shop.users.register(GUEST_CONTEXT, email="new@example.org", password=PASSWORD, name="New")
        texts = set()
        for email in ("off@example.org", "new@example.org", "nobody@example.org", "no address"):
            with pytest.raises(Unauthenticated) as caught:
                await shop.sign_in(email)
            texts.add((caught.value.code, caught.value.detail))
        assert len(texts) == 1
        assert await shop.count("sessions") == 0


class TestRaces:
    async def test_a_password_that_changes_while_it_is_verified_opens_no_session(
        self, shop: UsersShop
    ) -> None:
        user = await shop.create("ann@example.org")
        stored = await shop.database.fetchval("select password_hash from users.users where id = $1", user.id)
        row = await accounts.account_by_id(shop.database, user_id=user.id)
        assert row is not None and row["password_hash"] == stored
        await shop.database.execute("update users.users set password_hash = 'other' where id = $1", user.id)
        with pytest.raises(Unauthenticated, match="sign_in_failed"):
            await opening.start_session(
                shop.service.parts, GUEST_CONTEXT, row, browser=True, newer_hash=None, now=clock.now()
            )
        assert await shop.count("sessions") == 0


class TestThrottling:
    async def test_waits_grow_with_every_try_and_success_forgets_them(self, shop: UsersShop, later) -> None:
        await shop.create("ann@example.org")
        for _ in range(6):
            assert isinstance(await wrong(shop, "ann@example.org"), Unauthenticated)
        refused = await wrong(shop, "ann@example.org")
        assert isinstance(refused, Throttled) and 1 <= refused.data["retry_after_s"] <= 2
        with pytest.raises(Throttled):
            await shop.sign_in("ann@example.org")
        later(timedelta(seconds=2))
        assert isinstance(await wrong(shop, "ann@example.org"), Unauthenticated)
        refused = await wrong(shop, "ann@example.org")
        assert isinstance(refused, Throttled) and 2 <= refused.data["retry_after_s"] <= 3
        later(timedelta(seconds=10))
        await shop.sign_in("ann@example.org")
        for _ in range(6):
            assert isinstance(await wrong(shop, "ann@example.org"), Unauthenticated)

    async def test_no_wait_is_longer_than_an_hour(self) -> None:
        waits = domain.SIGN_IN_THROTTLE.waits_s
        assert waits[:8] == (0, 0, 0, 0, 0, 1, 2, 4)
        assert max(waits) == waits[-1] == 3600
        assert list(waits) == sorted(waits)

    async def test_a_stranger_cannot_lock_somebody_out_from_another_address(self, shop: UsersShop) -> None:
        await shop.create("ann@example.org")
        for _ in range(8):
            await wrong(shop, "ann@example.org", "198.51.100.1")
        assert isinstance(await wrong(shop, "ann@example.org", "198.51.100.1"), Throttled)
        assert (await shop.sign_in("ann@example.org")).session_token

    async def test_an_address_that_tries_many_accounts_is_slowed_down(self, shop: UsersShop) -> None:
        for index in range(51):
            assert isinstance(await wrong(shop, f"c{index}@example.org"), Unauthenticated)
        assert isinstance(await wrong(shop, "c51@example.org"), Throttled)
        assert isinstance(await wrong(shop, "c51@example.org", "198.51.100.1"), Unauthenticated)

    async def test_an_office_whose_people_all_sign_in_is_not_slowed_down(self, shop: UsersShop) -> None:
        await shop.create("ann@example.org")
        for _ in range(60):
            await shop.sign_in("ann@example.org")
        assert await shop.database.fetchval("select max(tries) from users.throttles") == 0

    async def test_tries_that_run_at_once_are_counted_before_their_hash(self, shop: UsersShop) -> None:
        await shop.create("ann@example.org")
        before = shop.service.passwords.verifications
        refused = await asyncio.gather(*(wrong(shop, "ann@example.org") for _ in range(30)))
        assert sum(isinstance(error, Throttled) for error in refused) == 24
        assert shop.service.passwords.verifications == before + 6

    async def test_a_try_that_is_overtaken_by_a_younger_one_does_not_wait(self, shop: UsersShop) -> None:
        now = clock.now()
        for earlier_by_us in range(6):
            await admit(
                shop.database, domain.SIGN_IN_THROTTLE, "ann", now=now - timedelta(microseconds=earlier_by_us)
            )
        with pytest.raises(Throttled):
            await admit(shop.database, domain.SIGN_IN_THROTTLE, "ann", now=now)


class TestHashing:
    async def test_refuses_beyond_the_queue_and_says_when_to_come_back(self) -> None:
        passwords = Passwords(max_waiting=2)
        results = await asyncio.gather(*(passwords.hash(PASSWORD) for _ in range(4)), return_exceptions=True)
        refused = [result for result in results if isinstance(result, Unavailable)]
        assert len(refused) == 2 and refused[0].data == {"retry_after_s": 2}
        assert await passwords.verify(next(r for r in results if isinstance(r, str)), PASSWORD)
        passwords.close()

    async def test_hashes_with_the_recommended_parameters(self) -> None:
        passwords = Passwords()
        stored = await passwords.hash(PASSWORD)
        assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert not await passwords.verify(stored, PASSWORD + "x")
        passwords.close()

    async def test_a_hash_with_older_parameters_is_renewed_at_sign_in(self, shop: UsersShop) -> None:
        user = await shop.create("ann@example.org")
        weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
        await shop.database.execute("update users.users set password_hash = $2 where id = $1", user.id, weak)
        await shop.sign_in("ann@example.org")
        stored = await shop.database.fetchval("select password_hash from users.users where id = $1", user.id)
        assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


class TestPasswordChange:
    async def test_ends_every_other_session_and_keeps_this_one(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in("ann@example.org")
        other = await shop.sign_in("ann@example.org", browser=False)
        await shop.users.change_password(ctx, current=PASSWORD, new="another walnut harbor")
        assert (await shop.context_of(other)).principal == GUEST
        assert [found.is_current for found in await shop.users.sessions(ctx)] == [True]
        with pytest.raises(Unauthenticated):
            await shop.sign_in("ann@example.org")

    async def test_refuses_without_the_present_password_and_changes_nothing(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in("ann@example.org")
        with pytest.raises(Invalid) as caught:
            await shop.users.change_password(ctx, current="wrong wrong wrong", new="another walnut harbor")
        assert [error.field for error in caught.value.errors] == ["current"]
        assert (await shop.sign_in("ann@example.org")).session_token


class TestRevocation:
    async def test_lists_devices_and_ends_only_ones_own(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in("ann@example.org")
        await shop.sign_in("ann@example.org", user_agent="Phone", client_address="198.51.100.9")
        stranger = await shop.signed_in("ben@example.org")
        sessions = await shop.users.sessions(ctx)
        phone = next(found for found in sessions if not found.is_current)
        assert len(sessions) == 2
        assert (phone.user_agent, phone.client_address) == ("Phone", "198.51.100.9")
        with pytest.raises(NotFound):
            await shop.users.revoke_session(stranger, session_id=phone.id)
        with pytest.raises(NotFound):
            await shop.users.revoke_session(ctx, session_id=UUID(int=1))
        assert len(await shop.users.sessions(ctx)) == 2
        await shop.users.revoke_session(ctx, session_id=phone.id)
        assert [found.is_current for found in await shop.users.sessions(ctx)] == [True]
        await shop.sign_in("ann@example.org")
        assert await shop.users.revoke_other_sessions(ctx) == 1
        assert [found.is_current for found in await shop.users.sessions(ctx)] == [True]
