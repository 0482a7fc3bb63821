"""Roles: who may make, change and give them, what a person may do in the end, and that an owner remains."""

import asyncio
from typing import Any

import msgspec
import pytest

from mercato.contracts.users import AccessChanged, Role
from mercato.contracts.users.roles import Grant, RoleDraft
from mercato.kernel.acts import Acted
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Conflict, Denied, Invalid, NotFound
from support.users import UsersShop

PACKER = RoleDraft(name="Packer", description="Packs.", permissions=["write_fulfillments", "read_orders"])


async def manager(shop: UsersShop, *roles: str) -> Context:
    """Somebody with `roles`, signed in."""
    email = f"{'-'.join(roles)}@example.org"
    await shop.create(email, *roles)
    return await shop.context_of(await shop.sign_in(email))


async def with_rights(shop: UsersShop, *permissions: str) -> Context:
    """Somebody whose one role says exactly this."""
    code = "made_" + "_".join(permissions)[:30]
    await shop.users.create_role(
        SYSTEM_CONTEXT, code=code, draft=RoleDraft(name=code, permissions=list(permissions))
    )
    return await manager(shop, code)


async def acts(shop: UsersShop) -> list[Acted]:
    return [one for one in await shop.events(Acted) if one.object_kind == "role"]


class TestEditing:
    async def test_makes_changes_and_deletes_a_role_and_tells_the_audit(self, shop: UsersShop) -> None:
        made = await shop.users.create_role(SYSTEM_CONTEXT, code="packer", draft=PACKER)
        assert made == Role(
            code="packer", name="Packer", permissions=["read_orders", "write_fulfillments"],
            is_seeded=False, version=1, description="Packs.",
        )  # fmt: skip
        wider = msgspec.structs.replace(PACKER, permissions=["read_orders", "read_stock"], requires_mfa=True)
        changed = await shop.users.update_role(SYSTEM_CONTEXT, code="packer", draft=wider, version=1)
        assert (changed.version, changed.requires_mfa) == (2, True)
        assert changed.permissions == ["read_orders", "read_stock"]
        await shop.users.delete_role(SYSTEM_CONTEXT, code="packer", version=2)
        with pytest.raises(NotFound):
            await shop.users.role(SYSTEM_CONTEXT, code="packer")
        told = await acts(shop)
        assert [one.act for one in told] == ["role.created", "role.changed", "role.deleted"]
        assert [(c.field, c.before, c.after) for c in told[1].changes] == [
            ("permissions", '["read_orders","write_fulfillments"]', '["read_orders","read_stock"]'),
            ("requires_mfa", "false", "true"),
        ]

    async def test_a_changed_role_is_known_to_everyone_who_has_it(self, shop: UsersShop) -> None:
        await shop.users.create_role(SYSTEM_CONTEXT, code="packer", draft=PACKER)
        ann = await shop.create("ann@example.org", "packer")
        signed_in = await shop.sign_in("ann@example.org")
        before = len(await shop.events(AccessChanged))
        draft = msgspec.structs.replace(PACKER, permissions=["read_stock"])
        await shop.users.update_role(SYSTEM_CONTEXT, code="packer", draft=draft, version=1)
        assert [one.user_id for one in (await shop.events(AccessChanged))[before:]] == [ann.id]
        assert (await shop.context_of(signed_in)).principal.permissions == {"read_stock"}

    @pytest.mark.parametrize(
        ("draft", "code"),
        [
            (RoleDraft(name="X", permissions=["fly"]), "permission_unknown"),
            (RoleDraft(name="   ", permissions=["read_orders"]), "required"),
        ],
    )
    async def test_refuses_what_says_nothing(self, shop: UsersShop, draft: RoleDraft, code: str) -> None:
        before = await shop.count("roles")
        with pytest.raises(Invalid) as refused:
            await shop.users.create_role(SYSTEM_CONTEXT, code="x_role", draft=draft)
        assert [error.code for error in refused.value.errors] == [code]
        assert (await shop.count("roles"), await acts(shop)) == (before, [])

    async def test_refuses_a_second_role_of_one_code_and_an_old_version(self, shop: UsersShop) -> None:
        await shop.users.create_role(SYSTEM_CONTEXT, code="packer", draft=PACKER)
        with pytest.raises(Conflict, match="role_exists"):
            await shop.users.create_role(SYSTEM_CONTEXT, code="packer", draft=PACKER)
        await shop.users.update_role(SYSTEM_CONTEXT, code="packer", draft=PACKER, version=1)
        with pytest.raises(Conflict, match="version_conflict") as refused:
            await shop.users.update_role(SYSTEM_CONTEXT, code="packer", draft=PACKER, version=1)
        assert refused.value.data == {"version": 2}
        with pytest.raises(Conflict, match="version_conflict"):
            await shop.users.delete_role(SYSTEM_CONTEXT, code="packer", version=1)

    async def test_keeps_roles_that_are_held_and_those_of_every_shop(self, shop: UsersShop) -> None:
        await shop.users.create_role(SYSTEM_CONTEXT, code="packer", draft=PACKER)
        await shop.create("ann@example.org", "packer")
        with pytest.raises(Conflict, match="role_in_use"):
            await shop.users.delete_role(SYSTEM_CONTEXT, code="packer", version=1)
        with pytest.raises(Conflict, match="role_seeded"):
            await shop.users.delete_role(SYSTEM_CONTEXT, code="analyst", version=1)
        assert {"packer", "analyst"} <= {role.code for role in await shop.users.roles(SYSTEM_CONTEXT)}

    async def test_the_owners_role_keeps_every_right_but_may_ask_for_a_second_factor(
        self, shop: UsersShop
    ) -> None:
        weaker = RoleDraft(name="Owner", permissions=["read_orders"])
        with pytest.raises(Conflict, match="role_fixed"):
            await shop.users.update_role(SYSTEM_CONTEXT, code="owner", draft=weaker, version=1)
        stricter = RoleDraft(name="Owner", permissions=["*"], requires_mfa=True)
        owner = await shop.users.update_role(SYSTEM_CONTEXT, code="owner", draft=stricter, version=1)
        assert (owner.permissions, owner.requires_mfa) == (["*"], True)


