"""The rules of orders, without a database: moves, derived statuses, numbers and tokens."""

from functools import partial
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.contracts.orders import FulfillmentStatus, OrderPaymentStatus, OrderStatus, ParcelStatus
from mercato.kernel.errors import Conflict, Invalid
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.orders.domain import (
    ORDER_MOVES,
    PARCEL_MOVES,
    Amounts,
    Quantities,
    check_capture,
    check_refund,
    fulfillment_status,
    is_complete,
    move,
    move_parcel,
    needs_proof,
    payment_status,
)
from mercato.orders.numbers import ALPHABET, new_number, normal_number, opens, order_token

amounts = st.builds(
    lambda authorized, captured, refunded, voided: Amounts(
        authorized,
        captured := min(captured, authorized),
        min(refunded, captured),
        min(voided, authorized - captured),
    ),
    *[st.integers(0, 10_000)] * 4,
)


@pytest.mark.parametrize(("status", "to"), list(product(OrderStatus, OrderStatus)))
def test_every_order_move_is_in_the_table_or_refused(status: OrderStatus, to: OrderStatus) -> None:
    if to in ORDER_MOVES[status]:
        assert move(status, to) is to
    else:
        with pytest.raises(Conflict) as refused:
            move(status, to)
        assert refused.value.code == "illegal_transition"


@pytest.mark.parametrize(("status", "to"), list(product(ParcelStatus, ParcelStatus)))
def test_every_parcel_move_is_in_the_table_or_refused(status: ParcelStatus, to: ParcelStatus) -> None:
    if to in PARCEL_MOVES[status]:
        assert move_parcel(status, to) is to
    else:
        with pytest.raises(Conflict):
            move_parcel(status, to)


def test_what_is_sold_never_becomes_a_draft_again() -> None:
    for status in (OrderStatus.PLACED, OrderStatus.COMPLETED, OrderStatus.CANCELED):
        assert OrderStatus.DRAFT not in ORDER_MOVES[status]


@pytest.mark.parametrize(
    ("paid", "credited", "expected"),
    [
        (Amounts(), 0, OrderPaymentStatus.NONE),
        (Amounts(authorized=100), 0, OrderPaymentStatus.AUTHORIZED),
        (Amounts(authorized=100, voided=100), 0, OrderPaymentStatus.VOIDED),
        (Amounts(authorized=100, captured=40), 0, OrderPaymentStatus.PARTIALLY_PAID),
        (Amounts(authorized=100, captured=100), 0, OrderPaymentStatus.PAID),
        (Amounts(authorized=200, captured=200), 0, OrderPaymentStatus.OVERPAID),
        (Amounts(authorized=200, captured=200, refunded=100), 0, OrderPaymentStatus.PAID),
        (Amounts(authorized=100, captured=100, refunded=1), 1, OrderPaymentStatus.PARTIALLY_REFUNDED),
        (Amounts(authorized=100, captured=100, refunded=1), 0, OrderPaymentStatus.PARTIALLY_PAID),
        (Amounts(authorized=100, captured=100), 30, OrderPaymentStatus.REFUND_DUE),
        (Amounts(authorized=101, captured=101), 30, OrderPaymentStatus.OVERPAID),
        (Amounts(authorized=101, captured=101, refunded=1), 30, OrderPaymentStatus.REFUND_DUE),
        (Amounts(authorized=100, captured=70), 30, OrderPaymentStatus.PAID),
        (Amounts(authorized=100, captured=90, refunded=30), 30, OrderPaymentStatus.PARTIALLY_PAID),
        (Amounts(authorized=100, captured=100, refunded=100), 100, OrderPaymentStatus.REFUNDED),
        (Amounts(authorized=100, captured=40, refunded=40, voided=60), 0, OrderPaymentStatus.REFUNDED),
    ],
)
def test_payment_status_follows_from_the_amounts(
    paid: Amounts, credited: int, expected: OrderPaymentStatus
) -> None:
    assert payment_status(100, paid, credited) is expected


def test_an_order_that_costs_nothing_is_paid() -> None:
    assert payment_status(0, Amounts()) is OrderPaymentStatus.PAID


@given(st.integers(0, 10_000), amounts)
def test_paid_means_that_exactly_what_is_due_is_kept(due: int, paid: Amounts) -> None:
    status = payment_status(due, paid)
    if status is OrderPaymentStatus.PAID:
        assert paid.captured - paid.refunded == due
    if status is OrderPaymentStatus.OVERPAID:
        assert paid.captured - paid.refunded > due


