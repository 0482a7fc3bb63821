"""What staff types about delivery, as the contract takes it, and back: areas, steps of a price, holidays."""

import re
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from mercato.admin.forms import money, one_of, text, texts, whole
from mercato.contracts.carts import (
    DeliveryArea,
    DeliveryKind,
    DeliveryMethodInput,
    DeliveryTier,
    DeliveryZone,
)
from mercato.kernel.errors import FieldError, Invalid
from mercato.kernel.money import Money, exponent, from_decimal, to_decimal

GRAMS = 1000
_AREA = re.compile(r"(?P<country>[A-Za-z]{2})\s*(?:/\s*(?P<region>[^:]{1,80}?))?\s*(?::\s*(?P<codes>.+))?")
_STEP = re.compile(r"(?P<least>[0-9]{1,9}(?:[.,][0-9]{1,3})?)\s*=\s*(?P<price>[0-9]{1,9}(?:[.,][0-9]{1,3})?)")


def zone_of(data: dict[str, Any]) -> DeliveryZone:
    """A zone without its id. Raises Invalid with fields."""
    errors: list[FieldError] = []
    areas = []
    for line in _lines(text(data, "areas")):
        found = _AREA.fullmatch(line)
        if found is None:
            message = f"{line[:40]!r} is not understood. Write AT, DE / BE or DE: 10*, 12*."
            errors.append(FieldError("areas", "invalid", message))
            continue
        codes = [code.strip()[:41] for code in (found["codes"] or "").split(",") if code.strip()]
        areas.append(DeliveryArea(found["country"].upper(), found["region"], codes[:200]))
    if not text(data, "name"):
        errors.append(FieldError("name", "required", "Give it a name."))
    if not areas and not errors:
        errors.append(FieldError("areas", "required", "Name at least one country."))
    if errors:
        raise Invalid(detail="Some fields need another look.", errors=errors[:5])
    return DeliveryZone(
        name=text(data, "name")[:200], areas=areas[:250], version=whole(data, "version", least=1) or 1
    )


def areas_text(zone: DeliveryZone) -> str:
    """The areas of a zone as they are typed: a line each."""
    return "\n".join(
        area.country
        + (f" / {area.region}" if area.region else "")
        + (f": {', '.join(area.postal_codes)}" if area.postal_codes else "")
        for area in zone.areas
    )


def method_of(data: dict[str, Any], *, channel: str, currency: str) -> DeliveryMethodInput:
    """A method without its id. Raises Invalid with fields."""
    kind = one_of(DeliveryKind, text(data, "kind")) or DeliveryKind.FLAT
    price, free_above = money(data, "price", currency), money(data, "free_above", currency)
    if price is None:
        raise _wrong("price", "Enter what it costs; 0 when it is free.")
    carrier, _, service = text(data, "service").partition(":")
    is_carried = kind is DeliveryKind.CARRIER
    return DeliveryMethodInput(
        code=text(data, "code")[:200],
        name=text(data, "name")[:200],
        description=text(data, "description")[:200],
        countries=[code.strip().upper() for code in text(data, "countries").split(",") if code.strip()][:250],
        price=price.amount,
        free_above=None if free_above is None else free_above.amount,
        days_min=whole(data, "days_min", most=365) or 0,
        days_max=whole(data, "days_max", most=365) or 0,
        cutoff_hour=_or(whole(data, "cutoff_hour", most=24), 15),
        position=whole(data, "position", most=1_000_000) or 0,
        is_active=bool(text(data, "is_active")),
        channel=channel,
        tax_class=text(data, "tax_class")[:120] or "standard",
        kind=kind,
        zone_ids=[zone_id for each in texts(data, "zones") if (zone_id := _uuid(each)) is not None],
        tiers=tiers_of(text(data, "tiers"), kind, currency),
        heaviest_g=_grams(data),
        carrier=carrier[:40] if is_carried and carrier else None,
        carrier_service=service[:40] if is_carried and service else None,
        pickup_place=text(data, "pickup_place")[:300] if kind is DeliveryKind.PICKUP else "",
        version=whole(data, "version", least=1) or 1,
    )


