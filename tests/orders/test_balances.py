"""What an order costs more since it was paid is paid once."""

import asyncio

import pytest

from mercato.contracts.orders import (
    OrderPaymentStatus,
    PaymentChoice,
    PlaceStatus,
)
from mercato.kernel.errors import Conflict, MercatoError
from orders.changing import CARD, owing
from orders.conftest import GUEST_CONTEXT, Clock, Till
from support.money import eur


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
