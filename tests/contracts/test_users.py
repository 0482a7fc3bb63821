"""The users contract: every method, the same in one process and between two."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from mercato.contracts.shared import Address
from mercato.contracts.users import PasswordResetRequested, UserRegistered
from mercato.kernel.context import GUEST, SYSTEM_CONTEXT, PrincipalKind
from mercato.kernel.errors import Conflict, Denied, Invalid, NotFound, Throttled, Unauthenticated
from mercato.kernel.ids import new_id
from support.users import GUEST_CONTEXT, PASSWORD, UsersShop, users_shop

BERLIN = Address(name="Ann Bell", street1="Hauptstr. 1", postal_code="10115", city="Berlin", country="DE")


@pytest.fixture(params=["local", "remote"])
async def shop(request: Any, database_url: str, nats_url: str, namespace: str) -> AsyncIterator[UsersShop]:
    async with users_shop(database_url, nats_url, namespace, form=request.param) as shop:
        yield shop


class TestUsersContract:
    async def test_register_confirm_and_sign_in_with_a_browser(self, shop: UsersShop) -> None:
        users = shop.users
        await users.register(GUEST_CONTEXT, email="ann@example.org", password=PASSWORD, name="Ann")
        (registered,) = await shop.events(UserRegistered)
        user = await users.confirm(GUEST_CONTEXT, token=registered.token)
        signed_in = await users.sign_in(GUEST_CONTEXT, email=user.email, password=PASSWORD, browser=True)
        assert signed_in.user.id == user.id and signed_in.access_token is None
        principal = await users.resolve(GUEST_CONTEXT, credential=signed_in.session_token or "")
        assert (principal.kind, principal.id, principal.email) == (PrincipalKind.USER, user.id, user.email)
        await users.sign_out(GUEST_CONTEXT, token=signed_in.session_token)
        assert await users.resolve(GUEST_CONTEXT, credential=signed_in.session_token or "") == GUEST
        with pytest.raises(Invalid, match="token_invalid"):
            await users.confirm(GUEST_CONTEXT, token=registered.token)

    async def test_sign_in_for_the_api_refresh_and_keys(self, shop: UsersShop) -> None:
        await shop.create("ann@example.org", "support")
        signed_in = await shop.sign_in("ann@example.org", browser=False)
        fresh = await shop.users.refresh(GUEST_CONTEXT, refresh_token=signed_in.refresh_token or "")
        principal = await shop.users.resolve(GUEST_CONTEXT, credential=fresh.access_token or "")
        assert principal.may("write_refunds") and principal.session_id is not None
        (key,) = await shop.users.public_keys(GUEST_CONTEXT)
        assert (key.kty, key.crv, key.use) == ("OKP", "Ed25519", "sig")
        with pytest.raises(Unauthenticated, match="refresh_token_invalid"):
            await shop.users.refresh(GUEST_CONTEXT, refresh_token=signed_in.refresh_token or "")
        assert await shop.users.resolve(GUEST_CONTEXT, credential=fresh.access_token or "") == GUEST

    async def test_refusals_keep_their_class_code_fields_and_data(self, shop: UsersShop) -> None:
        with pytest.raises(Invalid) as invalid:
            await shop.users.register(GUEST_CONTEXT, email="ann@example.org", password="short", name="Ann")
        assert [(e.field, e.code) for e in invalid.value.errors] == [("password", "password_too_short")]
        for _ in range(6):
            with pytest.raises(Unauthenticated, match="sign_in_failed"):
                await shop.users.sign_in(GUEST_CONTEXT, email="x@example.org", password="wrong", browser=True)
        with pytest.raises(Throttled) as throttled:
            await shop.users.sign_in(GUEST_CONTEXT, email="x@example.org", password="wrong", browser=True)
        assert throttled.value.data["retry_after_s"] in (1, 2)

    async def test_password_by_mail_and_by_oneself(self, shop: UsersShop) -> None:
        await shop.create("ann@example.org")
        await shop.users.request_password_reset(GUEST_CONTEXT, email="ann@example.org")
        (requested,) = await shop.events(PasswordResetRequested)
        await shop.users.reset_password(GUEST_CONTEXT, token=requested.token, password="walnut harbor nine")
        signed_in = await shop.users.sign_in(
            GUEST_CONTEXT, email="ann@example.org", password="walnut harbor nine", browser=True
        )
        ctx = await shop.context_of(signed_in)
        await shop.users.change_password(ctx, current="walnut harbor nine", new=PASSWORD)
        assert (await shop.sign_in("ann@example.org")).user.email == "ann@example.org"
        with pytest.raises(Invalid, match="not right"):
            await shop.users.change_password(ctx, current="wrong", new=PASSWORD)

    async def test_profile_addresses_and_sessions(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in("ann@example.org")
        changed = await shop.users.update_me(ctx, name="Ann Bell", locale="de")
        assert await shop.users.me(ctx) == changed and (changed.name, changed.locale) == ("Ann Bell", "de")
        saved = await shop.users.add_address(ctx, address=BERLIN)
        assert (saved.address, saved.is_default) == (BERLIN, True)
        moved = msgspec.structs.replace(BERLIN, street1="Nebenstr. 2")
        await shop.users.update_address(ctx, address_id=saved.id, address=moved)
        assert [found.address for found in await shop.users.addresses(ctx)] == [moved]
        await shop.users.delete_address(ctx, address_id=saved.id)
        assert await shop.users.addresses(ctx) == []
        with pytest.raises(NotFound):
            await shop.users.delete_address(ctx, address_id=saved.id)
        await shop.sign_in("ann@example.org")
        phone = await shop.context_of(await shop.sign_in("ann@example.org"))
        assert len(await shop.users.sessions(ctx)) == 3
        assert phone.principal.session_id is not None
        await shop.users.revoke_session(ctx, session_id=phone.principal.session_id)
        assert await shop.users.revoke_other_sessions(ctx) == 1
        assert [found.is_current for found in await shop.users.sessions(ctx)] == [True]

    async def test_staff_and_roles(self, shop: UsersShop) -> None:
        password = await shop.users.ensure_owner(SYSTEM_CONTEXT, email="owner@example.org", password=None)
        assert password is not None
        signed_in = await shop.users.sign_in(
            GUEST_CONTEXT, email="owner@example.org", password=password, browser=True
        )
        owner = await shop.context_of(signed_in)
        ben = await shop.users.create_user(
            owner, email="ben@example.org", name="Ben", password=PASSWORD, roles=["support"]
        )
        ben = await shop.users.set_roles(owner, user_id=ben.id, roles=["analyst"], version=ben.version)
        ben = await shop.users.set_active(owner, user_id=ben.id, is_active=False, version=ben.version)
        assert await shop.users.get_user(owner, user_id=ben.id) == ben
        staff = await shop.users.list_users(owner, staff=True, limit=1)
        assert (staff.items, staff.total) == ([ben], 2) and staff.next_cursor is not None
        assert len(await shop.users.roles(owner)) == 6
        with pytest.raises(Conflict) as conflict:
            await shop.users.set_active(owner, user_id=ben.id, is_active=True, version=1)
        assert conflict.value.data == {"version": ben.version}
        with pytest.raises(Conflict, match="last_owner"):
            await shop.users.set_roles(
                owner, user_id=signed_in.user.id, roles=[], version=(await shop.users.me(owner)).version
            )

    async def test_nobody_reaches_what_is_not_theirs(self, shop: UsersShop) -> None:
        ann = await shop.signed_in("ann@example.org")
        for refused in (
            shop.users.list_users(ann), shop.users.roles(ann), shop.users.get_user(ann, user_id=new_id()),
            shop.users.set_active(ann, user_id=new_id(), is_active=False, version=1),
            shop.users.set_roles(ann, user_id=new_id(), roles=["owner"], version=1),
            shop.users.create_user(ann, email="x@example.org", name="X", password=PASSWORD, roles=[]),
            shop.users.ensure_owner(ann, email="x@example.org", password=None),
        ):  # fmt: skip
            with pytest.raises(Denied):
                await refused
        for refused in (
            shop.users.me(GUEST_CONTEXT), shop.users.sessions(GUEST_CONTEXT),
            shop.users.addresses(GUEST_CONTEXT), shop.users.revoke_other_sessions(GUEST_CONTEXT),
            shop.users.update_me(GUEST_CONTEXT, name="X"), shop.users.list_users(GUEST_CONTEXT),
        ):  # fmt: skip
            with pytest.raises(Unauthenticated):
                await refused
        assert await shop.count("users") == 1
