"""Exchanges and claims: what comes back is credited, what is sent is owed, and a claim costs nothing."""

from mercato.contracts.orders import (
    ChangeInput,
    ChangeKind,
    ChangeStatus,
    ClaimResolution,
    FulfillmentStatus,
    OrderPaymentStatus,
    OrderStatus,
    ReturnLine,
    ReturnReceipt,
    ReturnStatus,
)
from orders.changing import CARD, exchange, sent
from orders.conftest import GUEST_CONTEXT, STAFF, Till, shipped_parcel
from support.money import eur


async def test_an_exchange_for_something_dearer_asks_for_the_difference(till: Till) -> None:
    order = await sent(till, 2)
    assert order.status is OrderStatus.COMPLETED
    after, change, other = await exchange(till, order, 2000)
    assert change.difference == eur(800)
    assert (after.status, after.fulfillment_status) == (OrderStatus.PLACED, FulfillmentStatus.PARTIAL)
    assert (after.balance, after.payment_status) == (eur(800), OrderPaymentStatus.PARTIALLY_PAID)
    assert await till.levels(other) == (5, 1, 0)
    back = await till.orders.receive_return(STAFF, change_id=change.id, receipt=ReturnReceipt())
    assert (back.balance, back.changes[-1].status) == (eur(800), ChangeStatus.REFUNDED)
    paid = await till.orders.pay_balance(
        GUEST_CONTEXT,
        number=order.number,
        token=till.orders._parts.token_of(order.id),
        expected=eur(800),
        payment=CARD,
    )
    assert paid.order is not None
    assert paid.order.payment_status is OrderPaymentStatus.PAID
    await shipped_parcel(till, paid.order)
    assert (await till.order_of(order.id)).status is OrderStatus.COMPLETED
    assert await till.levels(order.lines[0].variant_id) == (9, 0, 0)
    await till.deliver_events()
    await till.assert_books_agree()


async def test_an_exchange_for_something_cheaper_refunds_the_difference_once_it_is_back(till: Till) -> None:
    order = await sent(till, 2)
    after, change, _ = await exchange(till, order, 500)
    assert (change.difference, after.balance) == (eur(-700), eur(0))
    assert after.payment_status is OrderPaymentStatus.PAID
    back = await till.orders.receive_return(STAFF, change_id=change.id, receipt=ReturnReceipt())
    assert await till.charges() == [(2890, 2890, 700, 0)]
    assert (back.balance, back.payment_status) == (eur(0), OrderPaymentStatus.PARTIALLY_REFUNDED)
    await till.deliver_events()
    await till.assert_books_agree()


async def test_an_exchange_that_never_comes_back_is_owed(till: Till) -> None:
    order = await sent(till, 2)
    _, change, _ = await exchange(till, order, 1200)
    gone = await till.orders.cancel_change(STAFF, change_id=change.id, reason="never arrived")
    assert (gone.balance, gone.credited) == (eur(1200), eur(0))
    assert gone.changes[-1].status is ChangeStatus.CANCELED
    await till.deliver_events()
    await till.assert_books_agree()


async def test_a_claim_is_replaced_for_nothing_or_refunded_without_a_return(till: Till) -> None:
    order = await sent(till, 2)
    line = order.lines[0]
    wish = ChangeInput(kind=ChangeKind.CLAIM, returns=[ReturnLine(line.id, 1, "broken")])
    change = await till.orders.preview_change(STAFF, order_id=order.id, change=wish)
    assert change.difference == eur(0)
    after = await till.orders.confirm_change(STAFF, change_id=change.id)
    assert [(each.quantity, each.total.amount, each.quantity_open) for each in after.lines] == [
        (2, 2400, 0),
        (1, 0, 1),
    ]
    assert await till.levels(line.variant_id) == (8, 1, 0)
    assert (after.balance, after.status) == (eur(0), OrderStatus.PLACED)
    wish = ChangeInput(
        kind=ChangeKind.CLAIM, returns=[ReturnLine(line.id, 1)], resolution=ClaimResolution.REFUND
    )
    change = await till.orders.preview_change(STAFF, order_id=order.id, change=wish)
    refunded = await till.orders.confirm_change(STAFF, change_id=change.id)
    assert refunded.payment_status is OrderPaymentStatus.PARTIALLY_REFUNDED
    assert await till.charges() == [(2890, 2890, 1200, 0)]
    assert refunded.return_status is ReturnStatus.NONE
    assert refunded.lines[0].quantity_returnable == 1
    await till.deliver_events()
    await till.assert_books_agree()
