"""Keys of programs: made within the maker's rights, shown once, rotated, ended; and what they open."""

from datetime import timedelta

import pytest

from mercato.contracts.users import AccessChanged, IssuedApiKey
from mercato.kernel import clock
from mercato.kernel.acts import Acted
from mercato.kernel.context import GUEST, SYSTEM_CONTEXT, Context, Principal, PrincipalKind
from mercato.kernel.errors import Conflict, Denied, Invalid, NotFound, Unauthenticated
from mercato.kernel.ids import new_id
from support.accounts import accounts_door
from support.users import GUEST_CONTEXT, UsersShop
from support.waiting import eventually


@pytest.fixture
def later():
    """Moves the clock of this process; it is put right after the test."""
    yield lambda delta: clock.set_offset(delta)
    clock.set_offset(timedelta(0))


async def make(shop: UsersShop, *permissions: str, ctx: Context = SYSTEM_CONTEXT, **more) -> IssuedApiKey:
    return await shop.users.create_api_key(ctx, name="Warehouse robot", permissions=list(permissions), **more)


async def opened_by(shop: UsersShop, secret: str) -> Principal:
    return await shop.users.resolve(GUEST_CONTEXT, credential=secret)


class TestMaking:
    async def test_a_key_opens_exactly_what_it_was_given(self, shop: UsersShop) -> None:
        made = await make(shop, "write_stock", "read_stock", "read_stock")
        assert made.key.permissions == ["read_stock", "write_stock"]
        principal = await opened_by(shop, made.secret)
        assert (principal.kind, principal.id, principal.name) == (
            PrincipalKind.API_KEY, made.key.id, "Warehouse robot",
        )  # fmt: skip
        assert principal.permissions == {"read_stock", "write_stock"}
        with pytest.raises(Unauthenticated):
            principal.require_user_id()

    async def test_the_secret_is_stored_as_a_hash_and_known_by_its_beginning(self, shop: UsersShop) -> None:
        made = await make(shop, "read_stock")
        assert made.secret.startswith(f"{made.key.prefix}_") and made.key.prefix.startswith("mk_")
        assert len(made.secret) > len(made.key.prefix) + 30
        stored = str(await shop.database.fetch("select * from users.api_keys"))
        told = str(await shop.database.fetch("select body from users.outbox"))
        assert made.key.prefix in stored
        assert made.secret not in stored + told

    async def test_nobody_gives_a_key_rights_they_lack(self, shop: UsersShop) -> None:
        manager = await shop.signed_in("manager@example.org", "manager")
        with pytest.raises(Denied, match="write_api_keys"):
            await make(shop, "read_stock", ctx=manager)
        await shop.database.execute(
            "insert into users.roles (code, name, permissions) values"
            " ('keys', 'Keys', '{read_api_keys,write_api_keys,read_stock}')"
        )
        keeper = await shop.signed_in("keeper@example.org", "keys")
        for beyond in (["read_orders"], ["read_stock", "write_stock"], ["*"]):
            with pytest.raises(Denied, match="rights_exceeded"):
                await make(shop, *beyond, ctx=keeper)
        assert await shop.count("api_keys") == 0
        made = await make(shop, "read_stock", ctx=keeper)
        assert made.key.created_by == "keeper@example.org"

    @pytest.mark.parametrize("wrong", [[], ["read_everything"], ["READ_STOCK"]])
    async def test_refuses_unknown_rights(self, shop: UsersShop, wrong: list[str]) -> None:
        with pytest.raises(Invalid) as refused:
            await make(shop, *wrong)
        assert refused.value.errors[0].field == "permissions"
        assert await shop.count("api_keys") == 0

    async def test_a_key_cannot_make_a_stronger_one(self, shop: UsersShop) -> None:
        made = await make(shop, "write_api_keys", "read_api_keys")
        ctx = Context(principal=await opened_by(shop, made.secret))
        with pytest.raises(Denied, match="rights_exceeded"):
            await make(shop, "read_orders", ctx=ctx)
        assert (await make(shop, "read_api_keys", ctx=ctx)).key.created_by == ""


