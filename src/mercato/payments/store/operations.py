"""Captures, voids and refunds that somebody asked for, and webhooks that came in."""

from datetime import datetime
from typing import Any
from uuid import UUID

from mercato.kernel.db import Queries, Row, Tx
from mercato.payments.store.sessions import PAYMENT, NewEvent

OPERATION = "id, payment_id, order_id, kind, key, amount, asked_amount, reason, status, failure, tries"

_ADDED = {"capture": "captured", "void": "voided", "refund": "refunded"}


async def lock_payments(tx: Tx, order_id: UUID) -> list[dict[str, Any]]:
    """The payments of an order, locked oldest first, with what is asked for but not yet answered."""
    rows = await tx.fetch(
        f"select {PAYMENT} from payments.payments where order_id = $1 order by id for no key update", order_id
    )
    pending = await tx.fetch(
        """select payment_id, kind, sum(amount)::bigint as amount from payments.operations
           where order_id = $1 and status = 'requested' group by 1, 2""",
        order_id,
    )
    waits = {(row["payment_id"], row["kind"]): row["amount"] for row in pending}
    return [_with_pending(row, waits) for row in rows]


def _with_pending(row: Row, waits: dict[tuple[UUID, str], int]) -> dict[str, Any]:
    merged = dict(row)
    merged["leaving"] = waits.get((row["id"], "capture"), 0) + waits.get((row["id"], "void"), 0)
    merged["returning"] = waits.get((row["id"], "refund"), 0)
    return merged


async def operations_of_key(db: Queries, order_id: UUID, kind: str, key: str) -> list[Row]:
    return await db.fetch(
        f"select {OPERATION} from payments.operations where order_id = $1 and kind = $2 and key = $3 order by id",
        order_id, kind, key,
    )  # fmt: skip


async def insert_operation(
    tx: Tx,
    *,
    operation_id: UUID,
    payment_id: UUID,
    order_id: UUID,
    kind: str,
    key: str,
    amount: int,
    asked_amount: int | None,
    reason: str,
    due_at: datetime,
) -> None:
    await tx.execute(
        """insert into payments.operations (id, payment_id, order_id, kind, key, amount, asked_amount, reason, due_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        operation_id, payment_id, order_id, kind, key, amount, asked_amount, reason, due_at,
    )  # fmt: skip


async def payment(db: Queries, payment_id: UUID) -> Row | None:
    return await db.fetchrow(f"select {PAYMENT} from payments.payments where id = $1", payment_id)


async def settle_operation(tx: Tx, operation_id: UUID, *, failure: str | None) -> Row | None:
    """Note the provider's answer; None when it had been noted before."""
    return await tx.fetchrow(
        f"""update payments.operations set status = case when $2::text is null then 'succeeded' else 'failed' end, failure = $2
            where id = $1 and status = 'requested' returning {OPERATION}""",
        operation_id, failure,
    )  # fmt: skip


async def add_event(tx: Tx, operation: Row, event: NewEvent) -> Row:
    """Append the event of a settled operation, book it, and move the payment's amounts; returns the payment."""
    payment_row = await tx.fetchrow(
        f"select {PAYMENT} from payments.payments where id = $1 for no key update", operation["payment_id"]
    )
    assert payment_row is not None
    await tx.execute(
        """insert into payments.events (id, session_id, payment_id, order_id, provider, type, reference, amount, currency, reason)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
        event.id, payment_row["session_id"], payment_row["id"], payment_row["order_id"], payment_row["provider"],
        event.type, event.reference, event.amount, payment_row["currency"], operation["reason"] or None,
    )  # fmt: skip
    if event.accounts is None:
        return await _add_amount(tx, operation, event)
    debited, credited = event.accounts
    await tx.execute(
        """insert into payments.ledger (event_id, order_id, account, debit, credit, currency)
           values ($1, $2, $3, $5, 0, $6), ($1, $2, $4, 0, $5, $6)""",
        event.id, payment_row["order_id"], debited, credited, event.amount, payment_row["currency"],
    )  # fmt: skip
    return await _add_amount(tx, operation, event)


async def _add_amount(tx: Tx, operation: Row, event: NewEvent) -> Row:
    column = _ADDED[operation["kind"]]
    added = event.amount if event.type.endswith("_succeeded") else 0
    row = await tx.fetchrow(
        f"update payments.payments set {column} = {column} + $2 where id = $1 returning {PAYMENT}",
        operation["payment_id"], added,
    )  # fmt: skip
    assert row is not None
    return row


async def claim_due_operations(db: Queries, *, now: datetime, again_at: datetime, limit: int) -> list[Row]:
    """Operations whose answer is overdue, taken for this worker until `again_at`."""
    return await db.fetch(
        f"""update payments.operations set due_at = $2, tries = tries + 1 where id in
              (select id from payments.operations where status = 'requested' and due_at <= $1
               order by due_at limit $3 for update skip locked)
            returning {OPERATION}""",
        now, again_at, limit,
    )  # fmt: skip


async def insert_webhook(
    db: Queries, *, provider: str, event_id: str, reference: str, due_at: datetime
) -> bool:
    """Keep a webhook; False when it has come before."""
    new = await db.fetchval(
        """insert into payments.webhooks (provider, event_id, reference, due_at) values ($1, $2, $3, $4)
           on conflict (provider, event_id) do nothing returning true""",
        provider, event_id, reference, due_at,
    )  # fmt: skip
    return bool(new)


async def mark_webhook(db: Queries, provider: str, event_id: str, *, error: str | None) -> None:
    await db.execute(
        """update payments.webhooks set processed_at = case when $3::text is null then now() end, error = $3
           where provider = $1 and event_id = $2 and processed_at is null""",
        provider, event_id, error,
    )  # fmt: skip


async def claim_due_webhooks(db: Queries, *, now: datetime, again_at: datetime, limit: int) -> list[Row]:
    """Webhooks that were stored and not processed, taken for this worker until `again_at`."""
    return await db.fetch(
        """update payments.webhooks set due_at = $2, tries = tries + 1 where (provider, event_id) in
             (select provider, event_id from payments.webhooks where processed_at is null and due_at <= $1
              order by due_at limit $3 for update skip locked)
           returning provider, event_id, reference""",
        now, again_at, limit,
    )  # fmt: skip