def tiers_of(typed: str, kind: DeliveryKind, currency: str) -> list[DeliveryTier]:
    """Steps of a price, a line each: `0.5 = 5.90` from half a kilogram, or an amount, on. Raises Invalid."""
    if kind not in (DeliveryKind.WEIGHT, DeliveryKind.PRICE):
        return []
    tiers = []
    for line in _lines(typed):
        found = _STEP.fullmatch(line)
        if found is None:
            raise _wrong("tiers", f"{line[:40]!r} is not understood. Write 0.5 = 5.90, a line each.")
        least = Decimal(found["least"].replace(",", "."))
        is_weight = kind is DeliveryKind.WEIGHT
        begins = int(least * GRAMS) if is_weight else _minor(least, currency)
        tiers.append(DeliveryTier(begins, _minor(Decimal(found["price"].replace(",", ".")), currency)))
    return sorted(tiers[:50], key=lambda tier: tier.least)


def tiers_text(method: DeliveryMethodInput, currency: str) -> str:
    """The steps of a method as they are typed."""
    return "\n".join(
        f"{_kilograms(tier.least) if method.kind is DeliveryKind.WEIGHT else _plain(tier.least, currency)}"
        f" = {_plain(tier.price, currency)}"
        for tier in method.tiers
    )


def values_of(method: DeliveryMethodInput, currency: str) -> dict[str, Any]:
    """A method as the fields of its form."""
    return {
        **{name: getattr(method, name) for name in DeliveryMethodInput.__struct_fields__},
        "kind": method.kind.value,
        "price": _plain(method.price, currency),
        "free_above": "" if method.free_above is None else _plain(method.free_above, currency),
        "countries": ", ".join(method.countries),
        "zones": [str(zone_id) for zone_id in method.zone_ids],
        "tiers": tiers_text(method, currency),
        "heaviest": "" if method.heaviest_g is None else _kilograms(method.heaviest_g),
        "service": f"{method.carrier}:{method.carrier_service}" if method.carrier else "",
        "is_active": "1" if method.is_active else "",
    }


def holidays_of(typed: str) -> list[date]:
    """Days, a line each or with commas between, such as 2026-12-25. Raises Invalid."""
    days = set()
    for each in re.split(r"[\s,]+", typed.strip()):
        if not each:
            continue
        try:
            days.add(date.fromisoformat(each))
        except ValueError:
            raise _wrong("holidays", f"{each[:20]!r} is no day. Write 2026-12-25.") from None
    return sorted(days)[:200]


def _grams(data: dict[str, Any]) -> int | None:
    typed = text(data, "heaviest").replace(",", ".")
    if not typed:
        return None
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,3})?", typed):
        raise _wrong("heaviest", "Enter kilograms, such as 31.5.")
    return int(Decimal(typed) * GRAMS)


def _kilograms(grams: int) -> str:
    return f"{Decimal(grams) / GRAMS:f}"


def _minor(value: Decimal, currency: str) -> int:
    places = exponent(currency)
    if value != round(value, places):
        raise _wrong("tiers", f"{value} has more decimals than {currency} has.")
    return from_decimal(value, currency).amount


def _plain(amount: int, currency: str) -> str:
    return f"{to_decimal(Money(amount, currency)):.{exponent(currency)}f}"


def _lines(typed: str) -> list[str]:
    return [line.strip() for line in typed.splitlines() if line.strip()]


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def _uuid(typed: str) -> UUID | None:
    try:
        return UUID(typed)
    except ValueError:
        return None


def _wrong(field: str, message: str) -> Invalid:
    return Invalid(detail=message, errors=[FieldError(field, "invalid", message)])
