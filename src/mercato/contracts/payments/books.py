"""The books: every payment, every step, every double entry."""

from typing import Protocol
from uuid import UUID

from mercato.contracts.payments.records import LedgerEntry, Payment, PaymentEvent
from mercato.contracts.shared import DEFAULT_LIMIT, Limit, Page, Verification
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent


class Books(Protocol):
    """What staff reads, and the proof that it is right."""

    @idempotent
    async def list_payments(
        self,
        ctx: Context,
        *,
        order_id: UUID | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Payment]: ...

    @idempotent
    async def payment_events(
        self,
        ctx: Context,
        *,
        order_id: UUID | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[PaymentEvent]: ...

    @idempotent
    async def ledger(
        self,
        ctx: Context,
        *,
        order_id: UUID | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[LedgerEntry]: ...

    async def reconcile(self, ctx: Context, *, provider: str) -> Verification:
        """Compare every payment with the provider's own list. Needs `read_payments`.
        Raises Invalid("unknown_provider"), Unavailable."""

    @idempotent
    async def verify(self, ctx: Context) -> Verification:
        """Ledger balanced, payments = their events, payments = the simulator's own books."""