@given(amounts, st.integers(-5, 20_000))
def test_captures_and_refunds_never_exceed_what_is_there(paid: Amounts, amount: int) -> None:
    take = partial(check_capture, due=20_000, credited=0)
    for check, most in ((take, paid.capturable), (check_refund, paid.refundable)):
        if 0 < amount <= most:
            assert check(OrderStatus.PLACED, paid, amount) == amount
        else:
            with pytest.raises(Conflict if amount > 0 else Invalid):
                check(OrderStatus.PLACED, paid, amount)


@given(amounts, st.integers(0, 20_000), st.integers(0, 20_000))
def test_what_is_captured_without_an_amount_is_held_and_owed(paid: Amounts, due: int, credited: int) -> None:
    most = min(paid.capturable, due - credited - paid.refundable)
    if most > 0:
        assert check_capture(OrderStatus.PLACED, paid, None, due=due, credited=credited) == most
    else:
        with pytest.raises(Conflict):
            check_capture(OrderStatus.PLACED, paid, None, due=due, credited=credited)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([Quantities(2), Quantities(1)], FulfillmentStatus.UNFULFILLED),
        ([Quantities(2, 1), Quantities(1)], FulfillmentStatus.PARTIAL),
        ([Quantities(2, 2), Quantities(1)], FulfillmentStatus.PARTIAL),
        ([Quantities(2, 2), Quantities(1, 1)], FulfillmentStatus.FULFILLED),
        ([Quantities(2, 2, 2), Quantities(1, 1)], FulfillmentStatus.FULFILLED),
        ([Quantities(2, 2, 2), Quantities(1, 1, 1)], FulfillmentStatus.DELIVERED),
    ],
)
def test_fulfillment_status_follows_from_what_left_and_arrived(
    lines: list[Quantities], expected: FulfillmentStatus
) -> None:
    assert fulfillment_status(lines) is expected


def test_an_order_is_complete_when_everything_is_sent_and_paid() -> None:
    complete = [
        (payment, fulfillment)
        for payment, fulfillment in product(OrderPaymentStatus, FulfillmentStatus)
        if is_complete(payment, fulfillment)
    ]
    assert set(complete) == {
        (OrderPaymentStatus.PAID, FulfillmentStatus.FULFILLED),
        (OrderPaymentStatus.PAID, FulfillmentStatus.DELIVERED),
        (OrderPaymentStatus.PARTIALLY_REFUNDED, FulfillmentStatus.FULFILLED),
        (OrderPaymentStatus.PARTIALLY_REFUNDED, FulfillmentStatus.DELIVERED),
        (OrderPaymentStatus.OVERPAID, FulfillmentStatus.FULFILLED),
        (OrderPaymentStatus.OVERPAID, FulfillmentStatus.DELIVERED),
        (OrderPaymentStatus.REFUND_DUE, FulfillmentStatus.FULFILLED),
        (OrderPaymentStatus.REFUND_DUE, FulfillmentStatus.DELIVERED),
    }


def test_numbers_are_nine_letters_that_nobody_misreads() -> None:
    numbers = {new_number() for _ in range(2000)}
    assert len(numbers) == 2000
    assert {len(number) for number in numbers} == {9}
    assert set("".join(numbers)) == set(ALPHABET)
    assert not set("01IO") & set(ALPHABET)


def test_a_number_may_be_typed_carelessly() -> None:
    assert normal_number(" #7k4m-p2xq9 ") == "7K4MP2XQ9"


def test_a_token_opens_its_own_order_only() -> None:
    one, other = new_id(), new_id()
    token = order_token(one, "secret")
    assert len(token) == 24
    assert opens(token, one, "secret")
    assert not opens(token, other, "secret")
    assert not opens(token, one, "another secret")
    assert not opens("", one, "secret") and not opens("ü" * 24, one, "secret")


@pytest.mark.parametrize(
    ("amount", "currency", "asks"),
    [
        (50_000, "EUR", False),
        (50_001, "EUR", True),
        (500, "JPY", False),
        (501, "JPY", True),
        (500_000, "KWD", False),
    ],
)
def test_a_large_refund_asks_who_it_is(amount: int, currency: str, asks: bool) -> None:
    assert needs_proof(Money(amount, currency), None) is asks


def test_a_channel_says_which_refund_is_large() -> None:
    asks = [needs_proof(Money(amount, "EUR"), 100) for amount in (99, 100, 101, 90_000)]
    assert asks == [False, False, True, True]
    assert needs_proof(Money(1, "EUR"), 0) and not needs_proof(Money(90_000, "EUR"), 100_000)
