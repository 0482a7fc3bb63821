"""Each journey runs in a shop of real processes, all in one and distributed, and ends with a proof."""

import uuid
from collections.abc import Iterator

import pytest

from support.buyer import Buyer
from support.engines import Engines
from support.furnish import Goods, Staff, furnish
from support.proof import assert_books_agree
from support.shop import MODES, Shop, own_shop


@pytest.fixture(scope="session", params=list(MODES))
def shop(
    request: pytest.FixtureRequest, engines: Engines, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    with own_shop(engines, "journeys", folder, MODES[request.param]) as running:
        yield running


@pytest.fixture(scope="session")
def goods(shop: Shop) -> Goods:
    return furnish(shop)


@pytest.fixture
def buyer(shop: Shop, goods: Goods) -> Buyer:
    return Buyer(shop, goods, f"buyer-{uuid.uuid4().hex[:8]}@example.com")


@pytest.fixture
def staff(shop: Shop, goods: Goods) -> Staff:
    return Staff(shop)


@pytest.fixture(autouse=True)
def books_agree(shop: Shop, goods: Goods) -> Iterator[None]:
    """After every journey: stock = movements, orders = payments = the provider's books, nothing waits."""
    yield
    assert_books_agree(shop)
