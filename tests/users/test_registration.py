"""Registering, confirming and resetting by mail, and what strangers learn from it."""

import time
from datetime import timedelta

import msgspec
import pytest

from mercato.contracts.users import (
    AccessChanged,
    PasswordResetRequested,
    RegistrationRepeated,
    UserConfirmed,
    UserRegistered,
)
from mercato.kernel.context import GUEST
from mercato.kernel.errors import Invalid, Unauthenticated
from mercato.users import domain
from support.users import GUEST_CONTEXT, PASSWORD, UsersShop

OTHER_PASSWORD = "walnut harbor sixteen"


async def register(shop: UsersShop, email: str, password: str = PASSWORD, name: str = "Ann") -> None:
    await shop.users.register(GUEST_CONTEXT, email=email, password=password, name=name)


class TestRegistration:
    async def test_the_mailed_token_confirms_the_account_once(self, shop: UsersShop) -> None:
        await register(shop, "Ann.Bell@Example.org")
        (registered,) = await shop.events(UserRegistered)
        assert (registered.email, registered.name, registered.locale) == ("Ann.Bell@example.org", "Ann", "en")
        with pytest.raises(Unauthenticated):
            await shop.sign_in("ann.bell@example.org")
        user = await shop.users.confirm(GUEST_CONTEXT, token=registered.token)
        assert user.id == registered.user_id and user.is_confirmed and user.roles == []
        (confirmed,) = await shop.events(UserConfirmed)
        assert confirmed.user_id == user.id
        assert (await shop.sign_in("ann.bell@EXAMPLE.org")).session_token
        with pytest.raises(Invalid, match="token_invalid"):
            await shop.users.confirm(GUEST_CONTEXT, token=registered.token)

    async def test_a_known_address_gets_the_same_answer_and_its_owner_a_mail(self, shop: UsersShop) -> None:
        await shop.create("ann@example.org")
        before = shop.service.passwords.verifications
        await register(shop, "ANN@example.org", OTHER_PASSWORD, "Stranger")
        assert shop.service.passwords.verifications == before
        assert await shop.events(UserRegistered) == []
        (repeated,) = await shop.events(RegistrationRepeated)
        assert (repeated.email, repeated.name) == ("ann@example.org", "Ann")
        assert (await shop.sign_in("ann@example.org")).user.name == "Ann"
        assert await shop.count("users") == 1

    async def test_an_owner_is_not_mailed_twice_in_a_quarter_of_an_hour(self, shop: UsersShop, later) -> None:
        await shop.create("ann@example.org")
        await register(shop, "ann@example.org")
        await register(shop, "ann@example.org")
        assert len(await shop.events(RegistrationRepeated)) == 1
        later(timedelta(minutes=16))
        await register(shop, "ann@example.org")
        assert len(await shop.events(RegistrationRepeated)) == 2

    async def test_a_link_sets_the_password_of_its_own_registration_only(self, shop: UsersShop) -> None:
        await register(shop, "ann@example.org", OTHER_PASSWORD, "Thief")
        await register(shop, "ann@example.org", PASSWORD, "Ann")
        _, own = await shop.events(UserRegistered)
        assert (await shop.users.confirm(GUEST_CONTEXT, token=own.token)).name == "Ann"
        assert (await shop.sign_in("ann@example.org")).session_token
        thief, _ = await shop.events(UserRegistered)
        with pytest.raises(Invalid, match="token_invalid"):
            await shop.users.confirm(GUEST_CONTEXT, token=thief.token)
        with pytest.raises(Unauthenticated):
            await shop.users.sign_in(
                GUEST_CONTEXT, email="ann@example.org", password=OTHER_PASSWORD, browser=True
            )

    async def test_a_token_ends_after_a_day(self, shop: UsersShop, later) -> None:
        await register(shop, "ann@example.org")
        (registered,) = await shop.events(UserRegistered)
        later(timedelta(hours=24, seconds=1))
        with pytest.raises(Invalid, match="token_invalid"):
            await shop.users.confirm(GUEST_CONTEXT, token=registered.token)
        assert await shop.events(UserConfirmed) == []

    @pytest.mark.parametrize(
        ("email", "password", "name", "field", "code"),
        [
            ("no address", PASSWORD, "Ann", "email", "email_invalid"),
            ("ann@example.org", "short", "Ann", "password", "password_too_short"),
            ("ann@example.org", "password1234", "Ann", "password", "password_too_common"),
            ("ann@example.org", "aaaaaaaaaaaaaaa", "Ann", "password", "password_too_common"),
            (
                "annabella.smithson@example.org",
                "annabella.smithson",
                "Ann",
                "password",
                "password_too_common",
            ),
            ("ann@example.org", PASSWORD, " \n ", "name", "required"),
        ],
    )
    async def test_refuses_what_cannot_be_an_account_and_stores_nothing(
        self, shop: UsersShop, email: str, password: str, name: str, field: str, code: str
    ) -> None:
        with pytest.raises(Invalid) as caught:
            await register(shop, email, password, name)
        assert [(error.field, error.code) for error in caught.value.errors] == [(field, code)]
        assert (
            await shop.count("users") == await shop.count("outbox") == await shop.count("email_tokens") == 0
        )

    async def test_no_password_is_stored_before_the_mailbox_is_proved(self, shop: UsersShop) -> None:
        await register(shop, "ann@example.org")
        assert await shop.database.fetchval("select password_hash from users.users") is None


