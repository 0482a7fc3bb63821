"""Where methods go, what they cost, when things arrive."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from carts.conftest import BERLIN, GUEST, Shop
from mercato.carts.delivery import covers, is_pattern, promised_date
from mercato.carts.pricing import Destination
from mercato.contracts.carts import (
    Cart,
    DeliveryArea,
    DeliveryCalendar,
    DeliveryKind,
    DeliveryTier,
    DeliveryZone,
)
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Conflict, Invalid

WEDNESDAY = datetime(2026, 12, 23, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("patterns", "code", "is_in"),
    [
        ([], "10115", True),
        (["10115"], "10115", True),
        (["10115"], "10117", False),
        (["10*"], "10999", True),
        (["10*"], "20095", False),
        (["1000-1999"], "1015 CJ", True),
        (["1000-1999"], "2000 AB", False),
        (["20000-20999", "22*"], "22041", True),
        (["SW1A*"], "sw1a 1aa", True),
        (["sw1a 1aa"], "SW1A1AA", True),
        (["00-950"], "00-950", True),
        (["1000-1999"], "", False),
    ],
)
def test_postal_codes_fit_their_patterns(patterns: list[str], code: str, is_in: bool) -> None:
    zone = DeliveryZone(name="Z", areas=[DeliveryArea("DE", None, patterns)])
    assert covers(zone, Destination("DE", None, code)) is is_in
    assert all(is_pattern(pattern) for pattern in patterns)


def test_a_zone_is_any_of_its_areas() -> None:
    zone = DeliveryZone(name="Z", areas=[DeliveryArea("DE", "BE"), DeliveryArea("AT")])
    there = [Destination("DE", "be"), Destination("AT", "9"), Destination("DE", "BY"), Destination("FR")]
    assert [covers(zone, each) for each in there] == [True, True, False, False]


@pytest.mark.parametrize(
    ("days", "holidays", "arrives"),
    [
        (1, [], date(2026, 12, 24)),
        (2, [], date(2026, 12, 25)),
        (2, [date(2026, 12, 25), date(2026, 12, 26)], date(2026, 12, 28)),
        (1, [date(2026, 12, 23)], date(2026, 12, 25)),
        (0, [], date(2026, 12, 23)),
    ],
)
def test_nothing_leaves_or_arrives_on_holidays(days: int, holidays: list[date], arrives: date) -> None:
    found = promised_date(
        WEDNESDAY, time_zone="Europe/Berlin", cutoff_hour=15, working_days=days, holidays=holidays
    )
    assert found == arrives


async def offered(shop: Shop, cart: Cart) -> dict[str, int]:
    found = await shop.carts.delivery_methods(GUEST, cart_id=cart.id, token=cart.token)
    return {method.code: method.price.amount for method in found}


async def addressed(shop: Shop, units: int = 2, **address: Any) -> Cart:
    """A cart of 24.00 and 600 g that goes to Berlin unless told otherwise."""
    cart = await shop.cart((await shop.sell(1200), units))
    await shop.carts.update(
        GUEST, cart_id=cart.id, token=cart.token, shipping_address=msgspec.structs.replace(BERLIN, **address)
    )
    return cart


async def choose(shop: Shop, cart: Cart, method_id: UUID | None) -> Cart:
    return await shop.carts.update(GUEST, cart_id=cart.id, token=cart.token, delivery_method_id=method_id)


async def zone(shop: Shop, *codes: str) -> UUID:
    saved = await shop.carts.save_delivery_zone(
        SYSTEM_CONTEXT, zone=DeliveryZone(name="Berlin", areas=[DeliveryArea("DE", None, list(codes))])
    )
    assert saved.id is not None
    return saved.id


async def test_a_method_is_offered_where_its_zones_are(shop: Shop) -> None:
    berlin = await zone(shop, "10*", "12*")
    await shop.method(500)
    bike = await shop.method(300, code="bike", zone_ids=[berlin], countries=[])
    in_berlin = await addressed(shop)
    in_hamburg = await addressed(shop, postal_code="20095", city="Hamburg")

    assert await offered(shop, in_berlin) == {"standard": 500, "bike": 300}
    assert await offered(shop, in_hamburg) == {"standard": 500}
    chosen = await choose(shop, in_hamburg, bike.id)
    assert [problem.code for problem in chosen.problems] == ["delivery_invalid"]
    with pytest.raises(Conflict, match="zone_used"):
        await shop.carts.delete_delivery_zone(SYSTEM_CONTEXT, zone_id=berlin)
    assert len(await shop.carts.delivery_zones(SYSTEM_CONTEXT)) == 1


async def test_prices_go_by_weight(shop: Shop) -> None:
    method = await shop.method(
        390, kind=DeliveryKind.WEIGHT, heaviest_g=2000,
        tiers=[DeliveryTier(500, 590), DeliveryTier(1000, 890)],
    )  # fmt: skip
    light, middle, heavy = [await addressed(shop, units) for units in (1, 2, 6)]
    assert [await offered(shop, cart) for cart in (light, middle, heavy)] == [
        {"standard": 390}, {"standard": 590}, {"standard": 890},
    ]  # fmt: skip
    assert (await choose(shop, heavy, method.id)).totals.delivery.amount == 890
    too_heavy = await addressed(shop, 7)
    assert await offered(shop, too_heavy) == {}
    chosen = await choose(shop, too_heavy, method.id)
    assert chosen.delivery_method is None and chosen.totals.delivery.amount == 0


async def test_prices_go_by_what_the_cart_costs(shop: Shop) -> None:
    method = await shop.method(
        690, kind=DeliveryKind.PRICE, tiers=[DeliveryTier(2000, 490), DeliveryTier(5000, 0)]
    )
    carts = [await addressed(shop, units) for units in (1, 2, 5)]
    assert [await offered(shop, cart) for cart in carts] == [
        {"standard": 690}, {"standard": 490}, {"standard": 0},
    ]  # fmt: skip
    totals = (await choose(shop, carts[1], method.id)).totals
    assert (totals.delivery.amount, totals.total.amount) == (490, 2890)


async def test_what_is_picked_up_says_where(shop: Shop) -> None:
    await shop.method(500)
    await shop.method(0, code="pickup", kind=DeliveryKind.PICKUP, pickup_place="Gartenweg 3, Berlin")
    cart = await addressed(shop)
    found = await shop.carts.delivery_methods(GUEST, cart_id=cart.id, token=cart.token)
    assert [(method.kind, method.place) for method in found] == [
        ("flat", ""), ("pickup", "Gartenweg 3, Berlin"),
    ]  # fmt: skip
    promise = await shop.carts.delivery_promise(GUEST)
    assert promise is not None and promise.code == "standard"  # product pages promise what is sent


async def test_a_method_of_a_carrier_names_one_that_can_be_asked(shop: Shop) -> None:
    for fields, field, text in (
        ({"carrier": "dhl", "carrier_service": "economy"}, "carrier", "simulated"),
        ({"carrier": "simulated", "carrier_service": "air"}, "carrier_service", "economy, express"),
    ):
        with pytest.raises(Invalid) as refused:
            await shop.method(700, kind=DeliveryKind.CARRIER, **fields)
        [error] = refused.value.errors
        assert (error.field, error.message) == (field, f"Choose one of: {text}.")
    assert await shop.carts.list_delivery_methods(SYSTEM_CONTEXT) == []


async def test_a_carrier_prices_its_method_and_the_flat_price_holds_when_it_is_away(shop: Shop) -> None:
    method = await shop.method(700, kind=DeliveryKind.CARRIER, carrier="simulated", carrier_service="economy")
    await shop.method(500, code="flat")
    cart = await addressed(shop)
    assert await offered(shop, cart) == {"standard": 450, "flat": 500}
    chosen = await choose(shop, cart, method.id)
    assert (chosen.totals.delivery.amount, chosen.totals.total.amount) == (450, 2850)

    for fault, units in (("down", 30), ("slow", 60)):
        await shop.carriers.set_simulated_fault(SYSTEM_CONTEXT, fault=fault)
        heavier = await addressed(shop, units)
        assert await offered(shop, heavier) == {"standard": 700, "flat": 500}
        assert (await choose(shop, heavier, method.id)).totals.delivery.amount == 700


async def test_holidays_of_the_channel_move_the_promise(shop: Shop) -> None:
    await shop.method(500, days_min=1, days_max=1)
    cart = await addressed(shop)
    before = (await shop.carts.delivery_methods(GUEST, cart_id=cart.id, token=cart.token))[0].promised_date
    calendar = DeliveryCalendar(holidays=[before])
    await shop.carts.save_delivery_calendar(SYSTEM_CONTEXT, calendar=calendar)
    after = (await shop.carts.delivery_methods(GUEST, cart_id=cart.id, token=cart.token))[0].promised_date
    assert after > before
    with pytest.raises(Conflict, match="calendar_exists"):
        await shop.carts.save_delivery_calendar(SYSTEM_CONTEXT, calendar=calendar)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"kind": "weight"}, "tiers"),
        ({"kind": "price", "tiers": [{"least": 1, "price": 1}, {"least": 1, "price": 2}]}, "tiers"),
        ({"kind": "carrier"}, "carrier"),
        ({"kind": "pickup"}, "pickup_place"),
        ({"heaviest_g": 0}, "heaviest_g"),
    ],
)
async def test_refuses_a_method_that_cannot_work(shop: Shop, fields: dict[str, Any], wrong: str) -> None:
    with pytest.raises(Invalid) as caught:
        await shop.method(500, **fields)
    assert [error.field for error in caught.value.errors] == [wrong]
    assert await shop.carts.list_delivery_methods(SYSTEM_CONTEXT) == []


@pytest.mark.parametrize("areas", [[], [DeliveryArea("de")], [DeliveryArea("DE", None, ["10?"])]])
async def test_refuses_a_zone_that_is_nowhere(shop: Shop, areas: list[DeliveryArea]) -> None:
    with pytest.raises(Invalid):
        await shop.carts.save_delivery_zone(SYSTEM_CONTEXT, zone=DeliveryZone(name="Z", areas=areas))
    assert await shop.carts.delivery_zones(SYSTEM_CONTEXT) == []
