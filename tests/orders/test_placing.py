"""Placing an order: once, at the price that was shown, with everything held, or nothing at all."""

import asyncio

import pytest

from mercato.contracts.orders import OrderPaymentStatus, OrderStatus, PlaceStatus
from mercato.kernel.db import start_cost
from mercato.kernel.errors import Conflict, Invalid, NotFound
from mercato.kernel.money import Money
from orders.conftest import GUEST_CONTEXT, Clock, Till


async def test_places_a_paid_order_with_everything_the_shopper_saw(till: Till) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    placement = await till.place(cart)
    order = placement.order
    assert order is not None
    assert (placement.status, order.status) == (PlaceStatus.PLACED, OrderStatus.PLACED)
    assert order.payment_status is OrderPaymentStatus.PAID
    assert order.totals.total == Money(2890, "EUR")
    assert [(line.sku, line.quantity, line.total.amount, line.quantity_open) for line in order.lines] == [
        ("MUG-SAGE", 2, 2400, 2)
    ]
    assert order.shipping_address.city == order.billing_address.city == "Berlin"
    assert [(t.name, t.net.amount + t.tax.amount) for t in order.tax_lines] == [("VAT", 2890)]
    assert [row.kind for row in order.timeline] == [
        "created", "placed", "payment_authorized", "payment_captured",
    ]  # fmt: skip
    assert [(p.provider, p.status, p.captured.amount) for p in order.payments] == [
        ("simulator", "paid", 2890)
    ]
    assert order.token == placement.order_token
    assert await till.charges() == [(2890, 2890, 0, 0)]
    assert await till.facts() == ["orders.placed", "orders.paid"]
    assert await till.levels(mug) == (10, 0, 2)
    await till.deliver_events()
    assert await till.levels(mug) == (10, 2, 0)
    assert till.carts.status(cart[0]) == "completed"
    await till.assert_books_agree()


async def test_places_in_six_statements(till: Till) -> None:
    cart = till.carts.open_cart((await till.put(10), 2, 1200))
    cost = start_cost()
    await till.place(cart)
    # look, hold, record, charge (simulator: 1, payments: 1), finalize
    assert cost.statements <= 6


async def test_the_answer_is_the_order_as_it_is_stored(till: Till) -> None:
    cart = till.carts.open_cart((await till.put(10), 2, 1200), (await till.put(5), 1, 700))
    order = (await till.place(cart)).order
    assert order is not None
    assert order == await till.orders.order(GUEST_CONTEXT, number=order.number, token=order.token)


async def test_a_replay_returns_the_same_order_and_charges_once(till: Till) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 1, 1200))
    first = await till.place(cart)
    again = await till.place(cart)
    await till.deliver_events()
    much_later = await till.place(cart, total=Money(1, "EUR"))
    assert first.order and again.order and much_later.order
    assert first.order.id == again.order.id == much_later.order.id
    assert first.order_token == again.order_token == much_later.order_token
    assert await till.charges() == [(1690, 1690, 0, 0)]
    assert await till.levels(mug) == (10, 1, 0)
    assert await till.facts() == ["orders.placed", "orders.paid"]


async def test_concurrent_completions_make_one_order_and_one_charge(till: Till) -> None:
    mug = await till.put(100)
    cart = till.carts.open_cart((mug, 1, 1200))
    answers = await asyncio.gather(*(till.place(cart) for _ in range(20)), return_exceptions=True)
    placed = [a for a in answers if not isinstance(a, BaseException)]
    refused = [a.code for a in answers if isinstance(a, Conflict)]
    assert len(placed) + len(refused) == 20
    assert set(refused) <= {"order_in_progress"}
    assert len({a.order_number for a in placed}) == 1
    assert await till.charges() == [(1690, 1690, 0, 0)]
    await till.deliver_events()
    assert await till.levels(mug) == (100, 1, 0)
    await till.assert_books_agree()


async def test_refuses_another_total_than_was_shown_and_writes_nothing(till: Till) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    with pytest.raises(Conflict) as refused:
        await till.place(cart, total=Money(2889, "EUR"))
    assert refused.value.code == "cart_changed"
    assert refused.value.data["totals"]["total"] == {"amount": 2890, "currency": "EUR"}
    assert await till.count("orders") == 0
    assert await till.charges() == []
    assert await till.levels(mug) == (10, 0, 0)
    assert till.carts.status(cart[0]) == "open"


