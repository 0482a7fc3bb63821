"""Privacy: a copy of everything the shop knows about a person, forgetting a person, forgetting in time."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.personal import Forgotten, PersonalRecords
from mercato.contracts.shared import DEFAULT_LIMIT, Email, Limit, Page
from mercato.contracts.users import AccountFact
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent

Password = Annotated[str, msgspec.Meta(max_length=256)]
Offset = Annotated[int, msgspec.Meta(ge=0, le=2**40)]


class ExportStatus(StrEnum):
    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


class Export(msgspec.Struct, frozen=True):
    """A copy of what the shop knows about a person: a ZIP file with JSON and PDF inside.

    `asked_by` is `self` or the name of whoever of the staff asked for it.
    """

    id: UUID
    status: ExportStatus
    email: str
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    ready_at: datetime | None
    size: int | None


class ExportPart(msgspec.Struct, frozen=True):
    """A piece of the file; `total` is the size of the whole."""

    name: str
    total: int
    content: bytes


class ErasureStatus(StrEnum):
    WAITING = "waiting"
    DONE = "done"


class Erasure(msgspec.Struct, frozen=True):
    """How forgetting a person goes. `waits_for` says what it waits for, in words."""

    id: UUID
    status: ErasureStatus
    waits_for: str
    asked_by: str
    asked_at: datetime
    done_at: datetime | None
    rows_changed: int


class RetentionRun(msgspec.Struct, frozen=True):
    """One run of retention, with what each service took away."""

    started_at: datetime
    ended_at: datetime
    asked_by: str
    results: list[Forgotten]


class ExportReady(AccountFact, frozen=True):
    """The copy that somebody asked for can be fetched."""

    subject: ClassVar[str] = "privacy.export_ready"
    export_id: UUID


class Privacy(PersonalRecords, Protocol):
    """The privacy service."""

    async def request_export(self, ctx: Context) -> Export:
        """Gather everything about whoever asks; while one is being made, that one. Needs a recent proof.

        Raises Throttled after five in a day.
        """

    @idempotent
    async def exports(self, ctx: Context) -> list[Export]:
        """The copies of whoever asks that have not expired, newest first."""

    @idempotent
    async def read_export(self, ctx: Context, *, export_id: UUID, offset: Offset = 0) -> ExportPart:
        """A piece of a copy: of one's own, or with `write_customers` of one that staff asked for.

        Raises NotFound, also when it has expired or is not ready.
        """

    async def export_customer(
        self, ctx: Context, *, user_id: UUID | None = None, email: Email | None = None
    ) -> Export:
        """Gather everything about a customer, or about the guest with an address. Needs `write_customers`."""

    @idempotent
    async def customer_exports(self, ctx: Context, *, limit: Limit = DEFAULT_LIMIT) -> Page[Export]:
        """Copies that staff asked for, newest first. Needs `read_customers`."""

    async def erase_me(self, ctx: Context, *, password: Password = "") -> None:
        """Forget whoever asks; see `Users.delete_me` for the proof.

        Raises Conflict("erasure_refused") while an order is open or money is owed.
        """

    async def erase_customer(
        self, ctx: Context, *, user_id: UUID | None = None, email: Email | None = None
    ) -> Erasure | None:
        """Forget a customer, or the guest with an address. Needs `write_customers` and a recent proof.

        Of an account the erasure appears a moment later, so None. Raises Conflict("erasure_refused"),
        Conflict("erasure_staff"), NotFound.
        """

    @idempotent
    async def erasures(self, ctx: Context, *, limit: Limit = DEFAULT_LIMIT) -> Page[Erasure]:
        """Newest first. Needs `read_customers`."""

    @idempotent
    async def last_retention(self, ctx: Context) -> RetentionRun | None:
        """What retention did last. Needs `read_system`."""

    async def run_retention(self, ctx: Context) -> RetentionRun:
        """Take away everything whose time is over, now. Needs `write_system`."""
