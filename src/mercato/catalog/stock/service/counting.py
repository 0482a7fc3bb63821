"""Stock-takes: counting what is really there."""

from datetime import datetime
from uuid import UUID

from mercato.catalog.stock.domain import MAX_DEMANDS, MAX_UNITS
from mercato.catalog.stock.service.moving import TOLD_LINES, Moving
from mercato.catalog.stock.service.part import id_of, invalid
from mercato.catalog.stock.store import booking, takes
from mercato.catalog.stock.store.booking import Booking
from mercato.contracts.shared import DEFAULT_LIMIT, Limit, Page
from mercato.contracts.stock import Demand, MovementKind, StockTake, StockTakeStatus
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.pages import decode_cursor, encode_cursor

MAX_LINES = 10_000
"""Of one stock-take; a larger place is counted in parts."""


class Counting(Moving):
    """A count is open until it is applied; only then do levels change."""

    async def begin_stock_take(self, ctx: Context, *, location_id: UUID, note: str = "") -> StockTake:
        ctx.principal.require("write_stock")
        take_id = id_of(ctx, "stock_take")
        async with self._change() as tx:
            await self._require_location(tx, location_id)
            is_new = await takes.add(
                tx, stock_take_id=take_id, location_id=location_id, note=note.strip(), now=clock.now(),
                actor=ctx.principal.label,
            )  # fmt: skip
            told = {"location": location_id, "note": note.strip() or None}
            if is_new:
                await self._acted(tx, ctx, "stock_take.begun", ("stock_take", take_id), after=told)
        return await self._take(take_id)

    async def count(
        self, ctx: Context, *, stock_take_id: UUID, lines: list[Demand], adds: bool = False
    ) -> StockTake:
        ctx.principal.require("write_stock")
        counted = _counts(lines)
        async with self._change() as tx:
            take = await self._open(tx, stock_take_id)
            unknown = counted.keys() - await takes.known(tx, variant_ids=list(counted))
            if unknown:
                data = {"variant_ids": sorted(str(variant_id) for variant_id in unknown)}
                raise NotFound("unknown_variant", "Stock does not know these goods.", data=data)
            if take.line_count + len(counted) > MAX_LINES:
                raise Conflict("too_many", f"A stock-take has at most {MAX_LINES} lines.")
            await takes.count(
                tx, take=take, lines=[Demand(*one) for one in counted.items()], adds=adds, now=clock.now(),
                actor=ctx.principal.label,
            )  # fmt: skip
            told = {f"variant {one}": units for one, units in list(counted.items())[:TOLD_LINES]}
            about = ("stock_take", stock_take_id)
            await self._acted(tx, ctx, "stock_take.counted", about, after={"lines": len(counted), **told})
        return await self._take(stock_take_id)

    async def uncount(self, ctx: Context, *, stock_take_id: UUID, variant_id: UUID) -> StockTake:
        ctx.principal.require("write_stock")
        async with self._change() as tx:
            await self._open(tx, stock_take_id)
            await takes.uncount(tx, stock_take_id=stock_take_id, variant_id=variant_id)
            told = {"variant": variant_id}
            await self._acted(tx, ctx, "stock_take.line_removed", ("stock_take", stock_take_id), before=told)
        return await self._take(stock_take_id)

    async def apply_stock_take(self, ctx: Context, *, stock_take_id: UUID) -> StockTake:
        ctx.principal.require("write_stock")
        actor = ctx.principal.label
        async with self._change() as tx:
            take = await self._locked(tx, stock_take_id)
            if take.status is StockTakeStatus.APPLIED:
                return take
            _require_open(take)
            found = [
                Booking(line.variant_id, take.location_id, line.difference)
                for line in take.lines
                if line.difference
            ]
            if found:
                ids = [one.variant_id for one in found]
                await booking.make_levels(tx, variant_ids=ids, location_id=take.location_id)
                await self._book(
                    tx, found, kind=MovementKind.ADJUSTED, cause=("stock_take", take.id), actor=actor,
                    reason=take.note or "Stock-take",
                )  # fmt: skip
            await takes.close(
                tx, stock_take_id=take.id, status=StockTakeStatus.APPLIED, now=clock.now(), actor=actor
            )
            told = {f"variant {one.variant_id}": one.delta for one in found[:TOLD_LINES]}
            about = ("stock_take", stock_take_id)
            await self._acted(tx, ctx, "stock_take.applied", about, after={"corrected": len(found), **told})
        return await self._take(stock_take_id)

    async def cancel_stock_take(self, ctx: Context, *, stock_take_id: UUID) -> StockTake:
        ctx.principal.require("write_stock")
        async with self._change() as tx:
            take = await self._locked(tx, stock_take_id)
            if take.status is not StockTakeStatus.CANCELED:
                _require_open(take)
                await takes.close(
                    tx, stock_take_id=take.id, status=StockTakeStatus.CANCELED, now=clock.now(),
                    actor=ctx.principal.label,
                )  # fmt: skip
                await self._acted(tx, ctx, "stock_take.canceled", ("stock_take", stock_take_id))
        return await self._take(stock_take_id)

    async def stock_takes(
        self,
        ctx: Context,
        *,
        status: StockTakeStatus | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[StockTake]:
        ctx.principal.require("read_stock")
        before = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        items, total = await takes.stock_takes(self._db, status=status, before=before, limit=limit + 1)
        last = items[limit - 1] if len(items) > limit else None
        return Page(items[:limit], encode_cursor((last.created_at, last.id)) if last else None, total)

    async def stock_take(self, ctx: Context, *, stock_take_id: UUID) -> StockTake:
        ctx.principal.require("read_stock")
        return await self._take(stock_take_id)

    async def _open(self, tx: Tx, stock_take_id: UUID) -> StockTake:
        take = await self._locked(tx, stock_take_id)
        _require_open(take)
        return take

    async def _locked(self, tx: Tx, stock_take_id: UUID) -> StockTake:
        take = await takes.lock(tx, stock_take_id=stock_take_id)
        if take is None:
            raise _no_take()
        return take

    async def _take(self, stock_take_id: UUID) -> StockTake:
        take = await takes.stock_take(self._db, stock_take_id=stock_take_id)
        if take is None:
            raise _no_take()
        return take


def _counts(lines: list[Demand]) -> dict[UUID, int]:
    """Units per variant, summed; none is a count too."""
    if not 1 <= len(lines) <= MAX_DEMANDS:
        raise invalid("lines", "out_of_range", f"Give 1 to {MAX_DEMANDS} lines.")
    counted: dict[UUID, int] = {}
    for line in lines:
        counted[line.variant_id] = counted.get(line.variant_id, 0) + line.quantity
    if any(not 0 <= units <= MAX_UNITS for units in counted.values()):
        raise invalid("lines", "out_of_range", f"Count 0 to {MAX_UNITS} units.")
    return counted


def _require_open(take: StockTake) -> None:
    if take.status is not StockTakeStatus.OPEN:
        text = f"This stock-take is {take.status} already."
        raise Conflict("illegal_transition", text, data={"status": take.status})


def _no_take() -> NotFound:
    return NotFound("not_found", "There is no such stock-take.")
