"""mercato seed"""

import asyncio
from pathlib import Path

from mercato.commands.surroundings import DEFAULT_DATA_DIR, open_shop, shop_settings
from mercato.settings import Settings


def seed(*, data_dir: Path = DEFAULT_DATA_DIR) -> None:
    """Put the demo shop's products, pictures, prices, stock and promotions into the shop.

    Safe to run again: what is there is brought up to date.

    Parameters
    ----------
    data_dir
        The shop that runs from this directory, unless DATABASE_URL names a database.
    """
    asyncio.run(_seed(shop_settings(data_dir)))


async def _seed(settings: Settings) -> None:
    from mercato.demo import seed as seed_demo

    async with open_shop(settings) as shop:
        await seed_demo(shop, print)
