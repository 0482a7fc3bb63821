"""What staff does for people: acting for a customer, merging accounts, inviting colleagues by mail."""

from datetime import timedelta

import msgspec
import pytest

from mercato.contracts.shared import Address
from mercato.contracts.users import AccessChanged, AccountsMerged, Purpose, StaffInvited
from mercato.kernel import clock
from mercato.kernel.acts import Acted
from mercato.kernel.context import GUEST, SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Conflict, Denied, Invalid, NotFound, Unauthenticated
from mercato.kernel.ids import new_id
from support.users import GUEST_CONTEXT, PASSWORD, UsersShop

BERLIN = Address(name="Ann Bell", street1="Hauptstr. 1", postal_code="10115", city="Berlin", country="DE")
REASON = "Cannot find an order, ticket 12"


@pytest.fixture
def later():
    """Moves the clock of this process; it is put right after the test."""
    yield lambda delta: clock.set_offset(delta)
    clock.set_offset(timedelta(0))


async def opened(shop: UsersShop, token: str) -> Context:
    principal = await shop.users.resolve(GUEST_CONTEXT, credential=token)
    return msgspec.structs.replace(GUEST_CONTEXT, principal=principal)


class TestImpersonation:
    async def acting(self, shop: UsersShop) -> tuple[Context, Context]:
        """(the contexts of a support person, and of the same person acting for Ann)."""
        support = await shop.signed_in("support@example.org", "support")
        ann = await shop.create("ann@example.org")
        done = await shop.users.impersonate(support, user_id=ann.id, reason=REASON)
        return support, await opened(shop, done.session_token)

    async def test_is_seen_as_the_customer_and_named_behind_them(self, shop: UsersShop) -> None:
        support, ctx = await self.acting(shop)
        who = ctx.principal
        assert (who.email, who.acting_id, who.permissions) == (
            "ann@example.org", support.principal.id, frozenset(),
        )  # fmt: skip
        assert who.label == "support@example.org for ann@example.org"
        assert (await shop.users.me(ctx)).email == "ann@example.org"
        (act,) = [act for act in await shop.events(Acted) if act.act == "user.impersonated"]
        assert (act.actor_label, act.object_label) == ("support@example.org", "ann@example.org")
        assert [change.after for change in act.changes] == [REASON]

    async def test_lasts_half_an_hour_at_most(self, shop: UsersShop, later) -> None:
        support = await shop.signed_in("support@example.org", "support")
        ann = await shop.create("ann@example.org")
        done = await shop.users.impersonate(support, user_id=ann.id, reason=REASON)
        for minutes, is_alive in ((20, True), (29, True), (31, False)):
            later(timedelta(minutes=minutes))
            assert (await opened(shop, done.session_token)).principal.is_signed_in is is_alive

    async def test_what_the_account_hangs_on_stays_with_its_owner(self, shop: UsersShop) -> None:
        _, ctx = await self.acting(shop)
        users = shop.users
        for act in (
            users.change_password(ctx, current=PASSWORD, new="walnut harbor nine"),
            users.request_email_change(ctx, email="x@example.org", password=PASSWORD),
            users.delete_me(ctx, password=PASSWORD),
            users.set_consent(ctx, purpose=Purpose.MARKETING_SMS, is_given=True),
            users.revoke_other_sessions(ctx),
            users.revoke_session(ctx, session_id=new_id()),
            users.impersonate(ctx, user_id=new_id(), reason=REASON),
        ):
            with pytest.raises(Denied):
                await act
        assert (await shop.sign_in("ann@example.org")).user.email == "ann@example.org"
        await users.add_address(ctx, address=BERLIN)
        assert len(await users.addresses(ctx)) == 1

    async def test_the_owner_sees_it_among_the_devices_and_can_end_it(self, shop: UsersShop) -> None:
        support = await shop.signed_in("support@example.org", "support")
        ann = await shop.signed_in("ann@example.org")
        done = await shop.users.impersonate(support, user_id=ann.principal.require_user_id(), reason=REASON)
        (found,) = [each for each in await shop.users.sessions(ann) if not each.is_current]
        assert found.device == "Our staff, for you"
        assert (await opened(shop, done.session_token)).principal.is_signed_in
        await shop.users.revoke_session(ann, session_id=found.id)
        assert (await opened(shop, done.session_token)).principal == GUEST

    async def test_never_of_somebody_with_rights_that_the_actor_lacks(self, shop: UsersShop) -> None:
        support = await shop.signed_in("support@example.org", "support")
        for email, roles in (("owner@example.org", ["owner"]), ("editor@example.org", ["catalog_editor"])):
            other = await shop.create(email, *roles)
            with pytest.raises(Denied):
                await shop.users.impersonate(support, user_id=other.id, reason=REASON)
        analyst = await shop.signed_in("analyst@example.org", "analyst")
        ann = await shop.create("ann@example.org")
        with pytest.raises(Denied, match="write_customers"):
            await shop.users.impersonate(analyst, user_id=ann.id, reason=REASON)
        with pytest.raises(NotFound):
            await shop.users.impersonate(support, user_id=new_id(), reason=REASON)
        assert await shop.count("impersonations") == 0

    async def test_of_staff_it_has_no_right_of_staff(self, shop: UsersShop) -> None:
        owner = await shop.signed_in("owner@example.org", "owner")
        editor = await shop.create("editor@example.org", "catalog_editor")
        done = await shop.users.impersonate(owner, user_id=editor.id, reason=REASON)
        assert (await opened(shop, done.session_token)).principal.permissions == frozenset()

    async def test_ends_with_the_rights_of_who_acts(self, shop: UsersShop) -> None:
        support = await shop.signed_in("support@example.org", "support")
        ann = await shop.create("ann@example.org")
        done = await shop.users.impersonate(support, user_id=ann.id, reason=REASON)
        person = await shop.users.get_user(SYSTEM_CONTEXT, user_id=support.principal.require_user_id())
        await shop.users.set_roles(SYSTEM_CONTEXT, user_id=person.id, roles=[], version=person.version)
        assert (await opened(shop, done.session_token)).principal == GUEST

    async def test_ending_is_told_to_the_audit_and_works_once(self, shop: UsersShop) -> None:
        support, ctx = await self.acting(shop)
        assert await shop.users.end_impersonation(ctx) == ctx.principal.id
        assert await shop.users.end_impersonation(support) is None
        acts = [act for act in await shop.events(Acted) if act.act == "user.impersonation_ended"]
        assert [act.actor_label for act in acts] == ["support@example.org for ann@example.org"]


