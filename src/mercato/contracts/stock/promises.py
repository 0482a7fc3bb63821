"""What carts and orders ask of stock: is it there, hold it, it is sold, it has left."""

from typing import Protocol
from uuid import UUID

from mercato.contracts.stock.records import AvailableUnits, Demand, Hold
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent


class Promises(Protocol):
    """Holds, allocations, and goods that leave and come back."""

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