class TestNobodyGivesWhatTheyLack:
    async def test_no_way_of_handing_out_a_right_that_one_does_not_have(self, shop: UsersShop) -> None:
        await shop.users.create_role(SYSTEM_CONTEXT, code="packer", draft=PACKER)
        await shop.users.create_role(
            SYSTEM_CONTEXT, code="cashier", draft=RoleDraft(name="Cashier", permissions=["write_refunds"])
        )
        bob = await shop.create("bob@example.org")
        ctx = await with_rights(shop, "read_staff", "write_staff", "read_orders", "write_fulfillments")
        beyond = RoleDraft(name="P", permissions=["read_orders", "write_refunds"])
        before = len(await acts(shop))
        calls: list[Any] = [
            shop.users.create_role(ctx, code="new_role", draft=beyond),
            shop.users.create_role(ctx, code="new_role", draft=RoleDraft(name="All", permissions=["*"])),
            shop.users.update_role(ctx, code="packer", draft=beyond, version=1),
            shop.users.update_role(ctx, code="cashier", draft=PACKER, version=1),
            shop.users.delete_role(ctx, code="cashier", version=1),
            shop.users.set_roles(ctx, user_id=bob.id, roles=["cashier"], version=bob.version),
            shop.users.create_user(
                ctx, email="new@example.org", name="N", password="walnut harbor nine", roles=["cashier"]
            ),
        ]
        for call in calls:
            with pytest.raises(Denied, match="rights_exceeded"):
                await call
        assert len(await acts(shop)) == before
        assert (await shop.users.get_user(SYSTEM_CONTEXT, user_id=bob.id)).roles == []
        assert (await shop.users.role(SYSTEM_CONTEXT, code="packer")).version == 1
        kept = await shop.users.update_role(ctx, code="packer", draft=PACKER, version=1)
        assert kept.version == 2
        given = await shop.users.set_roles(ctx, user_id=bob.id, roles=["packer"], version=bob.version)
        assert given.permissions == ["read_orders", "write_fulfillments"]

    async def test_without_the_right_to_staff_nothing_can_be_edited(self, shop: UsersShop) -> None:
        ctx = await with_rights(shop, "read_staff", "read_orders", "write_fulfillments")
        for call in (
            shop.users.create_role(ctx, code="new_role", draft=PACKER),
            shop.users.update_role(ctx, code="analyst", draft=PACKER, version=1),
            shop.users.delete_role(ctx, code="analyst", version=1),
        ):
            with pytest.raises(Denied, match="write_staff"):
                await call
        stranger = await with_rights(shop, "read_orders")
        for reading in (shop.users.roles(stranger), shop.users.role(stranger, code="owner")):
            with pytest.raises(Denied, match="read_staff"):
                await reading


class TestGrants:
    async def test_says_what_a_person_may_do_and_why(self, shop: UsersShop) -> None:
        await shop.users.create_role(SYSTEM_CONTEXT, code="packer", draft=PACKER)
        ann = await shop.create("ann@example.org", "packer", "fulfillment")
        found = {one.permission: one for one in await shop.users.grants(SYSTEM_CONTEXT, user_id=ann.id)}
        assert found["read_orders"] == Grant("read_orders", ["fulfillment", "packer"], None)
        assert found["write_stock"] == Grant("write_stock", ["fulfillment"], None)
        assert set(found) == set(ann.permissions)

    async def test_one_sees_ones_own_and_staff_sees_all(self, shop: UsersShop) -> None:
        packer = await with_rights(shop, "write_fulfillments")
        own = await shop.users.grants(packer, user_id=packer.principal.id)  # type: ignore[arg-type]
        assert [one.permission for one in own] == ["write_fulfillments"]
        other = await shop.create("bob@example.org", "analyst")
        with pytest.raises(Denied):
            await shop.users.grants(packer, user_id=other.id)


