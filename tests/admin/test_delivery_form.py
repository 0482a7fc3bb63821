"""What staff types about delivery: understood, or refused with the line that is not."""

from datetime import date
from typing import Any

import pytest

from mercato.admin.delivery_form import areas_text, holidays_of, method_of, tiers_of, values_of, zone_of
from mercato.contracts.carts import DeliveryArea, DeliveryKind, DeliveryTier
from mercato.kernel.errors import Invalid

FORM = {
    "code": "std",
    "name": "Standard",
    "price": "4,90",
    "days_min": "1",
    "days_max": "3",
    "is_active": "1",
}


def test_areas_are_lines_and_read_back_as_they_were_typed() -> None:
    typed = "AT\nDE / BE\nDE: 10*, 20095, 21000-21999"
    zone = zone_of({"name": "Near", "areas": typed})
    assert zone.areas == [
        DeliveryArea("AT"), DeliveryArea("DE", "BE"),
        DeliveryArea("DE", None, ["10*", "20095", "21000-21999"]),
    ]  # fmt: skip
    assert areas_text(zone) == typed


@pytest.mark.parametrize("typed", ["Austria", "D", "DE 10*", ":10*", ""])
def test_refuses_an_area_that_is_not_understood(typed: str) -> None:
    with pytest.raises(Invalid) as caught:
        zone_of({"name": "Near", "areas": typed})
    assert [error.field for error in caught.value.errors] == ["areas"]


@pytest.mark.parametrize(
    ("kind", "currency", "typed", "tiers"),
    [
        ("weight", "EUR", "0.5 = 5.90\n2,25=8", [(500, 590), (2250, 800)]),
        ("price", "EUR", "100 = 0\n50 = 2,90", [(5000, 290), (10000, 0)]),
        ("price", "JPY", "5000 = 300", [(5000, 300)]),
        ("price", "KWD", "1.5 = 0.125", [(1500, 125)]),
        ("flat", "EUR", "0.5 = 5.90", []),
    ],
)
def test_steps_are_read_in_their_unit(kind: str, currency: str, typed: str, tiers: list[Any]) -> None:
    assert tiers_of(typed, DeliveryKind(kind), currency) == [DeliveryTier(*tier) for tier in tiers]


@pytest.mark.parametrize(
    ("typed", "currency"), [("0.5 5.90", "EUR"), ("a = b", "EUR"), ("5 = 5.901", "EUR"), ("5 = 0.5", "JPY")]
)
def test_refuses_steps_that_are_not_understood(typed: str, currency: str) -> None:
    with pytest.raises(Invalid):
        tiers_of(typed, DeliveryKind.PRICE, currency)


def test_a_method_reads_back_as_it_was_typed() -> None:
    typed = {
        **FORM, "kind": "weight", "tiers": "0.500 = 5.90\n2.000 = 8.00", "heaviest": "31.5",
        "free_above": "79", "countries": "de, at", "service": "acme:fast", "cutoff_hour": "0",
    }  # fmt: skip
    method = method_of(typed, channel="default", currency="EUR")
    assert (method.price, method.free_above, method.heaviest_g) == (490, 7900, 31500)
    assert (method.countries, method.cutoff_hour, method.carrier) == (["DE", "AT"], 0, None)
    again = values_of(method, "EUR")
    assert (again["tiers"], again["heaviest"]) == ("0.5 = 5.90\n2 = 8.00", "31.5")
    assert method_of({**again, "kind": "weight"}, channel="default", currency="EUR") == method


def test_only_a_method_of_a_carrier_names_one() -> None:
    method = method_of({**FORM, "kind": "carrier", "service": "acme:fast"}, channel="default", currency="EUR")
    assert (method.carrier, method.carrier_service) == ("acme", "fast")


@pytest.mark.parametrize(("typed", "days"), [("2026-12-25, 2026-01-01\n2026-12-25", 2), ("", 0)])
def test_holidays_are_days_once(typed: str, days: int) -> None:
    found = holidays_of(typed)
    assert len(found) == days and found == sorted(found)
    assert not found or found[0] == date(2026, 1, 1)


def test_refuses_a_day_that_does_not_exist() -> None:
    with pytest.raises(Invalid):
        holidays_of("2026-02-30")
