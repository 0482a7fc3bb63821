"""What staff do with accounts and rights: each method of the contract is one verb."""

from datetime import datetime
from uuid import UUID

from mercato.contracts.shared import DEFAULT_LIMIT, Page
from mercato.contracts.users import User
from mercato.kernel.context import Context
from mercato.kernel.pages import decode_cursor, encode_cursor
from mercato.users import domain, rows
from mercato.users.actions import staffing
from mercato.users.service.part import Part
from mercato.users.store import accounts


class StaffPart(Part):
    """Implements `contracts.users.staff.Staff`."""

    async def list_users(
        self,
        ctx: Context,
        *,
        query: str = "",
        staff: bool | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[User]:
        ctx.principal.require("read_staff" if staff else "read_customers")
        if staff is None and not ctx.principal.may("read_staff"):
            staff = False
        before = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        found, total = await accounts.list_users(
            self.database, pattern=domain.pattern_of(query), staff=staff, before=before, limit=limit + 1
        )
        items = [rows.user_of(row) for row in found[:limit]]
        more = len(found) > limit
        return Page(items, encode_cursor((items[-1].created_at, items[-1].id)) if more else None, total)

    async def get_user(self, ctx: Context, *, user_id: UUID) -> User:
        return await staffing.get_user(self.database, ctx.principal, user_id=user_id)

    async def create_user(
        self, ctx: Context, *, email: str, name: str, password: str, roles: list[str]
    ) -> User:
        await self.parts.passwords.refuse_breached(password)
        return await staffing.create_user(
            self.parts, ctx, email=email, name=name, password=password, roles=roles
        )

    async def set_roles(self, ctx: Context, *, user_id: UUID, roles: list[str], version: int) -> User:
        return await staffing.set_roles(self.parts, ctx, user_id=user_id, roles=roles, version=version)

    async def set_active(self, ctx: Context, *, user_id: UUID, is_active: bool, version: int) -> User:
        return await staffing.set_active(
            self.parts, ctx, user_id=user_id, is_active=is_active, version=version
        )

    async def ensure_owner(self, ctx: Context, *, email: str, password: str | None) -> str | None:
        return await staffing.ensure_owner(self.parts, ctx, email=email, password=password)
