"""In a shop full of orders, statements find their rows by an index; more lines take no more statements."""

import re
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from mercato.contracts.carts import NewLine
from mercato.contracts.orders import (
    ChangeInput,
    ChangeKind,
    FulfillmentStatus,
    LineQuantity,
    OrderPaymentStatus,
    OrderStatus,
    ReturnLine,
    ReturnReceipt,
)
from mercato.kernel import clock
from mercato.kernel.db import Database, Row, start_cost
from mercato.kernel.ids import new_id
from mercato.orders.store import after, figures, intents, placing, reading, resuming, stuck
from mercato.orders.store.reading import ORDER_SORTS, ListFilter
from orders.conftest import STAFF, Till

T = TypeVar("T")
_BIG = re.compile(r"Seq Scan on (orders|lines|timeline|payments|intents|sales|search|fulfillments)\b")

FILL = """
insert into orders.orders (id, cart_id, number, status, payment_status, fulfillment_status, provider, email,
  customer_id, name, locale, channel, currency, subtotal, discount, delivery_price, tax, tax_included, total,
  due_amount, item_count, shipping_address, billing_address, delivery, tax_lines, coupons, created_at,
  placed_at, due)
select gen_random_uuid(), gen_random_uuid(), 'N' || n,
  case when n % 50 = 0 then 'draft' when n % 10 = 0 then 'placed' else 'completed' end, 'paid', 'fulfilled',
  'simulator', 'buyer' || n || '@example.org', gen_random_uuid(), 'Buyer', 'en', 'default', 'EUR', n, 0, 0, 0,
  true, n, n, 1, '{}', '{}', '{}', '[]', '{}', now() - n * interval '1 minute',
  case when n % 50 > 0 then now() - n * interval '1 minute' end,
  case when n % 50 = 0 then now() + interval '1 hour' end
from generate_series(1, 4000) n;
insert into orders.lines (order_id, attempt, position, id, variant_id, product_id, slug, name, options, sku,
  quantity, unit_price, list_price, discounts, tax, total)
select id, 1, 0, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'mug', 'Mug', '{}', 'MUG', 1, 1, 1,
  '[]', 0, 1 from orders.orders;
insert into orders.timeline (order_id, at, kind, actor, text) select id, now(), 'placed', 'x', 'x'
from orders.orders;
insert into orders.payments select gen_random_uuid(), id, 'simulator', 1, 1, 0, 0 from orders.orders;
insert into orders.intents (id, order_id, kind, key, actor, created_at, done_at)
select gen_random_uuid(), id, 'refund', id::text, 'x', now(), now() from orders.orders;
insert into orders.sales select gen_random_uuid(), id, 'sale', created_at, 'default', 'EUR', 1, 1
from orders.orders;
insert into orders.search select id, array_to_tsvector(array[lower(number), email]) from orders.orders;
insert into orders.fulfillments (id, order_id, status, created_at, created_by)
select gen_random_uuid(), id, 'shipped', now(), 'x' from orders.orders;
analyze orders.orders, orders.lines, orders.timeline, orders.payments, orders.intents, orders.sales,
  orders.search, orders.fulfillments;
"""


