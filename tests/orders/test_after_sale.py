"""After the sale: capture, refund, cancel, fulfill, ship, deliver; each once, never more than there is."""

import asyncio
from typing import Any
from uuid import UUID

import msgspec
import pytest

from mercato.contracts.orders import (
    FulfillmentLine,
    FulfillmentStatus,
    Order,
    OrderCanceled,
    OrderPaymentStatus,
    OrderStatus,
    ParcelStatus,
)
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, Denied, Invalid, MercatoError, NotFound, Unavailable
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from orders.conftest import ANALYST, GUEST_CONTEXT, STAFF, Clock, Till, shipped_parcel, with_key
from support.money import eur


async def test_refunds_in_parts_until_nothing_is_left(till: Till) -> None:
    order = await till.bought()
    part = await till.orders.refund(STAFF, order_id=order.id, amount=eur(890), reason="scratched")
    assert part.payment_status is OrderPaymentStatus.PARTIALLY_REFUNDED
    assert part.status is OrderStatus.PLACED
    rest = await till.orders.refund(STAFF, order_id=order.id)
    assert rest.payment_status is OrderPaymentStatus.REFUNDED
    assert [(p.captured.amount, p.refunded.amount) for p in rest.payments] == [(2890, 2890)]
    assert await till.charges() == [(2890, 2890, 2890, 0)]
    told = [(row.actor, row.data) for row in rest.timeline if row.kind == "payment_refunded"]
    assert told == [
        ("staff@shop.example", {"amount": 890, "currency": "EUR", "reason": "scratched"}),
        ("staff@shop.example", {"amount": 2000, "currency": "EUR"}),
    ]
    await till.deliver_events()
    assert [row.kind for row in (await till.order_of(order.id)).timeline].count("payment_refunded") == 2
    assert await till.facts() == ["orders.placed", "orders.paid", "orders.refunded", "orders.refunded"]
    await till.assert_books_agree()


async def test_refuses_to_refund_more_than_was_captured(till: Till) -> None:
    order = await till.bought()
    await till.orders.refund(STAFF, order_id=order.id, amount=eur(2000))
    with pytest.raises(Conflict) as refused:
        await till.orders.refund(STAFF, order_id=order.id, amount=eur(891))
    assert refused.value.code == "refund_too_large"
    assert await till.charges() == [(2890, 2890, 2000, 0)]
    with pytest.raises(Invalid):
        await till.orders.refund(STAFF, order_id=order.id, amount=Money(1, "USD"))


async def test_parallel_partial_refunds_never_exceed_what_was_captured(till: Till) -> None:
    order = await till.bought()
    answers = await asyncio.gather(
        *(till.orders.refund(STAFF, order_id=order.id, amount=eur(1000)) for _ in range(8)),
        return_exceptions=True,
    )
    refused = [a for a in answers if isinstance(a, MercatoError)]
    assert len(refused) == 6
    assert {a.code for a in refused} == {"refund_too_large"}
    await till.deliver_events()
    assert await till.charges() == [(2890, 2890, 2000, 0)]
    await till.assert_books_agree()


async def test_the_same_idempotency_key_refunds_once(till: Till) -> None:
    order = await till.bought()
    ctx = with_key("refund-1")
    first = await till.orders.refund(ctx, order_id=order.id, amount=eur(500))
    again = await till.orders.refund(ctx, order_id=order.id, amount=eur(500))
    assert first.payments == again.payments
    assert await till.charges() == [(2890, 2890, 500, 0)]


async def test_a_refund_that_died_half_way_is_booked_once_by_the_sweeper(
    till: Till, moving_clock: Clock
) -> None:
    order = await till.bought()
    parts = till.orders._parts
    dead = msgspec.structs.replace(parts, payments=_RefundsAndDies(till))
    with pytest.raises(Unavailable):
        await type(till.orders)(dead).refund(STAFF, order_id=order.id, amount=eur(500), reason="late")
    assert await till.charges() == [(2890, 2890, 500, 0)]
    assert (await till.order_of(order.id)).payment_status is OrderPaymentStatus.PAID
    moving_clock.forward(seconds=21)
    await till.sweep()
    await till.deliver_events()
    healed = await till.order_of(order.id)
    assert healed.payment_status is OrderPaymentStatus.PARTIALLY_REFUNDED
    assert await till.charges() == [(2890, 2890, 500, 0)]
    assert [(r.actor, r.data["amount"]) for r in healed.timeline if r.kind == "payment_refunded"] == [
        ("staff@shop.example", 500)
    ]
    await till.assert_books_agree()


