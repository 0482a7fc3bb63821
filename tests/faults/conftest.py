"""Fault tests run in a shop of their own, which they may kill and start again; each ends with a proof."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from mercato.engines import Nats
from support.buyer import Buyer
from support.engines import Engines
from support.furnish import Goods, Staff, furnish
from support.shop import ALL_IN_ONE, Shop, running_shop, shop_environment


@pytest.fixture(scope="module")
def shop(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """All in one process, on a broker of its own that may be killed and wiped."""
    name = f"faults_{uuid.uuid4().hex[:12]}"
    folder: Path = tmp_path_factory.mktemp("faults")
    url = engines.create_database(name)
    broker = Nats(folder / "nats")
    broker.start()
    env = shop_environment(url, broker.url, name, folder)
    with running_shop(ALL_IN_ONE, env, folder) as running:
        running.broker = broker  # type: ignore[attr-defined]
        yield running
    broker.stop()
    engines.drop_database(name)


@pytest.fixture(scope="module")
def goods(shop: Shop) -> Goods:
    return furnish(shop)


@pytest.fixture
def buyer(shop: Shop, goods: Goods) -> Buyer:
    return Buyer(shop, goods, f"buyer-{uuid.uuid4().hex[:8]}@example.com")


@pytest.fixture
def staff(shop: Shop, goods: Goods) -> Staff:
    return Staff(shop)
