"""Order changes: previewed, then confirmed once; lines, money and stock follow, and the books agree."""

import asyncio
from uuid import UUID

import msgspec
import pytest

from mercato.contracts.carts import NewLine
from mercato.contracts.orders import (
    ChangeInput,
    ChangeKind,
    ChangeStatus,
    ClaimResolution,
    FulfillmentLine,
    FulfillmentStatus,
    LineQuantity,
    Order,
    OrderChange,
    OrderPaymentStatus,
    OrderStatus,
    PaymentChoice,
    PlaceStatus,
    ReceivedLine,
    ReturnLine,
    ReturnReceipt,
    ReturnStatus,
)
from mercato.contracts.stock import Demand, Hold
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Conflict, Denied, Invalid, MercatoError, NotFound, Unavailable
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from orders.conftest import GUEST_CONTEXT, STAFF, Clock, Till
from orders.test_after_sale import ANALYST, shipped_parcel

CARD = PaymentChoice("simulator", "sim_ok", "https://shop.example/order")


def eur(amount: int) -> Money:
    return Money(amount, "EUR")


async def edit(
    till: Till, order: Order, quantities: dict[UUID, int] | None = None, add: dict[UUID, int] | None = None
) -> OrderChange:
    wish = ChangeInput(
        kind=ChangeKind.EDIT,
        quantities=[LineQuantity(line_id, quantity) for line_id, quantity in (quantities or {}).items()],
        add=[NewLine(variant_id, quantity) for variant_id, quantity in (add or {}).items()],
        reason="by phone",
    )
    return await till.orders.preview_change(STAFF, order_id=order.id, change=wish)


async def sent(till: Till, quantity: int = 2, **kinds: int) -> Order:
    """An order that has left the house."""
    order = await till.bought(quantity, **kinds)
    return await shipped_parcel(till, order)


async def requested(till: Till, order: Order, quantity: int = 1) -> OrderChange:
    order = await till.orders.request_return(
        GUEST_CONTEXT,
        number=order.number,
        token=till.orders._parts.token_of(order.id),
        lines=[ReturnLine(order.lines[0].id, quantity, "too big")],
        reason="does not fit",
    )
    return order.changes[-1]


async def test_a_preview_says_what_would_be_owed_and_changes_nothing(till: Till) -> None:
    order = await till.order_of((await till.bought(2)).id)
    variant_id = await till.put(5)
    change = await edit(till, order, {order.lines[0].id: 1}, {variant_id: 3})
    assert (change.status, change.kind) == (ChangeStatus.DRAFT, ChangeKind.EDIT)
    assert [(line.action, line.quantity, line.amount.amount) for line in change.lines] == [
        ("remove", 1, 1200),
        ("add", 3, 3000),
    ]
    assert (change.total_before, change.total_after, change.difference) == (eur(2890), eur(4690), eur(1800))
    assert await till.order_of(order.id) == order
    assert await till.levels(variant_id) == (5, 0, 0)


async def test_taking_units_off_refunds_them_and_frees_their_stock(till: Till) -> None:
    order = await till.bought(3)
    line = order.lines[0]
    change = await edit(till, order, {line.id: 1})
    after = await till.orders.confirm_change(STAFF, change_id=change.id)
    assert [(line.quantity, line.total.amount, line.tax.amount) for line in after.lines] == [(1, 1200, 192)]
    assert after.totals.total == eur(1690)
    assert after.totals.subtotal == eur(1200)
    assert after.payment_status is OrderPaymentStatus.PAID
    assert after.version > order.version
    assert after.balance == eur(0)
    assert [(p.captured.amount, p.refunded.amount) for p in after.payments] == [(4090, 2400)]
    assert await till.charges() == [(4090, 4090, 2400, 0)]
    assert await till.levels(line.variant_id) == (10, 1, 0)
    assert [tax.tax.amount for tax in after.tax_lines] == [after.totals.tax.amount]
    await till.deliver_events()
    await till.assert_books_agree()
    report = await till.orders.sales(STAFF, days=1)
    assert [(p.orders, p.units, p.gross, p.refunded, p.net) for p in report.points] == [(1, 1, 1690, 0, 1690)]
    assert "orders.changed" in await till.facts()


