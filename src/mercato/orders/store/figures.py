"""Figures: sales by day or hour, top products, what waits for someone, what `verify` compares."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mercato.contracts.orders import OrderCounts, SalesPoint, TopProduct
from mercato.contracts.shared import Difference
from mercato.kernel.db import Queries, Row

MAX_TOP_PRODUCTS = 10


async def sales(db: Queries, *, channel: str, starts: Sequence[datetime]) -> list[SalesPoint]:
    """One point per time between two of `starts`, which are in order; empty ones included."""
    rows = await db.fetch(
        "with facts as (select width_bucket(at, $2::timestamptz[]) as number,"
        " count(*) filter (where kind = 'sale') as orders,"
        " coalesce(sum(units) filter (where kind in ('sale', 'change')), 0) as units,"
        " coalesce(sum(amount) filter (where kind in ('sale', 'change')), 0) as gross,"
        " coalesce(sum(amount) filter (where kind in ('refund', 'cancellation')), 0) as refunded"
        " from orders.sales where channel = $1 and at >= $3 and at < $4 group by 1)"
        " select s.at, coalesce(f.orders, 0)::int as orders, coalesce(f.units, 0)::int as units,"
        " coalesce(f.gross, 0)::bigint as gross, coalesce(f.refunded, 0)::bigint as refunded"
        " from unnest($2::timestamptz[]) with ordinality s(at, number) left join facts f using (number)"
        " where s.at < $4 order by s.at",
        channel, starts, starts[0], starts[-1],
    )  # fmt: skip
    return [
        SalesPoint(
            at=row["at"],
            orders=row["orders"],
            units=row["units"],
            gross=row["gross"],
            refunded=row["refunded"],
            net=row["gross"] - row["refunded"],
        )
        for row in rows
    ]


async def top_products(db: Queries, *, channel: str, start: datetime, end: datetime) -> list[TopProduct]:
    """The products that brought most, of orders placed in the time and not canceled."""
    rows = await db.fetch(
        "select l.product_id, max(l.name) as name, max(l.slug) as slug, sum(l.quantity)::int as units,"
        " sum(l.total)::bigint as revenue from orders.orders o"
        " join orders.lines l on l.order_id = o.id and l.attempt = o.attempt"
        " where o.placed_at >= $2 and o.placed_at < $3 and o.channel = $1 and o.status <> 'canceled'"
        " group by l.product_id order by revenue desc, l.product_id limit $4",
        channel, start, end, MAX_TOP_PRODUCTS,
    )  # fmt: skip
    return [TopProduct(**dict(row)) for row in rows]


async def counts(db: Queries, *, stale_before: datetime) -> OrderCounts:
    """How many orders wait for someone; drafts count that are parked or long overdue."""
    row = await db.fetchrow(
        "select count(*) filter (where fulfillment_status in ('unfulfilled', 'partial')"
        " and payment_status <> 'refunded') as unfulfilled,"
        " count(*) filter (where payment_status in ('none', 'authorized', 'partially_paid')) as unpaid,"
        " (select count(*) from orders.orders where due < $1)"
        " + (select count(*) from orders.orders where parked_at is not null)"
        " + (select count(*) from orders.intents where parked_at is not null) as stale_drafts"
        " from orders.orders where status = 'placed'",
        stale_before,
    )
    return (
        OrderCounts(row["unfulfilled"], row["unpaid"], row["stale_drafts"]) if row else OrderCounts(0, 0, 0)
    )


async def customer_figures(db: Queries, *, emails: Sequence[str]) -> list[Row]:
    """Per e-mail: orders, what was spent (captured less refunded) per currency, the last order."""
    return await db.fetch(
        "select lower(email) as email, currency, count(*)::int as orders,"
        " sum(captured - refunded)::bigint as spent, max(placed_at) as last_order_at"
        " from orders.orders where lower(email) = any($1) and placed_at is not null and status <> 'canceled'"
        " group by 1, 2 order by 1, 5 desc",
        [email.lower() for email in emails],
    )


async def wrong_totals(db: Queries, *, limit: int) -> list[Difference]:
    """Orders whose total is not the sum of its lines, delivery and tax."""
    rows = await db.fetch(
        "select o.id, o.total, (coalesce(l.total, 0) + o.delivery_price + case when o.tax_included then 0 else o.tax"
        " end)::bigint as found from orders.orders o left join lateral (select sum(total) as total from orders.lines"
        " where order_id = o.id and attempt = o.attempt) l on true"
        " where o.total <> coalesce(l.total, 0) + o.delivery_price + case when o.tax_included then 0 else o.tax end"
        " or o.due_amount <> greatest(0, o.total - o.paid_by_credit) limit $1",
        limit,
    )
    return [Difference("order_total", str(row["id"]), str(row["total"]), str(row["found"])) for row in rows]


async def wrong_sales(db: Queries, *, limit: int) -> list[Difference]:
    """Placed orders whose books of sales are not: one sale, with its changes the total, and what was credited."""
    rows = await db.fetch(
        "select o.id, o.total, o.credited, s.* from orders.orders o left join lateral (select"
        " count(*) filter (where kind = 'sale') as sales,"
        " coalesce(sum(amount) filter (where kind in ('sale', 'change')), 0)::bigint as sold,"
        " coalesce(sum(amount) filter (where kind = 'refund'), 0)::bigint as refunded"
        " from orders.sales where order_id = o.id) s on true"
        " where o.placed_at is not null and (s.sales, s.sold, s.refunded) <> (1, o.total, o.credited) limit $1",
        limit,
    )
    return [
        Difference(
            "order_sales",
            str(row["id"]),
            f"1 sale, {row['total']}, {row['credited']} credited",
            f"{row['sales']}, {row['sold']}, {row['refunded']}",
        )
        for row in rows
    ]


async def wrong_returns(db: Queries, *, limit: int) -> list[Difference]:
    """Lines of which other units came back than their returns say, or more than were sent."""
    rows = await db.fetch(
        "select l.id, l.quantity_returned, coalesce(r.units, 0)::int as found from orders.lines l"
        " join orders.orders o on o.id = l.order_id and o.attempt = l.attempt"
        " left join (select (x ->> 'line_id')::uuid as line_id, sum((x ->> 'received')::int) as units"
        " from orders.changes c, jsonb_array_elements(c.lines) x where c.status in ('received', 'refunded')"
        " and x ->> 'action' = 'return' group by 1) r on r.line_id = l.id"
        " where l.quantity_returned <> coalesce(r.units, 0) or l.quantity_returned > l.quantity_fulfilled limit $1",
        limit,
    )
    return [
        Difference("returned_units", str(row["id"]), str(row["found"]), str(row["quantity_returned"]))
        for row in rows
    ]


async def stuck(db: Queries, *, overdue_before: datetime, limit: int) -> list[Difference]:
    """Drafts and intents that are parked, or overdue for so long that no sweeper can be at work."""
    rows = await db.fetch(
        "select 'draft' as check, id, coalesce(last_error, 'overdue') as found from orders.orders"
        " where parked_at is not null or due < $1"
        " union all select 'intent', id, coalesce(error, 'overdue') from orders.intents"
        " where parked_at is not null or due < $1 limit $2",
        overdue_before, limit,
    )  # fmt: skip
    return [Difference(f"stuck_{row['check']}", str(row["id"]), "done", row["found"]) for row in rows]


async def money_page(db: Queries, *, after: UUID | None, limit: int) -> list[Row]:
    """Orders with their amounts, in the order of their ids, for comparing with payments."""
    return await db.fetch(
        "select id, cart_id, status, payment_status, total, credited, authorized, captured, refunded, voided,"
        " exists (select 1 from orders.intents i where i.order_id = o.id and i.done_at is null) as in_work"
        " from orders.orders o where status <> 'draft' and ($1::uuid is null or id > $1) order by id limit $2",
        after, limit,
    )  # fmt: skip


async def promised_units(db: Queries, *, after: UUID | None, limit: int) -> dict[UUID, int]:
    """Units per variant that placed orders still wait for, in the order of variants."""
    rows = await db.fetch(
        "select l.variant_id, sum(l.quantity - l.quantity_fulfilled)::int as units from orders.orders o"
        " join orders.lines l on l.order_id = o.id and l.attempt = o.attempt"
        " where o.status in ('placed', 'completed') and ($1::uuid is null or l.variant_id > $1)"
        " and l.gift_card is null"
        " group by 1 order by 1 limit $2",
        after, limit,
    )  # fmt: skip
    return {row["variant_id"]: row["units"] for row in rows}
