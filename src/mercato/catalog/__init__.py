"""The catalog: products, variants, prices, categories, collections, images, search.

Owns its tables, this host's search index and the stored pictures, and announces every change. Keeps a copy of
each variant's availability for lists; the units themselves belong to stock, which has its own contract. Does
not own carts, discounts or tax.
"""

from functools import partial
from pathlib import Path

from mercato.catalog.actions.import_file import ATTEMPTS, JOB, TIMEOUT_S, ImportPayload, run_import
from mercato.catalog.actions.register_stock import (
    hear_orders,
    hear_stock,
    index_best_sellers,
    register_stock,
)
from mercato.catalog.memory import Ears, Memory
from mercato.catalog.parts import Parts
from mercato.catalog.picture_store import PictureStore
from mercato.catalog.search.follower import Follower
from mercato.catalog.search.index import IndexFolder
from mercato.catalog.service import CatalogService
from mercato.contracts.orders import OrderPlaced
from mercato.contracts.stock import Stock, StockChanged
from mercato.kernel.background.jobs import JobKind
from mercato.kernel.background.schedules import Schedule
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.messaging.inbox import Subscription
from mercato.kernel.runtime import Runtime
from mercato.kernel.service import Service

REGISTER_STOCK_EVERY_S = 30.0
UNITS_SOLD_LINGER_S = 0.5
"""Sorting by what sells is in no hurry: half a second of orders is counted at once."""
BEST_SELLERS_EVERY_S = 30.0
"""Search reads a product again for its rank: with every order that cost 0.9 ms of CPU."""


def build(runtime: Runtime, *, stock: Stock) -> Service:
    """The catalog of one process, not yet started."""
    database = runtime.database("catalog")
    memory = Memory(database, runtime.nats)
    folder = IndexFolder(Path(runtime.settings.data_dir))
    follower = Follower(folder, database, memory.navigation, runtime.in_thread)
    parts = Parts(
        database=database,
        outbox=runtime.outbox("catalog"),
        memory=memory,
        media=PictureStore(runtime),
        follower=follower,
        stock=stock,
    )
    service = CatalogService(parts, folder, runtime.jobs("catalog"))
    ears = Ears(runtime.nats, runtime.settings.namespace, memory, follower.hint)

    async def start() -> None:
        service.open_index()
        await ears.start()
        await follower.start()

    async def stop() -> None:
        await follower.stop()
        await ears.stop()
        await parts.media.close()
        folder.close()

    return Service(
        impl=service,
        subscriptions=(
            Subscription("catalog-availability", (StockChanged,), partial(hear_stock, parts)),
            Subscription("catalog-units-sold", (OrderPlaced,), hear_orders, UNITS_SOLD_LINGER_S),
        ),
        schedules=(
            Schedule(
                "catalog-register-stock",
                REGISTER_STOCK_EVERY_S,
                partial(register_stock, parts, SYSTEM_CONTEXT),
            ),
            Schedule("catalog-best-sellers", BEST_SELLERS_EVERY_S, partial(index_best_sellers, parts)),
        ),
        jobs=(
            JobKind(
                name=JOB,
                payload=ImportPayload,
                run=partial(run_import, parts, lambda: service),
                timeout_s=TIMEOUT_S,
                max_attempts=ATTEMPTS,
            ),
        ),
        start=start,
        stop=stop,
    )
