"""Keys with which programs call the API."""

from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.shared import DEFAULT_LIMIT, Limit, Page, ShortText
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent

GraceHours = Annotated[int, msgspec.Meta(ge=0, le=168)]


class ApiKey(msgspec.Struct, frozen=True):
    """A key without its secret. `prefix` is how the secret begins, so that its holder can be found."""

    id: UUID
    name: str
    prefix: str
    permissions: list[str]
    channel: str | None
    """The one channel it works in; None for every channel."""
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""
    revoked_at: datetime | None
    version: int


class IssuedApiKey(msgspec.Struct, frozen=True):
    """A key with its secret, which is shown this once and stored only as a hash."""

    key: ApiKey
    secret: str


class ApiKeys(Protocol):
    """Keys with which programs call the API. Nobody makes or rotates one with rights they do not hold."""

    @idempotent
    async def api_keys(
        self, ctx: Context, *, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[ApiKey]:
        """Newest first, the revoked ones too. Needs `read_api_keys`."""

    @idempotent
    async def api_key(self, ctx: Context, *, key_id: UUID) -> ApiKey: ...

    async def create_api_key(
        self,
        ctx: Context,
        *,
        name: ShortText,
        permissions: list[str],
        channel: str | None = None,
        expires_at: datetime | None = None,
    ) -> IssuedApiKey:
        """Needs `write_api_keys` and every right of the key. Raises Denied("rights_exceeded"), Invalid."""

    async def rotate_api_key(
        self, ctx: Context, *, key_id: UUID, version: int, grace_hours: GraceHours = 0
    ) -> IssuedApiKey:
        """A new secret for the same key; the old one works for `grace_hours` more."""

    async def revoke_api_key(self, ctx: Context, *, key_id: UUID) -> ApiKey:
        """Both secrets stop within a second; doing it twice is nothing."""
