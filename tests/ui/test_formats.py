"""What people read: money, days, figures, in the way of their language."""

from datetime import UTC, date, datetime

import pytest

from mercato.kernel.money import Money
from mercato.ui import formats


@pytest.mark.parametrize(
    ("value", "locale", "written"),
    [
        (Money(2400, "EUR"), "en", "€24.00"),
        (Money(240000, "EUR"), "de", "2.400,00\N{NO-BREAK SPACE}€"),
        (Money(2400, "JPY"), "en", "¥2,400"),
        (Money(12345, "KWD"), "en", "KWD12.345"),
        (Money(-500, "USD"), "en", "-$5.00"),
        (Money(100, "EUR"), "xx-no-such", "€1.00"),
    ],
)
def test_money_is_written_for_the_locale(value: Money, locale: str, written: str) -> None:
    assert formats.money(value, locale) == written


def test_short_money_drops_only_zero_cents() -> None:
    assert formats.money(Money(2400, "EUR"), "en", True) == "€24"
    assert formats.money(Money(2450, "EUR"), "en", True) == "€24.50"


def test_machines_get_plain_decimals() -> None:
    assert formats.decimal_of(Money(5, "EUR")) == "0.05"
    assert formats.decimal_of(Money(2400, "JPY")) == "2400"


def test_days_and_moments_are_shown_in_the_zone_of_the_shop() -> None:
    late = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    assert formats.day(late, "en", "Europe/Amsterdam") == "Mon, Nov 23"
    assert formats.day(date(2026, 11, 24), "de") == "Di. 24. Nov."
    assert formats.moment(late, "en", "Europe/Amsterdam") == "23 Nov 2026, 00:30"
    assert formats.hour(late, "en", "Europe/Amsterdam") == "00:30 CET"
    assert formats.iso(late) == "2026-11-22T23:30:00+00:00"


def test_lists_leave_out_the_year_that_everybody_knows() -> None:
    now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    assert formats.stamp(datetime(2026, 11, 22, 9, 14, tzinfo=UTC), now) == "22 Nov, 09:14"
    assert formats.stamp(datetime(2025, 11, 22, 9, 14, tzinfo=UTC), now) == "22 Nov 2025, 09:14"


def test_time_that_has_passed_is_told_in_words() -> None:
    now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    assert formats.ago(datetime(2026, 11, 22, 11, 57, tzinfo=UTC), now) == "3 minutes ago"
