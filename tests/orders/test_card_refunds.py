"""Refunds of gift cards that are taken back, refused, or die half way: the buyer has cards or money."""

import asyncio
from typing import Any

import msgspec
import pytest

from mercato.contracts.orders import Order, OrderPaymentStatus, OrderStatus, RefundGrant, RefundLine
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Conflict, Denied, Invalid, Unavailable
from orders.conftest import STAFF, Clock, Till
from orders.test_gift_card_lines import bought_cards, cart_with_cards, issued, issued_now, mails
from support.money import eur
from support.waiting import eventually

ACTIVE = [("grandma@example.org", 2500, "active")] * 2
CANCELED = [("grandma@example.org", 0, "disabled")] * 2


def for_cards(order: Order, *, execute: bool = True, delivery: int = 0) -> RefundGrant:
    lines = [RefundLine(order.lines[0].id, order.lines[0].quantity)]
    return RefundGrant(lines=lines, delivery=delivery, execute=execute)


async def entries(till: Till, order: Order) -> list[list[str]]:
    cards = await till.payments.sold_cards(SYSTEM_CONTEXT, order_id=order.id)
    found = [await till.payments.gift_card(SYSTEM_CONTEXT, card_id=card.id) for card in cards]
    return [[entry.kind for entry in one.entries] for one in found]


async def is_idle(till: Till) -> bool:
    await till.deliver_events()
    await till.sweep()
    return not await till.db.fetchval("select exists (select from orders.intents where done_at is null)")


async def test_a_refund_that_is_taken_back_makes_its_cards_valid_again(till: Till) -> None:
    order = await bought_cards(till, 2, mug=True)
    assert await issued(till, order) == ACTIVE
    await till.orders.refund(STAFF, order_id=order.id, amount=eur(300))
    granted = await till.orders.grant_refund(STAFF, order_id=order.id, grant=for_cards(order, execute=False))
    assert (granted.payment_status, await issued_now(till, order)) == (
        OrderPaymentStatus.REFUND_DUE,
        CANCELED,
    )
    refund = granted.refunds[-1]
    assert refund.may_withdraw
    for _ in range(2):
        after = await till.orders.withdraw_refund(STAFF, refund_id=refund.id)
        assert (after.credited, after.payment_status) == (eur(300), OrderPaymentStatus.PARTIALLY_REFUNDED)
        assert await issued_now(till, order) == ACTIVE
    assert await entries(till, order) == [["reinstated", "canceled", "issued"]] * 2
    told = [row.text for row in after.timeline if row.kind == "refund_withdrawn"]
    assert told == ["Refund taken back: its gift cards are valid again"]
    assert [row.kind for row in after.timeline].count("gift_card_issued") == 2
    assert await mails(till) == 2
    await till.assert_books_agree()
    with pytest.raises(Conflict, match="gift_cards_apart"):
        await till.orders.refund(STAFF, order_id=order.id, amount=eur(2000))
    again = await till.orders.grant_refund(STAFF, order_id=order.id, grant=for_cards(order))
    assert (again.credited, await issued_now(till, order)) == (eur(5300), CANCELED)
    assert (await till.charges())[0][2] == 5300
    await till.assert_books_agree()


async def test_a_refund_of_unpaid_cards_that_is_taken_back_lets_them_be_issued(till: Till) -> None:
    order = (await till.place(await cart_with_cards(till, 2, mug=True), provider="manual")).order
    assert order is not None
    await till.deliver_events()
    granted = await till.orders.grant_refund(STAFF, order_id=order.id, grant=for_cards(order, execute=False))
    await till.orders.capture(STAFF, order_id=order.id)
    assert await issued(till, order) == []
    with pytest.raises(Conflict, match="not paid for"):
        await till.orders.withdraw_refund(STAFF, refund_id=granted.refunds[0].id)
    assert (await issued_now(till, order), await till.charges()) == ([], [])
    await till.orders.capture(STAFF, order_id=order.id, amount=eur(5000))
    after = await till.orders.withdraw_refund(STAFF, refund_id=granted.refunds[0].id)
    assert (await issued_now(till, order), await mails(till)) == (ACTIVE, 2)
    assert [row.kind for row in (await till.order_of(order.id)).timeline].count("gift_card_issued") == 2
    assert after.payment_status is OrderPaymentStatus.PAID
    await till.assert_books_agree()


async def test_a_refund_of_cards_that_was_sent_in_another_way_stays(till: Till) -> None:
    order = await bought_cards(till, 2, mug=True)
    await issued(till, order)
    granted = await till.orders.grant_refund(STAFF, order_id=order.id, grant=for_cards(order, execute=False))
    await till.orders.refund(STAFF, order_id=order.id, amount=eur(300))
    with pytest.raises(Conflict) as refused:
        await till.orders.withdraw_refund(STAFF, refund_id=granted.refunds[0].id)
    assert (refused.value.code, "send the rest" in refused.value.detail) == ("gift_cards_apart", True)
    assert await issued_now(till, order) == CANCELED
    assert (await till.order_of(order.id)).credited == eur(5000)
    await till.assert_books_agree()


