"""How values are written for people: money, numbers, dates. Locale data is Babel's, results are cached."""

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.core import UnknownLocaleError
from babel.dates import format_date, format_datetime, format_skeleton, format_timedelta
from babel.numbers import format_compact_decimal, format_currency, format_decimal, get_currency_symbol

from mercato.kernel.money import Money, exponent, to_decimal


@lru_cache(maxsize=64)
def locale_of(name: str) -> Locale:
    """The Babel locale of a tag such as "en", "de-AT" or "pt_BR"; English for a tag nobody knows."""
    try:
        return Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return Locale.parse("en")


@lru_cache(maxsize=16384)
def _money(amount: int, currency: str, locale: str, short: bool) -> str:
    value = to_decimal(Money(amount, currency))
    if short and value == value.to_integral_value():
        text = format_currency(
            value, currency, locale=locale_of(locale), currency_digits=False, decimal_quantization=False
        )
        return str(text).removesuffix(".00")
    return str(format_currency(value, currency, locale=locale_of(locale)))


def money(value: Money, locale: str = "en", short: bool = False) -> str:
    """Money for people, e.g. "€24.00"; `short` leaves out zero cents ("€24")."""
    return _money(value.amount, value.currency, locale, short)


def decimal_of(value: Money) -> str:
    """The plain decimal figure of an amount ("24.00"), as JSON-LD and form fields want it."""
    return f"{to_decimal(value):.{exponent(value.currency)}f}"


def currency_symbol(currency: str, locale: str = "en") -> str:
    """The sign of a currency, e.g. "€"."""
    return str(get_currency_symbol(currency, locale=locale_of(locale)))


@lru_cache(maxsize=4096)
def number(value: int | Decimal, locale: str = "en") -> str:
    """A figure with the grouping of the locale, e.g. "1,284"."""
    return str(format_decimal(value, locale=locale_of(locale)))


@lru_cache(maxsize=4096)
def compact(value: int | Decimal, locale: str = "en") -> str:
    """A short figure for chart axes, e.g. "4.5K"."""
    return str(format_compact_decimal(value, locale=locale_of(locale), fraction_digits=1))


def _zoned(moment: datetime, zone: str) -> datetime:
    return moment.astimezone(ZoneInfo(zone))


def day(value: date | datetime, locale: str = "en", zone: str = "UTC") -> str:
    """A day with its weekday, e.g. "Tue, Nov 24"."""
    when = _zoned(value, zone) if isinstance(value, datetime) else value
    pattern = "EEE, MMM d" if locale.startswith("en") else "EEE d. MMM"
    return str(format_date(when, pattern, locale=locale_of(locale)))


def short_day(value: date | datetime, locale: str = "en") -> str:
    """A day for chart axes, e.g. "22 Nov"."""
    return str(format_skeleton("MMMd", value, locale=locale_of(locale)))


def moment(value: datetime, locale: str = "en", zone: str = "UTC") -> str:
    """A day and time of day, e.g. "Nov 22, 2026, 9:14 AM"."""
    written = str(format_datetime(_zoned(value, zone), "d MMM y, HH:mm", locale=locale_of(locale)))
    return written.replace("\u202f", " ")


def stamp(value: datetime, now: datetime, locale: str = "en", zone: str = "UTC") -> str:
    """A day and time of day for lists, e.g. "22 Nov, 09:14"; with the year when it is not that of `now`."""
    when = _zoned(value, zone)
    pattern = "d MMM, HH:mm" if when.year == _zoned(now, zone).year else "d MMM y, HH:mm"
    return str(format_datetime(when, pattern, locale=locale_of(locale)))


def hour(value: datetime, locale: str = "en", zone: str = "UTC") -> str:
    """A time of day with its zone, e.g. "14:35 CET"."""
    when = _zoned(value, zone)
    return f"{format_datetime(when, 'HH:mm', locale=locale_of(locale))} {when.tzname()}"


def ago(value: datetime, now: datetime, locale: str = "en") -> str:
    """How long before `now`, e.g. "3 minutes ago"."""
    return str(format_timedelta(value - now, add_direction=True, locale=locale_of(locale)))


def iso(value: datetime | date) -> str:
    """The machine form for <time datetime>."""
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value.isoformat()
