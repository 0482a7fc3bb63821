"""Admin routes: users (staff), customers, roles."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, patch, post, put
from litestar.params import QueryParameter

from mercato.contracts.shared import DEFAULT_LIMIT, Email, Page, ShortText
from mercato.contracts.users import PERMISSIONS, Password, User, Users
from mercato.kernel.context import Context
from mercato.kernel.web import ListCursor, ListLimit

Query = Annotated[str, QueryParameter(name="q", max_length=100, description="Finds e-mail and name.")]
RoleCode = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
Version = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
RoleCodes = Annotated[list[RoleCode], msgspec.Meta(max_length=20)]


class NewUserInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Email
    name: Annotated[ShortText, msgspec.Meta(min_length=1)]
    password: Password
    roles: RoleCodes = []


class RolesInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    roles: RoleCodes
    version: Version


class ActiveInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    is_active: bool
    version: Version


@get("/admin/users", permission="read_staff")
async def list_staff(
    ctx: Context, users: Users, q: Query = "", limit: ListLimit = DEFAULT_LIMIT, cursor: ListCursor = None
) -> Page[User]:
    """Accounts with a role, newest first."""
    return await users.list_users(ctx, query=q, staff=True, limit=limit, cursor=cursor)


@post("/admin/users", permission="write_staff")
async def create_user(ctx: Context, users: Users, data: NewUserInput) -> User:
    """Create a confirmed account; nobody gives a role whose rights they lack."""
    return await users.create_user(
        ctx, email=data.email, name=data.name, password=data.password, roles=data.roles
    )


@get("/admin/users/{user_id:uuid}", permission="read_staff")
async def get_staff(ctx: Context, users: Users, user_id: UUID) -> User:
    return await users.get_user(ctx, user_id=user_id)


@put("/admin/users/{user_id:uuid}/roles", permission="write_staff")
async def set_roles(ctx: Context, users: Users, user_id: UUID, data: RolesInput) -> User:
    """Replace the roles of an account; its sessions end. The last owner stays owner."""
    return await users.set_roles(ctx, user_id=user_id, roles=data.roles, version=data.version)


@patch("/admin/users/{user_id:uuid}", permission="write_staff")
async def set_staff_active(ctx: Context, users: Users, user_id: UUID, data: ActiveInput) -> User:
    """Switch an account on or off; off ends its sessions."""
    return await users.set_active(ctx, user_id=user_id, is_active=data.is_active, version=data.version)


@get("/admin/customers", permission="read_customers")
async def list_customers(
    ctx: Context, users: Users, q: Query = "", limit: ListLimit = DEFAULT_LIMIT, cursor: ListCursor = None
) -> Page[User]:
    """Accounts without a role, newest first."""
    return await users.list_users(ctx, query=q, staff=False, limit=limit, cursor=cursor)


@get("/admin/customers/{user_id:uuid}", permission="read_customers")
async def get_customer(ctx: Context, users: Users, user_id: UUID) -> User:
    return await users.get_user(ctx, user_id=user_id)


@patch("/admin/customers/{user_id:uuid}", permission="write_customers")
async def set_customer_active(ctx: Context, users: Users, user_id: UUID, data: ActiveInput) -> User:
    """Switch a customer's account on or off; off ends its sessions."""
    return await users.set_active(ctx, user_id=user_id, is_active=data.is_active, version=data.version)


@get("/admin/permissions", permission="read_staff")
async def permissions() -> Page[str]:
    """Every right that a role or an API key can name."""
    return Page(list(PERMISSIONS), None, len(PERMISSIONS))


routes = [
    list_staff, create_user, get_staff, set_roles, set_staff_active, list_customers, get_customer,
    set_customer_active, permissions,
]  # fmt: skip
