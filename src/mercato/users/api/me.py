"""Routes under /me: profile, password, addresses and sessions of whoever is signed in."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import delete, get, patch, post, put
from litestar.status_codes import HTTP_204_NO_CONTENT

from mercato.contracts.shared import Address, Page, ShortText
from mercato.contracts.users import Password, SavedAddress, SessionInfo, User, Users
from mercato.kernel.context import Context
from mercato.kernel.web import SIGNED_IN


class ProfileInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[ShortText, msgspec.Meta(min_length=1)] | None = None
    phone: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    locale: Annotated[str, msgspec.Meta(max_length=20)] | None = None


class PasswordInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    current: Password
    new: Password


class AddressInput(Address, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address to save; the default one is offered first at checkout."""

    is_default: bool = False

    def address(self) -> Address:
        return Address(**{field: getattr(self, field) for field in Address.__struct_fields__})


class AddressAnswer(Address, frozen=True, kw_only=True):
    """A saved address."""

    id: UUID
    is_default: bool

    @classmethod
    def of(cls, saved: SavedAddress) -> "AddressAnswer":
        return cls(id=saved.id, is_default=saved.is_default, **msgspec.structs.asdict(saved.address))


class Revoked(msgspec.Struct, frozen=True):
    revoked: int


@get("/me", permission=SIGNED_IN)
async def me(ctx: Context, users: Users) -> User:
    """Who is signed in, with roles and permissions."""
    return await users.me(ctx)


@patch("/me", permission=SIGNED_IN)
async def update_me(ctx: Context, users: Users, data: ProfileInput) -> User:
    """Change what is given; an empty phone number is removed."""
    return await users.update_me(ctx, name=data.name, phone=data.phone, locale=data.locale)


@post("/me/password", permission=SIGNED_IN, status_code=HTTP_204_NO_CONTENT)
async def change_password(ctx: Context, users: Users, data: PasswordInput) -> None:
    """Set another password; every other session ends."""
    await users.change_password(ctx, current=data.current, new=data.new)


@get("/me/addresses", permission=SIGNED_IN)
async def addresses(ctx: Context, users: Users) -> Page[AddressAnswer]:
    """Saved addresses, the default one first."""
    found = [AddressAnswer.of(saved) for saved in await users.addresses(ctx)]
    return Page(found, None, len(found))


@post("/me/addresses", permission=SIGNED_IN)
async def add_address(ctx: Context, users: Users, data: AddressInput) -> AddressAnswer:
    """Save an address, checked by the rules of its country."""
    saved = await users.add_address(ctx, address=data.address(), is_default=data.is_default)
    return AddressAnswer.of(saved)


@put("/me/addresses/{address_id:uuid}", permission=SIGNED_IN)
async def update_address(ctx: Context, users: Users, address_id: UUID, data: AddressInput) -> AddressAnswer:
    """Replace a saved address; the default stays the default until another one becomes it."""
    saved = await users.update_address(
        ctx, address_id=address_id, address=data.address(), is_default=data.is_default
    )
    return AddressAnswer.of(saved)


@delete("/me/addresses/{address_id:uuid}", permission=SIGNED_IN)
async def delete_address(ctx: Context, users: Users, address_id: UUID) -> None:
    """Forget a saved address."""
    await users.delete_address(ctx, address_id=address_id)


@get("/me/sessions", permission=SIGNED_IN)
async def sessions(ctx: Context, users: Users) -> Page[SessionInfo]:
    """Devices that are signed in, last used first."""
    found = await users.sessions(ctx)
    return Page(found, None, len(found))


@delete("/me/sessions", permission=SIGNED_IN, status_code=200)
async def revoke_other_sessions(ctx: Context, users: Users) -> Revoked:
    """Sign out every device but this one."""
    return Revoked(await users.revoke_other_sessions(ctx))


@delete("/me/sessions/{session_id:uuid}", permission=SIGNED_IN)
async def revoke_session(ctx: Context, users: Users, session_id: UUID) -> None:
    """Sign out one device."""
    await users.revoke_session(ctx, session_id=session_id)


routes = [
    me, update_me, change_password, addresses, add_address, update_address, delete_address, sessions,
    revoke_other_sessions, revoke_session,
]  # fmt: skip
