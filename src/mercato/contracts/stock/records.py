"""What stock tells: levels, movements, holds, and what may still be promised."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

LOW_STOCK = 5
"""At or below this many available units, pages say that only a few are left."""


class Availability(StrEnum):
    IN_STOCK = "in_stock"
    LOW = "low"
    OUT = "out"
    BACKORDER = "backorder"


class MovementKind(StrEnum):
    RECEIVED = "received"
    ADJUSTED = "adjusted"
    RESERVED = "reserved"
    RELEASED = "released"
    ALLOCATED = "allocated"
    DEALLOCATED = "deallocated"
    SHIPPED = "shipped"
    RETURNED = "returned"
    DAMAGED = "damaged"
    TRANSFERRED_OUT = "transferred_out"
    TRANSFERRED_IN = "transferred_in"


class Strategy(StrEnum):
    """Which location an order takes from first."""

    LOCATION_ORDER = "location_order"
    MOST_STOCK = "most_stock"


class Demand(msgspec.Struct, frozen=True, gc=False):
    """So many units of one variant."""

    variant_id: UUID
    quantity: int


class Shortage(msgspec.Struct, frozen=True, gc=False):
    """A demand that cannot be met: how many are available now."""

    variant_id: UUID
    available: int


class Hold(msgspec.Struct, frozen=True, gc=False):
    """All demands are held when `shortages` is empty; otherwise nothing was written."""

    shortages: list[Shortage]

    @property
    def is_held(self) -> bool:
        return not self.shortages


class Location(msgspec.Struct, frozen=True):
    id: UUID
    code: str
    name: str
    position: int
    is_active: bool


class StockLevel(msgspec.Struct, frozen=True):
    variant_id: UUID
    sku: str
    location_id: UUID
    location: str
    on_hand: int
    allocated: int
    reserved: int
    safety_stock: int
    available: int
    """Below zero when units are promised that are not there yet."""
    version: int
    backorder: int = 0
    """How many units may be promised here beyond what is there."""
    low_at: int = LOW_STOCK


class StockItem(msgspec.Struct, frozen=True):
    """What holds for a variant at all locations together."""

    variant_id: UUID
    sku: str
    low_at: int | None
    """At or below so many units it is low; LOW_STOCK when None."""
    backorder_limit: int
    """How many units may be promised beyond what is there."""


class ChannelStock(msgspec.Struct, frozen=True):
    """What a channel sells from."""

    channel: str
    strategy: Strategy = Strategy.LOCATION_ORDER
    location_ids: list[UUID] | None = None
    """In this order; None means all active locations in their own order."""


class Allocation(msgspec.Struct, frozen=True, gc=False):
    """Units promised to the order of `owner` (its cart id) that have not left yet."""

    owner: UUID
    variant_id: UUID
    location_id: UUID
    location: str
    quantity: int


class Movement(msgspec.Struct, frozen=True):
    id: int
    at: datetime
    variant_id: UUID
    sku: str
    location: str
    kind: MovementKind
    quantity: int
    cause_type: str | None
    cause_id: UUID | None
    actor: str
    reason: str | None


class Reservation(msgspec.Struct, frozen=True):
    owner: UUID
    variant_id: UUID
    sku: str
    location: str
    quantity: int
    expires_at: datetime


class AvailableUnits(msgspec.Struct, frozen=True, gc=False):
    variant_id: UUID
    available: int
    """Units that may still be promised, backorders included."""
    availability: Availability
