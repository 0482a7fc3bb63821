"""Delivery: zones and methods, at what price, and when something arrives."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.shared import Code, MinorUnits, ShortText, Whole
from mercato.kernel.context import Context
from mercato.kernel.money import Amount
from mercato.kernel.rpc import idempotent

MAX_AREAS = 250
MAX_TIERS = 50
MAX_HOLIDAYS = 200

CountryCode = Annotated[str, msgspec.Meta(min_length=2, max_length=2)]
PostalPattern = Annotated[str, msgspec.Meta(min_length=1, max_length=41)]
Weight = Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]
"""Grams."""


class DeliveryKind(StrEnum):
    """How the price of a method is found. A carrier's is what it asks now, or `price` while it is away."""

    FLAT = "flat"
    WEIGHT = "weight"
    PRICE = "price"
    PICKUP = "pickup"
    CARRIER = "carrier"


class DeliveryArea(msgspec.Struct, frozen=True, gc=False):
    """A country, or a part of it. `postal_codes` are patterns: `10115`, `10*`, `1000-1999`; any of them."""

    country: CountryCode
    region: Annotated[str, msgspec.Meta(max_length=80)] | None = None
    postal_codes: Annotated[list[PostalPattern], msgspec.Meta(max_length=200)] = []


class DeliveryZone(msgspec.Struct, frozen=True, kw_only=True):
    """Somewhere that methods go to: any of its areas."""

    id: UUID | None = None
    name: ShortText
    areas: Annotated[list[DeliveryArea], msgspec.Meta(max_length=MAX_AREAS)]
    version: Whole = 1


class DeliveryTier(msgspec.Struct, frozen=True, gc=False):
    """The price from so many grams, or from a subtotal of so many minor units, on."""

    least: MinorUnits
    price: MinorUnits


class DeliveryCalendar(msgspec.Struct, frozen=True, kw_only=True):
    """Days on which nothing leaves and nothing arrives in a channel, beside weekends."""

    id: UUID | None = None
    channel: Code = "default"
    holidays: Annotated[list[date], msgspec.Meta(max_length=MAX_HOLIDAYS)]
    version: Whole = 1

    @property
    def name(self) -> str:
        return f"Holidays of {self.channel}"


class DeliveryMethodInput(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID | None = None
    code: ShortText
    name: ShortText
    description: ShortText = ""
    countries: list[Code]
    """ISO 3166 codes; empty means every country of the channel, or wherever its zones are."""
    price: Amount
    free_above: Amount | None = None
    """Free from this subtotal on, minor units."""
    days_min: Whole = 1
    days_max: Whole = 3
    cutoff_hour: Whole = 15
    position: Whole = 0
    is_active: bool = True
    channel: Code = "default"
    tax_class: Code = "standard"
    kind: DeliveryKind = DeliveryKind.FLAT
    zone_ids: Annotated[list[UUID], msgspec.Meta(max_length=100)] = []
    """Only to these zones; empty means that zones do not matter."""
    tiers: Annotated[list[DeliveryTier], msgspec.Meta(max_length=MAX_TIERS)] = []
    """Of the kinds `weight` and `price`: the last whose `least` is reached; below the first, `price`."""
    heaviest_g: Weight | None = None
    """Carts that weigh more cannot be sent this way."""
    carrier: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    carrier_service: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    pickup_place: Annotated[str, msgspec.Meta(max_length=300)] = ""
    """Of the kind `pickup`: where, and when it is open."""
    version: Whole = 1


class Delivery(Protocol):
    """What staff does with the ways a cart can be delivered."""

    @idempotent
    async def list_delivery_methods(self, ctx: Context) -> list[DeliveryMethodInput]: ...

    async def save_delivery_method(
        self, ctx: Context, *, method: DeliveryMethodInput
    ) -> DeliveryMethodInput: ...

    async def delete_delivery_method(self, ctx: Context, *, method_id: UUID) -> None: ...

    @idempotent
    async def delivery_zones(self, ctx: Context) -> list[DeliveryZone]: ...

    async def save_delivery_zone(self, ctx: Context, *, zone: DeliveryZone) -> DeliveryZone: ...

    async def delete_delivery_zone(self, ctx: Context, *, zone_id: UUID) -> None:
        """Raises Conflict("zone_used") while a method goes there."""

    @idempotent
    async def delivery_calendars(self, ctx: Context) -> list[DeliveryCalendar]: ...

    async def save_delivery_calendar(
        self, ctx: Context, *, calendar: DeliveryCalendar
    ) -> DeliveryCalendar: ...
