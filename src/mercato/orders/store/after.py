"""The life after the sale: locked orders, their money, their parcels, their timeline. All within a `Tx`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from mercato.contracts.notifications import SentMessage
from mercato.contracts.orders import OrderStatus, ParcelStatus
from mercato.kernel.db import Queries, Row, Tx
from mercato.kernel.ids import new_id
from mercato.orders.domain import Amounts, Awaiting, Quantities
from mercato.orders.records import LineRow, ParcelRow, PaymentRow, PlacedOrder, StoryRow
from mercato.orders.store.placing import story_columns

_LOCKED = """o.id, o.cart_id, o.number, o.status, o.version, o.attempt, o.payment_status, o.fulfillment_status,
  o.awaiting, o.provider, o.email, o.locale, o.channel, o.currency, o.total, o.due_amount, o.item_count, o.paid_at,
  o.credited, o.authorized, o.captured, o.refunded, o.voided"""

_parcel_lines = msgspec.json.Decoder(ParcelRow)
_lines = msgspec.json.Decoder(list[LineRow])


async def lock(tx: Tx, *, order_id: UUID) -> PlacedOrder | None:
    """The order, locked until the transaction ends."""
    found = await lock_many(tx, order_ids=[order_id])
    return found[0] if found else None


async def lock_many(tx: Tx, *, order_ids: Sequence[UUID]) -> list[PlacedOrder]:
    """The orders in the order of their ids, locked until the transaction ends."""
    rows = await tx.fetch(
        f"select {_LOCKED} from orders.orders o where o.id = any($1) order by o.id for no key update",
        order_ids,
    )
    return [_placed(row) for row in rows]


async def lock_of_parcels(tx: Tx, *, fulfillment_ids: Sequence[UUID]) -> None:
    """Lock the orders of these fulfillments, in the order of their ids."""
    await tx.execute(
        "select 1 from orders.orders where id in (select order_id from orders.fulfillments where id = any($1))"
        " order by id for no key update",
        fulfillment_ids,
    )


async def tell(tx: Tx, *, order_id: UUID, at: datetime, story: Sequence[StoryRow]) -> None:
    """Add rows to the timeline."""
    if story:
        await tx.execute(
            "insert into orders.timeline (order_id, at, kind, actor, text, data)"
            " select $1::uuid, $2::timestamptz, x.* from unnest($3::text[], $4::text[], $5::text[], $6::jsonb[]) x",
            order_id, at, *story_columns(story),
        )  # fmt: skip


async def tell_mail(tx: Tx, *, sent: Sequence[SentMessage]) -> set[UUID]:
    """Add mails to the timelines of their orders; returns the orders that there are."""
    data = [
        msgspec.json.encode({"template": one.template, "recipient": one.recipient}).decode() for one in sent
    ]
    rows = await tx.fetch(
        "insert into orders.timeline (order_id, at, kind, actor, text, data)"
        " select o.id, x.at, 'mail_sent', 'system', 'E-mail sent: ' || x.title, x.data"
        " from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::jsonb[]) with ordinality"
        " x(order_id, at, title, data, position) join orders.orders o on o.id = x.order_id"
        " order by x.position returning order_id",
        [one.order_id for one in sent], [one.sent_at for one in sent], [one.title for one in sent], data,
    )  # fmt: skip
    return {row["order_id"] for row in rows}


async def touch(tx: Tx, *, order_id: UUID) -> None:
    """The order has changed: its version grows."""
    await tx.execute("update orders.orders set version = version + 1 where id = $1", order_id)


# Money


async def payments_of(db: Queries, *, order_ids: Sequence[UUID]) -> list[PaymentRow]:
    rows = await db.fetch(
        "select id, order_id, provider, authorized, captured, refunded, voided from orders.payments"
        " where order_id = any($1)",
        order_ids,
    )
    return [PaymentRow(**dict(row)) for row in rows]


async def keep_payments(tx: Tx, *, payments: Sequence[PaymentRow]) -> None:
    """Take over what payments says; amounts only ever grow, so old news changes nothing."""
    await tx.execute(
        "insert into orders.payments as p (id, order_id, provider, authorized, captured, refunded, voided)"
        " select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],"
        " $7::bigint[]) on conflict (id) do update set authorized = greatest(p.authorized, excluded.authorized),"
        " captured = greatest(p.captured, excluded.captured), refunded = greatest(p.refunded, excluded.refunded),"
        " voided = greatest(p.voided, excluded.voided)",
        [p.id for p in payments], [p.order_id for p in payments], [p.provider for p in payments],
        [p.authorized for p in payments], [p.captured for p in payments], [p.refunded for p in payments],
        [p.voided for p in payments],
    )  # fmt: skip


async def set_money(
    tx: Tx,
    *,
    order_id: UUID,
    paid: Amounts,
    payment_status: str,
    status: OrderStatus,
    now: datetime,
    is_paid: bool,
    credited: int,
) -> None:
    """Write the sums over all payments and what follows from them."""
    await tx.execute(
        "update orders.orders set authorized = $2, captured = $3, refunded = $4, voided = $5, payment_status = $6,"
        " status = $7, paid_at = case when $9 then coalesce(paid_at, $8::timestamptz) else paid_at end,"
        " completed_at = case when $7 = 'completed' then coalesce(completed_at, $8::timestamptz) end,"
        " credited = $10, version = version + 1 where id = $1",
        order_id, paid.authorized, paid.captured, paid.refunded, paid.voided, payment_status, status, now, is_paid,
        credited,
    )  # fmt: skip


async def set_recovery(tx: Tx, *, order_id: UUID, due: datetime) -> None:
    """Money came in for a refused order: the sweeper tries to place it after all."""
    await tx.execute(
        "update orders.orders set awaiting = 'recovery', due = $2, tries = 0 where id = $1 and status = 'expired'",
        order_id, due,
    )  # fmt: skip


async def book_sale(tx: Tx, *, order: PlacedOrder, kind: str, at: datetime, units: int, amount: int) -> None:
    """A row in the books of sales: `change`, `refund` or `cancellation`."""
    await tx.execute(
        "insert into orders.sales (id, order_id, kind, at, channel, currency, units, amount)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8)",
        new_id(), order.id, kind, at, order.channel, order.currency, units, amount,
    )  # fmt: skip


async def set_canceled(tx: Tx, *, order_id: UUID, at: datetime, actor: str, reason: str) -> None:
    await tx.execute(
        "update orders.orders set status = 'canceled', canceled_at = $2, canceled_by = $3, cancel_reason = $4,"
        " version = version + 1 where id = $1",
        order_id, at, actor, reason,
    )  # fmt: skip


# Parcels


async def lines_of(db: Queries, *, order: PlacedOrder) -> list[LineRow]:
    found = await db.fetchval(
        "select json_agg(l order by l.position) from orders.lines l where order_id = $1 and attempt = $2",
        order.id, order.attempt,
    )  # fmt: skip
    return _lines.decode(found) if found else []


async def parcels_of(db: Queries, *, order_id: UUID) -> list[ParcelRow]:
    rows = await db.fetch(
        "select to_json(f) as parcel from (select f.*, (select coalesce(json_agg(x order by x.line_id), '[]') from"
        " (select line_id, quantity from orders.fulfillment_lines where fulfillment_id = f.id) x) as lines"
        " from orders.fulfillments f where f.order_id = $1 order by f.created_at, f.id) f",
        order_id,
    )
    return [_parcel_lines.decode(row["parcel"]) for row in rows]


async def order_of_parcel(db: Queries, *, fulfillment_id: UUID) -> UUID | None:
    found: UUID | None = await db.fetchval(
        "select order_id from orders.fulfillments where id = $1", fulfillment_id
    )
    return found


async def add_parcel(
    tx: Tx,
    *,
    parcel_id: UUID,
    order_id: UUID,
    location_id: UUID | None,
    lines: dict[UUID, int],
    now: datetime,
    actor: str,
) -> None:
    await tx.execute(
        "with parcel as (insert into orders.fulfillments (id, order_id, status, created_at, created_by, location_id)"
        " values ($1, $2, 'pending', $3, $4, $7) returning id)"
        " insert into orders.fulfillment_lines (fulfillment_id, line_id, quantity)"
        " select parcel.id, x.* from parcel, unnest($5::uuid[], $6::int[]) x",
        parcel_id, order_id, now, actor, list(lines), list(lines.values()), location_id,
    )  # fmt: skip


async def set_tracking(
    tx: Tx, *, parcel_id: UUID, carrier: str | None, tracking_number: str | None, tracking_url: str | None
) -> None:
    """Where the parcel can be followed; its order is found by the number."""
    await tx.execute(
        "with parcel as (update orders.fulfillments set carrier = coalesce($2, carrier),"
        " tracking_number = coalesce($3, tracking_number), tracking_url = coalesce($4, tracking_url) where id = $1"
        " returning order_id) update orders.search s set terms = array_to_tsvector(array(select distinct w from"
        " unnest(tsvector_to_array(s.terms) || regexp_split_to_array(lower($3::text), '[[:space:]]+')) w"
        " where w <> ''))"
        " from parcel where s.order_id = parcel.order_id and $3::text <> ''",
        parcel_id, carrier, tracking_number, tracking_url,
    )  # fmt: skip


async def tags_of(tx: Tx, *, order_id: UUID) -> list[str]:
    found: list[str] = await tx.fetchval("select tags from orders.orders where id = $1", order_id)
    return found


async def set_tags(tx: Tx, *, order_id: UUID, tags: Sequence[str]) -> None:
    await tx.execute(
        "update orders.orders set tags = $2, version = version + 1 where id = $1", order_id, tags
    )


async def set_parcel_status(tx: Tx, *, parcel_id: UUID, status: ParcelStatus, at: datetime) -> None:
    await tx.execute(
        "update orders.fulfillments set status = $2,"
        " shipped_at = case when $2 = 'shipped' then $3::timestamptz else shipped_at end,"
        " delivered_at = case when $2 = 'delivered' then $3::timestamptz else delivered_at end,"
        " canceled_at = case when $2 = 'canceled' then $3::timestamptz else canceled_at end where id = $1",
        parcel_id, status, at,
    )  # fmt: skip


async def set_fulfilled(
    tx: Tx,
    *,
    order: PlacedOrder,
    shipped: dict[UUID, Quantities],
    fulfillment_status: str,
    status: OrderStatus,
    now: datetime,
) -> None:
    """Write what has left the house per line, and what follows for the order."""
    await tx.execute(
        "update orders.lines l set quantity_fulfilled = x.quantity"
        " from unnest($3::uuid[], $4::int[]) x(id, quantity)"
        " where l.order_id = $1 and l.attempt = $2 and l.id = x.id and l.quantity_fulfilled <> x.quantity",
        order.id, order.attempt, list(shipped), [line.shipped for line in shipped.values()],
    )  # fmt: skip
    await tx.execute(
        "update orders.orders set fulfillment_status = $2, status = $3,"
        " completed_at = case when $3 = 'completed' then coalesce(completed_at, $4::timestamptz) end,"
        " version = version + 1 where id = $1",
        order.id, fulfillment_status, status, now,
    )  # fmt: skip


def _placed(row: Row) -> PlacedOrder:
    values: dict[str, Any] = dict(row)
    paid = Amounts(*(values.pop(name) for name in ("authorized", "captured", "refunded", "voided")))
    values["status"] = OrderStatus(values["status"])
    values["awaiting"] = Awaiting(values["awaiting"]) if values["awaiting"] else None
    return PlacedOrder(**values, paid=paid)
