"""Changes of orders: previewed, confirmed, brought back; and the lines and amounts that follow from them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from mercato.contracts.carts import TaxLine
from mercato.contracts.orders import ChangeKind, ChangeStatus, ReturnRow
from mercato.contracts.shared import Address
from mercato.kernel.db import Queries, Row, Tx
from mercato.kernel.money import Money
from mercato.orders.change_rows import ChangePart, ChangeRow, Sums
from mercato.orders.records import LineRow, PlacedOrder
from mercato.orders.store.placing import line_columns

_parts = msgspec.json.Decoder(list[ChangePart])
_tax_lines = msgspec.json.Decoder(list[TaxLine])
_address = msgspec.json.Decoder(Address)

COLUMNS = """c.id, c.order_id, c.kind, c.status, c.lines, c.total_before, c.total_change, c.credit, c.credited,
  c.fee, c.delivery_credit, c.reason, c.created_at, c.created_by, c.confirmed_at, c.received_at, c.closed_at,
  c.papered_at"""


async def sums_of(tx: Tx, *, order: PlacedOrder) -> tuple[Sums, Address]:
    """What the locked order costs, and where it goes: taxes follow the address."""
    row = await tx.fetchrow(
        "select subtotal, discount, delivery_price, tax, tax_included, total, tax_lines, item_count, currency,"
        " paid_by_credit, shipping_address from orders.orders where id = $1",
        order.id,
    )
    assert row is not None
    values: dict[str, Any] = dict(row)
    address = _address.decode(values.pop("shipping_address"))
    return Sums(**{**values, "tax_lines": _tax_lines.decode(values["tax_lines"])}), address


async def insert(db: Queries, *, change: ChangeRow) -> None:
    await db.execute(
        "insert into orders.changes (id, order_id, kind, status, lines, total_before, total_change, credit, reason,"
        " created_at, created_by, confirmed_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        change.id, change.order_id, change.kind, change.status, _json(change.lines), change.total_before,
        change.total_change, change.credit, change.reason, change.created_at, change.created_by,
        change.confirmed_at,
    )  # fmt: skip


async def get(db: Queries, *, change_id: UUID) -> ChangeRow | None:
    row = await db.fetchrow(f"select {COLUMNS} from orders.changes c where id = $1", change_id)
    return None if row is None else _change(row)


async def currency_of(db: Queries, *, change_id: UUID) -> str:
    """The currency of the order that the change is of."""
    found: str = await db.fetchval(
        "select o.currency from orders.changes c join orders.orders o on o.id = c.order_id where c.id = $1",
        change_id,
    )
    return found


async def of_order(db: Queries, *, order_id: UUID) -> list[ChangeRow]:
    """The changes of an order that are more than previews, oldest first."""
    rows = await db.fetch(
        f"select {COLUMNS} from orders.changes c where order_id = $1 and status <> 'draft' order by id",
        order_id,
    )
    return [_change(row) for row in rows]


async def owners_of(db: Queries, *, order_id: UUID) -> list[UUID]:
    """The changes of an order that hold stock of their own: each is an owner of it."""
    rows = await db.fetch(
        "select id from orders.changes where order_id = $1 and kind <> 'return' and status <> 'draft'"
        " and confirmed_at is not null",
        order_id,
    )
    return [row["id"] for row in rows]


async def confirmed(db: Queries, *, change_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these are confirmed changes: what they hold is sold."""
    rows = await db.fetch(
        "select id from orders.changes where id = any($1) and confirmed_at is not null", change_ids
    )
    return {row["id"] for row in rows}


async def save(tx: Tx, *, change: ChangeRow) -> None:
    """Write what a step has made of the change."""
    await tx.execute(
        "update orders.changes set status = $2, lines = $3, credited = $4, fee = $5, delivery_credit = $6,"
        " confirmed_at = $7, received_at = $8, closed_at = $9, reason = $10 where id = $1",
        change.id, change.status, _json(change.lines), change.credited, change.fee, change.delivery_credit,
        change.confirmed_at, change.received_at, change.closed_at, change.reason,
    )  # fmt: skip


async def set_papered(tx: Tx, *, order_id: UUID, at: datetime) -> None:
    """An invoice shows the order with all its changes so far."""
    await tx.execute(
        "update orders.changes set papered_at = $2 where order_id = $1 and papered_at is null"
        " and confirmed_at is not null",
        order_id, at,
    )  # fmt: skip


async def close(tx: Tx, *, change_id: UUID, now: datetime) -> None:
    """received → refunded: its money has gone back."""
    await tx.execute(
        "update orders.changes set status = 'refunded', closed_at = $2 where id = $1 and status = 'received'",
        change_id, now,
    )  # fmt: skip


