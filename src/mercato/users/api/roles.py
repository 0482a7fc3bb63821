"""Admin routes of roles, and of what a person may do in the end."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get, post, put
from litestar.params import QueryParameter

from mercato.contracts.shared import Page, Version
from mercato.contracts.users import Role, Users
from mercato.contracts.users.roles import Grant, RoleCode, RoleDraft
from mercato.kernel.context import Context


class NewRoleInput(RoleDraft, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: RoleCode


class RoleInput(RoleDraft, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Version


VersionSeen = Annotated[
    int, QueryParameter(name="version", ge=1, le=2**31 - 1, description="The version that was seen.")
]


@get("/admin/roles", permission="read_staff")
async def list_roles(ctx: Context, users: Users) -> Page[Role]:
    """Every role with its rights and how many people hold it."""
    found = await users.roles(ctx)
    return Page(found, None, len(found))


@post("/admin/roles", permission="write_staff")
async def create_role(ctx: Context, users: Users, data: NewRoleInput) -> Role:
    """Make a role of rights that you hold yourself."""
    return await users.create_role(ctx, code=data.code, draft=_draft(data))


@get("/admin/roles/{code:str}", permission="read_staff")
async def get_role(ctx: Context, users: Users, code: RoleCode) -> Role:
    return await users.role(ctx, code=code)


@put("/admin/roles/{code:str}", permission="write_staff")
async def update_role(ctx: Context, users: Users, code: RoleCode, data: RoleInput) -> Role:
    """Replace a role; whoever holds it has the new rights from the next request."""
    return await users.update_role(ctx, code=code, draft=_draft(data), version=data.version)


@delete("/admin/roles/{code:str}", permission="write_staff")
async def delete_role(ctx: Context, users: Users, code: RoleCode, version: VersionSeen) -> None:
    """Delete a role that nobody holds and that no shop starts with."""
    await users.delete_role(ctx, code=code, version=version)


@get("/admin/users/{user_id:uuid}/permissions", permission="read_staff")
async def user_permissions(ctx: Context, users: Users, user_id: UUID) -> Page[Grant]:
    """What this person may do in the end: each right, the roles that give it, and where it holds."""
    found = await users.grants(ctx, user_id=user_id)
    return Page(found, None, len(found))


def _draft(data: RoleDraft) -> RoleDraft:
    return RoleDraft(**{name: getattr(data, name) for name in RoleDraft.__struct_fields__})


routes = [list_roles, create_role, get_role, update_role, delete_role, user_permissions]
