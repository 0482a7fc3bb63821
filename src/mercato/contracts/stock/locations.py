"""Where goods are kept, and what a channel sells from."""

from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.shared import Code
from mercato.contracts.stock.records import ChannelStock, Location, Strategy
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent

LocationCode = Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern=r"^[a-z0-9][a-z0-9_-]*\Z")]
LocationName = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]


class Locations(Protocol):
    """Where goods are kept. Reading needs `read_stock`, changing `write_stock`."""

    @idempotent
    async def locations(self, ctx: Context) -> list[Location]:
        """All locations, in the order in which orders take from them."""

    async def add_location(self, ctx: Context, *, code: LocationCode, name: LocationName) -> Location:
        """A new location, the last in the order. Raises Conflict("code_taken")."""

    async def change_location(
        self, ctx: Context, *, location_id: UUID, name: LocationName, is_active: bool
    ) -> Location:
        """Rename it, or stop or begin to sell from it; what is promised there still leaves from there.
        Raises Conflict("last_location"), NotFound."""

    async def order_locations(self, ctx: Context, *, location_ids: list[UUID]) -> list[Location]:
        """Take from them in this order; those not named come after. Raises NotFound."""

    async def remove_location(self, ctx: Context, *, location_id: UUID) -> None:
        """Forget a location at which nothing ever was. Raises Conflict("location_in_use"), NotFound."""

    @idempotent
    async def channel_stock(self, ctx: Context) -> list[ChannelStock]:
        """The channels that sell from something else than all locations in their order."""

    async def set_channel_stock(
        self, ctx: Context, *, channel: Code, strategy: Strategy, location_ids: list[UUID] | None
    ) -> ChannelStock:
        """What a channel sells from, and from which of it first. Raises NotFound for unknown locations."""
