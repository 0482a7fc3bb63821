"""Handing new variants over to stock, and keeping what stock says of all variants."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
import structlog

from mercato.catalog.parts import Changed, Parts
from mercato.catalog.store import changes
from mercato.catalog.store.changes import Shown
from mercato.contracts.orders import OrderPlaced
from mercato.contracts.stock import StockChanged
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Unavailable

BATCH = 1_000

log = structlog.get_logger()


async def register_stock(parts: Parts, ctx: Context, *, variant_ids: Sequence[UUID] | None = None) -> None:
    """Tell stock of variants it does not know yet (all, or some of these), with their opening stock.

    When stock does not answer, nothing is lost: the variants stay marked and the schedule comes back to them.
    """
    try:
        while found := await changes.not_registered(parts.database, limit=BATCH, variant_ids=variant_ids):
            await _register(parts, ctx.as_system(), found)
    except Unavailable as error:
        log.warning("stock does not answer: new variants wait", error=error.detail)


async def _register(parts: Parts, ctx: Context, found: Mapping[UUID, tuple[str, int]]) -> None:
    await parts.stock.register_variants(
        ctx,
        skus={variant_id: sku for variant_id, (sku, _) in found.items()},
        on_hand={variant_id: on_hand for variant_id, (_, on_hand) in found.items()},
    )
    # No channel has this code: asked for it, stock counts all locations.
    everywhere = msgspec.structs.replace(ctx, channel="")
    units = await parts.stock.available(everywhere, variant_ids=list(found))
    async with parts.database.transaction() as tx:
        await changes.set_registered(tx, variant_ids=list(found))
        await keep_availability(parts, tx, {unit.variant_id: Shown(unit.availability) for unit in units})


async def keep_availability(parts: Parts, tx: Tx, shown: Mapping[UUID, Shown]) -> None:
    """Write what stock says where that is new, and announce the products."""
    news = await changes.set_availability(tx, shown=shown)
    await parts.announce(
        tx, [Changed(product_id, slug, variant_ids) for product_id, (slug, variant_ids) in news.items()]
    )


async def hear_stock(parts: Parts, tx: Tx, events: Sequence[StockChanged]) -> None:
    """The last word of each variant counts."""
    told = {event.variant_id: Shown(event.availability, event.channels) for event in events}
    await keep_availability(parts, tx, told)


async def hear_orders(tx: Tx, events: Sequence[OrderPlaced]) -> None:
    """Count what was sold, for sorting by best-selling."""
    units: dict[UUID, int] = {}
    for event in events:
        for line in event.lines:
            units[line.variant_id] = units.get(line.variant_id, 0) + line.quantity
    await changes.add_units_sold(tx, units=units)


async def index_best_sellers(parts: Parts) -> None:
    """Let search read again what was sold, so that it sorts by what sells."""
    async with parts.database.transaction() as tx:
        sold = await changes.take_best_sellers(tx)
        if sold:
            await changes.mark(tx, product_ids=sold)
