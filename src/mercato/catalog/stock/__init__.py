"""Stock: how many units of a variant are where, promised to whom, and every change of that as a movement.

Owns levels, movements, holds (reservations) and allocations, and the rule that nothing is sold twice. Lives
in the catalog package behind a contract, tables and migrations of its own, so that it can leave. Does not own
variants (it knows their id and SKU), carts or orders: whether an expired hold is given back is decided by
orders, which knows whether the order was placed.
"""

from mercato.catalog.stock.service import StockService
from mercato.contracts.orders import OrderPlaced
from mercato.kernel.messaging.inbox import Subscription
from mercato.kernel.runtime import Runtime
from mercato.kernel.service import Service


def build(runtime: Runtime) -> Service:
    """The stock service of this process; does no I/O."""
    service = StockService(runtime.database("stock"), runtime.outbox("stock"), runtime.live)
    return Service(
        impl=service,
        subscriptions=(Subscription("stock-allocation", (OrderPlaced,), service.hear_placed),),
    )
