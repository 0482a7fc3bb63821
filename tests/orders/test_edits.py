"""Edits of an order: previewed, then confirmed once; lines, money and stock follow, and the books agree."""

import asyncio
from uuid import UUID

import msgspec
import pytest

from mercato.contracts.orders import (
    ChangeInput,
    ChangeKind,
    ChangeStatus,
    FulfillmentLine,
    LineQuantity,
    OrderPaymentStatus,
    OrderStatus,
    PlaceStatus,
    ReturnLine,
)
from mercato.contracts.stock import Demand, Hold
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Conflict, Denied, Invalid, MercatoError, Unavailable
from mercato.kernel.ids import new_id
from orders.changing import CARD, edit
from orders.conftest import ANALYST, GUEST_CONTEXT, STAFF, Clock, Till, shipped_parcel
from support.money import eur


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
