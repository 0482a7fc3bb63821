"""Roles and what staff may do to accounts: nobody hands out what they lack, a shop keeps an owner."""

import asyncio

import pytest

from mercato.contracts.users import PERMISSIONS, AccessChanged
from mercato.kernel.context import ALL_PERMISSIONS, GUEST, SYSTEM_CONTEXT
from mercato.kernel.errors import Conflict, Denied, Invalid, NotFound, Unauthenticated
from mercato.kernel.ids import new_id
from mercato.users import domain
from support.users import GUEST_CONTEXT, PASSWORD, UsersShop


class TestRoles:
    async def test_every_shop_starts_with_six_roles_of_known_rights(self, shop: UsersShop) -> None:
        roles = {role.code: role for role in await shop.users.roles(SYSTEM_CONTEXT)}
        assert list(roles) == ["owner", "manager", "catalog_editor", "support", "fulfillment", "analyst"]
        assert roles["owner"].permissions == [ALL_PERMISSIONS]
        for role in roles.values():
            assert all(domain.known_permission(permission) for permission in role.permissions), role.code
        assert "write_staff" not in roles["manager"].permissions
        assert "read_staff" in roles["manager"].permissions
        assert not [p for p in roles["analyst"].permissions if p.startswith("write_")]

    async def test_the_vocabulary_has_a_read_and_a_write_word_for_every_resource(self) -> None:
        assert len(PERMISSIONS) == len(set(PERMISSIONS)) == 36
        assert {"read_orders", "write_refunds", "read_gift_cards", "write_api_keys"} <= set(PERMISSIONS)

    async def test_a_changed_role_survives_the_next_start(self, shop: UsersShop) -> None:
        await shop.database.execute(
            "update users.roles set permissions = '{read_orders}' where code = 'support'"
        )
        await shop.service.start()
        roles = {role.code: role.permissions for role in await shop.users.roles(SYSTEM_CONTEXT)}
        assert roles["support"] == ["read_orders"]


class TestGivingRoles:
    async def test_an_owner_gives_a_role_and_it_works_at_the_next_request(self, shop: UsersShop) -> None:
        owner = await shop.signed_in("owner@example.org", "owner")
        ann = await shop.create("ann@example.org")
        changed = await shop.users.set_roles(owner, user_id=ann.id, roles=["support"], version=ann.version)
        assert changed.roles == ["support"] and changed.version == ann.version + 1
        principal = (await shop.context_of(await shop.sign_in("ann@example.org"))).principal
        assert principal.may("write_refunds") and not principal.may("write_products")

    async def test_losing_a_role_ends_the_sessions_of_its_holder(self, shop: UsersShop) -> None:
        owner = await shop.signed_in("owner@example.org", "owner")
        ann = await shop.create("ann@example.org", "support")
        signed_in = await shop.sign_in("ann@example.org", browser=False)
        before = len(await shop.events(AccessChanged))
        await shop.users.set_roles(owner, user_id=ann.id, roles=[], version=ann.version)
        assert (await shop.context_of(signed_in)).principal == GUEST
        assert [e.user_id for e in await shop.events(AccessChanged)][before:] == [ann.id]

    @pytest.mark.parametrize("role", ["owner", "manager", "fulfillment"])
    async def test_nobody_gives_or_takes_rights_they_do_not_hold(self, shop: UsersShop, role: str) -> None:
        await shop.database.execute(
            "insert into users.roles (code, name, permissions) values"
            " ('hr', 'People', '{read_staff,write_staff,read_orders}')"
        )
        hr = await shop.signed_in("hr@example.org", "hr")
        ann = await shop.create("ann@example.org")
        with pytest.raises(Denied, match="rights_exceeded"):
            await shop.users.set_roles(hr, user_id=ann.id, roles=[role], version=ann.version)
        with pytest.raises(Denied, match="rights_exceeded"):
            await shop.users.create_user(
                hr, email="new@example.org", name="New", password=PASSWORD, roles=[role]
            )
        ben = await shop.create("ben@example.org", role)
        with pytest.raises(Denied, match="rights_exceeded"):
            await shop.users.set_roles(hr, user_id=ben.id, roles=[], version=ben.version)
        with pytest.raises(Denied, match="rights_exceeded"):
            await shop.users.set_active(hr, user_id=ben.id, is_active=False, version=ben.version)
        assert (await shop.users.get_user(SYSTEM_CONTEXT, user_id=ben.id)).roles == [role]
        assert await shop.count("users") == 3
        changed = await shop.users.set_roles(hr, user_id=ann.id, roles=["hr"], version=ann.version)
        assert changed.roles == ["hr"]

    async def test_refuses_an_unknown_role_and_a_stale_version(self, shop: UsersShop) -> None:
        ann = await shop.create("ann@example.org")
        with pytest.raises(Invalid) as caught:
            await shop.users.set_roles(SYSTEM_CONTEXT, user_id=ann.id, roles=["king"], version=ann.version)
        assert caught.value.errors[0].code == "role_unknown"
        with pytest.raises(Conflict) as conflict:
            await shop.users.set_roles(SYSTEM_CONTEXT, user_id=ann.id, roles=["support"], version=7)
        assert conflict.value.code == "version_conflict"
        assert conflict.value.data == {"version": ann.version}
        assert (await shop.users.get_user(SYSTEM_CONTEXT, user_id=ann.id)).roles == []


