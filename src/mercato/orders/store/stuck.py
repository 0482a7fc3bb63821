"""What was given up after many tries, until a person has looked: placings and intents that are parked."""

from datetime import datetime
from uuid import UUID

from mercato.contracts.orders import StuckWork
from mercato.kernel.db import Queries, Tx

ALL = """select 'placing' as kind, o.id as order_id, o.number, coalesce(o.last_error, '') as error,
    o.parked_at as since from orders.orders o where o.parked_at is not null
  union all select i.kind, o.id, o.number, coalesce(i.error, ''), i.parked_at from orders.intents i
    join orders.orders o on o.id = i.order_id where i.parked_at is not null
  order by since, order_id, kind limit $1"""


async def everything(db: Queries, *, limit: int) -> list[StuckWork]:
    """What waits longest comes first."""
    return [StuckWork(**dict(row)) for row in await db.fetch(ALL, limit)]


async def try_again(tx: Tx, *, order_id: UUID, now: datetime) -> int:
    """All that is parked of this order is due now, as if it had never been tried; returns how much that is."""
    count: int = await tx.fetchval(
        "with o as (update orders.orders set due = $2, tries = 0, parked_at = null"
        " where id = $1 and parked_at is not null returning 1),"
        " i as (update orders.intents set due = $2, tries = 0, parked_at = null"
        " where order_id = $1 and parked_at is not null and done_at is null returning 1)"
        " select (select count(*) from o) + (select count(*) from i)",
        order_id, now,
    )  # fmt: skip
    return count
