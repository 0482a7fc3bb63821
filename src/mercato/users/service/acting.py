"""What staff does for people: each method of the contract is one verb."""

from datetime import datetime
from uuid import UUID

from mercato.contracts.shared import DEFAULT_LIMIT, Page
from mercato.contracts.users import Impersonation, Invitation, User
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.pages import decode_cursor, encode_cursor
from mercato.users import rows
from mercato.users.actions import acting as actions
from mercato.users.actions import invitations
from mercato.users.service.part import Part
from mercato.users.store import acting


class ActingPart(Part):
    """Implements `contracts.users.acting.Acting`."""

    async def impersonate(self, ctx: Context, *, user_id: UUID, reason: str) -> Impersonation:
        return await actions.impersonate(self.parts, ctx, user_id=user_id, reason=reason)

    async def end_impersonation(self, ctx: Context) -> UUID | None:
        return await actions.end_impersonation(self.parts, ctx)

    async def merge_users(self, ctx: Context, *, keep_id: UUID, drop_id: UUID) -> User:
        return await actions.merge(self.parts, ctx, keep_id=keep_id, drop_id=drop_id)

    async def invitations(
        self, ctx: Context, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[Invitation]:
        ctx.principal.require("read_staff")
        before = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        found, total = await acting.list_invitations(self.database, before=before, limit=limit + 1)
        now = clock.now()
        items = [rows.invitation_of(row, now) for row in found[:limit]]
        more = len(found) > limit
        return Page(items, encode_cursor((items[-1].created_at, items[-1].id)) if more else None, total)

    async def invite_staff(self, ctx: Context, *, email: str, name: str, roles: list[str]) -> Invitation:
        return await invitations.invite(self.parts, ctx, email=email, name=name, roles=roles)

    async def revoke_invitation(self, ctx: Context, *, invitation_id: UUID) -> Invitation:
        return await invitations.revoke(self.parts, ctx, invitation_id=invitation_id)

    async def accept_invitation(self, ctx: Context, *, token: str, password: str) -> User:
        await self.parts.passwords.refuse_breached(password)
        return await invitations.accept(self.parts, ctx, token=token, password=password)