async def test_captures_a_manual_payment_in_parts_and_is_then_paid(till: Till) -> None:
    order = await _manual(till)
    part = await till.orders.capture(STAFF, order_id=order.id, amount=eur(690))
    assert part.payment_status is OrderPaymentStatus.PARTIALLY_PAID
    assert "orders.paid" not in await till.facts()
    full = await till.orders.capture(STAFF, order_id=order.id)
    assert full.payment_status is OrderPaymentStatus.PAID
    assert await till.facts() == ["orders.placed", "orders.paid"]
    with pytest.raises(Conflict) as refused:
        await till.orders.capture(STAFF, order_id=order.id)
    assert refused.value.code == "capture_too_large"
    await till.deliver_events()
    assert await till.facts() == ["orders.placed", "orders.paid"]
    await till.assert_books_agree()


async def test_canceling_frees_stock_and_returns_the_money(till: Till) -> None:
    order = await till.bought()
    variant_id = order.lines[0].variant_id
    canceled = await till.orders.cancel(STAFF, order_id=order.id, reason="out of clay", version=order.version)
    assert (canceled.status, canceled.cancel_reason) == (OrderStatus.CANCELED, "out of clay")
    assert canceled.payment_status is OrderPaymentStatus.REFUNDED
    assert canceled.allowed_actions == ["note", "tag"]
    assert await till.levels(variant_id) == (10, 0, 0)
    assert await till.charges() == [(2890, 2890, 2890, 0)]
    assert await till.facts() == ["orders.placed", "orders.paid", "orders.canceled", "orders.refunded"]
    await till.deliver_events()
    await till.assert_books_agree()
    with pytest.raises(Conflict) as refused:
        await till.orders.cancel(STAFF, order_id=order.id)
    assert refused.value.code == "illegal_transition"
    report = await till.orders.sales(STAFF, days=1)
    assert [(p.orders, p.gross, p.refunded, p.net) for p in report.points] == [(1, 2890, 2890, 0)]


@pytest.mark.parametrize("is_paid", [True, False])
async def test_the_news_of_a_canceled_order_says_of_which_cart_and_whether_it_was_paid(
    till: Till, is_paid: bool
) -> None:
    order = await (till.bought() if is_paid else _manual(till))
    await till.orders.cancel(STAFF, order_id=order.id)
    body = await till.db.fetchval("select body from orders.outbox where subject = 'orders.canceled'")
    news = msgspec.json.decode(body, type=OrderCanceled)
    cart_id = await till.db.fetchval("select cart_id from orders.orders where id = $1", order.id)
    assert (news.order_id, news.cart_id, news.was_paid) == (order.id, cart_id, is_paid)


async def test_canceling_an_unpaid_order_voids_its_authorization(till: Till) -> None:
    order = await _manual(till)
    canceled = await till.orders.cancel(STAFF, order_id=order.id)
    assert canceled.payment_status is OrderPaymentStatus.VOIDED
    assert await till.levels(order.lines[0].variant_id) == (10, 0, 0)
    report = await till.orders.sales(STAFF, days=1)
    assert [(p.gross, p.refunded, p.net) for p in report.points] == [(1690, 1690, 0)]
    await till.deliver_events()
    await till.assert_books_agree()


async def test_what_is_asked_again_under_its_key_is_done_once(till: Till) -> None:
    order = await till.bought(3)
    again = msgspec.structs.replace(STAFF, idempotency_key="k-1")
    one = [FulfillmentLine(order.lines[0].id, 1)]
    for _ in range(2):
        packed = await till.orders.create_fulfillment(again, order_id=order.id, lines=one)
        noted = await till.orders.add_note(again, order_id=order.id, text="By hand.")
        assert len(packed.fulfillments) == 1
        assert [entry.kind for entry in noted.timeline].count("note") == 1
    for _ in range(2):
        canceled = await till.orders.cancel(again, order_id=order.id)
        assert canceled.status is OrderStatus.CANCELED
    assert await till.charges() == [(4090, 4090, 4090, 0)]
    with pytest.raises(Conflict, match="cannot become canceled"):
        await till.orders.cancel(msgspec.structs.replace(STAFF, idempotency_key="k-2"), order_id=order.id)


async def test_canceling_before_the_allocation_event_came_frees_stock_too(till: Till) -> None:
    variant_id = await till.put(10)
    placement = await till.place(till.carts.open_cart((variant_id, 2, 1200)))
    assert placement.order is not None
    await till.orders.cancel(STAFF, order_id=placement.order.id)
    await till.deliver_events()
    assert await till.levels(variant_id) == (10, 0, 0)
    await till.assert_books_agree()


