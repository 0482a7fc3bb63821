"""What staff asks of stock: where it is, why it changed, and that it is right."""

from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.shared import DEFAULT_LIMIT, Limit, Page, Verification
from mercato.contracts.stock.records import Movement, Reservation, StockItem, StockLevel
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent

Units = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


class Levels(Protocol):
    """Levels, movements, holds, and the proof of the books."""

    async def register_variants(
        self, ctx: Context, *, skus: dict[UUID, str], on_hand: dict[UUID, int]
    ) -> None:
        """Make level rows for new variants at the first location; `on_hand` sets opening stock once."""

    @idempotent
    async def levels(
        self,
        ctx: Context,
        *,
        variant_ids: list[UUID] | None = None,
        location_id: UUID | None = None,
        query: str = "",
        only_low: bool = False,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[StockLevel]:
        """Needs `read_stock`. Levels by SKU; `query` is a part of it."""

    async def adjust(
        self, ctx: Context, *, variant_id: UUID, location_id: UUID, delta: int, reason: str
    ) -> StockLevel:
        """Change on_hand by `delta`; needs `write_stock`. Raises Conflict below what is promised."""

    async def set_on_hand(
        self, ctx: Context, *, variant_id: UUID, location_id: UUID, on_hand: int, version: int | None = None
    ) -> StockLevel: ...

    async def set_safety_stock(
        self, ctx: Context, *, variant_id: UUID, location_id: UUID, safety_stock: Units
    ) -> StockLevel:
        """Keep so many units from being sold; needs `write_stock`."""

    @idempotent
    async def item(self, ctx: Context, *, variant_id: UUID) -> StockItem: ...

    async def set_item(
        self, ctx: Context, *, variant_id: UUID, low_at: Units | None, backorder_limit: Units
    ) -> StockItem:
        """Needs `write_stock`. Raises Conflict("stock_promised") when more is promised already than that
        limit allows."""

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
        """Levels = sums of movements, of reservations and of allocations; nothing is promised twice."""
