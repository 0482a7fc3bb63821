"""Refunds granted by line and executed once: what is owed, what was sent, never more than was captured."""

import asyncio
from typing import Any

import msgspec
import pytest

from mercato.contracts.orders import (
    GrantedRefund,
    LineQuantity,
    Order,
    OrderPaymentStatus,
    OrderStatus,
    RefundGrant,
    RefundLine,
    RefundStatus,
)
from mercato.contracts.orders.changes import ChangeInput, ChangeKind
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Conflict, Denied, Invalid, MercatoError, Unavailable
from mercato.kernel.ids import new_id
from orders.conftest import ANALYST, STAFF, Clock, Till, with_key
from orders.gift_cards import card, left, ordered
from orders.paperwork import issue, papers_of, sell, worth
from support.money import eur


def for_line(order: Order, quantity: int = 1, **more: Any) -> RefundGrant:
    lines = [RefundLine(order.lines[0].id, quantity, more.pop("amount", None))]
    return RefundGrant(lines=lines, **more)


async def grants_of(till: Till, order: Order) -> list[GrantedRefund]:
    return await till.orders.granted_refunds(STAFF, order_id=order.id)


async def test_a_refund_by_line_is_granted_sent_and_shown(till: Till) -> None:
    await sell(till)
    order = await till.bought(2)
    await issue(till, order)
    wish = for_line(order, 1, delivery=490, reason="scratched")
    after = await till.orders.grant_refund(STAFF, order_id=order.id, grant=wish)
    assert (after.credited, after.balance) == (eur(1690), eur(0))
    assert after.payment_status is OrderPaymentStatus.PARTIALLY_REFUNDED
    [granted] = after.refunds
    assert (granted.amount, granted.delivery, granted.granted_by) == (
        eur(1690),
        eur(490),
        "staff@shop.example",
    )
    assert [(line.name, line.quantity, line.amount) for line in granted.lines] == [("Sage mug", 1, eur(1200))]
    assert [(one.status, one.amount) for one in granted.executions] == [(RefundStatus.SENT, eur(1690))]
    assert await till.charges() == [(2890, 2890, 1690, 0)]
    note = (await papers_of(till, order))[1].paper
    assert [(line.name, line.total) for line in note.lines] == [("Sage mug", 1200), ("Delivery", 490)]
    assert [row.kind for row in after.timeline][-2:] == ["refund_granted", "payment_refunded"]
    acts = [each.act for each in await till.acts() if "refund" in each.act]
    assert acts == ["order.refund_granted", "order.refunded"]
    left_now = await till.orders.refundable(STAFF, order_id=order.id)
    assert (left_now.total, left_now.delivery, left_now.sendable) == (eur(1200), eur(0), eur(1200))
    assert [(line.quantity, line.amount) for line in left_now.lines] == [(1, eur(1200))]
    await till.assert_books_agree()


async def test_a_grant_waits_until_somebody_sends_it_and_does_not_go_by_itself(till: Till) -> None:
    order = await till.bought(3)
    granted = await till.orders.grant_refund(STAFF, order_id=order.id, grant=for_line(order, execute=False))
    assert (granted.balance, granted.payment_status) == (eur(-1200), OrderPaymentStatus.REFUND_DUE)
    wish = ChangeInput(kind=ChangeKind.EDIT, quantities=[LineQuantity(order.lines[0].id, 1)])
    change = await till.orders.preview_change(STAFF, order_id=order.id, change=wish)
    await till.orders.confirm_change(STAFF, change_id=change.id)
    await till.deliver_events()
    await till.sweep()
    assert await till.charges() == [(4090, 4090, 1200, 0)]
    waiting, taken_off = await grants_of(till, order)
    assert waiting.may_execute and waiting.executions == []
    assert (taken_off.amount, taken_off.may_execute) == (eur(-1200), False)
    sent = await till.orders.execute_refund(STAFF, refund_id=waiting.id)
    assert (sent.balance, await till.charges()) == (eur(0), [(4090, 4090, 2400, 0)])
    with pytest.raises(Conflict, match="nothing_to_send"):
        await till.orders.execute_refund(STAFF, refund_id=waiting.id)
    assert await till.charges() == [(4090, 4090, 2400, 0)]
    await till.deliver_events()
    await till.assert_books_agree()


