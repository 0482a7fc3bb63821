"""Stock: what is there, what is promised, what is held; every change a movement."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.shared import DEFAULT_LIMIT, Limit, Page, Verification
from mercato.kernel.context import Context
from mercato.kernel.events import Event
from mercato.kernel.rpc import idempotent

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


class StockChanged(Event, frozen=True):
    """The availability that shoppers see changed (between in_stock, low and out)."""

    subject: ClassVar[str] = "stock.changed"
    variant_id: UUID
    available: int
    availability: Availability

    @property
    def key(self) -> UUID:
        return self.variant_id


class Stock(Protocol):
    """The stock service. A hold belongs to an owner (the cart id); holding twice is one hold."""

    @idempotent
    async def available(self, ctx: Context, *, variant_ids: list[UUID]) -> list[AvailableUnits]:
        """available = on_hand - allocated - reserved - safety_stock, over active locations; 0 if unknown."""

    @idempotent
    async def hold(self, ctx: Context, *, owner: UUID, demands: list[Demand], minutes: int = 10) -> Hold:
        """Hold all demands or none until `minutes` from now; an existing hold of `owner` is renewed."""

    @idempotent
    async def release(self, ctx: Context, *, owners: list[UUID]) -> None:
        """Give the holds of `owners` back; unknown owners are nothing to do. System only."""

    @idempotent
    async def allocate(self, ctx: Context, *, owners: list[UUID]) -> None:
        """Turn the holds of `owners` into allocations. System only."""

    @idempotent
    async def expired_holds(self, ctx: Context, *, limit: int = 100) -> list[UUID]:
        """Owners whose hold has expired: the caller knows whether each was placed, and decides.
        System only."""

    @idempotent
    async def ship(self, ctx: Context, *, fulfillment_id: UUID, demands: list[Demand]) -> None:
        """Goods leave: on_hand and allocated go down, once per `fulfillment_id`.
        System only. Raises Conflict("not_allocated")."""

    @idempotent
    async def deallocate(self, ctx: Context, *, cause_id: UUID, demands: list[Demand]) -> None:
        """Promised units are free again (a canceled order), once per `cause_id`. System only.
        Raises Conflict("not_allocated")."""

    @idempotent
    async def restock(self, ctx: Context, *, cause_id: UUID, demands: list[Demand]) -> None:
        """Returned units are on hand again, once per `cause_id`. System only."""

    async def register_variants(
        self, ctx: Context, *, skus: dict[UUID, str], on_hand: dict[UUID, int]
    ) -> None:
        """Make level rows for new variants at the first location; `on_hand` sets opening stock once."""

    @idempotent
    async def locations(self, ctx: Context) -> list[Location]: ...

    @idempotent
    async def levels(
        self,
        ctx: Context,
        *,
        variant_ids: list[UUID] | None = None,
        query: str = "",
        only_low: bool = False,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[StockLevel]: ...

    async def adjust(
        self, ctx: Context, *, variant_id: UUID, location_id: UUID, delta: int, reason: str
    ) -> StockLevel:
        """Change on_hand by `delta`; needs `write_stock`. Raises Conflict below what is promised."""

    async def set_on_hand(
        self, ctx: Context, *, variant_id: UUID, location_id: UUID, on_hand: int, version: int | None = None
    ) -> StockLevel: ...

    @idempotent
    async def movements(
        self,
        ctx: Context,
        *,
        variant_id: UUID | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Movement]: ...

    @idempotent
    async def reservations(
        self,
        ctx: Context,
        *,
        variant_id: UUID | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Reservation]: ...

    @idempotent
    async def verify(self, ctx: Context) -> Verification:
        """Levels = sum of movements, reserved = live reservations, nothing negative."""
