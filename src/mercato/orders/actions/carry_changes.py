"""What changes of orders leave for stock, each once by the change's own id."""

from typing import Any
from uuid import UUID

from mercato.contracts.orders import ChangeAction
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM, SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.failpoints import failpoint
from mercato.kernel.ids import derived_id
from mercato.orders.actions import goods
from mercato.orders.actions.place import HOLD_MINUTES, demands_of
from mercato.orders.change_rows import ChangeRow
from mercato.orders.packing import spread
from mercato.orders.parts import Parts
from mercato.orders.records import Intent, PlacedOrder
from mercato.orders.store import after, changes, intents


async def allocate_goods(parts: Parts, intent: Intent) -> None:
    """The units that a change added are promised to the order. Held once more first: the hold may have run
    out while the process that confirmed the change was away."""
    change = await _change(parts, intent)
    order = await _order(parts, change.order_id)
    held = await parts.stock.hold(
        Context(principal=SYSTEM, channel=order.channel),
        owner=change.id,
        demands=demands_of(change.added),
        minutes=HOLD_MINUTES,
    )
    if not held.is_held:
        raise Conflict("insufficient_stock", "The units of a confirmed change are gone.")
    await goods.claim(parts, order)
    failpoint("orders.change_allocated")
    await intents.done(parts.db, intent_id=intent.id, now=clock.now())


async def free_units(parts: Parts, intent: Intent) -> None:
    """The units that a change took off are free again, at the locations that no parcel waits at.

    Which ones is decided once and kept: asked again, the same are freed, and none twice.
    """
    change = await _change(parts, intent)
    order = await _order(parts, change.order_id)
    await goods.claim(parts, order)
    plan = intent.data.get("plan")
    if plan is None:
        plan = await _plan(parts, order, change)
        await intents.keep_data(parts.db, intent_id=intent.id, data={**intent.data, "plan": plan})
    for number, place in enumerate(plan):
        await parts.stock.deallocate(
            SYSTEM_CONTEXT,
            cause_id=derived_id(change.id, f"free-{number}"),
            owner=order.cart_id,
            demands=demands_of([(UUID(variant_id), units) for variant_id, units in place["units"]]),
            location_id=UUID(place["location_id"]) if place["location_id"] else None,
        )
        failpoint("orders.units_freed")
    await intents.done(parts.db, intent_id=intent.id, now=clock.now())


async def restock_goods(parts: Parts, intent: Intent) -> None:
    """What came back and can be sold again is on hand."""
    change = await _change(parts, intent)
    await parts.stock.restock(SYSTEM_CONTEXT, cause_id=change.id, demands=demands_of(change.restocked))
    failpoint("orders.restocked")
    await intents.done(parts.db, intent_id=intent.id, now=clock.now())


def change_id_of(intent: Intent) -> UUID | None:
    """The change that the intent belongs to."""
    found = intent.data.get("change_id")
    return UUID(found) if found else None


async def _plan(parts: Parts, order: PlacedOrder, change: ChangeRow) -> list[dict[str, Any]]:
    """How many units of which variant are freed at each location."""
    variant_of = {line.id: line.variant_id for line in await after.lines_of(parts.db, order=order)}
    removed = [part for part in change.lines if part.action is ChangeAction.REMOVE]
    variant_of |= {part.line_id: part.variant_id for part in removed}
    found = spread(
        {part.line_id: part.quantity for part in removed},
        variant_of,
        await after.parcels_of(parts.db, order_id=order.id),
        await parts.stock.allocations(SYSTEM_CONTEXT, owners=[order.cart_id]),
    )
    return [
        {
            "location_id": str(location_id) if location_id else None,
            "units": [[str(variant_of[line_id]), units] for line_id, units in lines.items()],
        }
        for location_id, lines in found.items()
    ]


async def _order(parts: Parts, order_id: UUID) -> PlacedOrder:
    async with parts.db.transaction() as tx:
        order = await after.lock(tx, order_id=order_id)
    if order is None:
        raise NotFound(detail="There is no such order.")
    return order


async def _change(parts: Parts, intent: Intent) -> ChangeRow:
    change_id = change_id_of(intent)
    change = await changes.get(parts.db, change_id=change_id) if change_id else None
    if change is None:
        raise NotFound(detail="There is no such change.")
    return change
