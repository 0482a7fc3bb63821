"""mercato search rebuild, mercato events rebuild"""

import asyncio
from datetime import timedelta
from pathlib import Path

import msgspec

from mercato.commands.surroundings import DEFAULT_DATA_DIR, CommandError, shop_settings
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.settings import Settings

REBUILD_TIMEOUT_S = 600


def search(*, data_dir: Path = DEFAULT_DATA_DIR) -> None:
    """Write the search index anew from the catalog's tables, while the shop goes on.

    Parameters
    ----------
    data_dir
        The shop that runs from this directory, unless DATABASE_URL names a database.
    """
    print(f"{asyncio.run(_search(shop_settings(data_dir)))} products indexed")


def events(*, data_dir: Path = DEFAULT_DATA_DIR) -> None:
    """Send every event the outboxes still have once more: for a broker that has lost its store.

    Consumers know what they have handled; nothing happens twice.

    Parameters
    ----------
    data_dir
        The shop that runs from this directory, unless DATABASE_URL names a database.
    """
    for schema, count in asyncio.run(_events(shop_settings(data_dir))).items():
        print(f"{schema:<14} {count} events to send")


async def _search(settings: Settings) -> int:
    from mercato import compose
    from mercato.contracts.catalog import Catalog

    shop = await compose.start(settings)
    try:
        deadline = clock.now() + timedelta(seconds=REBUILD_TIMEOUT_S)
        context = msgspec.structs.replace(SYSTEM_CONTEXT, deadline=deadline)
        return await shop.client(Catalog).rebuild_search(context)
    finally:
        await shop.stop()


async def _events(settings: Settings) -> dict[str, int]:
    """Mark the rows; the relays of the running shop, or of the next one, send them within a second."""
    from mercato import compose
    from mercato.kernel.messaging.relay import Relay

    if not settings.nats_url:
        raise CommandError("set NATS_URL to the broker that lost its events")
    shop = await compose.start(settings)
    runtime, counts = shop.runtime, {}
    try:
        for name, module in compose.MODULES.items():
            if module.keeps_events:
                database = runtime.database(name)
                relay = Relay(name, database, runtime.broker, settings.namespace, runtime.metrics)
                counts[name] = await relay.rebuild()
    finally:
        await shop.stop()
    return counts
