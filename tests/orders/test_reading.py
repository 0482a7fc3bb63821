"""Who reads which orders, how lists are searched and paged, what the books of sales say."""

from uuid import UUID

import pytest

from mercato.contracts.orders import Order, OrderPaymentStatus, OrderStatus, PlaceStatus
from mercato.kernel import clock
from mercato.kernel.context import Context, Principal, PrincipalKind
from mercato.kernel.db import start_cost
from mercato.kernel.errors import Denied, Invalid, NotFound, Unauthenticated
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.orders.store import reading
from orders.conftest import GUEST_CONTEXT, STAFF, Clock, Till


def customer(customer_id: UUID, email: str = "kim@example.org") -> Context:
    return Context(principal=Principal(kind=PrincipalKind.USER, id=customer_id, email=email))


async def buy(till: Till, price: int, *, email: str = "mara@example.org", owner: UUID | None = None) -> Order:
    variant_id = await till.put(5)
    cart = till.carts.open_cart((variant_id, 1, price), email=email, customer_id=owner)
    placement = await till.place(cart, ctx=customer(owner) if owner else GUEST_CONTEXT)
    await till.deliver_events()
    assert placement.order is not None
    return placement.order


async def test_a_guest_reads_the_order_with_number_and_token(till: Till) -> None:
    order = await buy(till, 1200)
    seen = await till.orders.order(
        GUEST_CONTEXT, number=f"#{order.number.lower()}", email="Mara@Example.org", token=order.token
    )
    assert seen.id == order.id
    assert seen.token == order.token


@pytest.mark.parametrize("fault", ["no token", "other token", "other e-mail", "other number"])
async def test_a_guest_learns_nothing_without_the_whole_link(till: Till, fault: str) -> None:
    order, other = await buy(till, 1200), await buy(till, 1300)
    token = {"no token": None, "other token": other.token}.get(fault, order.token)
    email = "eve@example.org" if fault == "other e-mail" else None
    number = other.number if fault == "other number" else order.number
    with pytest.raises(NotFound):
        await till.orders.order(GUEST_CONTEXT, number=number, email=email, token=token)


async def test_customers_read_their_own_orders_only(till: Till) -> None:
    kim, lee = new_id(), new_id()
    mine = await buy(till, 1200, owner=kim)
    await buy(till, 1300, owner=lee)
    guest = await buy(till, 1400)
    page = await till.orders.my_orders(customer(kim))
    assert [row.number for row in page.items] == [mine.number]
    assert page.items[0].token == mine.token
    assert (await till.orders.order(customer(kim), number=mine.number)).id == mine.id
    for number in (guest.number,):
        with pytest.raises(NotFound):
            await till.orders.order(customer(kim), number=number)
    with pytest.raises(NotFound):
        await till.orders.order(customer(lee), number=mine.number)
    with pytest.raises(Unauthenticated):
        await till.orders.my_orders(GUEST_CONTEXT)


async def test_shoppers_do_not_read_the_lists_of_staff(till: Till) -> None:
    order = await buy(till, 1200)
    with pytest.raises(Unauthenticated):
        await till.orders.list_orders(GUEST_CONTEXT)
    with pytest.raises(Denied):
        await till.orders.get_order(customer(new_id()), order_id=order.id)


@pytest.mark.parametrize(
    "query", ["{number}", "mara@example.org", "example.org", "lindt", "MUG-S", "sage mug"]
)
async def test_staff_find_an_order_by_number_email_name_sku_and_product(till: Till, query: str) -> None:
    order = await buy(till, 1200)
    found = await till.orders.list_orders(STAFF, query=query.format(number=order.number))
    assert [row.id for row in found.items] == [order.id]
    assert (found.items[0].name, found.items[0].total, found.items[0].item_count) == (
        "Mara Lindt", Money(1690, "EUR"), 1,
    )  # fmt: skip


@pytest.mark.parametrize("query", ["nobody", "mara nobody", "'", "\\", "a' | 'b", ":*", "&"])
async def test_a_search_that_fits_nothing_finds_nothing(till: Till, query: str) -> None:
    await buy(till, 1200)
    assert (await till.orders.list_orders(STAFF, query=query)).items == []


async def test_lists_are_filtered_sorted_and_paged(till: Till) -> None:
    orders = [await buy(till, price) for price in (3000, 1000, 2000)]
    await till.orders.refund(STAFF, order_id=orders[0].id)
    by_total = await till.orders.list_orders(STAFF, sort="total", limit=2)
    assert [row.total.amount for row in by_total.items] == [1490, 2490]
    assert by_total.total == 3
    rest = await till.orders.list_orders(STAFF, sort="total", limit=2, cursor=by_total.next_cursor)
    assert ([row.total.amount for row in rest.items], rest.next_cursor) == ([3490], None)
    newest = await till.orders.list_orders(STAFF, limit=2)
    assert [row.id for row in newest.items] == [orders[2].id, orders[1].id]
    older = await till.orders.list_orders(STAFF, limit=2, cursor=newest.next_cursor)
    assert [row.id for row in older.items] == [orders[0].id]
    refunded = await till.orders.list_orders(STAFF, payment_status=OrderPaymentStatus.REFUNDED)
    assert [row.id for row in refunded.items] == [orders[0].id]
    nobody = await till.orders.list_orders(STAFF, email="eve@example.org")
    assert (nobody.items, nobody.total) == ([], 0)
    with pytest.raises(Invalid):
        await till.orders.list_orders(STAFF, cursor="nonsense")
    with pytest.raises(Invalid):
        await till.orders.list_orders(STAFF, sort="password")


