"""Lines of orders that are gift cards, and the intent to issue them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from mercato.kernel.db import Queries, Tx
from mercato.kernel.ids import new_id
from mercato.orders.records import PlacedOrder


class CardLine(msgspec.Struct, frozen=True, gc=False):
    """A line of gift cards. Live: what it cost has not been promised back."""

    id: UUID
    quantity: int
    total: int
    is_live: bool


async def begin(tx: Tx, *, order_ids: Sequence[UUID], now: datetime) -> bool:
    """Write the intent of each order that bought gift cards, once. False when there is none."""
    rows = await tx.fetch(
        "insert into orders.intents (id, order_id, kind, key, actor, created_at, due)"
        " select x.id, o.id, 'issue_cards', 'issue_cards:' || o.id, 'system', $3, $3"
        " from unnest($1::uuid[], $2::uuid[]) x(order_id, id) join orders.orders o on o.id = x.order_id"
        " where exists (select from orders.lines l where l.order_id = o.id and l.attempt = o.attempt"
        " and l.gift_card is not null) on conflict (key) do nothing returning id",
        order_ids, [new_id() for _ in order_ids], now,
    )  # fmt: skip
    return bool(rows)


async def lines_of(db: Queries, *, order_id: UUID) -> list[CardLine]:
    """The lines of an order that are gift cards."""
    rows = await db.fetch(
        "select l.id, l.quantity, l.total, not exists (select from orders.grants g, jsonb_array_elements(g.lines) x"
        " where g.order_id = o.id and (x ->> 'line_id')::uuid = l.id"
        " and not exists (select from orders.grants w where w.withdraws = g.id)) as is_live from orders.lines l"
        " join orders.orders o on o.id = l.order_id and o.attempt = l.attempt"
        " where l.order_id = $1 and l.gift_card is not null order by l.position",
        order_id,
    )
    return [CardLine(**dict(row)) for row in rows]


async def is_issuing(db: Queries, *, order_id: UUID) -> bool:
    """Whether cards of the order are being issued, or will be in a moment."""
    found: bool = await db.fetchval(
        "select exists (select from orders.intents where order_id = $1 and kind = 'issue_cards'"
        " and done_at is null and parked_at is null)",
        order_id,
    )
    return found


async def set_issued(tx: Tx, *, order: PlacedOrder) -> bool:
    """The gift cards of a locked order are fulfilled. False when they were before."""
    rows = await tx.fetch(
        "update orders.lines set quantity_fulfilled = quantity where order_id = $1 and attempt = $2"
        " and gift_card is not null and quantity_fulfilled < quantity returning id",
        order.id, order.attempt,
    )  # fmt: skip
    return bool(rows)
