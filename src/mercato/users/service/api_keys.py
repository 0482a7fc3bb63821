"""Keys of programs: each method of the contract is one verb."""

from datetime import datetime
from uuid import UUID

from mercato.contracts.shared import DEFAULT_LIMIT, Page
from mercato.contracts.users import ApiKey, IssuedApiKey
from mercato.kernel.context import Context
from mercato.kernel.errors import NotFound
from mercato.kernel.pages import decode_cursor, encode_cursor
from mercato.users import rows
from mercato.users.actions import api_keys as actions
from mercato.users.service.part import Part
from mercato.users.store import api_keys


class ApiKeysPart(Part):
    """Implements `contracts.users.keys.ApiKeys`."""

    async def api_keys(
        self, ctx: Context, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[ApiKey]:
        ctx.principal.require("read_api_keys")
        before = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        found, total = await api_keys.list_keys(self.database, before=before, limit=limit + 1)
        items = [rows.api_key_of(row) for row in found[:limit]]
        more = len(found) > limit
        return Page(items, encode_cursor((items[-1].created_at, items[-1].id)) if more else None, total)

    async def api_key(self, ctx: Context, *, key_id: UUID) -> ApiKey:
        ctx.principal.require("read_api_keys")
        row = await api_keys.key_by_id(self.database, key_id=key_id)
        if row is None:
            raise NotFound("api_key_not_found", "There is no such key.")
        return rows.api_key_of(row)

    async def create_api_key(
        self,
        ctx: Context,
        *,
        name: str,
        permissions: list[str],
        channel: str | None = None,
        expires_at: datetime | None = None,
    ) -> IssuedApiKey:
        return await actions.create(
            self.parts, ctx, name=name, permissions=permissions, channel=channel, expires_at=expires_at
        )

    async def rotate_api_key(
        self, ctx: Context, *, key_id: UUID, version: int, grace_hours: int = 0
    ) -> IssuedApiKey:
        return await actions.rotate(self.parts, ctx, key_id=key_id, version=version, grace_hours=grace_hours)

    async def revoke_api_key(self, ctx: Context, *, key_id: UUID) -> ApiKey:
        return await actions.revoke(self.parts, ctx, key_id=key_id)
