"""What happened at the provider without us: refunds, captures and voids from its own pages, disputes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from mercato.kernel.db import Queries, Row, Tx
from mercato.payments.store.sessions import PAYMENT, NewEvent

DISPUTE = """id, order_id, payment_id, provider, reference, status, amount, currency, reason, evidence_due_at,
  opened_at, closed_at"""
_COLUMNS = frozenset({"authorized", "captured", "refunded", "voided", "disputed"})


async def lock_payment(tx: Tx, provider: str, reference: str) -> Row | None:
    return await tx.fetchrow(
        f"select {PAYMENT} from payments.payments where provider = $1 and reference = $2 for no key update",
        provider,
        reference,
    )


async def operations(tx: Tx, payment_id: UUID) -> list[Row]:
    """Every operation on a payment: which keys are ours, and what is still under way."""
    return await tx.fetch(
        "select id, kind, amount, status from payments.operations where payment_id = $1", payment_id
    )


async def known_references(tx: Tx, payment_id: UUID) -> set[tuple[str, str]]:
    """(type, reference) of every event of a payment."""
    rows = await tx.fetch("select type, reference from payments.events where payment_id = $1", payment_id)
    return {(row["type"], row["reference"]) for row in rows}


async def add_event(
    tx: Tx, payment: Row, event: NewEvent, *, reason: str | None, adds: dict[str, int]
) -> Row:
    """Append an event that began at the provider, book it, move the amounts; returns the payment."""
    assert adds.keys() <= _COLUMNS
    debited, credited = event.accounts or ("", "")
    await tx.execute(
        """with e as (
             insert into payments.events (id, session_id, payment_id, order_id, provider, type, reference, amount, currency, reason)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id)
           insert into payments.ledger (event_id, order_id, account, debit, credit, currency)
           select e.id, $4, x.account, x.debit, x.credit, $9
           from e, unnest($11::text[], $12::bigint[], $13::bigint[]) x(account, debit, credit) where x.account <> ''""",
        event.id, payment["session_id"], payment["id"], payment["order_id"], payment["provider"], event.type,
        event.reference, event.amount, payment["currency"], reason, [debited, credited], [event.amount, 0],
        [0, event.amount],
    )  # fmt: skip
    moves = ", ".join(
        f"{column} = {column} + ${number}" for number, column in enumerate(sorted(adds), start=2)
    )
    row = await tx.fetchrow(
        f"update payments.payments set {moves} where id = $1 returning {PAYMENT}",
        payment["id"],
        *(adds[column] for column in sorted(adds)),
    )
    assert row is not None
    return row


async def dispute_of(tx: Tx, provider: str, reference: str) -> Row | None:
    return await tx.fetchrow(
        f"select {DISPUTE} from payments.disputes where provider = $1 and reference = $2",
        provider,
        reference,
    )


async def keep_dispute(tx: Tx, values: dict[str, Any], *, now: datetime) -> None:
    """Write a dispute down as it stands; one that is decided is closed at the time it was heard."""
    await tx.execute(
        """insert into payments.disputes as d (id, provider, reference, payment_id, order_id, amount, currency, reason, status,
             evidence_due_at, opened_at, closed_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, case when $9 in ('won', 'lost') then $11::timestamptz end)
           on conflict (provider, reference) do update set status = excluded.status, reason = excluded.reason,
             evidence_due_at = excluded.evidence_due_at, closed_at = coalesce(d.closed_at, excluded.closed_at)""",
        values["id"], values["provider"], values["reference"], values["payment_id"], values["order_id"],
        values["amount"], values["currency"], values["reason"], values["status"], values["evidence_due_at"], now,
    )  # fmt: skip


async def list_disputes(
    db: Queries,
    *,
    order_id: UUID | None,
    status: str | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Row]:
    at, last = before or (None, None)
    return await db.fetch(
        f"""select {DISPUTE} from payments.disputes
            where ($1::uuid is null or order_id = $1) and ($2::text is null or status = $2)
              and ($3::timestamptz is null or (opened_at, id) < ($3, $4::uuid))
            order by opened_at desc, id desc limit $5""",
        order_id, status, at, last, limit,
    )  # fmt: skip


async def wrong_disputed(db: Queries) -> list[Row]:
    """Payments whose disputed amount is not that of their disputes that are open or lost."""
    return await db.fetch(
        """select p.id, p.disputed, coalesce(d.sum, 0)::bigint as sum from payments.payments p
           left join (select payment_id, sum(amount) as sum from payments.disputes where status <> 'won'
             group by 1) d on d.payment_id = p.id
           where p.disputed <> coalesce(d.sum, 0) limit 100"""
    )
