"""REST routes of levels, movements and holds."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.params import QueryParameter

from mercato.catalog.stock.api.shapes import Text, Units
from mercato.contracts.shared import DEFAULT_LIMIT, Page
from mercato.contracts.stock import Movement, Reservation, Stock, StockItem, StockLevel
from mercato.kernel.context import Context
from mercato.kernel.web import ListCursor, ListLimit

VariantFilter = Annotated[UUID | None, QueryParameter(name="variant_id", description="Only of this variant.")]
LocationFilter = Annotated[UUID | None, QueryParameter(name="location_id", description="Only there.")]
Change = Annotated[int, msgspec.Meta(ge=-1_000_000_000, le=1_000_000_000)]
Version = Annotated[int, msgspec.Meta(ge=1, le=2_147_483_647)]


class Adjustment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    variant_id: UUID
    location_id: UUID
    delta: Change
    reason: Text = ""


class Count(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    variant_id: UUID
    location_id: UUID
    on_hand: Units
    version: Version | None = None


class SafetyStock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    variant_id: UUID
    location_id: UUID
    safety_stock: Units


class ItemInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    low_at: Units | None
    """At or below so many units it is low; the shop's own number when null."""
    backorder_limit: Units
    """How many units may be promised beyond what is there."""


@get("/admin/stock-levels", permission="read_stock")
async def list_levels(
    ctx: Context,
    stock: Stock,
    q: Annotated[str, QueryParameter(max_length=100, description="Part of a SKU.")] = "",
    variant_id: VariantFilter = None,
    location_id: LocationFilter = None,
    low: Annotated[bool, QueryParameter(description="Only what is low or out.")] = False,
    limit: ListLimit = DEFAULT_LIMIT,
    cursor: ListCursor = None,
) -> Page[StockLevel]:
    """How many units of each variant are where, by SKU."""
    ids = None if variant_id is None else [variant_id]
    return await stock.levels(
        ctx, variant_ids=ids, location_id=location_id, query=q, only_low=low, limit=limit, cursor=cursor
    )


@post("/admin/stock-levels/adjust", permission="write_stock", status_code=200)
async def adjust_level(ctx: Context, stock: Stock, data: Adjustment) -> StockLevel:
    """Change what is on hand by so many units; 409 when it would go below what is promised."""
    return await stock.adjust(
        ctx,
        variant_id=data.variant_id,
        location_id=data.location_id,
        delta=data.delta,
        reason=data.reason,
    )


@put("/admin/stock-levels", permission="write_stock")
async def set_level(ctx: Context, stock: Stock, data: Count) -> StockLevel:
    """Set what is on hand, as after a count; 409 when it is below what is promised or has changed."""
    return await stock.set_on_hand(
        ctx,
        variant_id=data.variant_id,
        location_id=data.location_id,
        on_hand=data.on_hand,
        version=data.version,
    )


@put("/admin/stock-levels/safety-stock", permission="write_stock")
async def set_safety_stock(ctx: Context, stock: Stock, data: SafetyStock) -> StockLevel:
    """Keep so many units from being sold."""
    return await stock.set_safety_stock(
        ctx, variant_id=data.variant_id, location_id=data.location_id, safety_stock=data.safety_stock
    )


@get("/admin/stock-items/{variant_id:uuid}", permission="read_stock")
async def get_item(ctx: Context, stock: Stock, variant_id: UUID) -> StockItem:
    """What holds for a variant at all locations together."""
    return await stock.item(ctx, variant_id=variant_id)


@put("/admin/stock-items/{variant_id:uuid}", permission="write_stock")
async def set_item(ctx: Context, stock: Stock, variant_id: UUID, data: ItemInput) -> StockItem:
    """When it is low, and how far it may be sold before it is there; 409 `stock_promised`."""
    return await stock.set_item(
        ctx, variant_id=variant_id, low_at=data.low_at, backorder_limit=data.backorder_limit
    )


@get("/admin/stock-movements", permission="read_stock")
async def list_movements(
    ctx: Context,
    stock: Stock,
    variant_id: VariantFilter = None,
    limit: ListLimit = DEFAULT_LIMIT,
    cursor: ListCursor = None,
) -> Page[Movement]:
    """Every change of stock, newest first; rows are never changed."""
    return await stock.movements(ctx, variant_id=variant_id, limit=limit, cursor=cursor)


@get("/admin/reservations", permission="read_stock")
async def list_reservations(
    ctx: Context,
    stock: Stock,
    variant_id: VariantFilter = None,
    limit: ListLimit = DEFAULT_LIMIT,
    cursor: ListCursor = None,
) -> Page[Reservation]:
    """Units held for checkouts, soonest expiry first."""
    return await stock.reservations(ctx, variant_id=variant_id, limit=limit, cursor=cursor)


routes = [
    list_levels, adjust_level, set_level, set_safety_stock, get_item, set_item, list_movements,
    list_reservations,
]  # fmt: skip
