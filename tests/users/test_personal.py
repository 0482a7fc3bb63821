"""What people decide about their own account: its address, its end, what they agree to, which devices."""

import contextlib
from datetime import timedelta

import pytest

from mercato.contracts.shared import Address
from mercato.contracts.users import (
    AccountDeleted,
    ConsentChanged,
    EmailChanged,
    EmailChangeOffered,
    EmailChangeRequested,
    PasswordChanged,
    PasswordResetRequested,
    Purpose,
    RegistrationRepeated,
    SignedInFromNewDevice,
    UserConfirmed,
    UserRegistered,
)
from mercato.kernel import clock
from mercato.kernel.acts import Acted
from mercato.kernel.context import GUEST, SYSTEM_CONTEXT
from mercato.kernel.db import start_cost
from mercato.kernel.errors import Conflict, Denied, Invalid, Throttled, Unauthenticated
from support.users import GUEST_CONTEXT, PASSWORD, UsersShop

OLD, NEW = "ann@example.org", "new@example.org"


@pytest.fixture
def later():
    """Moves the clock of this process; it is put right after the test."""
    yield lambda delta: clock.set_offset(delta)
    clock.set_offset(timedelta(0))


class TestEmailChange:
    async def asked(
        self, shop: UsersShop, email: str = NEW
    ) -> tuple[EmailChangeRequested, EmailChangeOffered]:
        ctx = await shop.signed_in(OLD)
        await shop.users.request_email_change(ctx, email=NEW, password=PASSWORD)
        (old,), (new,) = await shop.events(EmailChangeRequested), await shop.events(EmailChangeOffered)
        return old, new

    @pytest.mark.parametrize("first", ["old", "new"])
    async def test_takes_effect_when_both_mailboxes_have_confirmed(self, shop: UsersShop, first: str) -> None:
        old, new = await self.asked(shop)
        assert (old.email, old.new_email, new.email) == (OLD, NEW, NEW)
        signed_in = await shop.sign_in(OLD)
        tokens = [old.token, new.token] if first == "old" else [new.token, old.token]
        half = await shop.users.confirm_email_change(GUEST_CONTEXT, token=tokens[0])
        assert (half.is_done, half.waits_for) == (False, "new" if first == "old" else "old")
        assert (await shop.context_of(signed_in)).principal.email == OLD
        done = await shop.users.confirm_email_change(GUEST_CONTEXT, token=tokens[1])
        assert (done.is_done, done.waits_for) == (True, "")
        assert (await shop.context_of(signed_in)).principal == GUEST
        assert (await shop.sign_in(NEW)).user.email == NEW
        with pytest.raises(Unauthenticated):
            await shop.sign_in(OLD)
        (changed,) = await shop.events(EmailChanged)
        assert (changed.email, changed.new_email) == (OLD, NEW)
        assert [event.email for event in await shop.events(UserConfirmed)] == [NEW]
        assert "account.email_changed" in [act.act for act in await shop.events(Acted)]

    async def test_each_link_works_once_and_for_a_day(self, shop: UsersShop, later) -> None:
        old, new = await self.asked(shop)
        await shop.users.confirm_email_change(GUEST_CONTEXT, token=old.token)
        with pytest.raises(Invalid, match="token_invalid"):
            await shop.users.confirm_email_change(GUEST_CONTEXT, token=old.token)
        later(timedelta(hours=24, seconds=1))
        with pytest.raises(Invalid, match="token_invalid"):
            await shop.users.confirm_email_change(GUEST_CONTEXT, token=new.token)
        assert (await shop.sign_in(OLD)).user.email == OLD

    async def test_a_newer_request_ends_the_one_before_it(self, shop: UsersShop) -> None:
        old, _ = await self.asked(shop)
        ctx = await shop.context_of(await shop.sign_in(OLD))
        await shop.users.request_email_change(ctx, email="third@example.org", password=PASSWORD)
        with pytest.raises(Invalid, match="token_invalid"):
            await shop.users.confirm_email_change(GUEST_CONTEXT, token=old.token)

    async def test_a_taken_address_is_answered_alike_and_only_its_owner_is_told(
        self, shop: UsersShop
    ) -> None:
        await shop.create(NEW)
        ctx = await shop.signed_in(OLD)
        await shop.users.request_email_change(ctx, email=NEW, password=PASSWORD)
        assert await shop.events(EmailChangeOffered) == []
        assert [event.email for event in await shop.events(RegistrationRepeated)] == [NEW]
        (old,) = await shop.events(EmailChangeRequested)
        half = await shop.users.confirm_email_change(GUEST_CONTEXT, token=old.token)
        assert half.waits_for == "new"
        assert (await shop.sign_in(OLD)).user.email == OLD

    async def test_an_address_that_was_taken_meanwhile_is_refused_and_nothing_changes(
        self, shop: UsersShop
    ) -> None:
        old, new = await self.asked(shop)
        await shop.users.confirm_email_change(GUEST_CONTEXT, token=old.token)
        await shop.create(NEW)
        with pytest.raises(Conflict, match="email_taken"):
            await shop.users.confirm_email_change(GUEST_CONTEXT, token=new.token)
        assert (await shop.sign_in(OLD)).user.email == OLD
        assert await shop.events(EmailChanged) == []

    async def test_an_account_that_nobody_confirmed_does_not_keep_the_address(self, shop: UsersShop) -> None:
        await shop.users.register(GUEST_CONTEXT, email=NEW, password=PASSWORD, name="Stranger")
        old, new = await self.asked(shop)
        await shop.users.confirm_email_change(GUEST_CONTEXT, token=new.token)
        assert (await shop.users.confirm_email_change(GUEST_CONTEXT, token=old.token)).is_done
        (stranger,) = await shop.events(UserRegistered)
        with pytest.raises(Invalid, match="token_invalid"):
            await shop.users.confirm(GUEST_CONTEXT, token=stranger.token)
        assert (await shop.sign_in(NEW)).user.name == "Ann"

    async def test_needs_the_password_and_slows_down_who_guesses_it(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in(OLD)
        for _ in range(6):
            with pytest.raises(Invalid) as refused:
                await shop.users.request_email_change(ctx, email=NEW, password="wrong")
            assert refused.value.errors[0].field == "password"
        with pytest.raises(Throttled):
            await shop.users.request_email_change(ctx, email=NEW, password=PASSWORD)
        with pytest.raises(Unauthenticated):
            await shop.users.request_email_change(GUEST_CONTEXT, email=NEW, password=PASSWORD)
        assert await shop.count("email_changes") == 0

    async def test_links_mailed_before_do_not_open_the_account_at_its_new_address(
        self, shop: UsersShop
    ) -> None:
        old, new = await self.asked(shop)
        await shop.users.request_password_reset(GUEST_CONTEXT, email=OLD)
        (reset,) = await shop.events(PasswordResetRequested)
        for token in (old.token, new.token):
            await shop.users.confirm_email_change(GUEST_CONTEXT, token=token)
        with pytest.raises(Invalid, match="token_invalid"):
            await shop.users.reset_password(GUEST_CONTEXT, token=reset.token, password="walnut harbor nine")


class TestDeletion:
    async def test_takes_the_person_out_and_ends_every_session(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in(OLD)
        other = await shop.sign_in(OLD, browser=False)
        address = Address(
            name="Ann Bell", street1="Hauptstr. 1", postal_code="10115", city="Berlin", country="DE"
        )
        await shop.users.add_address(ctx, address=address)
        await shop.users.update_me(ctx, phone="+49 30 1234567")
        await shop.users.set_consent(ctx, purpose=Purpose.MARKETING_EMAIL, is_given=True)
        await shop.users.delete_me(ctx, password=PASSWORD)
        assert (await shop.context_of(other)).principal == GUEST
        with pytest.raises(Unauthenticated):
            await shop.sign_in(OLD)
        for table in ("users", "sessions", "addresses", "consents", "devices", "email_tokens", "passkeys"):
            left = str(await shop.database.fetch(f"select * from users.{table}"))
            for trace in ("Ann", OLD, "Hauptstr", "1234567", "203.0.113.7", "Firefox"):
                assert trace not in left, (table, trace)
        (deleted,) = await shop.events(AccountDeleted)
        assert (deleted.user_id, deleted.email) == (ctx.principal.id, OLD)

    async def test_the_address_is_free_again(self, shop: UsersShop) -> None:
        await shop.users.delete_me(await shop.signed_in(OLD), password=PASSWORD)
        assert (await shop.create(OLD)).email == OLD

    async def test_needs_the_password(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in(OLD)
        with pytest.raises(Invalid):
            await shop.users.delete_me(ctx, password="wrong")
        assert (await shop.users.me(ctx)).email == OLD
        assert await shop.events(AccountDeleted) == []

    async def test_the_last_owner_stays(self, shop: UsersShop) -> None:
        owner = await shop.signed_in("owner@example.org", "owner")
        with pytest.raises(Conflict, match="last_owner"):
            await shop.users.delete_me(owner, password=PASSWORD)
        await shop.create("second@example.org", "owner")
        await shop.users.delete_me(owner, password=PASSWORD)
        assert await shop.count("user_roles") == 1

    async def test_who_has_no_password_needs_a_sign_in_of_the_last_minutes(
        self, shop: UsersShop, later
    ) -> None:
        ctx = await shop.signed_in(OLD)
        await shop.database.execute("update users.users set password_hash = null where email = $1", OLD)
        later(timedelta(minutes=11))
        with pytest.raises(Denied, match="step_up_required"):
            await shop.users.delete_me(ctx, password="")
        assert (await shop.users.me(ctx)).email == OLD
        later(timedelta(minutes=5))
        await shop.users.delete_me(ctx, password="")
        assert [event.email for event in await shop.events(AccountDeleted)] == [OLD]

    async def test_a_password_is_asked_of_whoever_has_one_however_recent_the_sign_in(
        self, shop: UsersShop
    ) -> None:
        ctx = await shop.signed_in(OLD)
        with pytest.raises(Invalid):
            await shop.users.delete_me(ctx, password="")
        assert await shop.events(AccountDeleted) == []

    async def test_staff_erases_customers_only_and_once(self, shop: UsersShop, later) -> None:
        support = await shop.signed_in("support@example.org", "support")
        ann, ben = await shop.create(OLD), await shop.create("ben@example.org", "analyst")
        with pytest.raises(Conflict, match="erasure_staff"):
            await shop.users.erase_account(support, user_id=ben.id)
        with pytest.raises(Denied):
            await shop.users.erase_account(await shop.signed_in("x@example.org"), user_id=ann.id)
        later(timedelta(minutes=11))
        with pytest.raises(Denied, match="step_up_required"):
            await shop.users.erase_account(support, user_id=ann.id)
        assert await shop.events(AccountDeleted) == []
        later(timedelta(0))
        for _ in range(2):
            await shop.users.erase_account(support, user_id=ann.id)
        assert [event.email for event in await shop.events(AccountDeleted)] == [OLD]


class TestFormerAddresses:
    async def test_belong_to_the_account_until_somebody_else_has_them(self, shop: UsersShop) -> None:
        old, new = await TestEmailChange().asked(shop)
        for token in (old.token, new.token):
            await shop.users.confirm_email_change(GUEST_CONTEXT, token=token)
        ann = (await shop.sign_in(NEW)).user
        assert await shop.users.emails_of(SYSTEM_CONTEXT, user_id=ann.id) == [NEW, OLD]
        ben = await shop.create(OLD)
        assert await shop.users.emails_of(SYSTEM_CONTEXT, user_id=ann.id) == [NEW]
        support = await shop.signed_in("support@example.org", "support")
        await shop.users.merge_users(support, keep_id=ann.id, drop_id=ben.id)
        assert await shop.users.emails_of(SYSTEM_CONTEXT, user_id=ann.id) == [NEW, OLD]
        with pytest.raises(Denied):
            await shop.users.emails_of(support, user_id=ann.id)
        await shop.users.erase_account(support, user_id=ann.id)
        assert [event.former_emails for event in await shop.events(AccountDeleted)] == [[OLD]]
        assert await shop.count("former_emails") == 0


class TestConsents:
    async def test_every_decision_is_kept_with_its_time_and_source(self, shop: UsersShop, later) -> None:
        ctx = await shop.signed_in(OLD)
        none = await shop.users.consents(ctx)
        assert none.given == [] and none.history == []
        await shop.users.set_consent(ctx, purpose=Purpose.MARKETING_EMAIL, is_given=True, source="api")
        later(timedelta(days=1))
        now = await shop.users.set_consent(ctx, purpose=Purpose.MARKETING_EMAIL, is_given=False)
        assert now.given == []
        assert [(each.is_given, each.source) for each in now.history] == [(False, "account"), (True, "api")]
        assert now.history[0].at - now.history[1].at > timedelta(hours=23)
        changes = await shop.events(ConsentChanged)
        assert [(each.purpose, each.is_given) for each in changes] == [
            ("marketing_email", True), ("marketing_email", False),
        ]  # fmt: skip

    async def test_deciding_the_same_again_adds_nothing(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in(OLD)
        await shop.users.set_consent(ctx, purpose=Purpose.MARKETING_SMS, is_given=False)
        assert await shop.count("consents") == 0
        for _ in range(2):
            await shop.users.set_consent(ctx, purpose=Purpose.MARKETING_SMS, is_given=True)
        assert await shop.count("consents") == 1

    async def test_what_was_agreed_while_registering_waits_for_the_confirmation(
        self, shop: UsersShop
    ) -> None:
        await shop.users.register(GUEST_CONTEXT, email=OLD, password=PASSWORD, name="Ann", marketing=True)
        assert await shop.count("consents") == 0
        (registered,) = await shop.events(UserRegistered)
        user = await shop.users.confirm(GUEST_CONTEXT, token=registered.token)
        found = await shop.users.consents_of(SYSTEM_CONTEXT, user_id=user.id)
        assert found.given == [Purpose.MARKETING_EMAIL]
        assert found.history[0].source == "registration"
        with pytest.raises(Denied):
            await shop.users.consents_of(await shop.signed_in("x@example.org"), user_id=user.id)


class TestDevices:
    async def test_a_new_kind_of_device_is_mailed_and_a_known_one_is_not(self, shop: UsersShop) -> None:
        await shop.create(OLD)
        chrome = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
        await shop.sign_in(OLD)
        await shop.sign_in(OLD)
        assert await shop.events(SignedInFromNewDevice) == []
        await shop.sign_in(OLD, user_agent=chrome)
        await shop.sign_in(OLD, user_agent=chrome.replace("140.0", "141.0"))
        (told,) = await shop.events(SignedInFromNewDevice)
        assert (told.device, told.client_address) == ("Chrome on Windows", "203.0.113.7")

    async def test_another_network_is_mailed_and_a_neighboring_address_is_not(self, shop: UsersShop) -> None:
        await shop.create(OLD)
        await shop.sign_in(OLD)
        await shop.sign_in(OLD, client_address="203.0.200.9")
        assert await shop.events(SignedInFromNewDevice) == []
        await shop.sign_in(OLD, client_address="198.51.100.1")
        assert len(await shop.events(SignedInFromNewDevice)) == 1

    async def test_sessions_are_listed_with_the_device_in_words(self, shop: UsersShop) -> None:
        await shop.create(OLD)
        agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1"
        ctx = await shop.context_of(await shop.sign_in(OLD, user_agent=agent))
        (session,) = await shop.users.sessions(ctx)
        assert (session.device, session.client_address) == ("Safari on iPhone", "203.0.113.7")

    async def test_a_changed_password_is_told_to_the_owner(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in(OLD)
        with pytest.raises(Invalid):
            await shop.users.change_password(ctx, current="wrong", new="walnut harbor nine")
        assert await shop.events(PasswordChanged) == []
        await shop.users.change_password(ctx, current=PASSWORD, new="walnut harbor nine")
        assert [event.email for event in await shop.events(PasswordChanged)] == [OLD]


async def statements_of(shop: UsersShop, work) -> tuple[int, int]:
    """(statements, hashes verified) that a call took, whether it was refused or not."""
    cost, before = start_cost(), shop.service.parts.passwords.verifications
    with contextlib.suppress(Unauthenticated):
        await work
    return cost.statements, shop.service.parts.passwords.verifications - before


class TestNobodyLearnsWhoHasAnAccount:
    """The same work for a known and an unknown address, counted: time itself is noise on a busy machine."""

    async def test_registering(self, shop: UsersShop) -> None:
        await shop.create(OLD)
        costs = [
            await statements_of(
                shop, shop.users.register(GUEST_CONTEXT, email=email, password=PASSWORD, name="X")
            )
            for email in (OLD, "unknown@example.org") * 2
        ]
        assert costs[0] == costs[1] and costs[2] == costs[3]

    async def test_asking_for_a_new_password(self, shop: UsersShop) -> None:
        blocked = await shop.create("blocked@example.org")
        await shop.create(OLD)
        await shop.users.set_active(
            SYSTEM_CONTEXT, user_id=blocked.id, is_active=False, version=blocked.version
        )
        costs = [
            await statements_of(shop, shop.users.request_password_reset(GUEST_CONTEXT, email=email))
            for email in (OLD, "unknown@example.org", "blocked@example.org")
        ]
        assert costs[0] == costs[1] == costs[2]

    async def test_signing_in_with_a_wrong_password(self, shop: UsersShop) -> None:
        await shop.create(OLD)
        await shop.users.register(GUEST_CONTEXT, email=NEW, password=PASSWORD, name="Unconfirmed")
        costs = [
            await statements_of(
                shop, shop.users.sign_in(GUEST_CONTEXT, email=email, password="wrong", browser=True)
            )
            for email in (OLD, "unknown@example.org", NEW)
        ]
        assert costs[0] == costs[1] == costs[2] and costs[0][1] == 1

    async def test_asking_for_another_address(self, shop: UsersShop) -> None:
        await shop.create(NEW)
        ctx = await shop.signed_in(OLD)
        costs = []
        for email in (NEW, "unknown@example.org"):
            asked = shop.users.request_email_change(ctx, email=email, password=PASSWORD)
            costs.append(await statements_of(shop, asked))
        assert costs[0] == costs[1]
