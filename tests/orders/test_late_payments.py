"""Payments that are decided later: 3-D Secure, the bank's webhooks, money after the hold ran out."""

from datetime import timedelta
from uuid import UUID

import pytest

from mercato.contracts.orders import OrderPaymentStatus, OrderStatus, PlaceStatus
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Conflict
from mercato.orders.store import placing
from orders.conftest import GUEST_CONTEXT, STAFF, Clock, Till
from orders.crashes import heal, status_of


async def test_a_lost_reply_is_processing_and_then_placed_with_one_charge(
    till: Till, moving_clock: Clock
) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    answer = await till.place(cart, "sim_timeout_then_ok")
    assert (answer.status, answer.order) == (PlaceStatus.PROCESSING, None)
    assert till.carts.status(cart[0]) == "completing"
    await heal(till, moving_clock)
    standing = await till.orders.placement(GUEST_CONTEXT, cart_id=cart[0], cart_token=cart[1])
    assert standing.status is PlaceStatus.PLACED
    assert await till.charges() == [(2890, 2890, 0, 0)]
    assert await till.levels(mug) == (10, 2, 0)
    await till.assert_books_agree()


async def test_three_d_secure_places_when_the_shopper_comes_back(till: Till) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    answer = await till.place(cart, "sim_3ds")
    assert answer.status is PlaceStatus.REQUIRES_ACTION
    assert answer.next_action is not None
    again = await till.place(cart, "sim_3ds")
    assert (again.status, again.next_action) == (answer.status, answer.next_action)
    await _decide(till, approve=True)
    back = await till.orders.placement(GUEST_CONTEXT, cart_id=cart[0], cart_token=cart[1])
    assert back.status is PlaceStatus.PLACED
    await till.deliver_events()
    assert await till.levels(mug) == (10, 2, 0)
    assert await till.charges() == [(2890, 2890, 0, 0)]
    await till.assert_books_agree()


async def test_three_d_secure_refused_gives_everything_back(till: Till) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    await till.place(cart, "sim_3ds")
    await _decide(till, approve=False)
    back = await till.orders.placement(GUEST_CONTEXT, cart_id=cart[0], cart_token=cart[1])
    assert back.status is PlaceStatus.DECLINED
    assert back.decline_code
    assert await till.levels(mug) == (10, 0, 0)
    assert till.carts.status(cart[0]) == "open"
    assert await till.charges() == []


async def test_three_d_secure_places_by_webhook_when_the_browser_is_closed(
    till: Till, moving_clock: Clock
) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    await till.place(cart, "sim_3ds")
    await _decide(till, approve=True)
    await till.decide_payments()
    await till.deliver_events()
    await till.sweep()
    assert (await status_of(till, cart)) is OrderStatus.PLACED


async def test_a_shopper_who_never_comes_back_loses_the_hold_after_half_an_hour(
    till: Till, moving_clock: Clock
) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    begun = clock.now()
    await till.place(cart, "sim_3ds")
    for _ in range(9):
        moving_clock.forward(minutes=3)
        await till.sweep()
    assert await till.levels(mug) == (10, 0, 2)
    waiting = await till.orders.placement(GUEST_CONTEXT, cart_id=cart[0], cart_token=cart[1])
    assert waiting.held_until is not None
    assert begun + timedelta(minutes=30) <= waiting.held_until < begun + timedelta(minutes=31)
    for _ in range(3):
        moving_clock.forward(minutes=3)
        await till.sweep()
    assert await till.levels(mug) == (10, 0, 0)
    assert till.carts.status(cart[0]) == "open"
    assert (await status_of(till, cart)) is OrderStatus.EXPIRED


async def test_money_that_comes_after_expiry_places_the_order_when_the_goods_are_there(
    till: Till, moving_clock: Clock
) -> None:
    mug, cart = await _expired(till, moving_clock)
    await _pay_late(till, moving_clock)
    assert (await status_of(till, cart)) is OrderStatus.PLACED
    assert await till.charges() == [(2890, 2890, 0, 0)]
    assert await till.levels(mug) == (10, 2, 0)
    assert await till.facts() == ["orders.placed", "orders.paid"]
    await till.assert_books_agree()


async def test_money_that_comes_after_expiry_goes_back_when_the_goods_are_gone(
    till: Till, moving_clock: Clock
) -> None:
    mug, cart = await _expired(till, moving_clock)
    await till.place(till.carts.open_cart((mug, 9, 1200)))
    await till.deliver_events()
    await _pay_late(till, moving_clock)
    assert (await status_of(till, cart)) is OrderStatus.EXPIRED
    assert sorted(await till.charges()) == [(2890, 2890, 2890, 0), (11290, 11290, 0, 0)]
    draft = await placing.draft_of_cart(till.db, cart_id=cart[0])
    assert draft is not None
    kinds = [row.kind for row in (await till.order_of(draft.id)).timeline]
    assert "payment_late" in kinds and "payment_refunded" in kinds
    await till.assert_books_agree()


