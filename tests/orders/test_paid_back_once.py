"""Units that staff has refunded, and that then come back or are taken off: each is paid back once."""

from typing import Any

import msgspec
import pytest

from mercato.contracts.orders import Order, OrderPaymentStatus, RefundGrant, RefundLine
from mercato.contracts.orders.changes import (
    ChangeInput,
    ChangeKind,
    ClaimResolution,
    ReceivedLine,
    ReturnLine,
    ReturnReceipt,
)
from mercato.kernel.errors import Conflict, Invalid
from orders.changing import edit, exchange, requested, sent
from orders.conftest import STAFF, Till, shipped_parcel
from orders.paperwork import issue, papers_of, sell, worth
from support.money import eur


async def refunded(till: Till, order: Order, quantity: int, **changes: Any) -> Order:
    """Staff sends the money of so many units of the first line back."""
    line = RefundLine(order.lines[0].id, quantity)
    return await till.orders.grant_refund(
        STAFF, order_id=order.id, grant=RefundGrant(lines=[line], **changes)
    )


async def paid_back(till: Till, order: Order) -> tuple[int, int, int]:
    """What was credited, what went back, and what is owed either way; the papers agree."""
    now = await till.order_of(order.id)
    assert now.credited is not None and now.balance is not None
    assert worth(await papers_of(till, order)) == now.totals.total.amount - now.credited.amount
    await till.assert_books_agree()
    return now.credited.amount, sum(one.refunded.amount for one in now.payments), now.balance.amount


async def test_what_was_refunded_before_it_came_back_is_not_refunded_again(till: Till) -> None:
    await sell(till)
    order = await sent(till, 3)
    await issue(till, order)
    await refunded(till, order, 2)
    change = await requested(till, order, 1)
    assert change.credit == eur(0)
    await till.orders.approve_return(STAFF, change_id=change.id)
    back = await till.orders.receive_return(STAFF, change_id=change.id, receipt=ReturnReceipt())
    assert (back.changes[-1].credit, await paid_back(till, order)) == (eur(0), (2400, 2400, 0))
    more = await requested(till, order, 2)
    assert more.credit == eur(1200)
    await till.orders.approve_return(STAFF, change_id=more.id)
    arrived = ReturnReceipt(lines=[ReceivedLine(order.lines[0].id, 1, 1)])
    await till.orders.receive_return(STAFF, change_id=more.id, receipt=arrived)
    assert await paid_back(till, order) == (2400, 2400, 0)
    last = await requested(till, order, 1)
    await till.orders.approve_return(STAFF, change_id=last.id)
    await till.orders.receive_return(STAFF, change_id=last.id, receipt=ReturnReceipt())
    assert await paid_back(till, order) == (3600, 3600, 0)


async def test_a_fee_that_was_kept_is_not_paid_back_by_the_next_return(till: Till) -> None:
    order = await sent(till, 2)
    for fee in (200, 0):
        change = await requested(till, order, 1)
        await till.orders.approve_return(STAFF, change_id=change.id)
        with pytest.raises(Invalid) as refused:
            await till.orders.receive_return(STAFF, change_id=change.id, receipt=ReturnReceipt(fee=1201))
        assert [(one.field, one.message) for one in refused.value.errors] == [
            ("fee", "Keep at most €12.00, which is all that goes back.")
        ]
        await till.orders.receive_return(STAFF, change_id=change.id, receipt=ReturnReceipt(fee=fee))
    assert (await till.charges())[0][2] == 2200
    await till.assert_books_agree()


async def test_a_claim_or_an_exchange_counts_what_staff_has_refunded(till: Till) -> None:
    await sell(till)
    order = await sent(till, 2)
    await issue(till, order)
    await refunded(till, order, 1)
    wish = ChangeInput(
        kind=ChangeKind.CLAIM,
        returns=[ReturnLine(order.lines[0].id, 1)],
        resolution=ClaimResolution.REFUND,
    )
    stale = await till.orders.preview_change(STAFF, order_id=order.id, change=wish)
    assert stale.credit == eur(0)
    after, change, _ = await exchange(till, order, 1000)
    assert (change.credit, after.balance) == (eur(0), eur(1000))
    with pytest.raises(Conflict, match="change_outdated"):
        await till.orders.confirm_change(STAFF, change_id=stale.id)
    await till.orders.cancel_change(STAFF, change_id=change.id, reason="never came")
    assert await paid_back(till, order) == (1200, 1200, 1000)


