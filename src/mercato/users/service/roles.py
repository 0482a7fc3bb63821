"""Roles: each method of the contract is one verb."""

from uuid import UUID

from mercato.contracts.users import Role
from mercato.contracts.users.roles import Grant, RoleDraft
from mercato.kernel.context import Context
from mercato.kernel.errors import NotFound
from mercato.users import domain, rows
from mercato.users.actions import roles as editing
from mercato.users.service.part import Part
from mercato.users.store import accounts, roles


class RolesPart(Part):
    """Implements `contracts.users.roles.Roles`."""

    async def roles(self, ctx: Context) -> list[Role]:
        ctx.principal.require("read_staff")
        found = [rows.role_of(row) for row in await roles.all_roles(self.database)]
        return sorted(found, key=lambda role: domain.role_order(role.code))

    async def role(self, ctx: Context, *, code: str) -> Role:
        ctx.principal.require("read_staff")
        row = await roles.role(self.database, code=code)
        if row is None:
            raise NotFound("role_not_found", "There is no such role.")
        return rows.role_of(row)

    async def create_role(self, ctx: Context, *, code: str, draft: RoleDraft) -> Role:
        return await editing.create(self.parts, ctx, code=code, draft=draft)

    async def update_role(self, ctx: Context, *, code: str, draft: RoleDraft, version: int) -> Role:
        return await editing.update(self.parts, ctx, code=code, draft=draft, version=version)

    async def delete_role(self, ctx: Context, *, code: str, version: int) -> None:
        await editing.delete(self.parts, ctx, code=code, version=version)

    async def grants(self, ctx: Context, *, user_id: UUID) -> list[Grant]:
        if ctx.principal.id != user_id or not ctx.principal.is_signed_in:
            ctx.principal.require("read_staff")
        if await accounts.user_by_id(self.database, user_id=user_id) is None:
            raise NotFound("user_not_found", "There is no such account.")
        held = [rows.role_of(row) for row in await roles.roles_of(self.database, user_id=user_id)]
        return domain.grants_of(held)