async def test_taking_off_before_the_allocation_event_came_frees_stock_too(till: Till) -> None:
    variant_id = await till.put(10)
    placement = await till.place(till.carts.open_cart((variant_id, 3, 1200)))
    assert placement.order is not None
    change = await edit(till, placement.order, {placement.order.lines[0].id: 1})
    await till.orders.confirm_change(STAFF, change_id=change.id)
    await till.deliver_events()
    assert await till.levels(variant_id) == (10, 1, 0)
    await till.assert_books_agree()


async def test_added_units_are_promised_and_the_difference_is_owed_until_it_is_paid(till: Till) -> None:
    order = await till.bought(2)
    other = await till.put(5)
    till.carts.prices[other] = 1500
    change = await edit(till, order, {order.lines[0].id: 3}, {other: 2})
    after = await till.orders.confirm_change(STAFF, change_id=change.id)
    assert [(line.quantity, line.total.amount) for line in after.lines] == [(3, 3600), (2, 3000)]
    assert after.totals.total == eur(7090)
    assert (after.payment_status, after.balance) == (OrderPaymentStatus.PARTIALLY_PAID, eur(4200))
    assert await till.levels(other) == (5, 2, 0)
    assert await till.levels(order.lines[0].variant_id) == (10, 3, 0)
    assert after.totals.tax.amount == sum(tax.tax.amount for tax in after.tax_lines)
    token = till.orders._parts.token_of(order.id)
    paid = await till.orders.pay_balance(
        GUEST_CONTEXT, number=order.number, token=token, expected=eur(4200), payment=CARD
    )
    assert paid.status is PlaceStatus.PLACED
    assert paid.order is not None
    assert (paid.order.payment_status, paid.order.balance) == (OrderPaymentStatus.PAID, eur(0))
    assert sorted(await till.charges()) == [(2890, 2890, 0, 0), (4200, 4200, 0, 0)]
    await till.deliver_events()
    await till.assert_books_agree()
    await shipped_parcel(till, after)
    assert (await till.order_of(order.id)).status is OrderStatus.COMPLETED
    assert await till.levels(other) == (3, 0, 0)
    await till.assert_books_agree()


async def test_confirming_twice_changes_once(till: Till) -> None:
    order = await till.bought(2)
    other = await till.put(5)
    change = await edit(till, order, add={other: 2})
    answers = await asyncio.gather(
        *(till.orders.confirm_change(STAFF, change_id=change.id) for _ in range(5))
    )
    assert {answer.totals.total.amount for answer in answers} == {4890}
    again = await till.orders.confirm_change(STAFF, change_id=change.id)
    assert len(again.lines) == 2
    assert await till.levels(other) == (5, 2, 0)
    assert (await till.facts()).count("orders.changed") == 1
    await till.deliver_events()
    await till.assert_books_agree()


async def test_refuses_to_add_what_is_not_there_and_changes_nothing(till: Till) -> None:
    order = await till.order_of((await till.bought(2)).id)
    other = await till.put(1)
    change = await edit(till, order, add={other: 2})
    with pytest.raises(Conflict) as refused:
        await till.orders.confirm_change(STAFF, change_id=change.id)
    assert (refused.value.code, refused.value.data) == (
        "insufficient_stock",
        {"shortages": [{"variant_id": str(other), "available": 1}]},
    )
    assert await till.order_of(order.id) == order
    assert await till.levels(other) == (1, 0, 0)


async def test_refuses_to_take_off_what_is_in_a_parcel(till: Till) -> None:
    order = await till.bought(3)
    line = order.lines[0]
    before = await edit(till, order, {line.id: 1})
    await till.orders.create_fulfillment(STAFF, order_id=order.id, lines=[FulfillmentLine(line.id, 2)])
    with pytest.raises(Conflict) as outdated:
        await till.orders.confirm_change(STAFF, change_id=before.id)
    assert (outdated.value.code, outdated.value.data) == ("not_open", {"open": {str(line.id): 1}})
    with pytest.raises(Conflict) as refused:
        await edit(till, order, {line.id: 1})
    assert refused.value.code == "not_open"
    assert (await till.order_of(order.id)).lines[0].quantity == 3
    assert await till.charges() == [(4090, 4090, 0, 0)]