class TestMerging:
    async def test_addresses_go_to_the_kept_account_and_nothing_personal_stays(self, shop: UsersShop) -> None:
        support = await shop.signed_in("support@example.org", "support")
        keep = await shop.signed_in("ann@example.org")
        drop = await shop.signed_in("ann.bell@example.org")
        await shop.users.add_address(keep, address=BERLIN)
        await shop.users.add_address(drop, address=msgspec.structs.replace(BERLIN, street1="Ring 2"))
        keep_id, drop_id = keep.principal.require_user_id(), drop.principal.require_user_id()
        merged = await shop.users.merge_users(support, keep_id=keep_id, drop_id=drop_id)
        assert merged.email == "ann@example.org"
        saved = await shop.users.addresses(keep)
        assert [(each.address.street1, each.is_default) for each in saved] == [
            ("Hauptstr. 1", True), ("Ring 2", False),
        ]  # fmt: skip
        with pytest.raises(Unauthenticated):
            await shop.sign_in("ann.bell@example.org")
        left = str(await shop.database.fetch("select * from users.users where id = $1", drop_id))
        assert "bell" not in left and str(keep_id) in left
        (told,) = await shop.events(AccountsMerged)
        assert (told.kept_id, told.dropped_id) == (keep_id, drop_id)
        assert drop_id in [event.user_id for event in await shop.events(AccessChanged)]
        assert "user.merged" in [act.act for act in await shop.events(Acted)]

    async def test_staff_deleted_accounts_and_oneself_are_not_merged(self, shop: UsersShop) -> None:
        owner = await shop.signed_in("owner@example.org", "owner")
        ann, ben = await shop.create("ann@example.org"), await shop.create("ben@example.org", "analyst")
        pairs = ((ann.id, ben.id), (ben.id, ann.id), (ann.id, ann.id))
        for keep_id, drop_id in pairs:
            with pytest.raises(Conflict):
                await shop.users.merge_users(owner, keep_id=keep_id, drop_id=drop_id)
        gone = await shop.signed_in("gone@example.org")
        await shop.users.delete_me(gone, password=PASSWORD)
        with pytest.raises(Conflict, match="merge_deleted"):
            await shop.users.merge_users(owner, keep_id=ann.id, drop_id=gone.principal.require_user_id())
        with pytest.raises(Denied):
            await shop.users.merge_users(
                await shop.signed_in("x@example.org"), keep_id=ann.id, drop_id=ben.id
            )
        assert await shop.events(AccountsMerged) == []