async def test_refuses_to_cancel_with_a_stale_version_and_changes_nothing(till: Till) -> None:
    order = await till.bought()
    await till.orders.refund(STAFF, order_id=order.id, amount=eur(1))
    with pytest.raises(Conflict) as refused:
        await till.orders.cancel(STAFF, order_id=order.id, version=order.version)
    now = await till.order_of(order.id)
    assert (refused.value.code, refused.value.data) == ("version_conflict", {"version": now.version})
    assert now.status is OrderStatus.PLACED
    assert await till.levels(order.lines[0].variant_id) == (10, 2, 0)


async def test_a_parcel_goes_its_way_and_completes_a_paid_order(till: Till) -> None:
    order = await till.bought()
    packed = await till.orders.create_fulfillment(STAFF, order_id=order.id)
    assert packed.fulfillment_status is FulfillmentStatus.UNFULFILLED
    assert [line.quantity_open for line in packed.lines] == [0]
    parcel = packed.fulfillments[0]
    shipped = await till.orders.ship(
        STAFF,
        fulfillment_id=parcel.id,
        carrier="DHL",
        tracking_number="JD0146",
        tracking_url="https://dhl.example/JD0146",
    )
    assert (shipped.status, shipped.fulfillment_status) == (
        OrderStatus.COMPLETED,
        FulfillmentStatus.FULFILLED,
    )
    assert [line.quantity_fulfilled for line in shipped.lines] == [2]
    assert await till.levels(order.lines[0].variant_id) == (8, 0, 0)
    again = await till.orders.ship(STAFF, fulfillment_id=parcel.id)
    assert again.fulfillments[0].tracking_number == "JD0146"
    assert await till.levels(order.lines[0].variant_id) == (8, 0, 0)
    delivered = await till.orders.deliver(STAFF, fulfillment_id=parcel.id)
    assert delivered.fulfillment_status is FulfillmentStatus.DELIVERED
    assert delivered.fulfillments[0].status is ParcelStatus.DELIVERED
    assert await till.facts() == ["orders.placed", "orders.paid", "orders.shipped", "orders.delivered"]
    await till.assert_books_agree()


async def test_an_unpaid_order_completes_when_it_is_paid_after_shipping(till: Till) -> None:
    order = await _manual(till)
    shipped = await shipped_parcel(till, order)
    assert shipped.status is OrderStatus.PLACED
    assert (await till.orders.capture(STAFF, order_id=order.id)).status is OrderStatus.COMPLETED


async def test_parcels_may_be_partial_and_never_hold_more_than_was_sold(till: Till) -> None:
    order = await till.bought(quantity=3)
    line = order.lines[0].id
    first = await till.orders.create_fulfillment(STAFF, order_id=order.id, lines=[FulfillmentLine(line, 2)])
    with pytest.raises(Conflict) as refused:
        await till.orders.create_fulfillment(STAFF, order_id=order.id, lines=[FulfillmentLine(line, 2)])
    assert refused.value.code == "fulfillment_too_large"
    assert refused.value.data == {"open": {str(line): 1}}
    with pytest.raises(Invalid):
        await till.orders.create_fulfillment(STAFF, order_id=order.id, lines=[FulfillmentLine(new_id(), 1)])
    part = await till.orders.ship(STAFF, fulfillment_id=first.fulfillments[0].id)
    assert (part.status, part.fulfillment_status) == (OrderStatus.PLACED, FulfillmentStatus.PARTIAL)
    assert await till.levels(order.lines[0].variant_id) == (8, 1, 0)
    rest = await shipped_parcel(till, order)
    assert (rest.status, rest.fulfillment_status) == (OrderStatus.COMPLETED, FulfillmentStatus.FULFILLED)
    with pytest.raises(Conflict):
        await till.orders.create_fulfillment(STAFF, order_id=order.id)


async def test_a_canceled_parcel_opens_its_units_again(till: Till) -> None:
    order = await till.bought()
    packed = await till.orders.create_fulfillment(STAFF, order_id=order.id)
    parcel = packed.fulfillments[0].id
    opened = await till.orders.cancel_fulfillment(STAFF, fulfillment_id=parcel)
    assert [line.quantity_open for line in opened.lines] == [2]
    with pytest.raises(Conflict) as refused:
        await till.orders.ship(STAFF, fulfillment_id=parcel)
    assert refused.value.code == "illegal_transition"
    assert await till.levels(order.lines[0].variant_id) == (10, 2, 0)


async def test_refuses_to_cancel_what_has_left(till: Till) -> None:
    order = await till.bought(quantity=3)
    line = order.lines[0].id
    packed = await till.orders.create_fulfillment(STAFF, order_id=order.id, lines=[FulfillmentLine(line, 1)])
    await till.orders.ship(STAFF, fulfillment_id=packed.fulfillments[0].id)
    with pytest.raises(Conflict) as refused:
        await till.orders.cancel(STAFF, order_id=order.id)
    assert refused.value.code == "illegal_transition"
    assert await till.charges() == [(4090, 4090, 0, 0)]
    assert (await till.order_of(order.id)).status is OrderStatus.PLACED


