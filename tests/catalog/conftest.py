"""A catalog with stock in one process, on a database, a namespace and a folder of the test's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mercato import compose
from mercato.compose import Shop
from mercato.contracts.catalog import Catalog
from mercato.contracts.stock import Stock
from mercato.settings import Settings

SECRET_KEY = "tests-" + "0123456789abcdef" * 4


def settings_for(database_url: str, nats_url: str, namespace: str, data_dir: Path) -> Settings:
    return Settings(
        environment="test",
        database_url=database_url,
        nats_url=nats_url,
        namespace=namespace,
        data_dir=str(data_dir),
        secret_key=SECRET_KEY,
        pool_size=4,
    )


@pytest.fixture
async def shop(database_url: str, nats_url: str, namespace: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """The running modules catalog and stock."""
    shop = await compose.start(
        settings_for(database_url, nats_url, namespace, tmp_path), ["catalog", "stock"]
    )
    yield shop
    await shop.stop()


@pytest.fixture
def catalog(shop: Shop) -> Catalog:
    return shop.client(Catalog)


@pytest.fixture
def stock(shop: Shop) -> Stock:
    return shop.client(Stock)
