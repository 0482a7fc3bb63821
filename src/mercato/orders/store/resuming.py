"""Drafts that nobody is at work on: taken by one sweeper at a time, put off, parked, opened again."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mercato.kernel.db import Queries
from mercato.orders.records import Draft
from mercato.orders.store.placing import DRAFT_COLUMNS, draft_of_row


async def take_due(db: Queries, *, now: datetime, lease_until: datetime, limit: int) -> list[Draft]:
    """Drafts whose time has come, each taken by one sweeper at a time."""
    rows = await db.fetch(
        "update orders.orders o set due = $2, tries = tries + 1 where id in (select id from orders.orders"
        " where due <= $1 order by due limit $3 for no key update skip locked)"
        f" returning {DRAFT_COLUMNS}",
        now, lease_until, limit,
    )  # fmt: skip
    return [draft_of_row(row) for row in rows]


async def put_off(db: Queries, *, draft: Draft, due: datetime | None, error: str, now: datetime) -> None:
    """Try again at `due`; None parks it for a person to look at."""
    await db.execute(
        "update orders.orders set due = $3::timestamptz, last_error = $4,"
        " parked_at = case when $3::timestamptz is null then $5::timestamptz end"
        " where id = $1 and attempt = $2 and due is not null",
        draft.id, draft.attempt, due, error[:1000], now,
    )  # fmt: skip


async def hurry(db: Queries, *, order_ids: Sequence[UUID], now: datetime) -> int:
    """Drafts that wait are due now: their payment has news. Returns how many."""
    rows = await db.fetch(
        "update orders.orders set due = $2 where id = any($1) and status = 'draft' and awaiting is not null"
        " and due > $2 returning id",
        order_ids, now,
    )  # fmt: skip
    return len(rows)


async def reopen(db: Queries, *, draft: Draft, now: datetime, due: datetime) -> bool:
    """expired → draft, same attempt: money came in after all."""
    return (
        await db.fetchval(
            "update orders.orders set status = 'draft', awaiting = null, due = $3, version = version + 1"
            " where id = $1 and attempt = $2 and status = 'expired' and awaiting = 'recovery' returning id",
            draft.id,
            draft.attempt,
            due,
        )
        is not None
    )


async def give_up_recovery(db: Queries, *, draft: Draft) -> None:
    """The money that came too late goes back: the order stays expired."""
    await db.execute(
        "update orders.orders set awaiting = null, due = null, tries = 0"
        " where id = $1 and status = 'expired' and awaiting = 'recovery'",
        draft.id,
    )
