"""What a catalog process remembers of the tables: navigation, products, sale variants; dropped by events.

Events arrive on core NATS, which may lose them: everything is read again after KEPT_S at the latest, at once
after the broker was away, and nothing is kept while it is away.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from mercato.catalog.navigation import Navigation, read_navigation
from mercato.catalog.records import ProductRecord
from mercato.catalog.store import products as store
from mercato.catalog.views import sale_variant_of
from mercato.contracts.catalog import NavigationChanged, ProductChanged, SaleVariant
from mercato.kernel import clock
from mercato.kernel.db import Database
from mercato.kernel.messaging.broker import BrokerClient

KEPT_S = 120.0
KEPT_PRODUCTS = 2_000
KEPT_VARIANTS = 50_000

log = structlog.get_logger()

SUBJECTS = (ProductChanged.subject, NavigationChanged.subject)
_decode = msgspec.json.Decoder(ProductChanged).decode


class Memory:
    """Reads through to the tables; what was begun before a drop is returned but not kept."""

    def __init__(self, database: Database, nats: Client) -> None:
        self._database = database
        self._nats = nats
        self._drops = 0
        self._reconnects = 0
        self._navigation: tuple[float, Navigation] | None = None
        self._products: OrderedDict[UUID, tuple[float, ProductRecord]] = OrderedDict()
        self._slugs: dict[str, UUID] = {}
        self._variants: dict[str, dict[UUID, tuple[float, SaleVariant]]] = {}
        """By channel."""

    async def navigation(self) -> Navigation:
        kept = self._navigation
        if kept is not None and self._holds() and kept[0] > clock.monotonic_s():
            return kept[1]
        begun = self._drops
        found = await read_navigation(self._database)
        if begun == self._drops:
            self._navigation = (clock.monotonic_s() + KEPT_S, found)
        return found

    async def product(self, slug_or_id: str) -> ProductRecord | None:
        """By slug, or by id when it is one."""
        product_id = uuid_of(slug_or_id) or self._slugs.get(slug_or_id)
        kept = self._products.get(product_id) if product_id else None
        if kept is not None and self._holds() and kept[0] > clock.monotonic_s():
            is_current = slug_or_id in (kept[1].slug, str(product_id))
            if is_current:
                return kept[1]
        begun = self._drops
        asked_id = uuid_of(slug_or_id)
        if asked_id is None:
            found = await store.by_slug(self._database, slug=slug_or_id)
        else:
            found = await store.by_id(self._database, product_id=asked_id)
        if found is not None and begun == self._drops:
            self._keep(found)
        return found

    def _keep(self, product: ProductRecord) -> None:
        self._slugs[product.slug] = product.id
        self._products[product.id] = (clock.monotonic_s() + KEPT_S, product)
        self._products.move_to_end(product.id)
        if len(self._products) > KEPT_PRODUCTS:
            _, (_, oldest) = self._products.popitem(last=False)
            self._slugs.pop(oldest.slug, None)

    async def sale_variants(self, variant_ids: Sequence[UUID], *, channel: str) -> list[SaleVariant]:
        """Those that exist, in the order asked for."""
        known = self._variants.get(channel, {}) if self._holds() else {}
        now = clock.monotonic_s()
        found = [known.get(variant_id) for variant_id in variant_ids]
        fresh = [kept[1] for kept in found if kept is not None and kept[0] > now]
        if len(fresh) < len(variant_ids):
            current = {variant.id: variant for variant in fresh}
            missing = [variant_id for variant_id in variant_ids if variant_id not in current]
            current.update(await self._read_variants(missing, channel))
            fresh = [current[variant_id] for variant_id in variant_ids if variant_id in current]
        return fresh

    async def _read_variants(self, variant_ids: Sequence[UUID], channel: str) -> dict[UUID, SaleVariant]:
        begun = self._drops
        navigation = await self.navigation()
        sold_in = navigation.channel(channel)
        records = await store.sale_variants(self._database, variant_ids=variant_ids, channel=channel)
        found = {record.id: sale_variant_of(record, sold_in, navigation) for record in records}
        if begun == self._drops:
            if sum(map(len, self._variants.values())) + len(found) > KEPT_VARIANTS:
                self._variants.clear()
            until = clock.monotonic_s() + KEPT_S
            kept = self._variants.setdefault(channel, {})
            kept.update({one: (until, variant) for one, variant in found.items()})
        return found

    def drop_product(self, product_id: UUID, variant_ids: Iterable[UUID]) -> None:
        self._drops += 1
        self._products.pop(product_id, None)
        for variant_id in variant_ids:
            for kept in self._variants.values():
                kept.pop(variant_id, None)

    def drop_all(self) -> None:
        self._drops += 1
        self._navigation = None
        self._products.clear()
        self._slugs.clear()
        self._variants.clear()

    def _holds(self) -> bool:
        """Whether we would have heard of every change."""
        reconnects: Any = self._nats.stats["reconnects"]
        if reconnects != self._reconnects:
            self._reconnects = reconnects
            self.drop_all()
        return self._nats.is_connected


class Ears:
    """Hears the catalog's own events in this process and drops what they made stale."""

    def __init__(
        self, nats: BrokerClient, namespace: str, memory: Memory, hint_search: Callable[[], None]
    ) -> None:
        self._nats = nats
        self._prefix = f"{namespace}.events."
        self._memory = memory
        self._hint_search = hint_search
        self._subscriptions: list[Subscription] = []

    async def start(self) -> None:
        for subject in SUBJECTS:
            self._subscriptions.append(await self._nats.subscribe(self._prefix + subject, cb=self._hear))
        await self._nats.flush()

    async def stop(self) -> None:
        for subscription in self._subscriptions:
            if not self._nats.is_closed:
                await subscription.unsubscribe()
        self._subscriptions.clear()

    async def _hear(self, message: Msg) -> None:
        self._hint_search()
        if message.subject.endswith(NavigationChanged.subject):
            self._memory.drop_all()
            return
        try:
            event = _decode(message.data)
        except msgspec.MsgspecError as error:
            log.warning("event not understood", error=repr(error))
            self._memory.drop_all()
            return
        self._memory.drop_product(event.product_id, event.variant_ids)


def uuid_of(text: str) -> UUID | None:
    try:
        return UUID(text) if len(text) == 36 else None
    except ValueError:
        return None
