"""Orders that wait for a transfer, what the provider does on its own, and money that comes too late."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from mercato.contracts.orders import OrderPaymentStatus, OrderStatus, PlaceStatus
from mercato.contracts.payments import DisputeStatus, MoneyAlert
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Conflict
from mercato.kernel.money import Money
from mercato.orders.actions.unpaid import cancel_unpaid
from mercato.orders.events import alerted
from orders.conftest import STAFF, Clock, Till
from orders.crashes import heal, parts_of


async def by_transfer(till: Till) -> Any:
    mug = await till.put(10)
    placement = await till.place(till.carts.open_cart((mug, 2, 1200)), "x", provider="manual")
    await till.deliver_events()
    assert placement.order is not None
    return placement.order


async def test_an_order_without_money_is_canceled_and_its_goods_are_free(
    till: Till, moving_clock: Clock
) -> None:
    till.catalog.unpaid_days = 14
    order = await by_transfer(till)
    moving_clock.forward(days=13, hours=23)
    assert await cancel_unpaid(parts_of(till)) == 0
    moving_clock.forward(hours=2)
    assert await cancel_unpaid(parts_of(till)) == 1
    assert await cancel_unpaid(parts_of(till)) == 0
    await till.deliver_events()

    now = await till.order_of(order.id)
    assert (now.status, now.cancel_reason) == (OrderStatus.CANCELED, "not paid within 14 days")
    assert now.payment_status is OrderPaymentStatus.VOIDED
    assert await till.levels(order.lines[0].variant_id) == (10, 0, 0)
    await till.assert_books_agree()


@pytest.mark.parametrize("why", ["paid", "packed", "no limit", "by card"])
async def test_an_order_stays_that(till: Till, moving_clock: Clock, why: str) -> None:
    till.catalog.unpaid_days = None if why == "no limit" else 14
    order = await till.bought() if why == "by card" else await by_transfer(till)
    if why == "paid":
        await till.orders.capture(STAFF, order_id=order.id)
    elif why == "packed":
        parcel = (await till.orders.create_fulfillment(STAFF, order_id=order.id)).fulfillments[0]
        await till.orders.ship(STAFF, fulfillment_id=parcel.id)
    await till.deliver_events()
    moving_clock.forward(days=30)
    assert await cancel_unpaid(parts_of(till)) == 0
    assert (await till.order_of(order.id)).status is not OrderStatus.CANCELED
    await till.assert_books_agree()


async def test_money_for_goods_that_are_gone_goes_back_and_staff_is_told(
    till: Till, moving_clock: Clock
) -> None:
    mug = await till.put(2)
    waiting = await till.place(till.carts.open_cart((mug, 2, 1200)), "sim_3ds")
    assert waiting.status is PlaceStatus.REQUIRES_ACTION and waiting.next_action is not None
    moving_clock.forward(minutes=31)
    await till.sweep()
    assert (await till.place(till.carts.open_cart((mug, 2, 1200)))).status is PlaceStatus.PLACED
    await till.deliver_events()
    reference = waiting.next_action.url.rpartition("/")[2]
    await till.payments.decide_simulator_session(SYSTEM_CONTEXT, reference=reference, approve=True)
    await till.decide_payments()
    await till.deliver_events()
    await heal(till, moving_clock)

    assert sorted(await till.charges()) == [(2890, 2890, 0, 0), (2890, 2890, 2890, 0)]
    assert (await till.facts()).count("orders.late_payment") == 1
    await till.assert_books_agree()


async def test_the_timeline_tells_of_a_dispute_and_a_refund_that_came_back_is_a_sale_again(
    till: Till,
) -> None:
    order = await till.bought()
    await till.orders.refund(STAFF, order_id=order.id, amount=Money(1_000, "EUR"), reason="late")
    await till.deliver_events()
    alerts = [
        MoneyAlert(
            kind=kind, order_id=order.id, provider="simulator", reference=kind, amount=Money(1_000, "EUR")
        )
        for kind in ("dispute_opened", "refund_came_back")
    ]
    async with till.db.transaction() as tx:
        await alerted(parts_of(till), tx, alerts)

    told = [entry.kind for entry in (await till.order_of(order.id)).timeline]
    assert told.count("dispute_opened") == told.count("refund_came_back") == 1
    rows = await till.db.fetch("select amount from orders.sales where kind = 'refund' order by id")
    assert [row["amount"] for row in rows] == [1_000, -1_000]


@pytest.mark.parametrize(("last", "goes_back"), [(DisputeStatus.WON, 2890), (DisputeStatus.LOST, 0)])
async def test_what_a_bank_disputes_goes_back_only_when_the_shop_has_won_it(
    till: Till, last: DisputeStatus, goes_back: int
) -> None:
    order = await till.bought()
    await disputed(till, order.id, DisputeStatus.NEEDS_RESPONSE)
    with pytest.raises(Conflict) as refused:
        await till.orders.refund(STAFF, order_id=order.id)
    assert refused.value.detail.startswith("The shopper's bank disputes this payment")
    await till.orders.cancel(STAFF, order_id=order.id)
    await till.sweep()
    left_to_do = "select count(*) from orders.intents where done_at is null"
    assert (await till.charges(), await till.db.fetchval(left_to_do)) == ([(2890, 2890, 0, 0)], 0)
    for _ in range(2):
        await disputed(till, order.id, last)
        await till.sweep()
        assert await till.charges() == [(2890, 2890, goes_back, 0)]
    assert await till.db.fetchval(left_to_do) == 0
    await till.deliver_events()
    await till.assert_books_agree()


async def disputed(till: Till, order_id: UUID, status: DisputeStatus) -> None:
    """The bank says how its dispute stands, and the order hears of it."""
    [payment] = await till.payments.payments_of_order(SYSTEM_CONTEXT, order_id=order_id)
    if payment.refunded.amount == 0:
        await till.payments.dispute_at_simulator(SYSTEM_CONTEXT, reference=payment.reference, status=status)
        await till.decide_payments()
    rows = await till.runtime.database("payments").fetch(
        "select body from payments.outbox where subject = 'payments.alert' order by position desc limit 1"
    )
    async with till.db.transaction() as tx:
        await alerted(parts_of(till), tx, [msgspec.json.decode(rows[0]["body"], type=MoneyAlert)])
