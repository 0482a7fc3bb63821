"""A channel whose money is taken by staff: placing only holds it; it is captured in parts, or voided."""

import pytest

from mercato.contracts.catalog import CaptureMode
from mercato.contracts.orders import OrderPaymentStatus, OrderStatus, PlaceStatus
from mercato.kernel.errors import Conflict, Invalid
from orders.changing import edit
from orders.conftest import STAFF, Clock, Till
from support.money import eur


async def test_an_order_of_a_channel_with_manual_capture_is_placed_with_its_money_held(
    till: Till,
) -> None:
    till.catalog.capture = CaptureMode.MANUAL
    order = await till.bought()
    assert (order.status, order.payment_status) == (OrderStatus.PLACED, OrderPaymentStatus.AUTHORIZED)
    assert await till.charges() == [(2890, 0, 0, 0)]
    assert await till.facts() == ["orders.placed"]
    assert await till.levels(order.lines[0].variant_id) == (10, 2, 0)
    seen = await till.order_of(order.id)
    assert "capture" in seen.allowed_actions
    assert "refund" not in seen.allowed_actions
    await till.assert_books_agree()


async def test_what_is_held_is_captured_in_parts_and_then_the_rest(till: Till) -> None:
    till.catalog.capture = CaptureMode.MANUAL
    order = await till.bought()
    part = await till.orders.capture(STAFF, order_id=order.id, amount=eur(1000))
    assert part.payment_status is OrderPaymentStatus.PARTIALLY_PAID
    assert await till.charges() == [(2890, 1000, 0, 0)]
    rest = await till.orders.capture(STAFF, order_id=order.id)
    assert rest.payment_status is OrderPaymentStatus.PAID
    assert await till.charges() == [(2890, 2890, 0, 0)]
    assert await till.facts() == ["orders.placed", "orders.paid"]
    await till.deliver_events()
    await till.assert_books_agree()


async def test_only_what_the_order_costs_by_now_is_captured(till: Till) -> None:
    till.catalog.capture = CaptureMode.MANUAL
    order = await till.bought()
    change = await edit(till, order, {order.lines[0].id: 1})
    await till.orders.confirm_change(STAFF, change_id=change.id)
    paid = await till.orders.capture(STAFF, order_id=order.id)
    assert (paid.payment_status, await till.charges()) == (OrderPaymentStatus.PAID, [(2890, 1690, 0, 0)])
    assert "capture" not in paid.allowed_actions
    with pytest.raises(Conflict) as refused:
        await till.orders.capture(STAFF, order_id=order.id)
    assert refused.value.detail == "Nothing of what is held is owed."
    await till.deliver_events()
    assert await till.charges() == [(2890, 1690, 0, 0)]
    await till.assert_books_agree()


@pytest.mark.parametrize("amount", [0, -1])
async def test_no_amount_is_not_everything(till: Till, amount: int) -> None:
    till.catalog.capture = CaptureMode.MANUAL
    order = await till.bought()
    with pytest.raises(Invalid):
        await till.orders.capture(STAFF, order_id=order.id, amount=eur(amount))
    assert await till.charges() == [(2890, 0, 0, 0)]
    await till.orders.capture(STAFF, order_id=order.id)
    with pytest.raises(Invalid):
        await till.orders.refund(STAFF, order_id=order.id, amount=eur(amount))
    assert await till.charges() == [(2890, 2890, 0, 0)]


async def test_canceling_drops_what_is_held_and_nothing_was_ever_taken(till: Till) -> None:
    till.catalog.capture = CaptureMode.MANUAL
    order = await till.bought()
    canceled = await till.orders.cancel(STAFF, order_id=order.id, reason="out of clay")
    assert (canceled.status, canceled.payment_status) == (OrderStatus.CANCELED, OrderPaymentStatus.VOIDED)
    assert await till.charges() == [(2890, 0, 0, 2890)]
    assert (await till.order_of(order.id)).balance == eur(0)
    assert await till.levels(order.lines[0].variant_id) == (10, 0, 0)
    await till.deliver_events()
    await till.assert_books_agree()


async def test_canceling_after_a_part_was_taken_drops_the_rest_and_sends_the_part_back(till: Till) -> None:
    till.catalog.capture = CaptureMode.MANUAL
    order = await till.bought()
    await till.orders.capture(STAFF, order_id=order.id, amount=eur(1000))
    canceled = await till.orders.cancel(STAFF, order_id=order.id)
    assert canceled.payment_status is OrderPaymentStatus.REFUNDED
    assert await till.charges() == [(2890, 1000, 1000, 1890)]
    assert (await till.order_of(order.id)).balance == eur(0)
    await till.deliver_events()
    await till.assert_books_agree()


async def test_a_bank_that_asks_the_shopper_only_holds_as_well(till: Till) -> None:
    till.catalog.capture = CaptureMode.MANUAL
    cart = till.carts.open_cart((await till.put(5), 1, 1200))
    asked = await till.place(cart, "sim_3ds")
    assert asked.status is PlaceStatus.REQUIRES_ACTION
    page = await till.payments.simulator_ledger(STAFF)
    await till.payments.decide_simulator_session(STAFF, reference=page.items[0].reference, approve=True)
    placed = await till.orders.placement(STAFF.as_system(), cart_id=cart[0], cart_token=cart[1])
    assert placed.order is not None
    assert placed.order.payment_status is OrderPaymentStatus.AUTHORIZED
    assert await till.charges() == [(1690, 0, 0, 0)]


async def test_placing_asks_the_catalog_once_and_not_for_every_order(till: Till) -> None:
    first, second = [till.carts.open_cart((await till.put(5), 1, 1200)) for _ in range(2)]
    await till.place(first)
    await till.place(second)
    assert till.catalog.times_asked == 1


async def test_an_order_waits_for_a_catalog_that_was_never_heard_of_and_is_then_placed(
    till: Till, moving_clock: Clock
) -> None:
    till.catalog.is_away = True
    cart = till.carts.open_cart((await till.put(5), 1, 1200))
    assert (await till.place(cart)).status is PlaceStatus.PROCESSING
    assert await till.charges() == []
    till.catalog.is_away = False
    moving_clock.forward(seconds=60)
    await till.sweep()
    placed = await till.orders.placement(STAFF.as_system(), cart_id=cart[0], cart_token=cart[1])
    assert placed.status is PlaceStatus.PLACED
    assert await till.charges() == [(1690, 1690, 0, 0)]
