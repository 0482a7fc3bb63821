"""One shop with something to sell, for all that is asked of its REST API."""

import uuid
from collections.abc import Iterator

import pytest

from support.engines import Engines
from support.furnish import Goods, Staff, furnish
from support.shop import ALL_IN_ONE, Shop, running_shop, shop_environment


@pytest.fixture(scope="module")
def shop(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    name = f"api_{uuid.uuid4().hex[:12]}"
    folder = tmp_path_factory.mktemp("api")
    env = shop_environment(engines.create_database(name), engines.nats_url, name, folder)
    with running_shop(ALL_IN_ONE, env, folder) as running:
        yield running
    engines.delete_streams(name)
    engines.drop_database(name)


@pytest.fixture(scope="module")
def goods(shop: Shop) -> Goods:
    return furnish(shop)


@pytest.fixture
def staff(shop: Shop, goods: Goods) -> Staff:
    return Staff(shop)
