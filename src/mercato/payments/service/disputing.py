"""Disputes, for staff."""

from datetime import datetime
from uuid import UUID

from mercato.contracts.payments import Dispute, DisputeStatus
from mercato.contracts.shared import DEFAULT_LIMIT, Page
from mercato.kernel.context import Context
from mercato.kernel.money import Money
from mercato.kernel.pages import decode_cursor, encode_cursor
from mercato.payments.service.part import Part
from mercato.payments.store import outside


class DisputingPart(Part):
    """What banks have taken back, and until when somebody may answer."""

    async def disputes(
        self,
        ctx: Context,
        *,
        order_id: UUID | None = None,
        status: DisputeStatus | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Dispute]:
        ctx.principal.require("read_payments")
        before = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        rows = await outside.list_disputes(
            self._engine.database, order_id=order_id, status=status, before=before, limit=limit + 1
        )
        last = rows[limit - 1] if len(rows) > limit else None
        items = [
            Dispute(
                row["id"], row["order_id"], row["payment_id"], row["provider"], row["reference"],
                DisputeStatus(row["status"]), Money(row["amount"], row["currency"]), row["reason"],
                row["evidence_due_at"], row["opened_at"], row["closed_at"],
            )
            for row in rows[:limit]
        ]  # fmt: skip
        return Page(items, encode_cursor((last["opened_at"], last["id"])) if last else None)
