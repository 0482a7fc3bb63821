"""Lines of orders that are gift cards, and the intent to issue them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from mercato.kernel.db import Queries, Tx
from mercato.kernel.ids import new_id
from mercato.orders.records import PlacedOrder

CLAIM, AGAIN, ISSUED = "claim", "again", "issued"
"""In the data of the intent: who has claimed the cards, whether some were issued before, how many are done."""


class Issuing(msgspec.Struct, frozen=True, gc=False):
    """How far the cards of an order are: being issued until it is done, or claimed by somebody."""

    id: UUID
    is_done: bool
    is_parked: bool
    claimed: UUID | None


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


def key_of(order_id: UUID) -> str:
    """Of the intent that `begin` writes."""
    return f"issue_cards:{order_id}"


async def issuing(db: Queries, *, order_id: UUID) -> Issuing | None:
    """How far the cards of the order are; None before it is paid, or when it bought none."""
    row = await db.fetchrow(
        "select id, done_at is not null as is_done, parked_at is not null as is_parked,"
        " (data ->> 'claim')::uuid as claimed from orders.intents where key = $1",
        key_of(order_id),
    )
    return None if row is None else Issuing(**dict(row))


async def told(db: Queries, *, order_id: UUID, texts: Sequence[str]) -> set[str]:
    """Those of these rows of the timeline about issued cards that it has already."""
    rows = await db.fetch(
        "select text from orders.timeline where order_id = $1 and kind = 'gift_card_issued' and text = any($2)",
        order_id, texts,
    )  # fmt: skip
    return {row["text"] for row in rows}


async def set_issued(tx: Tx, *, order: PlacedOrder) -> bool:
    """The gift cards of a locked order are fulfilled. False when they were before."""
    rows = await tx.fetch(
        "update orders.lines set quantity_fulfilled = quantity where order_id = $1 and attempt = $2"
        " and gift_card is not null and quantity_fulfilled < quantity returning id",
        order.id, order.attempt,
    )  # fmt: skip
    return bool(rows)