async def test_an_exchange_that_was_canceled_leaves_its_units_to_be_refunded(till: Till) -> None:
    order = await sent(till, 2)
    _, change, _ = await exchange(till, order, 500)
    await till.orders.cancel_change(STAFF, change_id=change.id, reason="never arrived")
    left = await till.orders.refundable(STAFF, order_id=order.id)
    assert [(line.quantity, line.amount) for line in left.lines] == [(2, eur(2400)), (1, eur(500))]
    after = await refunded(till, order, 2, execute=False)
    assert after.credited == eur(2400)
    await till.assert_books_agree()


@pytest.mark.parametrize("is_sent", [True, False])
async def test_units_that_were_refunded_are_taken_off_without_paying_them_back_again(
    till: Till, is_sent: bool
) -> None:
    await sell(till)
    order = await till.bought(3)
    await issue(till, order)
    granted = await refunded(till, order, 2, execute=is_sent)
    change = await edit(till, order, {order.lines[0].id: 1})
    assert (change.total_after, change.credit, change.difference) == (eur(1690), eur(-2400), eur(0))
    after = await till.orders.confirm_change(STAFF, change_id=change.id)
    left = await till.orders.refundable(STAFF, order_id=order.id)
    assert [(line.quantity, line.amount) for line in left.lines] == [(1, eur(1200))]
    with pytest.raises(Conflict, match="refund_sent" if is_sent else "refund_counted"):
        await till.orders.withdraw_refund(STAFF, refund_id=granted.refunds[0].id)
    if not is_sent:
        assert (await till.charges())[0][2] == 0
        await till.orders.execute_refund(STAFF, refund_id=granted.refunds[0].id)
    assert after.payment_status in (OrderPaymentStatus.PAID, OrderPaymentStatus.OVERPAID)
    assert await paid_back(till, order) == (0, 2400, 0)


async def test_a_preview_that_a_refund_has_overtaken_is_outdated(till: Till) -> None:
    order = await till.bought(3)
    change = await edit(till, order, {order.lines[0].id: 1})
    await refunded(till, order, 2)
    with pytest.raises(Conflict, match="change_outdated"):
        await till.orders.confirm_change(STAFF, change_id=change.id)
    assert (await till.charges())[0][2] == 2400


async def test_delivery_that_staff_has_refunded_is_not_sent_back_again(till: Till) -> None:
    order = await sent(till, 2)
    await till.orders.grant_refund(STAFF, order_id=order.id, grant=RefundGrant(delivery=300))
    change = await requested(till, order, 1)
    await till.orders.approve_return(STAFF, change_id=change.id)
    receipt = ReturnReceipt(refund_delivery=True)
    await till.orders.receive_return(STAFF, change_id=change.id, receipt=receipt)
    assert (await till.charges())[0][2] == 1200 + 490
    again = await requested(till, order, 1)
    await till.orders.approve_return(STAFF, change_id=again.id)
    with pytest.raises(Conflict, match="delivery_refunded"):
        await till.orders.receive_return(STAFF, change_id=again.id, receipt=receipt)
    assert (await till.charges())[0][2] == 1200 + 490
    await till.assert_books_agree()


async def test_delivery_goes_back_with_its_tax(till: Till) -> None:
    cart_id, token = till.carts.open_cart((await till.put(5), 2, 1200))
    cart = till.carts.carts[cart_id]
    totals = msgspec.structs.replace(
        cart.totals, tax_included=False, tax=eur(289), total=eur(3179), due=eur(3179)
    )
    line = msgspec.structs.replace(cart.lines[0], tax=eur(240))
    till.carts.carts[cart_id] = msgspec.structs.replace(cart, lines=[line], totals=totals)
    order = (await till.place((cart_id, token))).order
    assert order is not None
    await till.deliver_events()
    order = await shipped_parcel(till, order)
    for sent_back in (1320 + 539, 3179):
        change = await requested(till, order, 1)
        await till.orders.approve_return(STAFF, change_id=change.id)
        receipt = ReturnReceipt(refund_delivery=sent_back < 3179)
        await till.orders.receive_return(STAFF, change_id=change.id, receipt=receipt)
        assert (await till.charges())[0][2] == sent_back
    await till.assert_books_agree()
