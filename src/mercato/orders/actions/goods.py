"""What an order holds becomes what it is promised."""

from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.orders.parts import Parts
from mercato.orders.records import PlacedOrder
from mercato.orders.store import changes


async def claim(parts: Parts, order: PlacedOrder) -> None:
    """The holds of the order's cart, and of the changes that added to it, are promises to the order, which
    stock knows by its cart."""
    await parts.stock.allocate(SYSTEM_CONTEXT, owners=[order.cart_id])
    added = await changes.owners_of(parts.db, order_id=order.id)
    if added:
        await parts.stock.allocate(SYSTEM_CONTEXT, owners=added, into=order.cart_id)
