"""One shop with something sold in it, for everybody who knocks."""

import uuid
from collections.abc import Iterator

import pytest

from security.doors import Visitor, visitors_of
from support.engines import Engines
from support.furnish import Goods, Staff, furnish
from support.shop import ALL_IN_ONE, Shop, running_shop, shop_environment


@pytest.fixture(scope="module")
def shop(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    name = f"doors_{uuid.uuid4().hex[:12]}"
    folder = tmp_path_factory.mktemp("doors")
    env = shop_environment(engines.create_database(name), engines.nats_url, name, folder)
    with running_shop(ALL_IN_ONE, env, folder) as running:
        yield running
    engines.delete_streams(name)
    engines.drop_database(name)


@pytest.fixture(scope="module")
def goods(shop: Shop) -> Goods:
    return furnish(shop)


@pytest.fixture(scope="module")
def staff(shop: Shop, goods: Goods) -> Staff:
    return Staff(shop)


@pytest.fixture(scope="module")
def visitors(shop: Shop, staff: Staff) -> dict[str, Visitor]:
    """By the name of their role."""
    return {each.name: each for each in visitors_of(shop, staff)}
