"""The stock contract."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mercato.catalog.stock import actions
from mercato.catalog.stock.domain import (
    MAX_DEMANDS,
    MAX_HOLD_MINUTES,
    HoldRequest,
    availability_of,
    sum_demands,
)
from mercato.catalog.stock.hold_queue import HoldQueue
from mercato.catalog.stock.store import checks, effects, holds, levels
from mercato.catalog.stock.store.changes import Change
from mercato.contracts.orders import OrderPlaced
from mercato.contracts.shared import DEFAULT_LIMIT, Limit, Page, Verification
from mercato.contracts.stock import (
    AvailableUnits,
    Demand,
    Hold,
    Location,
    Movement,
    MovementKind,
    Reservation,
    StockLevel,
)
from mercato.kernel import clock
from mercato.kernel.context import Context, PrincipalKind
from mercato.kernel.db import Database, Tx
from mercato.kernel.errors import Conflict, Denied, FieldError, Invalid, NotFound, Unavailable
from mercato.kernel.live import Live
from mercato.kernel.outbox import Outbox
from mercato.kernel.pages import decode_cursor, encode_cursor

MAX_OWNERS = 1000
MAX_UNITS = 1_000_000_000


class StockService:
    """Implements the contract `Stock`; every change of a level is one statement or one short transaction."""

    def __init__(self, database: Database, outbox: Outbox, live: Live) -> None:
        self._db = database
        self._outbox = outbox
        self._live = live
        self._holds = HoldQueue(self._hold_one, self._hold_many)

    async def available(self, ctx: Context, *, variant_ids: list[UUID]) -> list[AvailableUnits]:
        found = await levels.available(self._db, variant_ids=variant_ids)
        counts = ((variant_id, found.get(variant_id, 0)) for variant_id in variant_ids)
        return [AvailableUnits(variant_id, count, availability_of(count)) for variant_id, count in counts]

    async def hold(self, ctx: Context, *, owner: UUID, demands: list[Demand], minutes: int = 10) -> Hold:
        if not 1 <= minutes <= MAX_HOLD_MINUTES:
            raise _invalid("minutes", "out_of_range", f"Hold for 1 to {MAX_HOLD_MINUTES} minutes.")
        summed = _summed(demands)
        return await self._holds.submit(HoldRequest(owner, summed, minutes, ctx.principal.label))

    async def release(self, ctx: Context, *, owners: list[UUID]) -> None:
        _require_system(ctx)
        if owners:
            self._tell(await holds.release(self._db, owners=owners, actor=ctx.principal.label))

    async def allocate(self, ctx: Context, *, owners: list[UUID]) -> None:
        _require_system(ctx)
        if owners:
            await holds.allocate(self._db, owners=owners, actor=ctx.principal.label)

    async def hear_placed(self, tx: Tx, events: Sequence[OrderPlaced]) -> None:
        """A placed order's hold becomes its allocation; one statement for the whole batch."""
        await holds.allocate(tx, owners=[event.cart_id for event in events], actor="system")

    async def expired_holds(self, ctx: Context, *, limit: int = 100) -> list[UUID]:
        _require_system(ctx)
        return await holds.expired_owners(self._db, now=clock.now(), limit=min(max(limit, 1), MAX_OWNERS))

    async def ship(self, ctx: Context, *, fulfillment_id: UUID, demands: list[Demand]) -> None:
        await self._take_allocated(ctx, MovementKind.SHIPPED, "fulfillment", fulfillment_id, demands)

    async def deallocate(self, ctx: Context, *, cause_id: UUID, demands: list[Demand]) -> None:
        await self._take_allocated(ctx, MovementKind.DEALLOCATED, "order", cause_id, demands)

    async def restock(self, ctx: Context, *, cause_id: UUID, demands: list[Demand]) -> None:
        _require_system(ctx)
        summed, actor = _summed(demands), ctx.principal.label
        for _ in range(actions.MAX_TRIES):
            row = await effects.restock(
                self._db, cause_type="return", cause_id=cause_id, demands=summed, actor=actor
            )
            self._tell(row.changes)
            if row.is_done:
                return
            if row.shortages:
                raise NotFound("unknown_variant", "There is no stock level to put these units back to.")
        raise Unavailable("stock_busy", "These goods are being put back elsewhere; try again.")

    async def register_variants(
        self, ctx: Context, *, skus: dict[UUID, str], on_hand: dict[UUID, int]
    ) -> None:
        if not ctx.principal.may("write_products"):
            ctx.principal.require("write_stock")
        if any(not 0 <= count <= MAX_UNITS for count in on_hand.values()):
            raise _invalid("on_hand", "out_of_range", f"Opening stock is 0 to {MAX_UNITS} units.")
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

    async def locations(self, ctx: Context) -> list[Location]:
        ctx.principal.require("read_stock")
        return await levels.locations(self._db)

    async def levels(
        self,
        ctx: Context,
        *,
        variant_ids: list[UUID] | None = None,
        query: str = "",
        only_low: bool = False,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[StockLevel]:
        ctx.principal.require("read_stock")
        after = decode_cursor(cursor, tuple[str, int, UUID]) if cursor else None
        items, positions, total = await levels.levels(
            self._db, variant_ids=variant_ids, query=query, only_low=only_low, after=after, limit=limit + 1
        )
        more = encode_cursor(positions[limit - 1]) if len(items) > limit else None
        return Page(items[:limit], more, total)

    async def adjust(
        self, ctx: Context, *, variant_id: UUID, location_id: UUID, delta: int, reason: str
    ) -> StockLevel:
        if not 0 < abs(delta) <= MAX_UNITS:
            raise _invalid("delta", "out_of_range", "Give how many units came (positive) or went (negative).")
        return await self._adjust(
            ctx, variant_id, location_id, delta=delta, on_hand=None, version=None, reason=reason
        )

    async def set_on_hand(
        self, ctx: Context, *, variant_id: UUID, location_id: UUID, on_hand: int, version: int | None = None
    ) -> StockLevel:
        if not 0 <= on_hand <= MAX_UNITS:
            raise _invalid("on_hand", "out_of_range", f"On hand is 0 to {MAX_UNITS} units.")
        return await self._adjust(
            ctx, variant_id, location_id, delta=None, on_hand=on_hand, version=version, reason="Counted"
        )

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

    async def _hold_one(self, request: HoldRequest) -> Hold:
        return await actions.hold_one(self._db, self._tell, request)

    async def _hold_many(self, requests: Sequence[HoldRequest]) -> list[Hold]:
        return await actions.hold_many(self._db, self._outbox, self._tell, requests)

    async def _take_allocated(
        self, ctx: Context, kind: MovementKind, cause_type: str, cause_id: UUID, demands: list[Demand]
    ) -> None:
        """Ship or deallocate once per cause. A shortage is looked at twice: a replay may just have won."""
        _require_system(ctx)
        summed, actor = _summed(demands), ctx.principal.label
        short = []
        for _ in range(2):
            row = await effects.take_allocated(
                self._db, kind=kind, cause_type=cause_type, cause_id=cause_id, demands=summed, actor=actor
            )
            self._tell(row.changes)
            if row.is_done:
                return
            short = row.shortages
        raise Conflict(
            "not_allocated",
            "More units than are promised to orders.",
            data={"short": [{"variant_id": str(s.variant_id), "allocated": s.available} for s in short]},
        )

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
        row = await levels.adjust(
            self._db, variant_id=variant_id, location_id=location_id, delta=delta, on_hand=on_hand,
            version=version, actor=ctx.principal.label, reason=reason or None,
        )  # fmt: skip
        if row.version is None:
            raise NotFound("not_found", "This variant has no stock level at that location.")
        if not row.is_done and version is not None and row.version != version:
            raise Conflict(
                "version_conflict", "Someone changed it meanwhile; look again.", data={"version": row.version}
            )
        if not row.is_done:
            raise Conflict(
                "stock_promised",
                f"{row.promised} units are promised to orders and checkouts; on hand cannot go below that.",
                data={"promised": row.promised},
            )
        self._tell(row.changes)
        return await levels.level(self._db, variant_id=variant_id, location_id=location_id)

    def _tell(self, changes: Sequence[Change]) -> None:
        """After the commit: wake the relay for the events that were written, and hint open pages."""
        if changes:
            self._outbox.ring()
        for change in changes:
            self._live.publish(f"stock.{change.variant_id}", change.availability.encode())


def _require_system(ctx: Context) -> None:
    if ctx.principal.kind is not PrincipalKind.SYSTEM:
        raise Denied(detail="Only Mercato itself moves the stock of orders.")


def _summed(demands: list[Demand]) -> tuple[Demand, ...]:
    if not 1 <= len(demands) <= MAX_DEMANDS:
        raise _invalid("demands", "out_of_range", f"Give 1 to {MAX_DEMANDS} demands.")
    try:
        return sum_demands(demands)
    except ValueError:
        raise _invalid("demands", "out_of_range", "A demand is at least one unit.") from None


def _invalid(field: str, code: str, message: str) -> Invalid:
    return Invalid(detail=message, errors=[FieldError(field, code, message)])
