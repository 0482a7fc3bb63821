"""The rules that prices follow, kept in the process: read once, dropped by a hint, old after half a minute.

A hint may be lost, so age drops them too. Nothing that is promised depends on their freshness: uses of a
coupon are counted under a lock, and placing an order refuses a total that the shopper has not seen.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final
from uuid import UUID

import msgspec

from mercato.carts.delivery import needs_weight
from mercato.carts.pricing import PriceRules, Tier, compile_rules
from mercato.carts.store import lists
from mercato.carts.store import rules as store
from mercato.contracts.carts import (
    CustomerGroup,
    DeliveryCalendar,
    DeliveryMethodInput,
    DeliveryZone,
    PriceList,
    Promotion,
    TaxRate,
    TaxZone,
)
from mercato.contracts.catalog import Catalog, Channel, SaleVariant
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Database
from mercato.kernel.ending import end
from mercato.kernel.errors import NotFound
from mercato.kernel.messaging.live import Live

MAX_AGE_S = 30.0
KEPT_VARIANTS = 20_000
LISTEN_AGAIN_S = 1.0
TOPIC = "pricing"
NOT_NAMED: Final[frozenset[UUID]] = frozenset()


class ChannelRules(msgspec.Struct, frozen=True):
    """One channel with everything that its carts are priced by."""

    channel: Channel
    prices: PriceRules
    methods: dict[UUID, DeliveryMethodInput]
    """Active ones, in order of position."""
    zones: dict[UUID, DeliveryZone]
    holidays: frozenset[date]
    asks_weight: bool
    """Whether any method asks what a cart weighs."""
    read_at_s: float
    tiers: dict[UUID, tuple[Tier, ...]] = {}
    """Prices of price lists by variant, as far as they were asked for; empty where there are none."""
    targets: dict[UUID, tuple[SaleVariant, frozenset[UUID]]] = {}
    """By variant, what of it promotions name, as far as it was asked for."""

    def targets_of(self, variant: SaleVariant) -> frozenset[UUID]:
        """What of the variant, its product, categories and collections promotions name."""
        if not self.prices.named:
            return NOT_NAMED
        kept = self.targets.get(variant.id)
        if kept is not None and kept[0] is variant:
            return kept[1]
        if len(self.targets) > KEPT_VARIANTS:
            self.targets.clear()
        ids = (variant.id, variant.product_id, *variant.category_ids, *variant.collection_ids)
        found = self.prices.named.intersection(ids)
        self.targets[variant.id] = variant, found
        return found


class RulesCache:
    """The rules by channel. `drop` after a change; `start` to hear the changes of other processes."""

    def __init__(self, database: Database, catalog: Catalog, live: Live) -> None:
        self._db = database
        self._catalog = catalog
        self._live = live
        self._by_channel: dict[str, ChannelRules] = {}
        self._generation = 0
        self._listener: asyncio.Task[None] | None = None

    async def of(self, ctx: Context, channel: str) -> ChannelRules:
        """The rules of `channel`. Raises NotFound for a channel that the catalog does not have."""
        found = self._by_channel.get(channel)
        if found is not None and clock.monotonic_s() - found.read_at_s < MAX_AGE_S:
            return found
        generation = self._generation
        rules = await self._read(ctx, channel)
        if generation == self._generation:
            self._by_channel[channel] = rules
        return rules

    async def has(self, ctx: Context, channel: str) -> bool:
        """Whether the catalog has such a channel."""
        try:
            await self._catalog.channel(ctx, code=channel)
        except NotFound:
            return False
        return True

    async def tiers(
        self, rules: ChannelRules, variant_ids: Sequence[UUID]
    ) -> Mapping[UUID, tuple[Tier, ...]]:
        """The prices of price lists for these variants; asks the tables only for those not yet known."""
        if not rules.prices.price_lists:
            return {}
        known = rules.tiers
        missing = [variant_id for variant_id in variant_ids if variant_id not in known]
        if missing:
            found = await lists.of_variants(
                self._db, price_list_ids=list(rules.prices.price_lists), variant_ids=missing
            )
            if len(known) + len(missing) > KEPT_VARIANTS:
                known.clear()
                return await self.tiers(rules, variant_ids)
            known.update(_tiers_of(rules.prices, missing, found))
        return known

    def drop(self) -> None:
        """Forget everything: the next cart reads anew."""
        self._generation += 1
        self._by_channel.clear()

    async def start(self) -> None:
        self._listener = asyncio.create_task(self._listen(), name="carts-pricing")

    async def stop(self) -> None:
        await end(self._listener)

    async def _listen(self) -> None:
        while True:
            try:
                async with self._live.listen(TOPIC) as hints:
                    self.drop()
                    async for _ in hints:
                        self.drop()
            except Exception:  # the broker is away: age drops the rules meanwhile
                await asyncio.sleep(LISTEN_AGAIN_S)

    async def _read(self, ctx: Context, code: str) -> ChannelRules:
        read_at_s = clock.monotonic_s()
        channel = await self._catalog.channel(ctx, code=code)
        promotions = await store.every(self._db, Promotion)
        methods = await store.every(self._db, DeliveryMethodInput)
        rates = await store.every(self._db, TaxRate)
        groups = await store.every(self._db, CustomerGroup)
        zones = await store.every(self._db, DeliveryZone)
        calendars = await store.every(self._db, DeliveryCalendar)
        return ChannelRules(
            channel=channel,
            prices=compile_rules(
                channel=code,
                currency=channel.currency,
                prices_include_tax=channel.prices_include_tax,
                promotions=promotions,
                tax_rates=rates,
                tax_zones=await store.every(self._db, TaxZone),
                price_lists=await store.every(self._db, PriceList),
                origin=channel.countries[0] if channel.countries else None,
                has_exempt_groups=any(group.is_tax_exempt for group in groups),
            ),
            methods={
                method.id: method
                for method in methods
                if method.id is not None and method.is_active and method.channel == code
            },
            zones={zone.id: zone for zone in zones if zone.id is not None},
            holidays=frozenset(
                day for calendar in calendars if calendar.channel == code for day in calendar.holidays
            ),
            asks_weight=needs_weight([method for method in methods if method.channel == code]),
            read_at_s=read_at_s,
        )


def _tiers_of(
    rules: PriceRules, variant_ids: Sequence[UUID], prices: Sequence[lists.StoredPrice]
) -> dict[UUID, tuple[Tier, ...]]:
    found: dict[UUID, list[Tier]] = {variant_id: [] for variant_id in variant_ids}
    for price in prices:
        price_list = rules.price_lists[price.price_list_id]
        found[price.variant_id].append(Tier(price_list, price.min_quantity, price.price))
    return {variant_id: tuple(tiers) for variant_id, tiers in found.items()}