class TestEnding:
    async def test_expires_to_the_second_and_not_into_the_past(self, shop: UsersShop, later) -> None:
        ends = clock.now() + timedelta(days=1)
        made = await make(shop, "read_stock", expires_at=ends)
        assert (await opened_by(shop, made.secret)).is_signed_in
        later(timedelta(days=1, seconds=1))
        assert await opened_by(shop, made.secret) == GUEST
        with pytest.raises(Invalid):
            await make(shop, "read_stock", expires_at=ends)

    async def test_a_revoked_key_is_a_guest_and_everyone_is_told_to_forget_it(self, shop: UsersShop) -> None:
        made = await make(shop, "read_stock")
        ended = await shop.users.revoke_api_key(SYSTEM_CONTEXT, key_id=made.key.id)
        again = await shop.users.revoke_api_key(SYSTEM_CONTEXT, key_id=made.key.id)
        assert ended.revoked_at is not None and again == ended
        assert await opened_by(shop, made.secret) == GUEST
        assert [event.user_id for event in await shop.events(AccessChanged)] == [made.key.id]
        with pytest.raises(NotFound):
            await shop.users.revoke_api_key(SYSTEM_CONTEXT, key_id=new_id())

    async def test_rotation_gives_a_new_secret_and_ends_the_old_one(self, shop: UsersShop) -> None:
        made = await make(shop, "read_stock")
        fresh = await shop.users.rotate_api_key(SYSTEM_CONTEXT, key_id=made.key.id, version=1)
        assert fresh.key.id == made.key.id and fresh.key.version == 2
        assert fresh.secret != made.secret and fresh.key.prefix != made.key.prefix
        assert await opened_by(shop, made.secret) == GUEST
        assert (await opened_by(shop, fresh.secret)).permissions == {"read_stock"}
        with pytest.raises(Conflict, match="version_conflict"):
            await shop.users.rotate_api_key(SYSTEM_CONTEXT, key_id=made.key.id, version=1)

    async def test_the_old_secret_works_for_its_grace_and_no_longer(self, shop: UsersShop, later) -> None:
        made = await make(shop, "read_stock")
        await shop.users.rotate_api_key(SYSTEM_CONTEXT, key_id=made.key.id, version=1, grace_hours=24)
        assert (await opened_by(shop, made.secret)).is_signed_in
        later(timedelta(hours=24, seconds=1))
        assert await opened_by(shop, made.secret) == GUEST

    async def test_nobody_rotates_a_key_beyond_their_rights_but_may_revoke_it(self, shop: UsersShop) -> None:
        made = await make(shop, "*")
        await shop.database.execute(
            "insert into users.roles (code, name, permissions) values"
            " ('keys', 'Keys', '{read_api_keys,write_api_keys}')"
        )
        keeper = await shop.signed_in("keeper@example.org", "keys")
        with pytest.raises(Denied, match="rights_exceeded"):
            await shop.users.rotate_api_key(keeper, key_id=made.key.id, version=1)
        assert (await opened_by(shop, made.secret)).permissions == {"*"}
        await shop.users.revoke_api_key(keeper, key_id=made.key.id)
        assert await opened_by(shop, made.secret) == GUEST

    async def test_a_revoked_key_does_not_rise_by_rotation(self, shop: UsersShop) -> None:
        made = await make(shop, "read_stock")
        ended = await shop.users.revoke_api_key(SYSTEM_CONTEXT, key_id=made.key.id)
        with pytest.raises(Conflict, match="api_key_revoked"):
            await shop.users.rotate_api_key(SYSTEM_CONTEXT, key_id=made.key.id, version=ended.version)


class TestKnowing:
    async def test_use_is_noted_once_a_minute(self, shop: UsersShop, later) -> None:
        made = await make(shop, "read_stock")
        assert made.key.last_used_at is None
        await opened_by(shop, made.secret)
        first = (await shop.users.api_key(SYSTEM_CONTEXT, key_id=made.key.id)).last_used_at
        await opened_by(shop, made.secret)
        assert (await shop.users.api_key(SYSTEM_CONTEXT, key_id=made.key.id)).last_used_at == first
        later(timedelta(seconds=61))
        await opened_by(shop, made.secret)
        used = (await shop.users.api_key(SYSTEM_CONTEXT, key_id=made.key.id)).last_used_at
        assert first is not None and used is not None and used - first > timedelta(seconds=60)

    async def test_keys_are_listed_newest_first_page_by_page(self, shop: UsersShop) -> None:
        made = [(await make(shop, "read_stock")).key.id for _ in range(5)]
        first = await shop.users.api_keys(SYSTEM_CONTEXT, limit=3)
        second = await shop.users.api_keys(SYSTEM_CONTEXT, limit=3, cursor=first.next_cursor)
        assert [key.id for key in first.items + second.items] == made[::-1]
        assert first.total == 5 and second.next_cursor is None
        with pytest.raises(Denied):
            await shop.users.api_keys(await shop.signed_in("ann@example.org", "support"))

    async def test_every_act_is_told_to_the_audit(self, shop: UsersShop) -> None:
        owner = await shop.signed_in("owner@example.org", "owner")
        made = await make(shop, "read_stock", ctx=owner)
        await shop.users.rotate_api_key(owner, key_id=made.key.id, version=1)
        await shop.users.revoke_api_key(owner, key_id=made.key.id)
        acts = [event for event in await shop.events(Acted) if event.object_id == str(made.key.id)]
        assert [act.act for act in acts] == ["api_key.created", "api_key.rotated", "api_key.revoked"]
        assert {act.actor_label for act in acts} == {"owner@example.org"}


async def test_a_program_calls_the_api_with_its_key(database_url: str, nats_url: str, namespace: str) -> None:
    async with accounts_door(database_url, nats_url, namespace) as door:
        owner = await door.token_of("owner@example.org", "owner")
        made = await door.call(
            "POST", "/admin/api-keys", bearer=owner, name="Reports", permissions=["read_customers"],
            expires_at="2099-01-01T00:00:00Z",
        )  # fmt: skip
        assert made.status_code == 201
        secret, key = made.json()["secret"], made.json()["key"]
        seen = await door.call("GET", "/admin/customers", bearer=secret)
        assert seen.status_code == 200
        refused = await door.call("GET", "/admin/users", bearer=secret)
        assert (refused.status_code, refused.json()["code"]) == (403, "denied")
        assert (await door.call("GET", "/me", bearer=secret)).status_code == 401
        listed = await door.call("GET", "/admin/api-keys", bearer=owner)
        assert secret not in listed.text and listed.json()["items"][0]["prefix"] == key["prefix"]
        path = f"/admin/api-keys/{key['id']}"
        turned = await door.call("POST", f"{path}/rotation", bearer=owner, version=1, grace_hours=0)
        fresh = turned.json()["secret"]

        async def is_out(credential: str) -> bool:
            return (await door.call("GET", "/admin/customers", bearer=credential)).status_code == 401

        await eventually(lambda: is_out(secret), timeout_s=1.5)
        assert not await is_out(fresh)
        assert (await door.call("DELETE", path, bearer=owner)).json()["revoked_at"] is not None
        await eventually(lambda: is_out(fresh), timeout_s=1.5)
