"""The rules that prices follow, kept in the process: read once, dropped by a hint, old after half a minute.

A hint may be lost, so age drops them too. Nothing that is promised depends on their freshness: uses of a
coupon are counted under a lock, and placing an order refuses a total that the shopper has not seen.
"""

import asyncio
from uuid import UUID

import msgspec

from mercato.carts.pricing import PriceRules, compile_rules
from mercato.carts.store import rules as store
from mercato.contracts.carts import DeliveryMethodInput, Promotion, TaxRate
from mercato.contracts.catalog import Catalog, Channel
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Database
from mercato.kernel.ending import end
from mercato.kernel.live import Live

MAX_AGE_S = 30.0
LISTEN_AGAIN_S = 1.0
TOPIC = "pricing"


class ChannelRules(msgspec.Struct, frozen=True):
    """One channel with everything that its carts are priced by."""

    channel: Channel
    prices: PriceRules
    methods: dict[UUID, DeliveryMethodInput]
    """Active ones, in order of position."""
    read_at_s: float


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
        return ChannelRules(
            channel=channel,
            prices=compile_rules(
                channel=code,
                currency=channel.currency,
                prices_include_tax=channel.prices_include_tax,
                promotions=promotions,
                tax_rates=rates,
            ),
            methods={
                method.id: method
                for method in methods
                if method.id is not None and method.is_active and method.channel == code
            },
            read_at_s=read_at_s,
        )