async def test_a_shipment_that_died_half_way_is_booked_once(till: Till, moving_clock: Clock) -> None:
    order = await till.bought()
    packed = await till.orders.create_fulfillment(STAFF, order_id=order.id)
    parcel = packed.fulfillments[0].id
    dead = msgspec.structs.replace(till.orders._parts, stock=_ShipsAndDies(till))
    with pytest.raises(Unavailable):
        await type(till.orders)(dead).ship(STAFF, fulfillment_id=parcel, tracking_number="T-1")
    with pytest.raises(Conflict):
        await till.orders.cancel(STAFF, order_id=order.id)
    moving_clock.forward(seconds=21)
    await till.sweep()
    healed = await till.order_of(order.id)
    assert healed.fulfillments[0].status is ParcelStatus.SHIPPED
    assert await till.levels(order.lines[0].variant_id) == (8, 0, 0)
    assert (await till.facts()).count("orders.shipped") == 1
    await till.assert_books_agree()


async def test_the_buyer_cancels_with_the_token_and_sees_no_staff_and_no_notes(till: Till) -> None:
    order = await till.bought()
    await till.orders.add_note(STAFF, order_id=order.id, text="fragile!")
    with pytest.raises(Invalid):
        await till.orders.add_note(STAFF, order_id=order.id, text=" \n")
    assert [row.text for row in (await till.order_of(order.id)).timeline if row.kind == "note"] == [
        "fragile!"
    ]
    seen = await till.orders.order(GUEST_CONTEXT, number=order.number, token=order.token)
    assert "note" not in [row.kind for row in seen.timeline]
    assert seen.allowed_actions == ["cancel"]
    canceled = await till.orders.request_cancellation(GUEST_CONTEXT, number=order.number, token=order.token)
    assert canceled.status is OrderStatus.CANCELED
    assert await till.charges() == [(2890, 2890, 2890, 0)]
    assert "staff@shop.example" not in {row.actor for row in canceled.timeline}
    staff_view = await till.order_of(order.id)
    assert [row.text for row in staff_view.timeline if row.kind == "note"] == ["fragile!"]


async def test_a_buyer_without_the_token_cannot_cancel(till: Till) -> None:
    order = await till.bought()
    for token in (None, "", "x" * 24):
        with pytest.raises(NotFound):
            await till.orders.request_cancellation(GUEST_CONTEXT, number=order.number, token=token)
    assert (await till.order_of(order.id)).status is OrderStatus.PLACED


@pytest.mark.parametrize(
    "call",
    [
        lambda o, order: o.capture(ANALYST, order_id=order.id),
        lambda o, order: o.refund(ANALYST, order_id=order.id),
        lambda o, order: o.cancel(ANALYST, order_id=order.id),
        lambda o, order: o.create_fulfillment(ANALYST, order_id=order.id),
        lambda o, order: o.ship(ANALYST, fulfillment_id=order.id),
        lambda o, order: o.deliver(ANALYST, fulfillment_id=order.id),
        lambda o, order: o.cancel_fulfillment(ANALYST, fulfillment_id=order.id),
        lambda o, order: o.add_note(ANALYST, order_id=order.id, text="x"),
        lambda o, order: o.sales(ANALYST),
        lambda o, order: o.verify(ANALYST),
    ],
)
async def test_refuses_staff_without_the_permission(till: Till, call: Any) -> None:
    order = await till.bought()
    before = await till.order_of(order.id)
    with pytest.raises(Denied):
        await call(till.orders, order)
    assert (await till.order_of(order.id)).version == before.version
    assert (await till.orders.get_order(ANALYST, order_id=order.id)).allowed_actions == []


async def _manual(till: Till) -> Order:
    variant_id = await till.put(10)
    placement = await till.place(till.carts.open_cart((variant_id, 1, 1200)), provider="manual")
    await till.deliver_events()
    assert placement.order is not None
    return placement.order


class _RefundsAndDies:
    """Payments whose answer to a refund never arrives."""

    def __init__(self, till: Till) -> None:
        self.till = till

    async def refund(self, ctx: Context, **arguments: Any) -> None:
        await self.till.payments.refund(ctx, **arguments)
        raise Unavailable("timeout")


class _ShipsAndDies:
    """Stock whose answer to a shipment never arrives."""

    def __init__(self, till: Till) -> None:
        self.till = till

    async def allocate(self, ctx: Context, *, owners: list[UUID]) -> None:
        await self.till.stock.allocate(ctx, owners=owners)

    async def ship(self, ctx: Context, **arguments: Any) -> None:
        await self.till.stock.ship(ctx, **arguments)
        raise Unavailable("timeout")
