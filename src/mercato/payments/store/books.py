"""Reading the books: lists for staff, sums per order, and the comparisons of `verify`."""

from datetime import datetime
from uuid import UUID

from mercato.kernel.db import Queries, Row
from mercato.payments.domain import MOVES_MONEY
from mercato.payments.store.sessions import PAYMENT


async def payments_of_order(db: Queries, order_id: UUID) -> list[Row]:
    return await db.fetch(
        f"select {PAYMENT} from payments.payments where order_id = $1 order by id", order_id
    )


async def money_of_orders(db: Queries, order_ids: list[UUID]) -> list[Row]:
    return await db.fetch(
        """select order_id, min(currency) as currency, sum(authorized)::bigint as authorized,
             sum(captured)::bigint as captured, sum(refunded)::bigint as refunded, sum(voided)::bigint as voided,
             sum(disputed)::bigint as disputed
           from payments.payments where order_id = any($1) group by order_id""",
        order_ids,
    )


async def list_payments(
    db: Queries, *, order_id: UUID | None, before: tuple[datetime, UUID] | None, limit: int
) -> list[Row]:
    at, last = before or (None, None)
    return await db.fetch(
        f"""select {PAYMENT} from payments.payments
            where ($1::uuid is null or order_id = $1) and ($2::timestamptz is null or (created_at, id) < ($2, $3::uuid))
            order by created_at desc, id desc limit $4""",
        order_id, at, last, limit,
    )  # fmt: skip


async def list_events(
    db: Queries, *, order_id: UUID | None, before: tuple[datetime, UUID] | None, limit: int
) -> list[Row]:
    at, last = before or (None, None)
    return await db.fetch(
        """select id, payment_id, order_id, type, reference, amount, currency, reason, at from payments.events
           where ($1::uuid is null or order_id = $1) and ($2::timestamptz is null or (at, id) < ($2, $3::uuid))
           order by at desc, id desc limit $4""",
        order_id, at, last, limit,
    )  # fmt: skip


async def list_ledger(db: Queries, *, order_id: UUID | None, before: int | None, limit: int) -> list[Row]:
    return await db.fetch(
        """select id, event_id, order_id, account, debit, credit, currency, at from payments.ledger
           where ($1::uuid is null or order_id = $1) and ($2::bigint is null or id < $2) order by id desc limit $3""",
        order_id, before, limit,
    )  # fmt: skip


async def unbalanced_events(db: Queries) -> list[Row]:
    """Events that moved money and whose ledger rows do not balance to the event's amount."""
    return await db.fetch(
        """select e.id, e.type, e.amount, coalesce(sum(l.debit), 0)::bigint as debit, coalesce(sum(l.credit), 0)::bigint as credit
           from payments.events e left join payments.ledger l on l.event_id = e.id
           where e.type = any($1) group by e.id
           having coalesce(sum(l.debit), 0) <> e.amount or coalesce(sum(l.credit), 0) <> e.amount limit 100""",
        MOVES_MONEY,
    )


async def payments_unlike_events(db: Queries) -> list[Row]:
    """Payments whose amounts are not the sums of their succeeded events."""
    return await db.fetch(
        """select p.id, p.authorized, p.captured, p.refunded, p.voided, e.* from payments.payments p left join lateral (
             select coalesce(sum(amount) filter (where type in ('authorization_succeeded', 'refund_reversed')), 0)::bigint as event_authorized,
                    coalesce(sum(amount) filter (where type in ('capture_succeeded', 'refund_reversed')), 0)::bigint as event_captured,
                    coalesce(sum(amount) filter (where type = 'refund_succeeded'), 0)::bigint as event_refunded,
                    coalesce(sum(amount) filter (where type = 'void_succeeded'), 0)::bigint as event_voided
             from payments.events where payment_id = p.id) e on true
           where (p.authorized, p.captured, p.refunded, p.voided)
             <> (e.event_authorized, e.event_captured, e.event_refunded, e.event_voided) limit 100"""
    )


async def payments_by_reference(db: Queries, provider: str, references: list[str]) -> list[Row]:
    return await db.fetch(
        f"select {PAYMENT} from payments.payments where provider = $1 and reference = any($2)",
        provider,
        references,
    )


async def count(db: Queries, provider: str | None = None) -> int:
    return int(
        await db.fetchval(
            "select count(*) from payments.payments where $1::text is null or provider = $1", provider
        )
    )


async def references_of(db: Queries, provider: str, *, after: UUID | None, limit: int) -> list[Row]:
    return await db.fetch(
        """select id, reference from payments.payments
           where provider = $1 and ($2::uuid is null or id > $2) order by id limit $3""",
        provider, after, limit,
    )  # fmt: skip