class TestTheLastOwner:
    async def test_cannot_lose_the_role_nor_be_switched_off(self, shop: UsersShop) -> None:
        owner = await shop.create("owner@example.org", "owner")
        for change in (
            shop.users.set_roles(SYSTEM_CONTEXT, user_id=owner.id, roles=[], version=owner.version),
            shop.users.set_active(SYSTEM_CONTEXT, user_id=owner.id, is_active=False, version=owner.version),
        ):
            with pytest.raises(Conflict, match="last_owner"):
                await change
        assert (await shop.users.get_user(SYSTEM_CONTEXT, user_id=owner.id)) == owner

    async def test_an_owner_who_is_switched_off_does_not_count(self, shop: UsersShop) -> None:
        first = await shop.create("first@example.org", "owner")
        second = await shop.create("second@example.org", "owner")
        await shop.users.set_active(
            SYSTEM_CONTEXT, user_id=second.id, is_active=False, version=second.version
        )
        with pytest.raises(Conflict, match="last_owner"):
            await shop.users.set_roles(SYSTEM_CONTEXT, user_id=first.id, roles=[], version=first.version)

    async def test_two_owners_who_take_it_from_each_other_at_once_leave_one(self, shop: UsersShop) -> None:
        people = [await shop.create(f"owner{n}@example.org", "owner") for n in (1, 2)]
        for turn in range(20):
            calls = [
                shop.users.set_roles(SYSTEM_CONTEXT, user_id=one.id, roles=[], version=one.version)
                if (turn + n) % 2
                else shop.users.set_active(
                    SYSTEM_CONTEXT, user_id=one.id, is_active=False, version=one.version
                )
                for n, one in enumerate(people)
            ]
            ended = await asyncio.gather(*calls, return_exceptions=True)
            refused = [one for one in ended if isinstance(one, BaseException)]
            assert [getattr(one, "code", one) for one in refused] == ["last_owner"]
            people = [await _owner_again(shop, one.id) for one in people]


async def _owner_again(shop: UsersShop, user_id: Any) -> Any:
    user = await shop.users.get_user(SYSTEM_CONTEXT, user_id=user_id)
    if not user.is_active:
        user = await shop.users.set_active(
            SYSTEM_CONTEXT, user_id=user_id, is_active=True, version=user.version
        )
    if "owner" not in user.roles:
        user = await shop.users.set_roles(
            SYSTEM_CONTEXT, user_id=user_id, roles=["owner"], version=user.version
        )
    return user


class TestChannels:
    async def test_a_role_of_some_channels_gives_limited_rights(self, shop: UsersShop) -> None:
        draft = msgspec.structs.replace(PACKER, channels=["eu", "uk"])
        await shop.users.create_role(SYSTEM_CONTEXT, code="packer_eu", draft=draft)
        ctx = await manager(shop, "packer_eu", "analyst")
        who = ctx.principal
        assert "write_fulfillments" not in who.permissions and who.channels_of("write_fulfillments") == {
            "eu",
            "uk",
        }
        assert who.may_in("write_fulfillments", "eu") and not who.may_in("write_fulfillments", "us")
        assert who.channels_of("read_orders") is None, "the analyst reads them everywhere"
        assert who.channels_of("write_refunds") == frozenset()
        with pytest.raises(Denied, match="channel_denied"):
            who.require("write_fulfillments")
        found = {one.permission: one for one in await shop.users.grants(ctx, user_id=who.id)}  # type: ignore[arg-type]
        assert found["write_fulfillments"].channels == ["eu", "uk"] and found["read_orders"].channels is None

    async def test_whoever_is_limited_hands_out_no_more_than_that(self, shop: UsersShop) -> None:
        local = msgspec.structs.replace(PACKER, channels=["eu"])
        for code, draft in (("packer_eu", local), ("packer", PACKER)):
            await shop.users.create_role(SYSTEM_CONTEXT, code=code, draft=draft)
        staff = RoleDraft(name="Staff", permissions=["read_staff", "write_staff"])
        await shop.users.create_role(SYSTEM_CONTEXT, code="staffing", draft=staff)
        ctx = await manager(shop, "packer_eu", "staffing")
        bob = await shop.create("bob@example.org")
        with pytest.raises(Denied, match="rights_exceeded"):
            await shop.users.set_roles(ctx, user_id=bob.id, roles=["packer"], version=bob.version)
        wider = msgspec.structs.replace(PACKER, channels=["eu", "uk"])
        with pytest.raises(Denied, match="rights_exceeded"):
            await shop.users.update_role(ctx, code="packer_eu", draft=wider, version=1)
        assert (await shop.users.get_user(SYSTEM_CONTEXT, user_id=bob.id)).roles == []
        given = await shop.users.set_roles(ctx, user_id=bob.id, roles=["packer_eu"], version=bob.version)
        assert given.roles == ["packer_eu"]

    async def test_a_key_of_one_channel_is_limited_to_it(self, shop: UsersShop) -> None:
        made = await shop.users.create_api_key(
            SYSTEM_CONTEXT, name="Robot", permissions=["read_orders"], channel="eu", expires_at=None
        )
        who = await shop.users.resolve(SYSTEM_CONTEXT, credential=made.secret)
        assert (who.permissions, who.channels_of("read_orders")) == (frozenset(), {"eu"})
