"""The books, for staff."""

from datetime import datetime
from uuid import UUID

from mercato.contracts.payments import LedgerEntry, Payment, PaymentEvent
from mercato.contracts.shared import DEFAULT_LIMIT, Page, Verification
from mercato.kernel.context import Context
from mercato.kernel.pages import decode_cursor, encode_cursor
from mercato.payments.reconcile import reconcile
from mercato.payments.rows import payment_event_of, payment_of
from mercato.payments.service.part import Part
from mercato.payments.store import books
from mercato.payments.verify import verify


class BooksPart(Part):
    """Lists, and the proof that they agree."""

    async def list_payments(
        self,
        ctx: Context,
        *,
        order_id: UUID | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Payment]:
        ctx.principal.require("read_payments")
        before = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        rows = await books.list_payments(
            self._engine.database, order_id=order_id, before=before, limit=limit + 1
        )
        more = (
            encode_cursor((rows[limit - 1]["created_at"], rows[limit - 1]["id"]))
            if len(rows) > limit
            else None
        )
        return Page([payment_of(row) for row in rows[:limit]], more)

    async def payment_events(
        self,
        ctx: Context,
        *,
        order_id: UUID | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[PaymentEvent]:
        ctx.principal.require("read_payments")
        before = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        rows = await books.list_events(
            self._engine.database, order_id=order_id, before=before, limit=limit + 1
        )
        more = encode_cursor((rows[limit - 1]["at"], rows[limit - 1]["id"])) if len(rows) > limit else None
        return Page([payment_event_of(row) for row in rows[:limit]], more)

    async def ledger(
        self,
        ctx: Context,
        *,
        order_id: UUID | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[LedgerEntry]:
        ctx.principal.require("read_payments")
        before = decode_cursor(cursor, tuple[int])[0] if cursor else None
        rows = await books.list_ledger(
            self._engine.database, order_id=order_id, before=before, limit=limit + 1
        )
        more = encode_cursor((rows[limit - 1]["id"],)) if len(rows) > limit else None
        return Page([LedgerEntry(**dict(row)) for row in rows[:limit]], more)

    async def reconcile(self, ctx: Context, *, provider: str) -> Verification:
        ctx.principal.require("read_payments")
        return await reconcile(self._engine, provider)

    async def verify(self, ctx: Context) -> Verification:
        ctx.principal.require("read_system")
        return await verify(self._engine.database, self._simulator)
