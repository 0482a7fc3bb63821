"""REST routes of locations and of what channels sell from."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import delete, get, patch, post, put

from mercato.contracts.shared import Page
from mercato.contracts.stock import ChannelStock, Location, Stock, Strategy
from mercato.kernel.context import Context

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
LocationIds = Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=100)]
ChannelCode = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]


class NewLocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: Code
    name: Name


class LocationChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    is_active: bool


class LocationOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    location_ids: LocationIds


class ChannelChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    channel: ChannelCode
    strategy: Strategy = Strategy.LOCATION_ORDER
    location_ids: LocationIds | None = None


@get("/admin/stock-locations", permission="read_stock")
async def list_locations(ctx: Context, stock: Stock) -> Page[Location]:
    """Where goods are kept, in the order in which orders take from them."""
    found = await stock.locations(ctx)
    return Page(found, None, len(found))


@post("/admin/stock-locations", permission="write_stock")
async def add_location(ctx: Context, stock: Stock, data: NewLocation) -> Location:
    """A new location, the last in the order; 409 `code_taken`."""
    return await stock.add_location(ctx, code=data.code, name=data.name)


@patch("/admin/stock-locations/{location_id:uuid}", permission="write_stock")
async def change_location(ctx: Context, stock: Stock, location_id: UUID, data: LocationChange) -> Location:
    """Rename it, or stop or begin to sell from it; 409 `last_location`."""
    return await stock.change_location(ctx, location_id=location_id, name=data.name, is_active=data.is_active)


@put("/admin/stock-locations/order", permission="write_stock")
async def order_locations(ctx: Context, stock: Stock, data: LocationOrder) -> Page[Location]:
    """Take from the locations in this order; those not named come after."""
    found = await stock.order_locations(ctx, location_ids=data.location_ids)
    return Page(found, None, len(found))


@delete("/admin/stock-locations/{location_id:uuid}", permission="write_stock")
async def remove_location(ctx: Context, stock: Stock, location_id: UUID) -> None:
    """Forget a location at which nothing ever was; 409 `location_in_use`."""
    await stock.remove_location(ctx, location_id=location_id)


@get("/admin/stock-channels", permission="read_stock")
async def list_channels(ctx: Context, stock: Stock) -> Page[ChannelStock]:
    """Channels that sell from something else than all locations in their order."""
    found = await stock.channel_stock(ctx)
    return Page(found, None, len(found))


@put("/admin/stock-channels", permission="write_stock")
async def set_channel(ctx: Context, stock: Stock, data: ChannelChoice) -> ChannelStock:
    """What a channel sells from, and from which of it first."""
    return await stock.set_channel_stock(
        ctx, channel=data.channel, strategy=data.strategy, location_ids=data.location_ids
    )


routes = [
    list_locations, add_location, change_location, order_locations, remove_location, list_channels,
    set_channel,
]  # fmt: skip