async def test_a_grant_that_was_not_sent_is_taken_back_once_and_may_be_granted_again(till: Till) -> None:
    await sell(till)
    order = await till.bought(2)
    await issue(till, order)
    wish = for_line(order, 2, delivery=490, reason="lost", execute=False)
    granted = await till.orders.grant_refund(STAFF, order_id=order.id, grant=wish)
    assert granted.payment_status is OrderPaymentStatus.REFUND_DUE
    assert worth(await papers_of(till, order)) == 0
    refund_id = granted.refunds[0].id
    assert granted.refunds[0].may_withdraw
    with pytest.raises(Denied):
        await till.orders.withdraw_refund(ANALYST, refund_id=refund_id)
    answers = await asyncio.gather(
        *(till.orders.withdraw_refund(STAFF, refund_id=refund_id) for _ in range(3))
    )
    after = answers[0]
    assert (after.credited, after.balance) == (eur(0), eur(0))
    assert after.payment_status is OrderPaymentStatus.PAID
    first, back = after.refunds
    assert (first.withdrawn_by, first.may_execute, first.may_withdraw) == ("staff@shop.example", False, False)
    assert (back.amount, back.withdraws, first.withdrawn_at) == (eur(-2890), first.id, back.granted_at)
    assert [row.kind for row in after.timeline].count("refund_withdrawn") == 1
    acts = [each.act for each in await till.acts() if "refund" in each.act]
    assert acts == ["order.refund_granted", "order.refund_withdrawn"]
    issued = await papers_of(till, order)
    assert [each.document.total.amount for each in issued] == [2890, 2890, 2890]
    assert issued[2].paper.taxes == issued[1].paper.taxes
    with pytest.raises(Conflict, match="nothing_to_send"):
        await till.orders.execute_refund(STAFF, refund_id=first.id)
    await till.sweep()
    assert await till.charges() == [(2890, 2890, 0, 0)]
    again = await till.orders.grant_refund(STAFF, order_id=order.id, grant=for_line(order, 2))
    assert (again.credited, await till.charges()) == (eur(2400), [(2890, 2890, 2400, 0)])
    with pytest.raises(Conflict, match="refund_sent"):
        await till.orders.withdraw_refund(STAFF, refund_id=again.refunds[-1].id)
    assert (await till.order_of(order.id)).credited == eur(2400)
    await till.deliver_events()
    await till.assert_books_agree()


async def test_taking_a_grant_back_while_it_is_sent_does_one_of_both(till: Till) -> None:
    for _ in range(6):
        order = await till.bought(1)
        wish = for_line(order, execute=False)
        granted = await till.orders.grant_refund(STAFF, order_id=order.id, grant=wish)
        refund_id = granted.refunds[0].id
        answers = await asyncio.gather(
            till.orders.execute_refund(STAFF, refund_id=refund_id),
            till.orders.withdraw_refund(STAFF, refund_id=refund_id),
            return_exceptions=True,
        )
        [refused] = [answer for answer in answers if isinstance(answer, Conflict)]
        now = await till.order_of(order.id)
        sent = sum(one.refunded.amount for one in now.payments)
        assert (refused.code, sent) in {("refund_sent", 1200), ("nothing_to_send", 0)}
        assert (now.credited, now.balance) == (eur(sent), eur(0))
    await till.deliver_events()
    await till.assert_books_agree()


async def test_of_a_grant_is_sent_what_has_not_gone_back_in_another_way(till: Till) -> None:
    card_id = await card(till)
    order = await ordered(till, card_id, 1_000)
    refusing = type(till.orders)(msgspec.structs.replace(till.orders._parts, payments=_Refuses()))
    with pytest.raises(Conflict, match="provider_refused"):
        await refusing.grant_refund(STAFF, order_id=order.id, grant=for_line(order, 2))
    await till.payments.refund(SYSTEM_CONTEXT, order_id=order.id, key="half", amount=eur(1890), reason="")
    await till.deliver_events()
    [granted] = await grants_of(till, order)
    assert granted.may_execute
    after = await till.orders.execute_refund(STAFF, refund_id=granted.id)
    refunded = {one.provider: one.refunded.amount for one in after.payments}
    assert (refunded, after.credited, after.balance) == (
        {"simulator": 1890, "gift_card": 510}, eur(2400), eur(0)
    )  # fmt: skip
    assert not after.refunds[0].may_execute and not after.refunds[0].may_withdraw
    await till.assert_books_agree()


async def test_of_a_grant_only_what_a_plain_refund_has_not_sent_is_taken_back(till: Till) -> None:
    order = await till.bought(2)
    wish = for_line(order, execute=False)
    granted = await till.orders.grant_refund(STAFF, order_id=order.id, grant=wish)
    await till.orders.refund(STAFF, order_id=order.id, amount=eur(300), reason="")
    after = await till.orders.withdraw_refund(STAFF, refund_id=granted.refunds[0].id)
    assert (after.credited, after.balance) == (eur(300), eur(0))
    assert after.payment_status is OrderPaymentStatus.PARTIALLY_REFUNDED
    await till.deliver_events()
    await till.assert_books_agree()