async def test_drafts_are_listed_only_when_asked_for(till: Till) -> None:
    variant_id = await till.put(5)
    pending = await till.place(till.carts.open_cart((variant_id, 1, 1000)), "sim_3ds")
    assert pending.status is PlaceStatus.REQUIRES_ACTION
    assert (await till.orders.list_orders(STAFF)).items == []
    drafts = await till.orders.list_orders(STAFF, status=OrderStatus.DRAFT)
    assert [row.number for row in drafts.items] == [pending.order_number]


async def test_an_order_of_fifty_lines_is_read_in_one_statement(till: Till) -> None:
    lines = [(await till.put(5), 1, 100) for _ in range(50)]
    placement = await till.place(till.carts.open_cart(*lines))
    assert placement.order is not None and len(placement.order.lines) == 50
    cost = start_cost()
    await till.order_of(placement.order.id)
    assert cost.statements == 1


async def test_placing_costs_the_same_statements_for_one_line_and_for_fifty(till: Till) -> None:
    counts = []
    for size in (1, 50):
        cart = till.carts.open_cart(*[(await till.put(5), 1, 100) for _ in range(size)])
        cost = start_cost()
        await till.place(cart)
        counts.append(cost.statements)
    assert counts[0] == counts[1]


async def test_sales_are_counted_by_day_with_the_days_before_and_the_best_products(
    till: Till, moving_clock: Clock
) -> None:
    old = await buy(till, 1000)
    moving_clock.forward(days=2)
    new = await buy(till, 2000)
    await till.orders.refund(STAFF, order_id=new.id, amount=Money(490, "EUR"))
    report = await till.orders.sales(STAFF, days=2)
    assert report.currency == "EUR"
    assert [(p.orders, p.units, p.gross, p.refunded, p.net) for p in report.points] == [
        (0, 0, 0, 0, 0),
        (1, 1, 2490, 490, 2000),
    ]
    assert [p.gross for p in report.previous] == [0, 1490]
    assert [(t.product_id, t.units, t.revenue) for t in report.top_products] == [
        (new.lines[0].product_id, 1, 2000)
    ]
    hours = await till.orders.sales(STAFF, days=1, interval="hour")
    assert len(hours.points) == 24
    assert sum(p.gross for p in hours.points) == 2490
    assert old.placed_at is not None and old.placed_at < clock.now()
    with pytest.raises(Invalid):
        await till.orders.sales(STAFF, days=0)
    with pytest.raises(Invalid):
        await till.orders.sales(STAFF, interval="minute")


async def test_counts_and_customer_figures(till: Till) -> None:
    first, second = await buy(till, 1000), await buy(till, 2000)
    await till.orders.refund(STAFF, order_id=second.id, amount=Money(90, "EUR"))
    await till.orders.create_fulfillment(STAFF, order_id=first.id)
    counts = await till.orders.counts(STAFF)
    assert (counts.unfulfilled, counts.unpaid, counts.stale_drafts) == (2, 0, 0)
    mara, eve = await till.orders.customer_figures(STAFF, emails=["MARA@example.org", "eve@example.org"])
    assert (mara.orders, mara.spent) == (2, Money(1490 + 2490 - 90, "EUR"))
    assert mara.last_order_at == second.placed_at
    assert (eve.orders, eve.spent, eve.last_order_at) == (0, Money(0, "EUR"), None)


async def test_verify_finds_an_order_whose_amounts_were_tampered_with(till: Till) -> None:
    order = await buy(till, 1000)
    await till.assert_books_agree()
    await till.db.execute("update orders.orders set captured = 1, total = 1491")
    await till.db.execute("delete from orders.sales")
    found = (await till.orders.verify(STAFF)).differences
    assert {d.check for d in found} == {
        "order_total", "order_sales", "order_payments", "payment_status",
    }  # fmt: skip
    assert {d.subject for d in found} == {str(order.id)}


async def test_verify_finds_units_that_stock_does_not_promise(till: Till) -> None:
    order = await buy(till, 1000)
    await till.db.execute("update orders.lines set quantity = 3")
    found = [d for d in (await till.orders.verify(STAFF)).differences if d.check == "promised_stock"]
    assert [(d.subject, d.expected, d.found) for d in found] == [(str(order.lines[0].variant_id), "3", "1")]


def test_search_words_are_quoted() -> None:
    assert reading.prefix_query(["O'Neil", "a\\b"]) == "'o''neil':* & 'a\\\\b':*"
