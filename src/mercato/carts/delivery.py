"""Where a method goes, what it costs for a cart, when it arrives. No I/O."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from mercato.contracts.carts import (
    DeliveryArea,
    DeliveryKind,
    DeliveryMethodInput,
    DeliveryTier,
    DeliveryZone,
)

WEEKEND: Final = (5, 6)
MAX_SEARCH_DAYS: Final = 1000
"""A calendar of nothing but holidays is a mistake, and no reason to look for ever."""

Test = tuple[str, str, str]
_PATTERN = re.compile(r"[A-Z0-9][A-Z0-9 -]*\*?|\*")


class Destination(Protocol):
    """Where a cart goes, as far as it is known."""

    @property
    def country(self) -> str | None: ...
    @property
    def region(self) -> str | None: ...
    @property
    def postal_code(self) -> str | None: ...


class Load(msgspec.Struct, frozen=True, gc=False):
    """What of a cart decides how it can be sent."""

    weight_g: int = 0
    rates: Mapping[UUID, int] = {}
    """Method → what its carrier asks now, minor units; without the methods whose carrier did not answer."""


NOTHING: Final = Load()


def goes_to(
    method: DeliveryMethodInput,
    there: Destination,
    *,
    zones: Mapping[UUID, DeliveryZone],
    channel_countries: Collection[str],
) -> bool:
    """Whether the method goes `there`; a country that is not known yet rules nothing out."""
    if there.country is None:
        return True
    if method.countries and there.country not in method.countries:
        return False
    if method.zone_ids:
        return any(zone_id in zones and covers(zones[zone_id], there) for zone_id in method.zone_ids)
    return bool(method.countries) or not channel_countries or there.country in channel_countries


def covers(zone: DeliveryZone, there: Destination) -> bool:
    return any(_is_in(area, there) for area in zone.areas)


def is_pattern(text: str) -> bool:
    """Whether `text` is a pattern of postal codes: `10115`, `10*`, `1000-1999`."""
    return _PATTERN.fullmatch(text.strip().upper()) is not None


def carries(method: DeliveryMethodInput, load: Load) -> bool:
    return method.heaviest_g is None or load.weight_g <= method.heaviest_g


def for_load(method: DeliveryMethodInput, load: Load) -> DeliveryMethodInput:
    """The method with the price that it has for this load; one by subtotal keeps its tiers."""
    if method.kind is DeliveryKind.WEIGHT:
        return msgspec.structs.replace(method, price=_tier(method.tiers, load.weight_g, method.price))
    if method.kind is DeliveryKind.CARRIER and method.id is not None and method.id in load.rates:
        return msgspec.structs.replace(method, price=load.rates[method.id])
    return method


def price_of(method: DeliveryMethodInput, subtotal: int) -> int:
    """What a method that was made `for_load` costs for this subtotal, minor units."""
    if method.free_above is not None and subtotal >= method.free_above:
        return 0
    return full_price_of(method, subtotal)


def full_price_of(method: DeliveryMethodInput, subtotal: int) -> int:
    """The same without the limit from which it is free."""
    if method.kind is DeliveryKind.PRICE:
        return _tier(method.tiers, subtotal, method.price)
    return method.price


def needs_weight(methods: Collection[DeliveryMethodInput]) -> bool:
    """Whether any method asks what the cart weighs."""
    return any(
        method.heaviest_g is not None or method.kind in (DeliveryKind.WEIGHT, DeliveryKind.CARRIER)
        for method in methods
    )


def needs_subtotal(methods: Collection[DeliveryMethodInput]) -> bool:
    """Whether any method asks what the cart costs."""
    return any(method.free_above is not None or method.kind is DeliveryKind.PRICE for method in methods)


def promised_date(
    now: datetime,
    *,
    time_zone: str,
    cutoff_hour: int,
    working_days: int,
    holidays: Collection[date] = (),
) -> date:
    """When a parcel arrives that is ordered at `now`: it leaves the same working day before the cut-off hour
    of `time_zone`, else on the next one, and then takes `working_days`: Monday to Friday but for holidays."""
    local = now.astimezone(ZoneInfo(time_zone))
    leaves = local.date()
    if local.hour >= cutoff_hour or _is_off(leaves, holidays):
        leaves = _next_working_day(leaves, holidays)
    arrives = leaves
    for _ in range(working_days):
        arrives = _next_working_day(arrives, holidays)
    return arrives


def _next_working_day(day: date, holidays: Collection[date]) -> date:
    for _ in range(MAX_SEARCH_DAYS):
        day += timedelta(days=1)
        if not _is_off(day, holidays):
            return day
    return day


def _is_off(day: date, holidays: Collection[date]) -> bool:
    return day.weekday() in WEEKEND or day in holidays


def _tier(tiers: Sequence[DeliveryTier], amount: int, otherwise: int) -> int:
    reached = [tier for tier in tiers if tier.least <= amount]
    return max(reached, key=lambda tier: tier.least).price if reached else otherwise


def _is_in(area: DeliveryArea, there: Destination) -> bool:
    if area.country != there.country:
        return False
    if area.region and (there.region or "").casefold() != area.region.casefold():
        return False
    if not area.postal_codes:
        return True
    code = plain(there.postal_code or "")
    return any(_fits(_test(pattern), code) for pattern in area.postal_codes)


def plain(postal_code: str) -> str:
    """A postal code as it is compared: capitals, without spaces and dashes."""
    return "".join(letter for letter in postal_code.upper() if letter.isalnum())


@lru_cache(maxsize=4096)
def _test(pattern: str) -> Test:
    """(kind, from, to) of a pattern: read once."""
    text = pattern.strip().upper()
    if text.endswith("*"):
        return "prefix", plain(text), ""
    first, dash, last = text.partition("-")
    if dash and plain(first).isdigit() and plain(last).isdigit() and len(plain(first)) == len(plain(last)):
        return "range", plain(first), plain(last)
    return "exact", plain(text), ""


def _fits(test: Test, code: str) -> bool:
    kind, first, last = test
    if kind == "prefix":
        return code.startswith(first)
    if kind == "range":
        return first <= code[: len(first)] <= last and len(code) >= len(first)
    return code == first