async def test_what_is_owed_again_opens_an_order_that_was_done(till: Till) -> None:
    placement = await till.place(till.carts.open_cart((await till.put(5), 2, 1200)), provider="manual")
    assert placement.order is not None
    await till.deliver_events()
    order_id = placement.order.id
    await till.orders.capture(STAFF, order_id=order_id, amount=eur(690))
    granted = await till.orders.grant_refund(
        STAFF, order_id=order_id, grant=RefundGrant(other=2200, execute=False)
    )
    parcel = (await till.orders.create_fulfillment(STAFF, order_id=order_id)).fulfillments[0]
    sent = await till.orders.ship(STAFF, fulfillment_id=parcel.id)
    assert (sent.status, sent.payment_status) == (OrderStatus.COMPLETED, OrderPaymentStatus.PAID)
    after = await till.orders.withdraw_refund(STAFF, refund_id=granted.refunds[0].id)
    assert (after.status, after.payment_status) == (OrderStatus.PLACED, OrderPaymentStatus.PARTIALLY_PAID)
    assert (after.credited, after.balance) == (eur(0), eur(0))
    paid = await till.orders.capture(STAFF, order_id=order_id)
    assert (paid.status, paid.payment_status) == (OrderStatus.COMPLETED, OrderPaymentStatus.PAID)
    await till.assert_books_agree()


async def test_a_refused_refund_stays_visible_and_is_tried_again(till: Till) -> None:
    order = await till.bought(2)
    refusing = type(till.orders)(msgspec.structs.replace(till.orders._parts, payments=_Refuses()))
    with pytest.raises(Conflict, match="provider_refused"):
        await refusing.grant_refund(STAFF, order_id=order.id, grant=for_line(order))
    [granted] = await grants_of(till, order)
    assert granted.may_execute
    assert [(one.status, one.code) for one in granted.executions] == [
        (RefundStatus.FAILED, "provider_refused")
    ]
    assert await till.charges() == [(2890, 2890, 0, 0)]
    await till.sweep()
    assert await till.charges() == [(2890, 2890, 0, 0)]
    await till.orders.execute_refund(STAFF, refund_id=granted.id)
    [granted] = await grants_of(till, order)
    assert [one.status for one in granted.executions] == [RefundStatus.FAILED, RefundStatus.SENT]
    assert not granted.may_execute
    assert await till.charges() == [(2890, 2890, 1200, 0)]
    await till.assert_books_agree()


async def test_a_refund_that_died_half_way_is_sent_once(till: Till, moving_clock: Clock) -> None:
    order = await till.bought(2)
    dead = type(till.orders)(msgspec.structs.replace(till.orders._parts, payments=_Dies()))
    key = with_key("grant-1")
    with pytest.raises(Unavailable):
        await dead.grant_refund(key, order_id=order.id, grant=for_line(order))
    again = await till.orders.grant_refund(key, order_id=order.id, grant=for_line(order))
    moving_clock.forward(seconds=21)
    await till.sweep()
    await till.deliver_events()
    assert len(again.refunds) == 1
    assert await till.charges() == [(2890, 2890, 1200, 0)]
    await till.assert_books_agree()


async def test_parallel_grants_never_exceed_the_line_nor_what_was_captured(till: Till) -> None:
    for _ in range(5):
        order = await till.bought(2)
        answers = await asyncio.gather(
            *(till.orders.grant_refund(STAFF, order_id=order.id, grant=for_line(order)) for _ in range(6)),
            *(till.orders.refund(STAFF, order_id=order.id, amount=eur(700)) for _ in range(2)),
            return_exceptions=True,
        )
        refused = {answer.code for answer in answers if isinstance(answer, MercatoError)}
        assert refused <= {"refund_too_large", "invalid"}
        await till.deliver_events()
        now = await till.order_of(order.id)
        assert now.credited is not None
        assert sum(one.refunded.amount for one in now.payments) <= 2890
        assert sum(one.amount.amount for one in now.refunds) == now.credited.amount
        by_line = sum(line.amount.amount for one in now.refunds for line in one.lines)
        assert by_line <= 2400
    await till.assert_books_agree()


