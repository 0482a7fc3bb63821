"""Where goods are kept, and what a channel sells from."""

from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from mercato.catalog.stock.service.part import Part, invalid, no_location
from mercato.catalog.stock.store import places
from mercato.catalog.stock.store.changes import Change
from mercato.contracts.stock import ChannelStock, Location, Strategy
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict
from mercato.kernel.ids import new_id

MAX_LOCATIONS = 100
BATCH = 200


class Housing(Part):
    """Locations, and the order in which channels take from them."""

    async def locations(self, ctx: Context) -> list[Location]:
        ctx.principal.require("read_stock")
        return await places.locations(self._db)

    async def add_location(self, ctx: Context, *, code: str, name: str) -> Location:
        ctx.principal.require("write_stock")
        async with self._change() as tx:
            if len(await places.lock_locations(tx)) >= MAX_LOCATIONS:
                raise Conflict("too_many", f"A shop has at most {MAX_LOCATIONS} locations.")
            made = await places.add_location(tx, location_id=new_id(), code=code, name=name.strip() or code)
            if made is None:
                raise Conflict("code_taken", "Another location has this code.")
            await self._acted(tx, ctx, "location.created", ("location", made.id), label=code, after=made)
        return made

    async def change_location(
        self, ctx: Context, *, location_id: UUID, name: str, is_active: bool
    ) -> Location:
        ctx.principal.require("write_stock")
        async with self._change() as tx:
            found = await places.lock_locations(tx)
            before = _named(found, location_id)
            if not is_active and not any(one.is_active and one.id != location_id for one in found):
                raise Conflict("last_location", "The shop sells from no other location.")
            await places.change_location(
                tx, location_id=location_id, name=name.strip() or before.name, is_active=is_active
            )
            changed = _named(await places.locations(tx), location_id)
            about = ("location", location_id)
            await self._acted(
                tx, ctx, "location.changed", about, label=changed.code, before=before, after=changed
            )
        await self._page(
            partial(places.count_location, self._db, location_id=location_id, is_active=is_active)
        )
        return changed

    async def order_locations(self, ctx: Context, *, location_ids: list[UUID]) -> list[Location]:
        ctx.principal.require("write_stock")
        async with self._change() as tx:
            found = await places.lock_locations(tx)
            for location_id in location_ids:
                _named(found, location_id)
            await places.order_locations(tx, location_ids=location_ids)
            ordered = await places.locations(tx)
            before, after = ({"order": [one.code for one in each]} for each in (found, ordered))
            await self._acted(tx, ctx, "location.ordered", ("location", "all"), before=before, after=after)
            return ordered

    async def remove_location(self, ctx: Context, *, location_id: UUID) -> None:
        ctx.principal.require("write_stock")
        async with self._change() as tx:
            found = await places.lock_locations(tx)
            before = _named(found, location_id)
            if len(found) == 1 or not await places.remove_location(tx, location_id=location_id):
                raise Conflict("location_in_use", "Goods were kept here, or a channel sells from here.")
            about = ("location", location_id)
            await self._acted(tx, ctx, "location.deleted", about, label=before.code, before=before)

    async def channel_stock(self, ctx: Context) -> list[ChannelStock]:
        ctx.principal.require("read_stock")
        return await places.channels(self._db)

    async def set_channel_stock(
        self, ctx: Context, *, channel: str, strategy: Strategy, location_ids: list[UUID] | None
    ) -> ChannelStock:
        ctx.principal.require("write_stock")
        if location_ids is not None and not 1 <= len(set(location_ids)) == len(location_ids):
            raise invalid("location_ids", "invalid", "Name at least one location, and each once.")
        chosen = ChannelStock(channel, strategy, location_ids)
        async with self._change() as tx:
            found = await places.lock_locations(tx)
            for location_id in location_ids or ():
                _named(found, location_id)
            known = {one.channel: one for one in await places.channels(tx)}
            before = known.get(channel)
            await places.set_channel(tx, channel=chosen)
            about = ("channel", channel)
            await self._acted(tx, ctx, "channel.stock_set", about, label=channel, before=before, after=chosen)
        ids_before = before.location_ids if before else None
        if ids_before is not None or location_ids is not None:
            await self._page(
                partial(places.count_channel, self._db, channel=channel, location_ids_before=ids_before)
            )
        return chosen

    async def _page(self, count: Callable[..., Awaitable[tuple[UUID | None, list[Change]]]]) -> None:
        """Announce what shoppers see from now on, some variants at a time."""
        after: UUID | None = UUID(int=0)
        while after is not None:
            after, changes = await count(after=after, limit=BATCH)
            self._tell(changes)


def _named(locations: list[Location], location_id: UUID) -> Location:
    for location in locations:
        if location.id == location_id:
            return location
    raise no_location()
