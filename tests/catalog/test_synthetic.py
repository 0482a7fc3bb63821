"""Made-up products for measuring: fast, for sale, and each number once."""

from mercato.contracts.catalog import Catalog, ProductQuery
from mercato.contracts.stock import Stock
from mercato.kernel.context import SYSTEM_CONTEXT as SYSTEM

from .products import GUEST, indexed


async def test_made_up_products_are_for_sale_and_each_number_is_written_once(
    catalog: Catalog, stock: Stock
) -> None:
    assert await catalog.make_products(SYSTEM, first=1, count=300) == 300
    assert await catalog.make_products(SYSTEM, first=201, count=200) == 100
    await indexed(catalog, 400)
    one = await catalog.product(GUEST, slug_or_id="made-up-0000007")
    assert (one.name, len(one.variants)) == ("Ergonomic leather backpack 0000007", 3)
    assert [variant.availability.value for variant in one.variants] == ["in_stock"] * 3
    units = await stock.available(SYSTEM, variant_ids=[one.variants[0].id])
    assert units[0].available == 1_000_000
    found = await catalog.products(GUEST, query=ProductQuery(q="leather", facets=True, limit=100))
    assert found.total == sum(number // 7 % 9 == 1 for number in range(1, 401))
    assert (await stock.verify(SYSTEM)).differences == []