class Recorder:
    """Runs statements and remembers their text."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.seen: dict[str, tuple[Any, ...]] = {}

    async def fetch(self, sql: str, *args: Any) -> list[Row]:
        self.seen[sql] = args
        return await self.db.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: Any) -> Row | None:
        self.seen[sql] = args
        return await self.db.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        self.seen[sql] = args
        return await self.db.fetchval(sql, *args)

    async def execute(self, sql: str, *args: Any) -> str:
        self.seen[sql] = args
        return await self.db.execute(sql, *args)

    async def scans(self) -> dict[str, str]:
        """The statements whose plan reads a whole table, with that line of the plan."""
        found = {}
        for sql, args in self.seen.items():
            plan = await self.db.fetch(f"explain {sql}", *args)
            bad = [row[0].strip() for row in plan if _BIG.search(row[0])]
            if bad:
                found[sql] = bad[0]
        return found


@pytest.fixture
async def full(till: Till) -> Recorder:
    await till.db.execute(FILL)
    return Recorder(till.db)


async def test_reading_an_order_and_lists_use_indexes(full: Recorder) -> None:
    now = clock.now()
    filters = [
        ListFilter(),
        ListFilter(terms=["n17"]),
        ListFilter(email="buyer17@example.org"),
        ListFilter(customer_id=new_id()),
        ListFilter(status=OrderStatus.DRAFT),
    ]
    for where in filters:
        for sort in ORDER_SORTS:
            first = await reading.list_rows(full, where=where, sort=sort, limit=2, after=None)
            if first:
                position = reading.cursor_of(where, sort, first[-1])
                await reading.list_rows(full, where=where, sort=sort, limit=2, after=position)
    narrowed = ListFilter(
        status=OrderStatus.PLACED,
        payment_status=OrderPaymentStatus.PAID,
        fulfillment_status=FulfillmentStatus.FULFILLED,
        created_after=now - timedelta(days=1),
        created_before=now,
    )
    await reading.list_rows(full, where=narrowed, sort="-placed_at", limit=24, after=None)
    await reading.view(full, order_id=new_id())
    await reading.view(full, order_id=new_id(), for_staff=True)
    await reading.id_of_number(full, number="N17")
    await reading.id_of_customer(full, number="N17", customer_id=new_id())
    await figures.counts(full, stale_before=now)
    await figures.customer_figures(full, emails=["buyer17@example.org"])
    assert await full.scans() == {}


async def test_the_sweeper_and_placing_use_indexes(full: Recorder) -> None:
    now = clock.now()
    later = now + timedelta(seconds=20)
    await placing.draft_of_cart(full, cart_id=new_id())
    await placing.draft(full, order_id=new_id())
    await placing.orders_of_carts(full, cart_ids=[new_id()])
    await resuming.take_due(full, now=now, lease_until=later, limit=50)
    await resuming.hurry(full, order_ids=[new_id()], now=now)
    await intents.take_due(full, now=now, lease_until=later, limit=50)
    await intents.by_key(full, key="x")
    await stuck.everything(full, limit=24)
    await stuck.try_again(full, order_id=new_id(), now=now)  # type: ignore[arg-type]
    await intents.open_of_orders(full, order_ids=[new_id()])
    await after.payments_of(full, order_ids=[new_id()])
    await after.parcels_of(full, order_id=new_id())
    await after.order_of_parcel(full, fulfillment_id=new_id())
    await figures.money_page(full, after=None, limit=10)
    assert await full.scans() == {}


async def test_a_change_and_a_return_cost_as_many_statements_for_thirty_lines_as_for_two(till: Till) -> None:
    few, many = await costs_of_changes(till, 2), await costs_of_changes(till, 30)

    assert many == few
    assert min(few.values()) > 0


async def costs_of_changes(till: Till, lines: int) -> dict[str, int]:
    """Statements of everybody for each step: half of a unit of each line is taken off and as many lines are
    added, then what was sent of all lines comes back."""
    variants = [await till.put(100) for _ in range(lines)]
    placement = await till.place(till.carts.open_cart(*((variant, 2, 1200) for variant in variants)))
    assert placement.order is not None
    order = placement.order
    await till.deliver_events()
    costs = {}

    async def count(step: str, work: Awaitable[T]) -> T:
        cost = start_cost()
        done = await work
        costs[step] = cost.statements
        return done

    added = [await till.put(100) for _ in range(lines)]
    wish = ChangeInput(
        kind=ChangeKind.EDIT,
        quantities=[LineQuantity(line.id, 1) for line in order.lines],
        add=[NewLine(variant, 1) for variant in added],
    )
    change = await count("preview", till.orders.preview_change(STAFF, order_id=order.id, change=wish))
    order = await count("confirm", till.orders.confirm_change(STAFF, change_id=change.id))
    assert [line.quantity for line in order.lines] == [1] * 2 * lines
    packed = await count("pack", till.orders.create_fulfillment(STAFF, order_id=order.id))
    parcel = packed.fulfillments[0].id
    order = await count("ship", till.orders.ship(STAFF, fulfillment_id=parcel))
    wanted = [ReturnLine(line.id, 1, "too big") for line in order.lines]
    token = till.orders._parts.token_of(order.id)
    asked = await count(
        "ask", till.orders.request_return(STAFF, number=order.number, token=token, lines=wanted)
    )
    back = asked.changes[-1].id
    await count("approve", till.orders.approve_return(STAFF, change_id=back))
    order = await count("receive", till.orders.receive_return(STAFF, change_id=back, receipt=ReturnReceipt()))
    assert [line.quantity_returned for line in order.lines] == [1] * 2 * lines
    await till.deliver_events()
    await till.assert_books_agree()
    return costs