async def test_what_is_only_held_or_still_owed_cannot_be_sent(till: Till) -> None:
    placement = await till.place(till.carts.open_cart((await till.put(5), 2, 1200)), provider="manual")
    order = placement.order
    assert order is not None
    await till.deliver_events()
    await till.orders.capture(STAFF, order_id=order.id, amount=eur(690))
    with pytest.raises(Conflict) as refused:
        await till.orders.grant_refund(STAFF, order_id=order.id, grant=for_line(order))
    assert (refused.value.code, refused.value.data["refundable"]) == ("refund_too_large", 0)
    assert await till.count("grants") == 0
    granted = await till.orders.grant_refund(STAFF, order_id=order.id, grant=for_line(order, execute=False))
    assert granted.balance is not None and granted.credited == eur(1200)
    full = await till.orders.capture(STAFF, order_id=order.id, amount=eur(2200))
    assert full.payment_status is OrderPaymentStatus.REFUND_DUE
    await till.orders.execute_refund(STAFF, refund_id=granted.refunds[0].id)
    assert (await till.order_of(order.id)).balance == eur(0)
    await till.assert_books_agree()


async def test_a_refund_takes_from_the_provider_first_and_then_from_the_card(till: Till) -> None:
    card_id = await card(till)
    order = await ordered(till, card_id, 1_000)
    await till.orders.grant_refund(STAFF, order_id=order.id, grant=for_line(order, 2))
    refunded = {one.provider: one.refunded.amount for one in (await till.order_of(order.id)).payments}
    assert refunded == {"simulator": 1890, "gift_card": 510}
    assert await left(till, card_id) == (4_510, 0)
    await till.assert_books_agree()


async def test_refuses_what_is_too_much_unknown_or_nothing_and_grants_nothing(till: Till) -> None:
    order = await till.bought(2)
    line = order.lines[0].id
    for wish, code in (
        (for_line(order, 1, amount=2401), "refund_too_large"),
        (for_line(order, 3), "refund_too_large"),
        (RefundGrant(delivery=491), "refund_too_large"),
        (RefundGrant(other=2891), "refund_too_large"),
        (RefundGrant(lines=[RefundLine(new_id(), 1)]), "invalid"),
        (RefundGrant(lines=[RefundLine(line, 1), RefundLine(line, 1)]), "invalid"),
        (RefundGrant(), "invalid"),
    ):
        with pytest.raises((Conflict, Invalid)) as refused:
            await till.orders.grant_refund(STAFF, order_id=order.id, grant=wish)
        assert refused.value.code == code
    with pytest.raises(Denied):
        await till.orders.grant_refund(ANALYST, order_id=order.id, grant=for_line(order))
    with pytest.raises(Denied):
        await till.orders.execute_refund(ANALYST, refund_id=new_id())
    await till.orders.cancel(STAFF, order_id=order.id)
    with pytest.raises(Conflict, match="illegal_transition"):
        await till.orders.grant_refund(STAFF, order_id=order.id, grant=for_line(order))
    assert await till.count("grants") == 0 or (await till.order_of(order.id)).credited == eur(2890)


async def test_a_plain_refund_and_a_return_are_shown_as_granted_and_sent_too(till: Till) -> None:
    await sell(till)
    order = await till.bought(2)
    await issue(till, order)
    await till.orders.refund(STAFF, order_id=order.id, amount=eur(300), reason="late")
    [granted] = await grants_of(till, order)
    assert (granted.amount, granted.lines, granted.may_execute) == (eur(300), [], False)
    assert [(one.status, one.created_by) for one in granted.executions] == [
        (RefundStatus.SENT, "staff@shop.example")
    ]
    issued = await papers_of(till, order)
    assert worth(issued) == 2590


class _Refuses:
    async def refund(self, ctx: object, **asked: object) -> None:
        raise Conflict("provider_refused", "The payment provider refused: account closed.")


class _Dies:
    async def refund(self, ctx: object, **asked: object) -> None:
        raise Unavailable()


async def test_a_channel_says_above_which_refund_somebody_proves_again_who_they_are(till: Till) -> None:
    till.catalog.refund_proof_above = 1000
    await sell(till)
    order = await till.bought(2)
    for refused in (for_line(order, 1), RefundGrant(other=1001)):
        with pytest.raises(Denied, match="step_up_required"):
            await till.orders.grant_refund(STAFF, order_id=order.id, grant=refused)
    with pytest.raises(Denied, match="step_up_required"):
        await till.orders.refund(STAFF, order_id=order.id, amount=eur(1001), reason="")
    assert (await till.charges(), await grants_of(till, order)) == ([(2890, 2890, 0, 0)], [])
    await till.orders.grant_refund(STAFF, order_id=order.id, grant=RefundGrant(other=1000))
    assert await till.charges() == [(2890, 2890, 1000, 0)]