class TestJudging:
    def test_takes_no_longer_for_a_password_made_to_keep_the_judge_busy(self) -> None:
        started = time.process_time()
        domain.judge_password("mix4@8({[<369!|1750$+7%2xz" * 9, known=["ann@example.org", "Ann"])
        assert time.process_time() - started < 0.5  # judged with all its symbols it takes eight seconds

    @pytest.mark.parametrize("password", ["P@$$w0rd!!!!", "qwertyuiop[]", "ann.bell12345", "p4ssw0rd" * 9])
    def test_knows_common_passwords_in_disguise(self, password: str) -> None:
        with pytest.raises(Invalid, match="easy to guess"):
            domain.judge_password(password, known=["ann.bell@example.org", "Ann Bell"])


class TestPasswordReset:
    async def test_the_mailed_token_sets_a_password_once_and_ends_all_sessions(self, shop: UsersShop) -> None:
        await shop.create("ann@example.org")
        browser, api = (
            await shop.sign_in("ann@example.org"),
            await shop.sign_in("ann@example.org", browser=False),
        )
        await shop.users.request_password_reset(GUEST_CONTEXT, email="ann@example.org")
        (requested,) = await shop.events(PasswordResetRequested)
        await shop.users.reset_password(GUEST_CONTEXT, token=requested.token, password=OTHER_PASSWORD)
        assert (await shop.context_of(browser)).principal == GUEST
        assert (await shop.context_of(api)).principal == GUEST
        with pytest.raises(Unauthenticated):
            await shop.users.refresh(GUEST_CONTEXT, refresh_token=api.refresh_token or "")
        with pytest.raises(Unauthenticated):
            await shop.sign_in("ann@example.org")
        signed_in = await shop.users.sign_in(
            GUEST_CONTEXT, email="ann@example.org", password=OTHER_PASSWORD, browser=True
        )
        assert signed_in.session_token and len(await shop.events(AccessChanged)) == 1
        with pytest.raises(Invalid, match="token_invalid"):
            await shop.users.reset_password(GUEST_CONTEXT, token=requested.token, password=PASSWORD)

    async def test_an_unknown_address_gets_the_same_answer_and_no_mail(self, shop: UsersShop) -> None:
        answers = [
            await shop.users.request_password_reset(GUEST_CONTEXT, email=email)
            for email in ("nobody@example.org", "ann@example.org")
        ]
        assert answers == [None, None]
        assert await shop.count("outbox") == await shop.count("email_tokens") == 0

    async def test_mails_one_link_in_a_quarter_of_an_hour(self, shop: UsersShop, later) -> None:
        await shop.create("ann@example.org")
        for _ in range(3):
            await shop.users.request_password_reset(GUEST_CONTEXT, email="ann@example.org")
        assert len(await shop.events(PasswordResetRequested)) == 1
        later(timedelta(minutes=15, seconds=1))
        await shop.users.request_password_reset(GUEST_CONTEXT, email="ann@example.org")
        assert len(await shop.events(PasswordResetRequested)) == 2

    async def test_a_refused_password_leaves_the_link_good(self, shop: UsersShop) -> None:
        await shop.create("ann@example.org")
        await shop.users.request_password_reset(GUEST_CONTEXT, email="ann@example.org")
        (requested,) = await shop.events(PasswordResetRequested)
        with pytest.raises(Invalid, match="at least 12"):
            await shop.users.reset_password(GUEST_CONTEXT, token=requested.token, password="short")
        await shop.users.reset_password(GUEST_CONTEXT, token=requested.token, password=OTHER_PASSWORD)

    async def test_the_link_ends_after_an_hour(self, shop: UsersShop, later) -> None:
        await shop.create("ann@example.org")
        await shop.users.request_password_reset(GUEST_CONTEXT, email="ann@example.org")
        (requested,) = await shop.events(PasswordResetRequested)
        later(timedelta(hours=1, seconds=1))
        with pytest.raises(Invalid, match="token_invalid"):
            await shop.users.reset_password(GUEST_CONTEXT, token=requested.token, password=OTHER_PASSWORD)
        assert (await shop.sign_in("ann@example.org")).session_token

    async def test_the_link_confirms_an_account_whose_first_mail_went_astray(self, shop: UsersShop) -> None:
        await register(shop, "ann@example.org")
        await shop.users.request_password_reset(GUEST_CONTEXT, email="ann@example.org")
        (requested,) = await shop.events(PasswordResetRequested)
        await shop.users.reset_password(GUEST_CONTEXT, token=requested.token, password=PASSWORD)
        assert len(await shop.events(UserConfirmed)) == 1
        assert (await shop.sign_in("ann@example.org")).user.is_confirmed

    async def test_a_link_of_one_kind_is_no_link_of_the_other(self, shop: UsersShop) -> None:
        await register(shop, "ann@example.org")
        (registered,) = await shop.events(UserRegistered)
        with pytest.raises(Invalid, match="token_invalid"):
            await shop.users.reset_password(GUEST_CONTEXT, token=registered.token, password=OTHER_PASSWORD)
        assert (await shop.users.confirm(GUEST_CONTEXT, token=registered.token)).is_confirmed


class TestSweeping:
    async def test_forgets_sessions_tokens_and_tries_that_ended_long_ago(
        self, shop: UsersShop, later
    ) -> None:
        await shop.create("ann@example.org")
        await shop.users.request_password_reset(GUEST_CONTEXT, email="ann@example.org")
        await shop.sign_in("ann@example.org", browser=False)
        await shop.service.sweep()
        assert await shop.count("sessions") == await shop.count("email_tokens") == 1
        later(domain.SHOPPER_LIMITS.absolute + timedelta(days=31))
        await shop.service.sweep()
        for table in ("sessions", "refresh_tokens", "email_tokens", "throttles"):
            assert await shop.count(table) == 0, table
        assert await shop.count("users") == 1


class TestLocale:
    async def test_mails_go_out_in_the_language_of_the_registration(self, shop: UsersShop) -> None:
        ctx = msgspec.structs.replace(GUEST_CONTEXT, locale="de")
        await shop.users.register(ctx, email="ann@example.org", password=PASSWORD, name="Ann")
        (registered,) = await shop.events(UserRegistered)
        assert registered.locale == "de"
