"""The audit log: acts of staff and acts that touch security, in one chain that shows tampering."""

from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.personal import PersonalRecords
from mercato.contracts.shared import DEFAULT_LIMIT, Limit, Page, ShortText, Verification
from mercato.kernel.acts import Change
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent


class AuditEntry(msgspec.Struct, frozen=True):
    """One act. After an erasure of its person only what the chain needs is left."""

    sequence: int
    at: datetime
    act: str
    object_kind: str
    object_id: str
    object_label: str
    actor_kind: str
    actor_id: UUID | None
    actor_label: str
    client_address: str
    request_id: str
    changes: list[Change]
    hash: str
    """SHA-256 over this entry and the hash of the one before it, in hex."""
    is_erased: bool = False


class AuditFilter(msgspec.Struct, frozen=True):
    """Which entries; empty fields do not narrow."""

    act: Annotated[str, msgspec.Meta(max_length=60)] = ""
    """A whole act, or the thing before the dot: `order` finds `order.canceled`."""
    object_kind: Annotated[str, msgspec.Meta(max_length=60)] = ""
    object_id: ShortText = ""
    actor_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditActor(msgspec.Struct, frozen=True):
    """Somebody who has acted, under the name of their latest act."""

    id: UUID
    label: str


class ChainHead(msgspec.Struct, frozen=True):
    """The end of the chain: whoever has noted it elsewhere can prove later that nothing before it changed."""

    sequence: int
    hash: str
    at: datetime | None


class Audit(PersonalRecords, Protocol):
    """The audit service. It hears acts; callers only read, verify, and erase what is personal."""

    @idempotent
    async def entries(
        self,
        ctx: Context,
        *,
        where: AuditFilter,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[AuditEntry]:
        """Newest first. Needs `read_audit`. `total` is not counted: the log only grows."""

    @idempotent
    async def entry(self, ctx: Context, *, sequence: int) -> AuditEntry:
        """Needs `read_audit`. Raises NotFound."""

    @idempotent
    async def actors(self, ctx: Context) -> list[AuditActor]:
        """Everyone with an id who has acted, at most 200. Needs `read_audit`."""

    @idempotent
    async def acts(self, ctx: Context) -> list[str]:
        """Every kind of act that stands in the log, at most 500. Needs `read_audit`."""

    @idempotent
    async def head(self, ctx: Context) -> ChainHead:
        """Needs `read_audit`."""

    async def note_export(self, ctx: Context, *, where: AuditFilter, entries: int) -> None:
        """Record that the log itself was taken out as a file. Needs `read_audit`."""

    async def erase_person(self, ctx: Context, *, user_id: UUID) -> int:
        """Take what is personal out of every entry about or by this account; the chain stays whole.

        Returns how many entries. Needs `write_audit`.
        """

    @idempotent
    async def verify(self, ctx: Context) -> Verification:
        """Recompute the whole chain: links, hashes, digests, the seal of its end, and every erasure."""
