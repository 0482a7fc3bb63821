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
    version: int


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
    availability: Availability
