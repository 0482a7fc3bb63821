"""What other services hold for orders: expired holds and carts left frozen, each resolved by its order."""

import structlog

from mercato.contracts.orders import OrderStatus
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.orders.actions.place import HOLD_MINUTES, demands_of_lines
from mercato.orders.actions.resume import attempt
from mercato.orders.actions.settle import may_be_tried_again
from mercato.orders.parts import Parts
from mercato.orders.store import changes, placing

FROZEN_TOO_LONG_S = 40
"""A cart that is frozen for so long without an order was left by a crash: requests end far earlier."""
BATCH = 100
SOLD = frozenset({OrderStatus.PLACED, OrderStatus.COMPLETED, OrderStatus.CANCELED})

log = structlog.get_logger()


async def settle_expired_holds(parts: Parts) -> int:
    """A hold that ran out: placed or a confirmed change → allocate, draft → renew, no order → release.
    Returns how many."""
    owners = await parts.stock.expired_holds(SYSTEM_CONTEXT, limit=BATCH)
    if not owners:
        return 0
    orders = await placing.orders_of_carts(parts.db, cart_ids=owners)
    added = await changes.confirmed(parts.db, change_ids=owners)
    sold = [o for o in owners if o in added or (o in orders and orders[o].status in SOLD)]
    live = [owner for owner in owners if owner in orders and orders[owner].status is OrderStatus.DRAFT]
    gone = [owner for owner in owners if owner not in sold and owner not in live]
    if sold:
        await parts.stock.allocate(SYSTEM_CONTEXT, owners=sold)
    if gone:
        await parts.stock.release(SYSTEM_CONTEXT, owners=gone)
    for owner in live:
        demands = demands_of_lines(orders[owner].lines)
        error = await attempt(
            parts.stock.hold(SYSTEM_CONTEXT, owner=owner, demands=demands, minutes=HOLD_MINUTES)
        )
        if error is not None:
            log.warning("hold not renewed", cart_id=str(owner), error=repr(error))
    return len(owners)


async def open_forgotten_carts(parts: Parts) -> int:
    """Carts that a crash left frozen before their order was recorded give back their hold and open again."""
    cart_ids = await parts.carts.stale_completing(SYSTEM_CONTEXT, older_than_s=FROZEN_TOO_LONG_S, limit=BATCH)
    if not cart_ids:
        return 0
    orders = await placing.orders_of_carts(parts.db, cart_ids=cart_ids)
    sold = [cart_id for cart_id in cart_ids if cart_id in orders and orders[cart_id].status in SOLD]
    free = [cart_id for cart_id in cart_ids if cart_id not in orders or may_be_tried_again(orders[cart_id])]
    if sold:
        await parts.carts.finish(SYSTEM_CONTEXT, cart_ids=sold)
    if free:
        await parts.stock.release(SYSTEM_CONTEXT, owners=free)
    for cart_id in free:
        error = await attempt(parts.carts.thaw(SYSTEM_CONTEXT, cart_id=cart_id))
        log.info(
            "cart opened again after a crash", cart_id=str(cart_id), error=repr(error) if error else None
        )
    return len(sold) + len(free)
