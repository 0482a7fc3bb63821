"""Levels, movements, holds, and the proof of the books."""

from datetime import datetime
from functools import partial
from uuid import UUID

import msgspec

from mercato.catalog.stock.domain import MAX_UNITS
from mercato.catalog.stock.service.part import Part, invalid, no_variant, promised, too_many
from mercato.catalog.stock.store import booking, checks, levels, places
from mercato.contracts.shared import DEFAULT_LIMIT, Limit, Page, Verification
from mercato.contracts.stock import Movement, Reservation, StockItem, StockLevel
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict
from mercato.kernel.pages import decode_cursor, encode_cursor


class Keeping(Part):
    """What staff asks of stock."""

    async def register_variants(
        self, ctx: Context, *, skus: dict[UUID, str], on_hand: dict[UUID, int]
    ) -> None:
        if not ctx.principal.may("write_products"):
            ctx.principal.require("write_stock")
        if any(not 0 <= count <= MAX_UNITS for count in on_hand.values()):
            raise invalid("on_hand", "out_of_range", f"Opening stock is 0 to {MAX_UNITS} units.")
        ids = sorted(skus)
        self._tell(
            await levels.register(
                self._db,
                variant_ids=ids,
                skus=[skus[variant_id] for variant_id in ids],
                on_hand=[on_hand.get(variant_id, 0) for variant_id in ids],
                actor=ctx.principal.label,
            )
        )

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
        ctx.principal.require("read_stock")
        after = decode_cursor(cursor, tuple[str, int, UUID]) if cursor else None
        items, positions, total = await levels.levels(
            self._db, variant_ids=variant_ids, location_id=location_id, query=query, only_low=only_low,
            after=after, limit=limit + 1,
        )  # fmt: skip
        more = encode_cursor(positions[limit - 1]) if len(items) > limit else None
        return Page(items[:limit], more, total)

    async def adjust(
        self, ctx: Context, *, variant_id: UUID, location_id: UUID, delta: int, reason: str
    ) -> StockLevel:
        if not 0 < abs(delta) <= MAX_UNITS:
            raise invalid("delta", "out_of_range", "Give how many units came (positive) or went (negative).")
        return await self._adjust(
            ctx, variant_id, location_id, delta=delta, on_hand=None, version=None, reason=reason
        )

    async def set_on_hand(
        self, ctx: Context, *, variant_id: UUID, location_id: UUID, on_hand: int, version: int | None = None
    ) -> StockLevel:
        if not 0 <= on_hand <= MAX_UNITS:
            raise invalid("on_hand", "out_of_range", f"On hand is 0 to {MAX_UNITS} units.")
        return await self._adjust(
            ctx, variant_id, location_id, delta=None, on_hand=on_hand, version=version, reason="Counted"
        )

    async def set_safety_stock(
        self, ctx: Context, *, variant_id: UUID, location_id: UUID, safety_stock: int
    ) -> StockLevel:
        ctx.principal.require("write_stock")
        _check_units("safety_stock", safety_stock)
        where = {"variant_id": variant_id, "location_id": location_id}
        async with self._change() as tx:
            before = await levels.find(tx, **where)
            if before is None:
                await self._open_level(tx, **where)
                before = await levels.level(tx, **where)
            row = await places.set_safety_stock(tx, **where, safety_stock=safety_stock)
            tx.after_commit(self._teller(row.changes))
            after = await levels.level(tx, **where)
            await self._level_acted(tx, ctx, "safety_stock_set", before, after)
        return after

    async def item(self, ctx: Context, *, variant_id: UUID) -> StockItem:
        ctx.principal.require("read_stock")
        found = await places.item(self._db, variant_id=variant_id)
        if found is None:
            raise no_variant()
        return found

    async def set_item(
        self, ctx: Context, *, variant_id: UUID, low_at: int | None, backorder_limit: int
    ) -> StockItem:
        ctx.principal.require("write_stock")
        _check_units("low_at", low_at or 0)
        _check_units("backorder_limit", backorder_limit)
        before = await self.item(ctx, variant_id=variant_id)
        async with self._change() as tx:
            row = await places.set_item(
                tx, variant_id=variant_id, low_at=low_at, backorder_limit=backorder_limit
            )
            if not row.is_done:
                text = "More units are promised already than there are and this limit allows."
                raise Conflict("stock_promised", text)
            tx.after_commit(self._teller(row.changes))
            after = StockItem(variant_id, before.sku, low_at, backorder_limit)
            about = ("variant", variant_id)
            await self._acted(tx, ctx, "stock.limits_set", about, label=after.sku, before=before, after=after)
        return after

    async def movements(
        self,
        ctx: Context,
        *,
        variant_id: UUID | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Movement]:
        ctx.principal.require("read_stock")
        before = decode_cursor(cursor, tuple[int])[0] if cursor else None
        items, total = await levels.movements(self._db, variant_id=variant_id, before=before, limit=limit + 1)
        more = encode_cursor((items[limit - 1].id,)) if len(items) > limit else None
        return Page(items[:limit], more, total)

    async def reservations(
        self,
        ctx: Context,
        *,
        variant_id: UUID | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Reservation]:
        ctx.principal.require("read_stock")
        after = decode_cursor(cursor, tuple[datetime, UUID, UUID, UUID]) if cursor else None
        items, positions, total = await levels.reservations(
            self._db, variant_id=variant_id, after=after, limit=limit + 1
        )
        more = encode_cursor(positions[limit - 1]) if len(items) > limit else None
        return Page(items[:limit], more, total)

    async def verify(self, ctx: Context) -> Verification:
        ctx.principal.require("read_system")
        return Verification(await checks.count_levels(self._db), await checks.differences(self._db))

    async def _adjust(
        self,
        ctx: Context,
        variant_id: UUID,
        location_id: UUID,
        *,
        delta: int | None,
        on_hand: int | None,
        version: int | None,
        reason: str,
    ) -> StockLevel:
        ctx.principal.require("write_stock")
        async with self._change() as tx:
            book = partial(
                levels.adjust, tx, variant_id=variant_id, location_id=location_id, delta=delta,
                on_hand=on_hand, version=version, actor=ctx.principal.label, reason=reason or None,
            )  # fmt: skip
            row = await book()
            if row.version is None:
                await self._open_level(tx, variant_id=variant_id, location_id=location_id)
                row = await book()
            if not row.is_done and version is not None and row.version != version:
                data = {"version": row.version}
                raise Conflict("version_conflict", "Someone changed it meanwhile; look again.", data=data)
            if not row.is_done:
                raise too_many() if row.is_over else promised(row.promised or 0)
            tx.after_commit(self._teller(row.changes))
            after = await levels.level(tx, variant_id=variant_id, location_id=location_id)
            before = msgspec.structs.replace(after, on_hand=after.on_hand - row.delta)
            await self._level_acted(tx, ctx, "adjusted", before, after, reason=reason)
        return after

    async def _open_level(self, tx: Tx, *, variant_id: UUID, location_id: UUID) -> None:
        """Let the variant be kept at the location. Raises NotFound when either is unknown."""
        await self._require_location(tx, location_id)
        if await places.item(tx, variant_id=variant_id) is None:
            raise no_variant()
        await booking.make_levels(tx, variant_ids=[variant_id], location_id=location_id)

    async def _level_acted(
        self, tx: Tx, ctx: Context, done: str, before: StockLevel, after: StockLevel, *, reason: str = ""
    ) -> None:
        place = {"location": after.location, "reason": reason or None}
        old = {"on_hand": before.on_hand, "safety_stock": before.safety_stock}
        new = {"on_hand": after.on_hand, "safety_stock": after.safety_stock, **place}
        about = ("variant", after.variant_id)
        await self._acted(tx, ctx, f"stock.{done}", about, label=after.sku, before=old, after=new)


def _check_units(field: str, units: int) -> None:
    if not 0 <= units <= MAX_UNITS:
        raise invalid(field, "out_of_range", f"0 to {MAX_UNITS} units.")