class TestLastOwner:
    async def test_cannot_lose_the_role_or_be_switched_off(self, shop: UsersShop) -> None:
        owner = await shop.signed_in("owner@example.org", "owner")
        me = await shop.users.me(owner)
        with pytest.raises(Conflict, match="last_owner"):
            await shop.users.set_roles(owner, user_id=me.id, roles=["manager"], version=me.version)
        with pytest.raises(Conflict, match="last_owner"):
            await shop.users.set_active(owner, user_id=me.id, is_active=False, version=me.version)
        assert (await shop.users.me(owner)).roles == ["owner"]

    async def test_two_owners_who_remove_each_other_at_once_leave_one(self, shop: UsersShop) -> None:
        one = await shop.create("one@example.org", "owner")
        two = await shop.create("two@example.org", "owner")
        results = await asyncio.gather(
            *(
                shop.users.set_roles(SYSTEM_CONTEXT, user_id=user.id, roles=[], version=user.version)
                for user in (one, two)
            ),
            return_exceptions=True,
        )
        assert [type(result) for result in results].count(Conflict) == 1
        assert await shop.count("user_roles") == 1


class TestOwnerAtFirstStart:
    async def test_makes_one_owner_with_a_password_that_is_told_once(self, shop: UsersShop) -> None:
        passwords = await asyncio.gather(
            *(
                shop.users.ensure_owner(SYSTEM_CONTEXT, email="owner@localhost", password=None)
                for _ in range(4)
            )
        )
        (password,) = [found for found in passwords if found is not None]
        signed_in = await shop.users.sign_in(
            GUEST_CONTEXT, email="owner@localhost", password=password, browser=True
        )
        assert signed_in.user.permissions == [ALL_PERMISSIONS]
        assert await shop.users.ensure_owner(SYSTEM_CONTEXT, email="x@localhost", password=PASSWORD) is None
        assert await shop.count("users") == 1

    async def test_takes_the_password_of_the_operator(self, shop: UsersShop) -> None:
        found = await shop.users.ensure_owner(SYSTEM_CONTEXT, email="owner@example.org", password=PASSWORD)
        assert found is None
        assert (await shop.sign_in("owner@example.org")).user.roles == ["owner"]

    async def test_is_not_for_people(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in("ann@example.org", "manager")
        with pytest.raises(Denied):
            await shop.users.ensure_owner(ctx, email="ann2@example.org", password=PASSWORD)
        assert await shop.count("user_roles") == 1


class TestSwitchingOff:
    async def test_ends_sessions_and_refuses_sign_in_until_switched_on(self, shop: UsersShop) -> None:
        support = await shop.signed_in("support@example.org", "support")
        ann = await shop.create("ann@example.org")
        signed_in = await shop.sign_in("ann@example.org")
        off = await shop.users.set_active(support, user_id=ann.id, is_active=False, version=ann.version)
        assert not off.is_active
        assert (await shop.context_of(signed_in)).principal == GUEST
        with pytest.raises(Unauthenticated, match="sign_in_failed"):
            await shop.sign_in("ann@example.org")
        await shop.users.set_active(support, user_id=ann.id, is_active=True, version=off.version)
        assert (await shop.sign_in("ann@example.org")).session_token

    async def test_needs_the_right_for_staff_when_it_is_staff(self, shop: UsersShop) -> None:
        support = await shop.signed_in("support@example.org", "support")
        ben = await shop.create("ben@example.org", "fulfillment")
        with pytest.raises(Denied, match="write_staff"):
            await shop.users.set_active(support, user_id=ben.id, is_active=False, version=ben.version)
        assert (await shop.sign_in("ben@example.org")).session_token


class TestLists:
    async def test_finds_by_email_and_name_newest_first_page_by_page(self, shop: UsersShop) -> None:
        for index in range(5):
            await shop.create(f"c{index}@example.org", name=f"Customer_{index}")
        await shop.create("staff@example.org", "support")
        first = await shop.users.list_users(SYSTEM_CONTEXT, staff=False, limit=2)
        assert [user.email for user in first.items] == ["c4@example.org", "c3@example.org"]
        assert first.total == 5
        second = await shop.users.list_users(SYSTEM_CONTEXT, staff=False, limit=2, cursor=first.next_cursor)
        third = await shop.users.list_users(SYSTEM_CONTEXT, staff=False, limit=2, cursor=second.next_cursor)
        assert [user.email for user in (*second.items, *third.items)] == [
            "c2@example.org", "c1@example.org", "c0@example.org",
        ]  # fmt: skip
        assert third.next_cursor is None
        found = await shop.users.list_users(SYSTEM_CONTEXT, query="CUSTOMER_3")
        assert [user.email for user in found.items] == ["c3@example.org"]
        assert (await shop.users.list_users(SYSTEM_CONTEXT, query="%")).total == 0
        staff = await shop.users.list_users(SYSTEM_CONTEXT, staff=True)
        assert [user.roles for user in staff.items] == [["support"]]

    async def test_who_may_not_read_staff_does_not_see_them(self, shop: UsersShop) -> None:
        support = await shop.signed_in("support@example.org", "support")
        ann = await shop.create("ann@example.org")
        assert [user.id for user in (await shop.users.list_users(support)).items] == [ann.id]
        with pytest.raises(Denied, match="read_staff"):
            await shop.users.list_users(support, staff=True)
        with pytest.raises(Denied, match="read_staff"):
            await shop.users.get_user(support, user_id=support.principal.require_user_id())
        with pytest.raises(NotFound):
            await shop.users.get_user(support, user_id=new_id())

    async def test_shoppers_and_guests_see_nobody(self, shop: UsersShop) -> None:
        shopper = await shop.signed_in("ann@example.org")
        for ctx, error in ((shopper, Denied), (GUEST_CONTEXT, Unauthenticated)):
            with pytest.raises(error):
                await shop.users.list_users(ctx)
            with pytest.raises(error):
                await shop.users.roles(ctx)
            with pytest.raises(error):
                await shop.users.create_user(
                    ctx, email="x@example.org", name="X", password=PASSWORD, roles=[]
                )
        assert await shop.count("users") == 1