async def write_lines(
    tx: Tx, *, order: PlacedOrder, before: Sequence[LineRow], after: Sequence[LineRow]
) -> None:
    """Bring the order's lines from `before` to `after`; new ones can be searched for."""
    known = {line.id: line for line in before}
    kept = {line.id for line in after}
    gone = [line_id for line_id in known if line_id not in kept]
    if gone:
        await tx.execute(
            "delete from orders.lines where order_id = $1 and attempt = $2 and id = any($3)",
            order.id, order.attempt, gone,
        )  # fmt: skip
    changed = [line for line in after if line.id in known and line != known[line.id]]
    if changed:
        await tx.execute(
            "update orders.lines l set quantity = x.quantity, total = x.total, tax = x.tax, discounts = x.discounts,"
            " quantity_returned = x.returned from unnest($3::uuid[], $4::int[], $5::bigint[], $6::bigint[],"
            " $7::jsonb[], $8::int[]) x(id, quantity, total, tax, discounts, returned)"
            " where l.order_id = $1 and l.attempt = $2 and l.id = x.id",
            order.id, order.attempt, [line.id for line in changed], [line.quantity for line in changed],
            [line.total for line in changed], [line.tax for line in changed],
            [_json(line.discounts) for line in changed], [line.quantity_returned for line in changed],
        )  # fmt: skip
    new = [line for line in after if line.id not in known]
    if new:
        await tx.execute(
            "insert into orders.lines (order_id, attempt, position, id, variant_id, product_id, slug, name, options,"
            " sku, image, quantity, unit_price, list_price, discounts, tax, total) select $1::uuid, $2::int, x.* from"
            " unnest($3::int[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::jsonb[], $10::text[],"
            " $11::text[], $12::int[], $13::bigint[], $14::bigint[], $15::jsonb[], $16::bigint[], $17::bigint[]) x",
            order.id, order.attempt, *line_columns(new),
        )  # fmt: skip


async def write_order(
    tx: Tx,
    *,
    order: PlacedOrder,
    sums: Sums,
    credited: int,
    payment_status: str,
    fulfillment_status: str,
    return_status: str,
    status: str,
    now: datetime,
) -> None:
    """Write what a change made of the order; its version grows."""
    await tx.execute(
        "update orders.orders set subtotal = $2, discount = $3, tax = $4, total = $5, due_amount = greatest(0, $5 - paid_by_credit),"
        " tax_lines = $6, item_count = $7, credited = $8, payment_status = $9, fulfillment_status = $10,"
        " return_status = $11, status = $12,"
        " completed_at = case when $12 = 'completed' then coalesce(completed_at, $13::timestamptz) end,"
        " version = version + 1 where id = $1",
        order.id, sums.subtotal, sums.discount, sums.tax, sums.total, _json(sums.tax_lines), sums.item_count,
        credited, payment_status, fulfillment_status, return_status, status, now,
    )  # fmt: skip


async def add_terms(tx: Tx, *, order_id: UUID, words: Sequence[str]) -> None:
    """The order is found by these words too."""
    terms = sorted({word.lower() for word in words if word})
    if terms:
        await tx.execute(
            "update orders.search set terms = array_to_tsvector(array(select distinct w from"
            " unnest(tsvector_to_array(terms) || $2::text[]) w)) where order_id = $1",
            order_id, terms,
        )  # fmt: skip


LIST = f"""select {COLUMNS}, o.number, o.email, o.name, o.currency from orders.changes c
  join orders.orders o on o.id = c.order_id where c.kind in ('return', 'exchange') and c.status <> 'draft'
  and ($1::text is null or c.status = $1) and ($2::timestamptz is null or (c.created_at, c.id) < ($2, $3::uuid))
  and ($5::text[] is null or o.channel = any($5))
  order by c.created_at desc, c.id desc limit $4"""


async def list_returns(
    db: Queries,
    *,
    status: ChangeStatus | None,
    channels: Sequence[str] | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[ReturnRow]:
    """Returns and exchanges, newest first."""
    at, last = before or (None, None)
    rows = await db.fetch(LIST, status, at, last, limit, channels)
    return [_return_row(row) for row in rows]


async def count_returns(db: Queries, *, status: ChangeStatus | None, channels: Sequence[str] | None) -> int:
    found: int = await db.fetchval(
        "select count(*) from orders.changes c join orders.orders o on o.id = c.order_id"
        " where c.kind in ('return', 'exchange') and c.status <> 'draft'"
        " and ($1::text is null or c.status = $1) and ($2::text[] is null or o.channel = any($2))",
        status, channels,
    )  # fmt: skip
    return found


async def forget_drafts(db: Queries, *, before: datetime) -> None:
    """Previews that nobody confirmed."""
    await db.execute("delete from orders.changes where status = 'draft' and created_at < $1", before)


def change_of(values: dict[str, Any]) -> ChangeRow:
    """The change in the columns COLUMNS."""
    values["kind"] = ChangeKind(values["kind"])
    values["status"] = ChangeStatus(values["status"])
    values["lines"] = _parts.decode(values["lines"])
    return ChangeRow(**values)


def _change(row: Row) -> ChangeRow:
    return change_of(dict(row))


def _return_row(row: Row) -> ReturnRow:
    values = dict(row)
    number, email, name, currency = (values.pop(key) for key in ("number", "email", "name", "currency"))
    change = change_of(values)
    units = sum(part.quantity for part in change.lines if part.action == "return")
    return ReturnRow(
        id=change.id,
        kind=change.kind,
        status=change.status,
        order_id=change.order_id,
        number=number,
        email=email,
        name=name,
        units=units,
        credit=Money(change.credited if change.received_at else change.credit, currency),
        reason=change.reason,
        created_at=change.created_at,
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