async def test_a_refund_or_cancellation_that_is_refused_leaves_the_cards_alone(till: Till) -> None:
    till.catalog.refund_proof_above = 4999
    order = await bought_cards(till, 2, mug=True)
    await issued(till, order)
    with pytest.raises(Conflict, match="refund_too_large"):
        await till.orders.grant_refund(STAFF, order_id=order.id, grant=for_cards(order, delivery=491))
    with pytest.raises(Denied, match="step_up_required"):
        await till.orders.grant_refund(STAFF, order_id=order.id, grant=for_cards(order))
    assert await entries(till, order) == [["issued"]] * 2

    parcel = (await till.orders.create_fulfillment(STAFF, order_id=order.id)).fulfillments[0]

    async def ship() -> None:
        await till.orders.ship(STAFF, fulfillment_id=parcel.id)

    with pytest.raises(Conflict, match="illegal_transition"):
        await _with(till, _Payments(till, after=ship)).cancel(STAFF, order_id=order.id)
    now = await till.order_of(order.id)
    assert (now.status, now.credited) == (OrderStatus.COMPLETED, eur(0))
    assert await issued_now(till, order) == ACTIVE
    assert (await till.charges())[0][2] == 0
    await till.assert_books_agree()


@pytest.mark.parametrize("is_dead", [False, True])
async def test_cards_of_a_refund_that_broke_off_are_valid_again(
    till: Till, moving_clock: Clock, is_dead: bool
) -> None:
    order = await bought_cards(till, 2, mug=True)
    await issued(till, order)

    async def breaks() -> None:
        raise asyncio.CancelledError if is_dead else Unavailable()

    broken = _with(till, _Payments(till, after=breaks))
    with pytest.raises(asyncio.CancelledError if is_dead else Unavailable):
        await broken.grant_refund(STAFF, order_id=order.id, grant=for_cards(order))
    if is_dead:
        assert await issued_now(till, order) == CANCELED
        for act in (
            till.orders.grant_refund(STAFF, order_id=order.id, grant=for_cards(order)),
            till.orders.cancel(STAFF, order_id=order.id),
        ):
            with pytest.raises(Conflict, match="gift_cards_apart"):
                await act
        moving_clock.forward(seconds=21)
        await till.sweep()
    assert await issued_now(till, order) == ACTIVE
    assert (await till.order_of(order.id)).credited == eur(0)
    await till.assert_books_agree()


async def test_a_request_that_was_too_slow_refunds_nothing(till: Till, moving_clock: Clock) -> None:
    order = await bought_cards(till, 2, mug=True)
    await issued(till, order)

    async def sleeps() -> None:
        moving_clock.forward(seconds=21)
        await till.sweep()

    with pytest.raises(Conflict, match="gift_cards_apart"):
        await _with(till, _Payments(till, after=sleeps)).grant_refund(
            STAFF, order_id=order.id, grant=for_cards(order)
        )
    assert (await issued_now(till, order), (await till.charges())[0][2]) == (ACTIVE, 0)
    await till.assert_books_agree()


async def test_of_many_at_once_one_decides_about_the_cards(till: Till) -> None:
    for _ in range(4):
        order = await bought_cards(till, 2, mug=True)
        await issued(till, order)
        wish = for_cards(order, execute=False)
        first = (await till.orders.grant_refund(STAFF, order_id=order.id, grant=wish)).refunds[0]
        answers = await asyncio.gather(
            till.orders.withdraw_refund(STAFF, refund_id=first.id),
            till.orders.execute_refund(STAFF, refund_id=first.id),
            *(till.orders.grant_refund(STAFF, order_id=order.id, grant=for_cards(order)) for _ in range(3)),
            till.orders.cancel(STAFF, order_id=order.id),
            return_exceptions=True,
        )
        assert {type(answer) for answer in answers} <= {Order, Conflict, Invalid}
        await eventually(lambda: is_idle(till))
        now = await till.order_of(order.id)
        sent = sum(one.refunded.amount for one in now.payments)
        cards = await issued_now(till, order)
        is_paid_back = now.status is OrderStatus.CANCELED or now.credited == eur(5000)
        assert cards == (CANCELED if is_paid_back else ACTIVE)
        assert sent == (
            6690 if now.status is OrderStatus.CANCELED else now.credited.amount if now.credited else 0
        )
        await till.assert_books_agree()


class _Payments:
    """The payments of the till, and something that happens after cards were canceled."""

    def __init__(self, till: Till, *, after: Any) -> None:
        self._payments, self._after = till.payments, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._payments, name)

    async def disable_sold_cards(self, ctx: Any, **asked: Any) -> None:
        await self._payments.disable_sold_cards(ctx, **asked)
        await self._after()


def _with(till: Till, payments: _Payments) -> Any:
    return type(till.orders)(msgspec.structs.replace(till.orders._parts, payments=payments))