async def test_a_preview_is_outdated_when_the_order_has_changed_since(till: Till) -> None:
    order = await till.bought(3)
    line = order.lines[0]
    first, second = await edit(till, order, {line.id: 2}), await edit(till, order, {line.id: 1})
    await till.orders.confirm_change(STAFF, change_id=first.id)
    with pytest.raises(Conflict) as refused:
        await till.orders.confirm_change(STAFF, change_id=second.id)
    assert refused.value.code == "change_outdated"
    assert (await till.order_of(order.id)).lines[0].quantity == 2
    assert await till.charges() == [(4090, 4090, 1200, 0)]


async def test_refuses_changes_that_mean_nothing_or_leave_nothing(till: Till) -> None:
    order = await till.bought(2)
    line = order.lines[0]
    refusals = []
    for quantities in ({line.id: 2}, {line.id: 0}, {new_id(): 1}):
        with pytest.raises(MercatoError) as refused:
            await edit(till, order, quantities)
        refusals.append(refused.value.code)
    assert refusals == ["nothing_changed", "illegal_transition", "invalid"]
    with pytest.raises(Invalid) as misplaced:
        wish = ChangeInput(kind=ChangeKind.EDIT, returns=[ReturnLine(line.id, 1)])
        await till.orders.preview_change(STAFF, order_id=order.id, change=wish)
    assert [error.field for error in misplaced.value.errors] == ["returns"]
    with pytest.raises(Denied):
        wish = ChangeInput(kind=ChangeKind.EDIT, quantities=[LineQuantity(line.id, 1)])
        await till.orders.preview_change(ANALYST, order_id=order.id, change=wish)
    assert await till.count("changes") == 0


async def test_what_crashed_after_confirming_is_carried_out_by_the_sweeper(
    till: Till, moving_clock: Clock
) -> None:
    order = await till.bought(3)
    other = await till.put(5)
    change = await edit(till, order, {order.lines[0].id: 1}, {other: 1})
    parts = till.orders._parts
    broken = msgspec.structs.replace(parts, stock=_OnlyHolds(till), payments=_Away())
    await type(till.orders)(broken).confirm_change(STAFF, change_id=change.id)
    assert await till.levels(other) == (5, 0, 1)
    assert await till.charges() == [(4090, 4090, 0, 0)]
    assert (await till.order_of(order.id)).payment_status is OrderPaymentStatus.OVERPAID
    moving_clock.forward(minutes=11)
    await till.sweep()
    await till.sweep()
    await till.deliver_events()
    assert await till.levels(other) == (5, 1, 0)
    assert await till.levels(order.lines[0].variant_id) == (10, 1, 0)
    assert await till.charges() == [(4090, 4090, 1400, 0)]
    await till.assert_books_agree()


async def test_a_hold_of_a_change_that_was_never_confirmed_is_given_back(
    till: Till, moving_clock: Clock
) -> None:
    order = await till.bought(2)
    other = await till.put(5)
    change = await edit(till, order, add={other: 2})
    await till.stock.hold(SYSTEM_CONTEXT, owner=change.id, demands=[Demand(other, 2)])
    assert await till.levels(other) == (5, 0, 2)
    moving_clock.forward(minutes=11)
    await till.sweep()
    assert await till.levels(other) == (5, 0, 0)


async def test_canceling_a_changed_order_frees_all_of_it(till: Till) -> None:
    order = await till.bought(2)
    other = await till.put(5)
    change = await edit(till, order, {order.lines[0].id: 1}, {other: 2})
    await till.orders.confirm_change(STAFF, change_id=change.id)
    canceled = await till.orders.cancel(STAFF, order_id=order.id)
    assert canceled.status is OrderStatus.CANCELED
    assert await till.levels(other) == (5, 0, 0)
    assert await till.levels(order.lines[0].variant_id) == (10, 0, 0)
    assert await till.charges() == [(2890, 2890, 2890, 0)]
    await till.deliver_events()
    await till.assert_books_agree()


# Returns


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


# Exchanges and claims


async def exchange(
    till: Till, order: Order, price: int, quantity: int = 1
) -> tuple[Order, OrderChange, UUID]:
    other = await till.put(5)
    till.carts.prices[other] = price
    wish = ChangeInput(
        kind=ChangeKind.EXCHANGE,
        returns=[ReturnLine(order.lines[0].id, 1)],
        add=[NewLine(other, 1)],
    )
    change = await till.orders.preview_change(STAFF, order_id=order.id, change=wish)
    return await till.orders.confirm_change(STAFF, change_id=change.id), change, other


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


