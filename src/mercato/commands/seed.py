"""mercato seed"""

import asyncio
from pathlib import Path

import msgspec

from mercato.commands.surroundings import DEFAULT_DATA_DIR, open_shop, shop_settings
from mercato.settings import Settings

BATCH = 5_000
BATCH_TIMEOUT_S = 300


def seed(*, products: int = 0, data_dir: Path = DEFAULT_DATA_DIR) -> None:
    """Put the demo shop's products, pictures, prices, stock and promotions into the shop.

    Safe to run again: what is there is brought up to date.

    Parameters
    ----------
    products
        Instead of the demo, so many made-up products with three variants each: for measuring.
    data_dir
        The shop that runs from this directory, unless DATABASE_URL names a database.
    """
    settings = shop_settings(data_dir)
    asyncio.run(_make(settings, products) if products else _seed(settings))


async def _make(settings: Settings, products: int) -> None:
    from rich.progress import track

    from mercato.contracts.catalog import Catalog
    from mercato.kernel.context import SYSTEM_CONTEXT
    from mercato.kernel.deadlines import in_s

    made = 0
    async with open_shop(settings) as shop:
        for first in track(range(1, products + 1, BATCH), description="Products"):
            ctx = msgspec.structs.replace(SYSTEM_CONTEXT, deadline=in_s(BATCH_TIMEOUT_S))
            count = min(BATCH, products + 1 - first)
            made += await shop.client(Catalog).make_products(ctx, first=first, count=count)
    print(f"{made} products made, {products - made} were there")


async def _seed(settings: Settings) -> None:
    from mercato.demo import seed as seed_demo

    async with open_shop(settings) as shop:
        await seed_demo(shop, print)
