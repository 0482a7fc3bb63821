"""What carts and orders ask of stock: is it there, hold it, it is sold, it has left."""

from typing import Protocol
from uuid import UUID

from mercato.contracts.stock.records import Allocation, AvailableUnits, Demand, Hold
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent


class Promises(Protocol):
    """Holds, allocations, and goods that leave and come back."""

    @idempotent
    async def available(self, ctx: Context, *, variant_ids: list[UUID]) -> list[AvailableUnits]:
        """What the channel of `ctx` may still promise of each variant, in the order asked for, over its
        active locations; 0 if unknown."""

    @idempotent
    async def hold(self, ctx: Context, *, owner: UUID, demands: list[Demand], minutes: int = 10) -> Hold:
        """Hold all demands or none until `minutes` from now; an existing hold of `owner` is renewed.
        Units come from the locations of the channel of `ctx`, by its strategy."""

    @idempotent
    async def release(self, ctx: Context, *, owners: list[UUID]) -> None:
        """Give the holds of `owners` back; unknown owners are nothing to do. System only."""

    @idempotent
    async def allocate(self, ctx: Context, *, owners: list[UUID], into: UUID | None = None) -> None:
        """Turn the holds of `owners` into promises: to themselves, or all of them to `into`, as when an
        order that has one gets more lines. System only."""

    @idempotent
    async def expired_holds(self, ctx: Context, *, limit: int = 100) -> list[UUID]:
        """Owners whose hold has expired: the caller knows whether each was placed, and decides.
        System only."""

    @idempotent
    async def allocations(self, ctx: Context, *, owners: list[UUID]) -> list[Allocation]:
        """What is promised to `owners` and has not left, by location. Needs `read_stock`."""

    @idempotent
    async def ship(
        self,
        ctx: Context,
        *,
        fulfillment_id: UUID,
        owner: UUID,
        demands: list[Demand],
        location_id: UUID | None = None,
    ) -> None:
        """Goods promised to `owner` leave, from one location if named: on_hand and allocated go down, once
        per `fulfillment_id`. System only. Raises Conflict: not_allocated, not_on_hand (backordered)."""

    @idempotent
    async def deallocate(
        self,
        ctx: Context,
        *,
        cause_id: UUID,
        owner: UUID,
        demands: list[Demand],
        location_id: UUID | None = None,
    ) -> None:
        """Units promised to `owner` are free again (canceled), once per `cause_id`: at the location named,
        or at the last one that promised them. System only.
        Raises Conflict("not_allocated")."""

    @idempotent
    async def restock(
        self, ctx: Context, *, cause_id: UUID, demands: list[Demand], location_id: UUID | None = None
    ) -> None:
        """Returned units are on hand again, at the first active location unless one is named, once per
        `cause_id`. System only. Raises NotFound for unknown variants."""