@pytest.mark.parametrize("problem", ["variant_unavailable", "delivery_invalid", "coupon_invalid"])
async def test_refuses_a_cart_that_cannot_be_sold_as_it_is(till: Till, problem: str) -> None:
    cart = till.carts.open_cart((await till.put(10), 2, 1200))
    till.carts.add_problem(cart[0], problem)
    with pytest.raises(Conflict) as refused:
        await till.place(cart)
    assert refused.value.code == problem
    assert await till.count("orders") == 0
    assert till.carts.status(cart[0]) == "open"


async def test_refuses_when_stock_is_short_over_all_lines_and_writes_nothing(till: Till) -> None:
    mug = await till.put(3)
    cart = till.carts.open_cart((mug, 2, 1200), (mug, 2, 1200))
    with pytest.raises(Conflict) as refused:
        await till.place(cart)
    assert refused.value.code == "insufficient_stock"
    assert refused.value.data["shortages"] == [{"variant_id": str(mug), "available": 3}]
    assert await till.count("orders") == 0
    assert await till.charges() == []
    assert await till.levels(mug) == (3, 0, 0)
    assert till.carts.status(cart[0]) == "open"


async def test_a_decline_gives_everything_back_and_the_second_try_works(till: Till) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    declined = await till.place(cart, "sim_decline")
    assert (declined.status, declined.decline_code, declined.order) == (
        PlaceStatus.DECLINED, "card_declined", None,
    )  # fmt: skip
    assert await till.levels(mug) == (10, 0, 0)
    assert till.carts.status(cart[0]) == "open"
    assert await till.facts() == []
    till.carts.change(cart[0], (mug, 3, 1200))
    placed = await till.place(cart)
    assert placed.order is not None
    assert placed.order_number == declined.order_number
    assert [line.quantity for line in placed.order.lines] == [3]
    assert [row.kind for row in placed.order.timeline] == [
        "created", "payment_declined", "created", "placed", "payment_authorized", "payment_captured",
    ]  # fmt: skip
    assert await till.charges() == [(4090, 4090, 0, 0)]
    assert await till.count("orders") == 1
    await till.deliver_events()
    assert await till.levels(mug) == (10, 3, 0)
    await till.assert_books_agree()


async def test_an_unknown_provider_is_refused_and_everything_given_back(till: Till) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    with pytest.raises(Invalid) as refused:
        await till.place(cart, provider="barter")
    assert refused.value.code == "unknown_provider"
    assert await till.levels(mug) == (10, 0, 0)
    assert till.carts.status(cart[0]) == "open"
    assert (await till.place(cart)).status is PlaceStatus.PLACED


async def test_an_order_that_costs_nothing_needs_no_payment(till: Till) -> None:
    cart = till.carts.open_cart((await till.put(10), 1, 0))
    placement = await till.place(cart)
    assert placement.order is not None
    assert placement.order.payment_status is OrderPaymentStatus.PAID
    assert placement.order.payments == []
    assert await till.charges() == []
    await till.deliver_events()
    await till.assert_books_agree()


async def test_a_manual_payment_is_authorized_and_not_yet_paid(till: Till) -> None:
    placement = await till.place(till.carts.open_cart((await till.put(10), 1, 1200)), provider="manual")
    assert placement.order is not None
    assert placement.order.payment_status is OrderPaymentStatus.AUTHORIZED
    assert await till.facts() == ["orders.placed"]
    await till.deliver_events()
    await till.assert_books_agree()


async def test_strangers_learn_nothing_of_a_cart_or_its_placing(till: Till) -> None:
    cart = till.carts.open_cart((await till.put(10), 1, 1200))
    with pytest.raises(NotFound):
        await till.place((cart[0], "guessed"))
    await till.place(cart)
    with pytest.raises(NotFound):
        await till.place((cart[0], "guessed"), total=Money(1690, "EUR"))
    with pytest.raises(NotFound):
        await till.orders.placement(GUEST_CONTEXT, cart_id=cart[0], cart_token="guessed")
    standing = await till.orders.placement(GUEST_CONTEXT, cart_id=cart[0], cart_token=cart[1])
    assert standing.status is PlaceStatus.PLACED


async def test_refuses_while_another_request_is_placing_the_cart(till: Till, moving_clock: Clock) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 1, 1200))
    await till.place(cart, "sim_3ds")
    await till.db.execute("update orders.orders set awaiting = null, due = now() + interval '20 s'")
    with pytest.raises(Conflict) as refused:
        await till.place(cart)
    assert refused.value.code == "order_in_progress"
    assert refused.value.data["retry_after_s"] > 0
    assert await till.count("orders") == 1
    assert till.carts.status(cart[0]) == "completing"
