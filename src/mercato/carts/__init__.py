"""Carts: what a shopper means to buy, what it costs and why, what still stands in the way.

Owns carts and their lines, price steps, promotions with their coupon uses, delivery methods and tax rates.
Does not own prices of variants (catalog), units (stock), or what becomes of a completed cart (orders).
"""

from datetime import timedelta

from mercato.carts.actions.staff import Office
from mercato.carts.parts import Parts
from mercato.carts.rules import RulesCache
from mercato.carts.service import CartsService
from mercato.carts.store import personal
from mercato.contracts.carriers import Carriers
from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import OrderCanceled, OrderPlaced
from mercato.contracts.payments import Payments
from mercato.contracts.stock import Stock
from mercato.contracts.users import AccountsMerged
from mercato.kernel.background.schedules import Schedule
from mercato.kernel.messaging.inbox import Subscription
from mercato.kernel.personal import PersonalRows
from mercato.kernel.runtime import Runtime
from mercato.kernel.service import Service

SWEEP_EVERY_S = 600.0


def build(
    runtime: Runtime, *, catalog: Catalog, stock: Stock, payments: Payments, carriers: Carriers
) -> Service:
    """The carts service of this process; does no I/O until it is started."""
    durable = runtime.database("carts")
    rules = RulesCache(durable, catalog, runtime.live)
    keep_days = runtime.settings.keep_carts_days
    parts = Parts(
        relaxed=runtime.database("carts", relaxed=True),
        durable=durable,
        rules=rules,
        catalog=catalog,
        stock=stock,
        payments=payments,
        carriers=carriers,
        live=runtime.live,
    )
    service = CartsService(
        parts, Office(durable, runtime.outbox("carts"), rules, runtime.live), keep=timedelta(days=keep_days)
    )
    service.personal = PersonalRows(
        runtime, "carts", personal.TABLES, kept=personal.kept(carts_days=keep_days)
    )
    return Service(
        impl=service,
        subscriptions=(
            Subscription("carts-completion", (OrderPlaced,), service.hear_placed),
            Subscription("carts-coupons", (OrderCanceled,), service.hear_canceled),
            Subscription("carts-accounts", (AccountsMerged,), service.hear_merged),
        ),
        schedules=(Schedule("carts-expiry", SWEEP_EVERY_S, service.sweep),),
        start=rules.start,
        stop=rules.stop,
    )