async def test_async_payments_are_decided_by_webhook(till: Till, moving_clock: Clock) -> None:
    mug = await till.put(10)
    good, bad = till.carts.open_cart((mug, 2, 1200)), till.carts.open_cart((mug, 3, 1200))
    assert (await till.place(good, "sim_async_ok")).status is PlaceStatus.PROCESSING
    assert (await till.place(bad, "sim_async_fail")).status is PlaceStatus.PROCESSING
    moving_clock.forward(seconds=3)
    await till.decide_payments()
    await till.deliver_events()
    await till.sweep()
    await till.deliver_events()
    assert (await status_of(till, good)) is OrderStatus.PLACED
    assert (await status_of(till, bad)) is OrderStatus.EXPIRED
    assert await till.levels(mug) == (10, 2, 0)
    await till.assert_books_agree()


@pytest.mark.parametrize("token", ["sim_duplicate_webhook", "sim_out_of_order"])
async def test_double_and_disordered_webhooks_make_one_order_and_one_charge(
    till: Till, moving_clock: Clock, token: str
) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    await till.place(cart, token)
    for _ in range(3):
        moving_clock.forward(seconds=3)
        await till.decide_payments()
        await till.deliver_events()
        await till.sweep()
    await till.deliver_events()
    draft = await placing.draft_of_cart(till.db, cart_id=cart[0])
    assert draft is not None
    order = await till.order_of(draft.id)
    assert order.payment_status is OrderPaymentStatus.PAID
    assert [row.kind for row in order.timeline].count("payment_captured") == 1
    assert await till.facts() == ["orders.placed", "orders.paid"]
    assert await till.charges() == [(2890, 2890, 0, 0)]
    await till.assert_books_agree()


async def test_an_expired_hold_of_a_placed_order_is_allocated_and_never_released(
    till: Till, moving_clock: Clock
) -> None:
    mug = await till.put(10)
    await till.place(till.carts.open_cart((mug, 2, 1200)))
    moving_clock.forward(minutes=11)
    await till.sweep()
    assert await till.levels(mug) == (10, 2, 0)


async def _decide(till: Till, *, approve: bool) -> None:
    ledger = await till.payments.simulator_ledger(SYSTEM_CONTEXT)
    waiting = [entry for entry in ledger.items if entry.status == "requires_action"]
    await till.payments.decide_simulator_session(
        SYSTEM_CONTEXT, reference=waiting[-1].reference, approve=approve
    )


async def _expired(till: Till, clock: Clock) -> tuple[UUID, tuple[UUID, str]]:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    await till.place(cart, "sim_3ds")
    clock.forward(minutes=31)
    await till.sweep()
    assert (await status_of(till, cart)) is OrderStatus.EXPIRED
    return mug, cart


async def _pay_late(till: Till, clock: Clock) -> None:
    await _decide(till, approve=True)
    for _ in range(4):
        await till.decide_payments()
        await till.deliver_events()
        clock.forward(seconds=10)
        await till.sweep()
    await till.deliver_events()


async def test_a_shopper_whose_hold_ran_out_may_finish_when_the_units_are_there_and_not_otherwise(
    till: Till, moving_clock: Clock
) -> None:
    mug, cart = await _expired(till, moving_clock)
    other = await till.place(till.carts.open_cart((mug, 9, 1200)))
    assert other.status is PlaceStatus.PLACED
    with pytest.raises(Conflict) as refused:
        await till.place(cart)
    assert (refused.value.code, till.carts.status(cart[0])) == ("insufficient_stock", "open")
    assert len(await till.charges()) == 1
    await till.deliver_events()
    assert other.order is not None
    await till.orders.cancel(STAFF, order_id=other.order.id, reason="Changed their mind")
    for _ in range(3):
        await till.sweep()
        await till.deliver_events()
    assert (await till.place(cart)).status is PlaceStatus.PLACED
    await till.deliver_events()
    assert await till.levels(mug) == (10, 2, 0)
    await till.assert_books_agree()


async def test_a_shopper_who_leaves_the_bank_may_pay_in_another_way(till: Till) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    await till.place(cart, "sim_3ds")
    placed = await till.place(cart, "sim_ok")
    assert placed.status is PlaceStatus.PLACED
    await till.deliver_events()
    assert await till.charges() == [(2890, 2890, 0, 0)]
    assert await till.levels(mug) == (10, 2, 0)
    await till.assert_books_agree()


async def test_what_is_paid_twice_goes_back_by_itself(till: Till, moving_clock: Clock) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    await till.place(cart, "sim_3ds")
    placed = await till.place(cart, "sim_ok")
    assert placed.order is not None
    await _pay_late(till, moving_clock)
    order = await till.order_of(placed.order.id)
    assert (order.status, order.payment_status) == (OrderStatus.PLACED, OrderPaymentStatus.PAID)
    assert sum(captured - refunded for _, captured, refunded, _ in await till.charges()) == 2890
    assert await till.facts() == ["orders.placed", "orders.paid", "orders.refunded"]
    report = await till.orders.sales(STAFF, days=1)
    assert [(p.gross, p.refunded) for p in report.points] == [(2890, 0)]
    await till.assert_books_agree()
