"""Capture, void, refund: once per key, never more than there is, also when many ask at once."""

import asyncio

import pytest

from mercato.contracts.payments import PaymentStatus
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.ids import new_id
from support.money import eur
from support.payments import EUR_100, PaymentsShop


async def test_captures_in_parts_up_to_what_was_authorized(shop: PaymentsShop) -> None:
    order_id = new_id()
    await shop.pay(order_id, capture=False)
    await shop.payments.capture(SYSTEM_CONTEXT, order_id=order_id, key="a", amount=eur(4_000))
    [payment] = await shop.payments.capture(SYSTEM_CONTEXT, order_id=order_id, key="b", amount=None)

    assert (payment.captured, payment.status) == (EUR_100, PaymentStatus.PAID)
    assert await shop.charges() == [("completed", 10_000, 10_000, 0, 0)]
    assert await shop.differences() == []


async def test_refuses_to_capture_more_than_was_authorized(shop: PaymentsShop) -> None:
    order_id = new_id()
    await shop.pay(order_id, capture=False)
    with pytest.raises(Conflict, match="capture_too_large"):
        await shop.payments.capture(SYSTEM_CONTEXT, order_id=order_id, key="a", amount=eur(10_001))

    assert await shop.charges() == [("completed", 10_000, 0, 0, 0)]
    assert await shop.published() == ["authorization_succeeded"]


async def test_the_same_key_captures_once(shop: PaymentsShop) -> None:
    order_id = new_id()
    await shop.pay(order_id, capture=False)
    for _ in range(3):
        await shop.payments.capture(SYSTEM_CONTEXT, order_id=order_id, key="a", amount=eur(4_000))

    assert await shop.charges() == [("completed", 10_000, 4_000, 0, 0)]
    assert await shop.published() == ["authorization_succeeded", "capture_succeeded"]


async def test_the_same_key_with_another_amount_is_refused(shop: PaymentsShop) -> None:
    order_id = new_id()
    await shop.pay(order_id)
    await shop.payments.refund(SYSTEM_CONTEXT, order_id=order_id, key="a", amount=eur(1_000), reason="")
    with pytest.raises(Conflict, match="idempotency_mismatch"):
        await shop.payments.refund(SYSTEM_CONTEXT, order_id=order_id, key="a", amount=eur(2_000), reason="")

    assert await shop.charges() == [("completed", 10_000, 10_000, 1_000, 0)]


async def test_voids_what_is_held_and_nothing_else(shop: PaymentsShop) -> None:
    order_id = new_id()
    await shop.pay(order_id, capture=False)
    await shop.payments.capture(SYSTEM_CONTEXT, order_id=order_id, key="c", amount=eur(4_000))
    [payment] = await shop.payments.void(SYSTEM_CONTEXT, order_id=order_id, key="v")

    assert (payment.captured, payment.voided) == (eur(4_000), eur(6_000))
    assert await shop.charges() == [("completed", 10_000, 4_000, 0, 6_000)]
    assert await shop.differences() == []
    with pytest.raises(Conflict, match="nothing_to_void"):
        await shop.payments.void(SYSTEM_CONTEXT, order_id=order_id, key="v2")


async def test_refunds_in_parts_and_books_them_back(shop: PaymentsShop) -> None:
    order_id = new_id()
    await shop.pay(order_id)
    await shop.payments.refund(
        SYSTEM_CONTEXT, order_id=order_id, key="a", amount=eur(2_500), reason="chipped"
    )
    [payment] = await shop.payments.payments_of_order(SYSTEM_CONTEXT, order_id=order_id)

    assert (payment.refunded, payment.status) == (eur(2_500), PaymentStatus.PARTIALLY_REFUNDED)
    ledger = await shop.payments.ledger(SYSTEM_CONTEXT, order_id=order_id)
    assert sum(e.debit for e in ledger.items) == sum(e.credit for e in ledger.items) == 12_500
    balance = sum(e.debit - e.credit for e in ledger.items if e.account == "provider_receivable")
    assert balance == 7_500
    events = await shop.payments.payment_events(SYSTEM_CONTEXT, order_id=order_id)
    assert events.items[0].reason == "chipped"
    assert await shop.differences() == []


async def test_parallel_refunds_never_pay_back_more_than_was_captured(shop: PaymentsShop) -> None:
    for _ in range(20):
        order_id = new_id()
        await shop.pay(order_id)
        tries = [
            shop.payments.refund(SYSTEM_CONTEXT, order_id=order_id, key=str(n), amount=eur(3_000), reason="")
            for n in range(8)
        ]
        results = await asyncio.gather(*tries, return_exceptions=True)

        refused = [result for result in results if isinstance(result, Conflict)]
        assert len(refused) == 5
        [money] = await shop.payments.money_of_orders(SYSTEM_CONTEXT, order_ids=[order_id])
        assert money.refunded == 9_000
    assert await shop.differences() == []


async def test_a_refund_that_died_after_the_provider_answered_is_finished_by_the_sweeper(
    shop: PaymentsShop,
) -> None:
    order_id = new_id()
    await shop.pay(order_id)
    await shop.payments.refund(SYSTEM_CONTEXT, order_id=order_id, key="a", amount=eur(1_000), reason="")
    await shop.forget_operation()
    assert "charge_is_payment" in await shop.differences()
    await shop.sweep()

    assert await shop.charges() == [("completed", 10_000, 10_000, 1_000, 0)]
    assert await shop.differences() == []


async def test_an_order_without_a_payment_has_nothing_to_refund(shop: PaymentsShop) -> None:
    with pytest.raises(NotFound, match="no_payment"):
        await shop.payments.refund(SYSTEM_CONTEXT, order_id=new_id(), key="a", amount=eur(1), reason="")


async def test_verify_names_a_payment_that_somebody_changed(shop: PaymentsShop) -> None:
    await shop.pay()
    await shop.database.execute("update payments.payments set captured = captured - 1")

    assert sorted(await shop.differences()) == ["charge_is_payment", "payment_is_sum_of_events"]


async def test_verify_names_a_ledger_that_does_not_balance(shop: PaymentsShop) -> None:
    await shop.pay()
    await shop.database.execute("update payments.ledger set debit = debit + 1 where debit > 0")

    assert await shop.differences() == ["ledger_balanced"]


async def test_manual_payment_is_captured_when_staff_has_the_money(shop: PaymentsShop) -> None:
    order_id = new_id()
    result = await shop.pay(order_id, provider="manual", token=None)
    assert (result.authorized, result.captured) == (EUR_100, eur(0))

    [payment] = await shop.payments.capture(SYSTEM_CONTEXT, order_id=order_id, key="bank", amount=None)

    assert payment.status is PaymentStatus.PAID
