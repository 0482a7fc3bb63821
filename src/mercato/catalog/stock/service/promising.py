"""Holds, promises, and goods that leave and come back."""

from collections.abc import Sequence
from uuid import UUID

from mercato.catalog.stock import actions
from mercato.catalog.stock.domain import MAX_HOLD_MINUTES, HoldRequest
from mercato.catalog.stock.hold_queue import HoldQueue
from mercato.catalog.stock.service.part import (
    Part,
    invalid,
    no_location,
    only,
    refusal,
    require_system,
    summed,
)
from mercato.catalog.stock.store import booking, effects, holds, levels, places
from mercato.contracts.orders import OrderPlaced
from mercato.contracts.stock import Allocation, Availability, AvailableUnits, Demand, Hold, MovementKind
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Database, Tx
from mercato.kernel.errors import Conflict
from mercato.kernel.messaging.live import Live
from mercato.kernel.messaging.outbox import Outbox

MAX_OWNERS = 1000
NOTHING = (0, Availability.OUT)


class Promising(Part):
    """What carts and orders ask of stock."""

    def __init__(self, database: Database, outbox: Outbox, live: Live) -> None:
        super().__init__(database, outbox, live)
        self._holds = HoldQueue(self._hold_one, self._hold_many)

    async def available(self, ctx: Context, *, variant_ids: list[UUID]) -> list[AvailableUnits]:
        found = self._glance.of(ctx.channel, variant_ids)
        if found is None:
            writes = self._glance.writes
            read = await levels.available(self._db, variant_ids=variant_ids, channel=ctx.channel)
            found = [AvailableUnits(one, *read.get(one, NOTHING)) for one in variant_ids]
            self._glance.put(ctx.channel, found, writes)
        return found

    async def hold(self, ctx: Context, *, owner: UUID, demands: list[Demand], minutes: int = 10) -> Hold:
        if not 1 <= minutes <= MAX_HOLD_MINUTES:
            raise invalid("minutes", "out_of_range", f"Hold for 1 to {MAX_HOLD_MINUTES} minutes.")
        return await self._holds.submit(
            HoldRequest(owner, summed(demands), minutes, ctx.principal.label, ctx.channel)
        )

    async def release(self, ctx: Context, *, owners: list[UUID]) -> None:
        require_system(ctx)
        if owners:
            self._tell(await holds.release(self._db, owners=owners, actor=ctx.principal.label))

    async def allocate(self, ctx: Context, *, owners: list[UUID], into: UUID | None = None) -> None:
        require_system(ctx)
        if owners:
            await holds.allocate(self._db, owners=owners, actor=ctx.principal.label, into=into)

    async def hear_placed(self, tx: Tx, events: Sequence[OrderPlaced]) -> None:
        """A placed order's hold becomes its allocation; one statement for the whole batch."""
        await holds.allocate(tx, owners=[event.cart_id for event in events], actor="system")

    async def expired_holds(self, ctx: Context, *, limit: int = 100) -> list[UUID]:
        require_system(ctx)
        return await holds.expired_owners(self._db, now=clock.now(), limit=min(max(limit, 1), MAX_OWNERS))

    async def allocations(self, ctx: Context, *, owners: list[UUID]) -> list[Allocation]:
        ctx.principal.require("read_stock")
        only(owners, MAX_OWNERS)
        return await levels.allocations(self._db, owners=owners)

    async def ship(
        self,
        ctx: Context,
        *,
        fulfillment_id: UUID,
        owner: UUID,
        demands: list[Demand],
        location_id: UUID | None = None,
    ) -> None:
        cause = ("fulfillment", fulfillment_id)
        await self._take_allocated(ctx, MovementKind.SHIPPED, cause, owner, demands, location_id)

    async def deallocate(
        self,
        ctx: Context,
        *,
        cause_id: UUID,
        owner: UUID,
        demands: list[Demand],
        location_id: UUID | None = None,
    ) -> None:
        cause = ("order", cause_id)
        await self._take_allocated(ctx, MovementKind.DEALLOCATED, cause, owner, demands, location_id)

    async def restock(
        self, ctx: Context, *, cause_id: UUID, demands: list[Demand], location_id: UUID | None = None
    ) -> None:
        require_system(ctx)
        wanted = summed(demands)
        async with self._change() as tx:
            found = await places.locations(tx)
            usable = [one for one in found if one.id == location_id] if location_id else found
            if not usable:
                raise no_location()
            target = next((one.id for one in usable if one.is_active), usable[0].id)
            ids = [demand.variant_id for demand in wanted]
            await booking.make_levels(tx, variant_ids=ids, location_id=target)
            row = await booking.book(
                tx,
                bookings=[booking.Booking(demand.variant_id, target, demand.quantity) for demand in wanted],
                kind=MovementKind.RETURNED,
                effect=(MovementKind.RETURNED, cause_id),
                cause=("return", cause_id),
                actor=ctx.principal.label,
                reason=None,
                keeps_promises=False,
            )
            if row.refused:
                raise refusal(row.refused)
            tx.after_commit(self._teller(row.changes))

    async def _hold_one(self, request: HoldRequest) -> Hold:
        try:
            return await actions.hold_one(self._db, self._announce, request)
        finally:
            self._glance.forget(demand.variant_id for demand in request.demands)

    async def _hold_many(self, requests: Sequence[HoldRequest]) -> list[Hold]:
        try:
            return await actions.hold_many(self._db, self._outbox, self._announce, requests)
        finally:
            self._glance.forget(demand.variant_id for request in requests for demand in request.demands)

    async def _take_allocated(
        self,
        ctx: Context,
        kind: MovementKind,
        cause: tuple[str, UUID],
        owner: UUID,
        demands: list[Demand],
        location_id: UUID | None,
    ) -> None:
        """Ship or deallocate once per cause. A shortage is looked at twice: a replay may just have won."""
        require_system(ctx)
        wanted = summed(demands)
        for _ in range(2):
            row = await effects.take_allocated(
                self._db, kind=kind, cause_type=cause[0], cause_id=cause[1], owner=owner,
                location_id=location_id, demands=wanted, actor=ctx.principal.label,
            )  # fmt: skip
            self._tell(row.changes)
            if row.is_done:
                return
        short = [{"variant_id": str(one.variant_id), "allocated": one.promised} for one in row.unmet]
        if row.is_unpromised:
            raise Conflict(
                "not_allocated", "More units than are promised to this order.", data={"short": short}
            )
        raise Conflict("not_on_hand", "These goods have not come in yet.", data={"short": short})
