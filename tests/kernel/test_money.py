"""Money: whole minor units, sums that match to the unit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.kernel.money import (
    Money,
    allocate,
    exponent,
    format_money,
    from_decimal,
    multiply,
    to_decimal,
    total_of,
)

amounts = st.integers(-(10**15), 10**15)
weights = st.lists(st.integers(0, 10**9), min_size=1, max_size=40)


@given(amounts, weights)
def test_the_parts_of_an_amount_sum_exactly_to_it(amount: int, shares: list[int]) -> None:
    parts = allocate(amount, shares)
    assert sum(parts) == amount
    assert len(parts) == len(shares)


@given(amounts, weights.filter(lambda shares: sum(shares) > 0))
def test_no_part_is_a_unit_or_more_away_from_its_exact_share(amount: int, shares: list[int]) -> None:
    whole = sum(shares)
    for part, share in zip(allocate(amount, shares), shares, strict=True):
        assert abs(part * whole - amount * share) < whole
        assert share or part == 0


@given(amounts, weights)
def test_splitting_a_refund_mirrors_splitting_the_charge(amount: int, shares: list[int]) -> None:
    assert allocate(-amount, shares) == [-part for part in allocate(amount, shares)]


def test_the_odd_unit_goes_to_the_largest_remainder_then_to_the_first() -> None:
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert allocate(10, [1, 5]) == [2, 8]
    assert allocate(5, [0, 0]) == [5, 0]


def test_refuses_to_split_by_nothing_or_by_a_negative_weight() -> None:
    for shares in ([], [1, -1]):
        with pytest.raises(ValueError, match="weights"):
            allocate(100, shares)


@pytest.mark.parametrize(
    ("currency", "decimals", "text"),
    [("EUR", 2, "€1,234.56"), ("JPY", 0, "¥123,456"), ("KWD", 3, "KWD123.456")],
)
def test_knows_how_many_decimals_a_currency_has(currency: str, decimals: int, text: str) -> None:
    assert exponent(currency) == decimals
    assert to_decimal(Money(123_456, currency)) == Decimal(123_456).scaleb(-decimals)
    assert format_money(Money(123_456, currency), "en_US") == text


@given(st.integers(-(10**12), 10**12), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_major_units_and_back_is_the_same_money(amount: int, currency: str) -> None:
    money = Money(amount, currency)
    assert from_decimal(to_decimal(money), currency) == money


def test_rounds_half_to_the_even_unit() -> None:
    assert [multiply(amount, Decimal("0.5")) for amount in (1, 3, 5, -1)] == [0, 2, 2, 0]
    assert from_decimal(Decimal("0.125"), "EUR") == Money(12, "EUR")
    assert multiply(1999, Decimal("0.19")) == 380


def test_adds_and_subtracts_only_one_currency() -> None:
    assert Money(5, "EUR") + Money(7, "EUR") - Money(2, "EUR") == Money(10, "EUR")
    assert -Money(5, "EUR") * 3 == Money(-15, "EUR")
    assert total_of([], "JPY") == Money(0, "JPY")
    for wrong in (lambda: Money(1, "EUR") + Money(1, "USD"), lambda: Money(1, "EUR") - Money(1, "USD")):
        with pytest.raises(ValueError, match="cannot mix EUR and USD"):
            wrong()
