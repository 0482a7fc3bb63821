"""The demo shop: complete, and the same when it is put in twice."""

from mercato.contracts.catalog import Catalog, ProductQuery, ProductSort
from mercato.contracts.stock import Stock
from mercato.demo import seed_catalog
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.money import Money
from support.waiting import eventually

GUEST = Context()


async def test_the_demo_has_its_69_products_with_pictures_stock_and_navigation(
    catalog: Catalog, stock: Stock
) -> None:
    told: list[str] = []
    await seed_catalog(catalog, told.append)
    assert told[0] == "69 products"
    assert told[-1] == "139 of 139 pictures"

    async def indexed() -> bool:
        return (await catalog.products(GUEST, query=ProductQuery(facets=True))).total == 69

    await eventually(indexed)
    assert len(await catalog.categories(GUEST)) == 8
    assert [one.slug for one in await catalog.collections(GUEST)] == [
        "new", "bestsellers", "gifts", "under-50", "sale",
    ]  # fmt: skip
    shop = await catalog.shop(GUEST)
    assert (shop.name, shop.tagline) == ("Hearth & Loam", "Stoneware, oak and soft light.")
    assert shop.hero is not None
    mug = await catalog.product(GUEST, slug_or_id="fika-mug")
    assert [variant.sku for variant in mug.variants][:2] == ["FIK-MUG-SAG-1", "FIK-MUG-SAG-2"]
    assert mug.variants[0].price == Money(2400, "EUR")
    shown = {image.alt for image in mug.images if image.id in mug.variants[0].images}
    assert shown == {
        "Fika mug, 320 ml in sage on a warm grey backdrop",
        "Fika mug, 320 ml in sage, seen from the side",
    }
    units = await stock.available(SYSTEM_CONTEXT, variant_ids=[mug.variants[0].id, mug.variants[1].id])
    assert sorted(unit.available for unit in units) == [5, 32]


async def test_putting_the_demo_in_twice_changes_nothing(catalog: Catalog) -> None:
    await seed_catalog(catalog)
    before = await catalog.export_products(SYSTEM_CONTEXT, limit=100)
    await seed_catalog(catalog)
    assert (await catalog.export_products(SYSTEM_CONTEXT, limit=100)).items == before.items


async def test_the_sale_collection_shows_former_prices_by_price(catalog: Catalog) -> None:
    await seed_catalog(catalog)
    query = ProductQuery(collection="sale", sort=ProductSort.PRICE, facets=True)

    async def indexed() -> bool:
        return (await catalog.products(GUEST, query=query)).total == 11

    await eventually(indexed)
    found = await catalog.products(GUEST, query=query)
    amounts = [card.price.amount for card in found.items]
    assert amounts == sorted(amounts)
    assert found.price_min == found.items[0].price
