"""Placed orders that wait for money from outside."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mercato.kernel.db import Queries

_WAITING = """status = 'placed' and provider = any($1) and fulfillment_status = 'unfulfilled'
  and payment_status in ('none', 'authorized', 'partially_paid')"""


async def channels_with_unpaid(db: Queries, *, providers: Sequence[str]) -> list[str]:
    rows = await db.fetch(
        f"select distinct channel from orders.orders where {_WAITING} order by channel", providers
    )
    return [row["channel"] for row in rows]


async def overdue(
    db: Queries, *, channel: str, providers: Sequence[str], before: datetime, limit: int
) -> list[tuple[UUID, int]]:
    """(id, version) of orders of a channel that were placed before `before` and wait still, longest first."""
    rows = await db.fetch(
        f"""select id, version from orders.orders
            where {_WAITING} and channel = $2 and placed_at < $3 order by placed_at limit $4""",
        providers, channel, before, limit,
    )  # fmt: skip
    return [(row["id"], row["version"]) for row in rows]
