"""What staff types is read strictly: an amount that could mean two things is refused, never guessed."""

import pytest

from mercato.admin import forms
from mercato.contracts.orders import OrderStatus
from mercato.kernel.deadlines import DeadlineExceeded
from mercato.kernel.errors import Conflict, Denied, Invalid, NotFound, Throttled
from mercato.kernel.money import Money


@pytest.mark.parametrize(
    ("typed", "currency", "amount"),
    [
        ("12.50", "EUR", 1250),
        ("12,5", "EUR", 1250),
        (" 1 000 ", "EUR", 100000),
        ("1\N{NO-BREAK SPACE}000,01", "EUR", 100001),
        ("0", "EUR", 0),
        ("1250", "JPY", 1250),
        ("1.234", "KWD", 1234),
    ],
)
def test_amounts_are_read_in_major_units(typed: str, currency: str, amount: int) -> None:
    assert forms.money({"price": typed}, "price", currency) == Money(amount, currency)


@pytest.mark.parametrize(
    ("typed", "currency"),
    [
        ("1,000", "EUR"),
        ("1.000,00", "EUR"),
        ("12.505", "EUR"),
        ("-1", "EUR"),
        ("1e3", "EUR"),
        ("1_000", "EUR"),
        ("NaN", "EUR"),
        ("\N{FULLWIDTH DIGIT ONE}", "EUR"),
        ("99999999999", "EUR"),
        ("12.50", "JPY"),
        ("€12", "EUR"),
    ],
)
def test_amounts_that_are_none_or_could_mean_two_things_are_refused(typed: str, currency: str) -> None:
    with pytest.raises(Invalid) as refusal:
        forms.money({"price": typed}, "price", currency)
    assert [(each.field, each.code) for each in refusal.value.errors] == [("price", "invalid")]


def test_an_empty_field_is_no_amount_and_no_number() -> None:
    assert forms.money({"price": "  "}, "price", "EUR") is None
    assert forms.money({}, "price", "EUR") is None
    assert forms.whole({"n": ""}, "n") is None


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("1.5", "Enter a whole number."),
        ("1_0", "Enter a whole number."),
        ("ten", "Enter a whole number."),
        ("11", "Enter a number between 0 and 10."),
        ("-1", "Enter a number between 0 and 10."),
    ],
)
def test_numbers_outside_their_limits_are_refused_with_the_limits(typed: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        forms.whole({"n": typed}, "n", most=10)


def test_numbers_within_their_limits_are_read() -> None:
    assert forms.whole({"n": " 10 "}, "n", most=10) == 10
    assert forms.whole({"n": "-3"}, "n", least=-5) == -3


def test_a_field_sent_twice_counts_as_its_last_value_and_a_list_as_all() -> None:
    assert forms.text({"a": ["x", " y "]}, "a") == "y"
    assert forms.text({"a": []}, "a", "otherwise") == "otherwise"
    assert forms.texts({"a": ["x", "y"]}, "a") == ["x", "y"]
    assert forms.texts({"a": "x"}, "a") == ["x"]
    assert forms.texts({}, "a") == []


def test_text_is_cut_at_its_limit() -> None:
    assert len(forms.text({"a": "x" * 30_000}, "a")) == forms.MAX_TEXT


def test_an_address_that_names_no_status_names_none() -> None:
    assert forms.one_of(OrderStatus, "placed") is OrderStatus.PLACED
    assert forms.one_of(OrderStatus, "no-such") is None
    assert forms.one_of(OrderStatus, "") is None


def test_each_refusal_has_its_status() -> None:
    assert forms.status_of(Invalid()) == 422
    assert forms.status_of(Denied()) == 403
    assert forms.status_of(NotFound()) == 404
    assert forms.status_of(Throttled("throttled")) == 429
    assert forms.status_of(DeadlineExceeded("orders.place")) == 503
    assert forms.status_of(Conflict("version_conflict")) == 409
