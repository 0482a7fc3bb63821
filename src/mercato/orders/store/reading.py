"""Orders as people read them: one statement for an order with all that belongs to it, one for a list."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from mercato.contracts.carts import TaxLine
from mercato.contracts.orders import (
    FulfillmentStatus,
    OrderPaymentStatus,
    OrderRow,
    OrderStatus,
    ReturnStatus,
    StuckWork,
)
from mercato.contracts.shared import Address
from mercato.kernel.db import Queries, Row
from mercato.kernel.money import Money
from mercato.orders.change_rows import ChangeRow
from mercato.orders.granting import Grant
from mercato.orders.records import DeliveryRow, Execution, LineRow, ParcelRow, PaymentRow, TimelineRow

MAX_TIMELINE = 500
MAX_WORDS = 8
"""Words of a search that count."""


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order with all that belongs to it, as stored."""

    id: UUID
    cart_id: UUID
    number: str
    status: OrderStatus
    payment_status: OrderPaymentStatus
    fulfillment_status: FulfillmentStatus
    return_status: ReturnStatus
    version: int
    customer_id: UUID | None
    email: str
    locale: str
    channel: str
    currency: str
    subtotal: int
    discount: int
    delivery_price: int
    tax: int
    tax_included: bool
    total: int
    paid_by_credit: int
    due_amount: int
    credited: int
    authorized: int
    captured: int
    refunded: int
    voided: int
    shipping_address: Address
    billing_address: Address
    delivery: DeliveryRow
    tax_lines: list[TaxLine]
    coupons: list[str]
    note: str | None
    created_at: datetime
    placed_at: datetime | None
    canceled_at: datetime | None
    cancel_reason: str | None
    lines: list[LineRow]
    payments: list[PaymentRow]
    parcels: list[ParcelRow]
    timeline: list[TimelineRow]
    tags: list[str]
    changes: list[ChangeRow] = []
    """Not read for an order that has just been placed: it has none."""
    tax_id: str | None = None
    stuck: list[StuckWork] = []
    """Read for staff only."""
    grants: list[Grant] = []
    """Read for staff only."""
    refund_intents: list[Execution] = []
    """Read for staff only: tries to send money back."""


# PostgreSQL puts the order together as one JSON value: one statement and one decode, however many lines.
_VIEW_FOR = f"""
select to_json(v) from (select o.*,
  (select coalesce(json_agg(l order by l.position), '[]') from orders.lines l
    where l.order_id = o.id and l.attempt = o.attempt) as lines,
  (select coalesce(json_agg(p order by p.id), '[]') from orders.payments p where p.order_id = o.id) as payments,
  (select coalesce(json_agg(f order by f.created_at, f.id), '[]') from (
    select f.*, (select coalesce(json_agg(x order by x.line_id), '[]') from (
        select line_id, quantity from orders.fulfillment_lines where fulfillment_id = f.id) x) as lines
    from orders.fulfillments f where f.order_id = o.id) f) as parcels,
  (select coalesce(json_agg(t order by t.at, t.id), '[]') from (
    select * from orders.timeline where order_id = o.id order by id desc limit {MAX_TIMELINE}) t) as timeline
  {{more}} from orders.orders o where o.id = $1) v"""

_CHANGES = """, (select coalesce(json_agg(c order by c.id), '[]') from orders.changes c
    where c.order_id = o.id and c.status <> 'draft') as changes"""

_STUCK = """, (select coalesce(json_agg(s order by s.since, s.kind), '[]') from (
    select 'placing' as kind, o.id as order_id, o.number, coalesce(o.last_error, '') as error, o.parked_at as since
      where o.parked_at is not null
    union all select i.kind, o.id, o.number, coalesce(i.error, ''), i.parked_at from orders.intents i
      where i.order_id = o.id and i.done_at is null and i.parked_at is not null) s) as stuck"""

_REFUNDS = """, (select coalesce(json_agg(g order by g.granted_at, g.id), '[]') from orders.grants g
    where g.order_id = o.id) as grants,
  (select coalesce(json_agg(i order by i.created_at, i.id), '[]') from orders.intents i
    where i.order_id = o.id and i.kind = 'refund') as refund_intents"""

_PLACED_VIEW = _VIEW_FOR.format(more="")
_VIEW = _VIEW_FOR.format(more=_CHANGES)
_STAFF_VIEW = _VIEW_FOR.format(more=_CHANGES + _STUCK + _REFUNDS)

_view = msgspec.json.Decoder(OrderView)

ORDER_SORTS = {
    "placed_at": ("o.placed_at", "timestamptz", "asc"),
    "-placed_at": ("o.placed_at", "timestamptz", "desc"),
    "total": ("o.total", "bigint", "asc"),
    "-total": ("o.total", "bigint", "desc"),
}
"""How a list may be sorted: column, its type, direction; each has an index that ends in the id."""

_ROW = """o.id, o.number, o.status, o.payment_status, o.fulfillment_status, o.placed_at, o.created_at, o.email,
  o.name, o.currency, o.total, o.item_count, o.version, o.return_status, o.tags"""


class ListFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders a list shows; a field that is None does not narrow it."""

    terms: list[str] = []
    status: OrderStatus | None = None
    payment_status: OrderPaymentStatus | None = None
    fulfillment_status: FulfillmentStatus | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    email: str | None = None
    customer_id: UUID | None = None
    tag: str | None = None
    channels: list[str] | None = None


async def view(db: Queries, *, order_id: UUID, for_staff: bool = False) -> OrderView | None:
    """The order `order_id`, for staff or for those whose token was checked."""
    found = await db.fetchval(_STAFF_VIEW if for_staff else _VIEW, order_id)
    return None if found is None else _view.decode(found)


async def channel_of(db: Queries, *, order_id: UUID) -> str | None:
    """The channel in which an order was placed."""
    found: str | None = await db.fetchval("select channel from orders.orders where id = $1", order_id)
    return found


async def numbers_of(db: Queries, *, order_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Numbers by order id; unknown orders are left out."""
    rows = await db.fetch("select id, number from orders.orders where id = any($1::uuid[])", order_ids)
    return {row["id"]: row["number"] for row in rows}


