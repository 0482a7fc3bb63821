"""One shop with something to sell, for all that is asked of its REST API."""

from collections.abc import Iterator

import pytest

from support.buyer import Buyer
from support.engines import Engines
from support.furnish import Goods, Staff, furnish
from support.openapi import Ids
from support.shop import Shop, own_shop


@pytest.fixture(scope="module")
def shop(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with own_shop(engines, "api", tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture(scope="module")
def goods(shop: Shop) -> Goods:
    return furnish(shop)


@pytest.fixture
def staff(shop: Shop, goods: Goods) -> Staff:
    return Staff(shop)


@pytest.fixture(scope="module")
def ids(shop: Shop, goods: Goods) -> Ids:
    """Path parameters that lead to something: without them nearly every answer would be 404."""
    staff, buyer = Staff(shop), Buyer(shop, goods)
    order = buyer.fill(LAMP=1).address().buy()
    buyer.fill(MUG_SAGE=2, LAMP=1).address()
    return {
        "cart_id": [buyer.cart["id"]],
        "line_id": [line["id"] for line in buyer.cart["lines"]],
        "number": [order["number"]],
        "order_id": [order["id"]],
        "product_id": list(goods.products.values()),
        "variant_id": list(goods.variants.values()),
        "location_id": [goods.location_id],
        "slug": list(goods.products),
        "cart_token": [buyer.client.headers["X-Cart-Token"]],
        "method_id": [one["id"] for one in staff.get("/delivery-methods")["items"]],
    }
