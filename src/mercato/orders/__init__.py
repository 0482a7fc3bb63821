"""Orders: the record of a sale and its whole life.

Owns placing (freeze → hold → record → pay → finalize) with its sweeper, statuses, timeline, fulfillments,
cancellation, guest access and the books of sales. Does not own prices (carts), units (stock), or money
(payments): of money it keeps a copy of the amounts, from which the payment status follows.
"""

from mercato.contracts.carriers import Carriers
from mercato.contracts.carts import Carts
from mercato.contracts.catalog import Catalog
from mercato.contracts.payments import Payments
from mercato.contracts.stock import Stock
from mercato.kernel.personal import PersonalRows
from mercato.kernel.runtime import Runtime
from mercato.kernel.service import Service
from mercato.orders.channels import Channels
from mercato.orders.events import jobs_of, subscriptions_of
from mercato.orders.parts import Parts
from mercato.orders.service import OrdersService
from mercato.orders.store import personal
from mercato.orders.sweeper import Sweeper


def build(
    runtime: Runtime, *, carts: Carts, catalog: Catalog, stock: Stock, payments: Payments, carriers: Carriers
) -> Service:
    """The orders service; no I/O."""
    sweeper = Sweeper()
    parts = Parts(
        db=runtime.database("orders"),
        outbox=runtime.outbox("orders"),
        live=runtime.live,
        carts=carts,
        channels=Channels(catalog),
        catalog=catalog,
        carriers=carriers,
        stock=stock,
        payments=payments,
        press=runtime.press,
        jobs=runtime.jobs("orders"),
        secret=runtime.settings.secret_key,
        wake_sweeper=sweeper.wake,
    )
    sweeper.parts = parts
    service = OrdersService(parts)
    service.personal = PersonalRows(
        runtime, "orders", personal.TABLES, matters=personal.MATTERS,
        kept=personal.kept(documents_days=runtime.settings.keep_documents_days),
    )  # fmt: skip
    return Service(
        impl=service,
        subscriptions=subscriptions_of(parts),
        schedules=sweeper.schedules(),
        jobs=jobs_of(parts),
        stop=sweeper.stop,
    )
