"""Returns: asked for, approved, received and refunded, each unit once."""

import asyncio

import pytest

from mercato.contracts.orders import (
    ChangeInput,
    ChangeKind,
    ChangeStatus,
    OrderChange,
    OrderPaymentStatus,
    ReceivedLine,
    ReturnLine,
    ReturnReceipt,
    ReturnStatus,
)
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Conflict, MercatoError, NotFound
from orders.changing import requested, sent
from orders.conftest import GUEST_CONTEXT, STAFF, Clock, Till, shipped_parcel
from support.money import eur


async def test_a_return_goes_from_request_to_refund(till: Till) -> None:
    order = await sent(till, 3)
    change = await requested(till, order, 2)
    assert (change.status, change.credit) == (ChangeStatus.REQUESTED, eur(2400))
    asked = await till.order_of(order.id)
    assert asked.return_status is ReturnStatus.REQUESTED
    assert (asked.payment_status, asked.lines[0].quantity_returnable) == (OrderPaymentStatus.PAID, 1)
    await till.orders.approve_return(STAFF, change_id=change.id)
    line_id = order.lines[0].id
    back = await till.orders.receive_return(
        STAFF, change_id=change.id, receipt=ReturnReceipt(lines=[ReceivedLine(line_id, 2, 1)])
    )
    assert (back.return_status, back.payment_status) == (
        ReturnStatus.PARTIAL,
        OrderPaymentStatus.PARTIALLY_REFUNDED,
    )
    assert [(c.status, c.credit.amount) for c in back.changes] == [(ChangeStatus.REFUNDED, 2400)]
    assert (back.lines[0].quantity, back.lines[0].quantity_returned) == (3, 2)
    assert back.totals.total == eur(4090)
    assert await till.charges() == [(4090, 4090, 2400, 0)]
    assert await till.levels(order.lines[0].variant_id) == (8, 0, 0)
    await till.deliver_events()
    await till.assert_books_agree()
    facts = [name for name in await till.facts() if "return" in name or "refund" in name]
    assert facts == [
        "orders.return_requested", "orders.return_approved", "orders.return_received", "orders.refunded",
    ]  # fmt: skip
    report = await till.orders.sales(STAFF, days=1)
    assert [(p.gross, p.refunded, p.net) for p in report.points] == [(4090, 2400, 1690)]


async def test_all_returns_of_a_line_sum_to_what_it_cost(till: Till) -> None:
    variant_id = await till.put(10)
    placement = await till.place(till.carts.open_cart((variant_id, 3, 3333)))
    await till.deliver_events()
    assert placement.order is not None
    order = await shipped_parcel(till, placement.order)
    credits = []
    for _ in range(3):
        change = await requested(till, order)
        await till.orders.approve_return(STAFF, change_id=change.id)
        order = await till.orders.receive_return(STAFF, change_id=change.id, receipt=ReturnReceipt())
        credits.append(order.changes[-1].credit.amount)
    assert sum(credits) == 9999
    assert order.return_status is ReturnStatus.RETURNED
    assert order.credited == eur(9999)
    with pytest.raises(Conflict) as refused:
        await requested(till, order)
    assert refused.value.code == "not_returnable"
    await till.deliver_events()
    await till.assert_books_agree()


async def test_parallel_returns_never_claim_a_unit_twice(till: Till) -> None:
    for _ in range(20):
        order = await sent(till, 2)
        answers = await asyncio.gather(*(requested(till, order) for _ in range(4)), return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, MercatoError)]
        assert [error.code for error in refused] == ["not_returnable"] * 2
        assert len([answer for answer in answers if isinstance(answer, OrderChange)]) == 2
    await till.assert_books_agree()


