"""One shop with something sold in it, for everybody who knocks."""

from collections.abc import Iterator

import pytest

from security.doors import Visitor, visitors_of
from support.engines import Engines
from support.furnish import Goods, Staff, furnish
from support.shop import Shop, own_shop


@pytest.fixture(scope="module")
def shop(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with own_shop(engines, "doors", tmp_path_factory.mktemp("doors")) as running:
        yield running


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