# The balance


async def owing(till: Till) -> tuple[Order, str]:
    """An order that costs 10.00 more since it was paid."""
    order = await till.bought(2)
    other = await till.put(5)
    change = await edit(till, order, add={other: 1})
    order = await till.orders.confirm_change(STAFF, change_id=change.id)
    return order, till.orders._parts.token_of(order.id)


async def test_paying_the_balance_many_times_at_once_charges_once(till: Till) -> None:
    order, token = await owing(till)
    answers = await asyncio.gather(
        *(
            till.orders.pay_balance(
                GUEST_CONTEXT, number=order.number, token=token, expected=eur(1000), payment=CARD
            )
            for _ in range(6)
        ),
        return_exceptions=True,
    )
    assert any(not isinstance(answer, BaseException) for answer in answers)
    refused = {answer.code for answer in answers if isinstance(answer, MercatoError)}
    assert refused <= {"nothing_owed"}
    assert sorted(await till.charges()) == [(1000, 1000, 0, 0), (2890, 2890, 0, 0)]
    await till.deliver_events()
    await till.assert_books_agree()


async def test_a_declined_balance_may_be_paid_otherwise(till: Till) -> None:
    order, token = await owing(till)
    declined = await till.orders.pay_balance(
        GUEST_CONTEXT,
        number=order.number,
        token=token,
        expected=eur(1000),
        payment=PaymentChoice("simulator", "sim_decline"),
    )
    assert declined.status is PlaceStatus.DECLINED
    with pytest.raises(Conflict) as other:
        await till.orders.pay_balance(
            GUEST_CONTEXT, number=order.number, token=token, expected=eur(999), payment=CARD
        )
    assert other.value.code == "balance_changed"
    paid = await till.orders.pay_balance(
        GUEST_CONTEXT, number=order.number, token=token, expected=eur(1000), payment=CARD
    )
    assert paid.status is PlaceStatus.PLACED
    with pytest.raises(Conflict) as nothing:
        await till.orders.pay_balance(
            GUEST_CONTEXT, number=order.number, token=token, expected=eur(1000), payment=CARD
        )
    assert nothing.value.code == "nothing_owed"
    await till.deliver_events()
    await till.assert_books_agree()


async def test_a_balance_that_waits_for_the_bank_is_settled_by_the_sweeper(
    till: Till, moving_clock: Clock
) -> None:
    order, token = await owing(till)
    waiting = await till.orders.pay_balance(
        GUEST_CONTEXT,
        number=order.number,
        token=token,
        expected=eur(1000),
        payment=PaymentChoice("simulator", "sim_async_ok"),
    )
    assert waiting.status is PlaceStatus.PROCESSING
    moving_clock.forward(minutes=2)
    await till.decide_payments()
    await till.sweep()
    await till.deliver_events()
    assert (await till.order_of(order.id)).payment_status is OrderPaymentStatus.PAID
    assert await till.orders.balance_payment(GUEST_CONTEXT, number=order.number, token=token) is None
    await till.assert_books_agree()


async def test_edits_against_shipments_leave_books_that_agree(till: Till) -> None:
    for _ in range(20):
        order = await till.bought(3)
        change = await edit(till, order, {order.lines[0].id: 1})
        answers = await asyncio.gather(
            till.orders.confirm_change(STAFF, change_id=change.id),
            shipped_parcel(till, order),
            return_exceptions=True,
        )
        assert {a.code for a in answers if isinstance(a, MercatoError)} <= {
            "not_open",
            "illegal_transition",
        }
        now = await till.order_of(order.id)
        assert now.lines[0].quantity == now.lines[0].quantity_fulfilled
        assert now.lines[0].quantity in (1, 3)
    await till.deliver_events()
    await till.assert_books_agree()


class _OnlyHolds:
    """A stock that holds, and then is away."""

    def __init__(self, till: Till) -> None:
        self._stock = till.stock

    async def hold(self, ctx: Context, *, owner: UUID, demands: list[Demand], minutes: int) -> Hold:
        return await self._stock.hold(ctx, owner=owner, demands=demands, minutes=minutes)

    async def allocate(self, ctx: Context, *, owners: list[UUID]) -> None:
        raise Unavailable()


class _Away:
    """Payments that do not answer."""

    async def refund(self, ctx: Context, **asked: object) -> None:
        raise Unavailable()