async def test_a_fee_is_kept_and_delivery_sent_back_once(till: Till) -> None:
    order = await sent(till, 2)
    first, second = await requested(till, order), await requested(till, order)
    for change in (first, second):
        await till.orders.approve_return(STAFF, change_id=change.id)
    back = await till.orders.receive_return(
        STAFF, change_id=first.id, receipt=ReturnReceipt(fee=200, refund_delivery=True)
    )
    assert back.changes[0].credit == eur(1200 + 490 - 200)
    with pytest.raises(Conflict) as refused:
        await till.orders.receive_return(
            STAFF, change_id=second.id, receipt=ReturnReceipt(refund_delivery=True)
        )
    assert refused.value.code == "delivery_refunded"
    assert await till.charges() == [(2890, 2890, 1490, 0)]
    await till.deliver_events()
    await till.assert_books_agree()


async def test_receiving_twice_or_more_than_is_returned_is_refused(till: Till) -> None:
    order = await sent(till, 2)
    change = await requested(till, order)
    line_id = order.lines[0].id
    with pytest.raises(Conflict) as early:
        await till.orders.receive_return(STAFF, change_id=change.id, receipt=ReturnReceipt())
    assert early.value.code == "illegal_transition"
    await till.orders.approve_return(STAFF, change_id=change.id)
    for received, restocked in ((2, 1), (1, 2)):
        with pytest.raises(Conflict) as refused:
            lines = [ReceivedLine(line_id, received, restocked)]
            await till.orders.receive_return(STAFF, change_id=change.id, receipt=ReturnReceipt(lines=lines))
        assert refused.value.code == "received_too_much"
    await till.orders.receive_return(STAFF, change_id=change.id, receipt=ReturnReceipt())
    with pytest.raises(Conflict):
        await till.orders.receive_return(STAFF, change_id=change.id, receipt=ReturnReceipt())
    assert await till.charges() == [(2890, 2890, 1200, 0)]
    assert await till.levels(order.lines[0].variant_id) == (9, 0, 0)


async def test_buyers_withdraw_their_return_and_strangers_cannot(till: Till) -> None:
    order, other = await sent(till, 2), await sent(till, 1)
    change = await requested(till, order)
    token = till.orders._parts.token_of(order.id)
    with pytest.raises(NotFound):
        await till.orders.withdraw_return(
            GUEST_CONTEXT,
            number=other.number,
            change_id=change.id,
            token=till.orders._parts.token_of(other.id),
        )
    with pytest.raises(NotFound):
        await till.orders.request_return(
            GUEST_CONTEXT, number=order.number, token="wrong", lines=[ReturnLine(order.lines[0].id, 1)]
        )
    after = await till.orders.withdraw_return(
        GUEST_CONTEXT, number=order.number, change_id=change.id, token=token
    )
    assert (after.return_status, after.changes[-1].status) == (ReturnStatus.NONE, ChangeStatus.CANCELED)
    assert after.lines[0].quantity_returnable == 2
    with pytest.raises(Conflict):
        await till.orders.approve_return(STAFF, change_id=change.id)


async def test_returns_are_possible_for_thirty_days(till: Till, moving_clock: Clock) -> None:
    order = await sent(till, 2)
    moving_clock.forward(days=31)
    with pytest.raises(Conflict) as refused:
        await requested(till, order)
    assert refused.value.code == "return_too_late"
    assert await till.count("changes") == 0
    wish = ChangeInput(kind=ChangeKind.RETURN, returns=[ReturnLine(order.lines[0].id, 1)])
    change = await till.orders.preview_change(STAFF, order_id=order.id, change=wish)
    approved = await till.orders.confirm_change(STAFF, change_id=change.id)
    assert approved.changes[-1].status is ChangeStatus.APPROVED


async def test_verify_finds_units_that_no_return_brought_back(till: Till) -> None:
    order = await sent(till, 2)
    change = await requested(till, order)
    await till.orders.approve_return(STAFF, change_id=change.id)
    await till.orders.receive_return(STAFF, change_id=change.id, receipt=ReturnReceipt())
    await till.deliver_events()
    await till.assert_books_agree()
    await till.db.execute("update orders.lines set quantity_returned = 2")
    found = (await till.orders.verify(SYSTEM_CONTEXT)).differences
    assert [(one.check, one.expected, one.found) for one in found] == [("returned_units", "1", "2")]