class TestInvitations:
    async def invited(self, shop: UsersShop, *roles: str) -> tuple[Context, StaffInvited]:
        owner = await shop.signed_in("owner@example.org", "owner")
        await shop.users.invite_staff(owner, email="New@example.org", name="Ben", roles=list(roles))
        return owner, (await shop.events(StaffInvited))[-1]

    async def test_joins_with_the_link_and_a_password(self, shop: UsersShop) -> None:
        owner, invited = await self.invited(shop, "support")
        joined = await shop.users.accept_invitation(GUEST_CONTEXT, token=invited.token, password=PASSWORD)
        assert (joined.email, joined.roles, joined.is_confirmed) == ("New@example.org", ["support"], True)
        assert (await shop.sign_in("new@example.org")).user.name == "Ben"
        with pytest.raises(Invalid, match="token_invalid"):
            await shop.users.accept_invitation(GUEST_CONTEXT, token=invited.token, password=PASSWORD)
        (found,) = (await shop.users.invitations(owner)).items
        assert (found.status, found.invited_by, found.roles) == ("accepted", "owner@example.org", ["support"])
        acts = [act.act for act in await shop.events(Acted)]
        assert "staff.invited" in acts and "staff.joined" in acts

    async def test_a_customer_becomes_staff_and_keeps_the_account(self, shop: UsersShop) -> None:
        ann = await shop.signed_in("new@example.org")
        _, invited = await self.invited(shop, "analyst")
        joined = await shop.users.accept_invitation(
            GUEST_CONTEXT, token=invited.token, password="walnut harbor nine"
        )
        assert joined.id == ann.principal.id and joined.roles == ["analyst"]
        with pytest.raises(Unauthenticated):
            await shop.sign_in("new@example.org")

    async def test_works_for_seven_days_and_not_after_it_was_revoked_or_replaced(
        self, shop: UsersShop, later
    ) -> None:
        owner, first = await self.invited(shop, "support")
        await shop.users.invite_staff(owner, email="new@example.org", name="Ben", roles=["support"])
        second = (await shop.events(StaffInvited))[-1]
        newest = (await shop.users.invitations(owner)).items[0]
        revoked = await shop.users.revoke_invitation(owner, invitation_id=newest.id)
        assert revoked.status == "revoked"
        await shop.users.invite_staff(owner, email="new@example.org", name="Ben", roles=["support"])
        third = (await shop.events(StaffInvited))[-1]
        later(timedelta(days=7, seconds=1))
        for invited in (first, second, third):
            with pytest.raises(Invalid, match="token_invalid"):
                await shop.users.accept_invitation(GUEST_CONTEXT, token=invited.token, password=PASSWORD)
        assert await shop.count("users") == 1

    async def test_nobody_invites_to_rights_they_lack(self, shop: UsersShop) -> None:
        await shop.database.execute(
            "insert into users.roles (code, name, permissions) values"
            " ('hr', 'HR', '{read_staff,write_staff}')"
        )
        hr = await shop.signed_in("hr@example.org", "hr")
        with pytest.raises(Denied, match="rights_exceeded"):
            await shop.users.invite_staff(hr, email="x@example.org", name="X", roles=["owner"])
        with pytest.raises(Invalid):
            await shop.users.invite_staff(hr, email="x@example.org", name="X", roles=[])
        assert await shop.count("invitations") == 0

    async def test_a_link_of_somebody_who_lost_the_rights_opens_nothing(self, shop: UsersShop) -> None:
        owner, invited = await self.invited(shop, "support")
        await shop.create("second@example.org", "owner")
        person = await shop.users.get_user(SYSTEM_CONTEXT, user_id=owner.principal.require_user_id())
        await shop.users.set_roles(
            SYSTEM_CONTEXT, user_id=person.id, roles=["manager"], version=person.version
        )
        with pytest.raises(Invalid, match="token_invalid"):
            await shop.users.accept_invitation(GUEST_CONTEXT, token=invited.token, password=PASSWORD)
        with pytest.raises(Unauthenticated):
            await shop.sign_in("new@example.org")

    async def test_rights_that_hold_in_one_channel_do_not_invite_to_every_channel(
        self, shop: UsersShop
    ) -> None:
        owner, invited = await self.invited(shop, "support")
        await shop.create("second@example.org", "owner")
        await shop.database.execute(
            "insert into users.roles (code, name, permissions, channels) values ('eu', 'EU', '{*}', '{eu}'),"
            " ('hr', 'HR', '{read_staff,write_staff}', null)"
        )
        person = await shop.users.get_user(SYSTEM_CONTEXT, user_id=owner.principal.require_user_id())
        await shop.users.set_roles(
            SYSTEM_CONTEXT, user_id=person.id, roles=["eu", "hr"], version=person.version
        )
        with pytest.raises(Invalid, match="token_invalid"):
            await shop.users.accept_invitation(GUEST_CONTEXT, token=invited.token, password=PASSWORD)