async def view_of_placed(db: Queries, *, order_id: UUID) -> OrderView | None:
    """An order that has just been placed, without what it cannot have yet."""
    found = await db.fetchval(_PLACED_VIEW, order_id)
    return None if found is None else _view.decode(found)


async def id_of_customer(db: Queries, *, number: str, customer_id: UUID) -> UUID | None:
    """The id of the order with this number when it belongs to the customer."""
    found: UUID | None = await db.fetchval(
        "select id from orders.orders where number = $1 and customer_id = $2", number, customer_id
    )
    return found


async def id_of_number(db: Queries, *, number: str) -> tuple[UUID, str] | None:
    """(id, e-mail) of the order with this number: the caller still has to show its token."""
    row = await db.fetchrow("select id, email from orders.orders where number = $1", number)
    return None if row is None else (row["id"], row["email"])


async def list_rows(
    db: Queries, *, where: ListFilter, sort: str, limit: int, after: tuple[Any, UUID] | None
) -> list[OrderRow]:
    """One page, at most `limit` rows; `after` is the sort value and id of the last row before it."""
    column, kind, direction = _sort_of(where, sort)
    conditions, values = _conditions(where)
    if after is not None:
        compare = "<" if direction == "desc" else ">"
        values += list(after)
        conditions.append(f"({column}, o.id) {compare} (${len(values) - 1}::{kind}, ${len(values)}::uuid)")
    values.append(limit)
    rows = await db.fetch(
        f"select {_ROW} from orders.orders o where {' and '.join(conditions)}"
        f" order by {column} {direction}, o.id {direction} limit ${len(values)}",
        *values,
    )
    return [_order_row(row) for row in rows]


async def count_rows(db: Queries, *, where: ListFilter) -> int:
    conditions, values = _conditions(where)
    found: int = await db.fetchval(
        f"select count(*) from orders.orders o where {' and '.join(conditions)}", *values
    )
    return found


def position_of(where: ListFilter, sort: str) -> Any:
    """The shape of a cursor: (sort value, id) of the last row of a page."""
    _, kind, _ = _sort_of(where, sort)
    return {"timestamptz": tuple[datetime, UUID], "bigint": tuple[int, UUID], "uuid": tuple[UUID, UUID]}[kind]


def cursor_of(where: ListFilter, sort: str, row: OrderRow) -> tuple[Any, UUID]:
    """The position of `row` in the list."""
    _, kind, _ = _sort_of(where, sort)
    return {"timestamptz": row.placed_at, "bigint": row.total.amount, "uuid": row.id}[kind], row.id


def _sort_of(where: ListFilter, sort: str) -> tuple[str, str, str]:
    column, kind, direction = ORDER_SORTS[sort]
    if where.customer_id is not None or where.status in (OrderStatus.DRAFT, OrderStatus.EXPIRED):
        # Drafts were never placed; ids grow with time, so they keep the order of creation.
        return "o.id", "uuid", direction
    return column, kind, direction


def _conditions(where: ListFilter) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []

    def add(condition: str, value: Any) -> None:
        values.append(value)
        conditions.append(condition.format(f"${len(values)}"))

    if where.status in (OrderStatus.DRAFT, OrderStatus.EXPIRED):
        conditions.append("o.status in ('draft', 'expired')")
    else:
        conditions.append("o.placed_at is not null")
    if where.status is not None:
        add("o.status = {}", where.status)
    if where.payment_status is not None:
        add("o.payment_status = {}", where.payment_status)
    if where.fulfillment_status is not None:
        add("o.fulfillment_status = {}", where.fulfillment_status)
    if where.created_after is not None:
        add("o.created_at >= {}", where.created_after)
    if where.created_before is not None:
        add("o.created_at < {}", where.created_before)
    if where.email is not None:
        add("lower(o.email) = lower({})", where.email)
    if where.customer_id is not None:
        add("o.customer_id = {}", where.customer_id)
    if where.tag is not None:
        add("o.tags @> array[{}]::text[] and o.tags <> '{{}}'", where.tag)
    if where.channels is not None:
        add("o.channel = any({}::text[])", where.channels)
    if where.terms:
        add(
            "o.id in (select order_id from orders.search where terms @@ {}::text::tsquery)",
            prefix_query(where.terms),
        )
    return conditions, values


def prefix_query(words: Sequence[str]) -> str:
    """A tsquery that every word begins some term of: `'mara':* & 'ab-12':*`."""
    quoted = ("'" + word.lower().replace("\\", "\\\\").replace("'", "''") + "':*" for word in words)
    return " & ".join(quoted)


def _order_row(row: Row) -> OrderRow:
    return OrderRow(
        id=row["id"],
        number=row["number"],
        status=OrderStatus(row["status"]),
        payment_status=OrderPaymentStatus(row["payment_status"]),
        fulfillment_status=FulfillmentStatus(row["fulfillment_status"]),
        placed_at=row["placed_at"],
        email=row["email"],
        name=row["name"],
        total=Money(row["total"], row["currency"]),
        item_count=row["item_count"],
        version=row["version"],
        return_status=ReturnStatus(row["return_status"]),
        tags=row["tags"],
    )
