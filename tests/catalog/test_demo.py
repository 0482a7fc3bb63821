"""The demo shop: complete, and the same when it is put in twice."""

from pathlib import Path

from mercato import compose
from mercato.contracts.carts import Carts
from mercato.contracts.catalog import Catalog, ProductQuery, ProductSort
from mercato.contracts.stock import Stock
from mercato.demo import seed_catalog, seed_selling
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.money import Money
from support.waiting import eventually

from .conftest import settings_for

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
    sale = ProductQuery(collection="sale", sort=ProductSort.PRICE, facets=True)
    found = await catalog.products(GUEST, query=sale)
    assert found.total == 11
    amounts = [card.price.amount for card in found.items]
    assert amounts == sorted(amounts)
    assert found.price_min == found.items[0].price
    reduced = await catalog.products(GUEST, query=ProductQuery(on_sale=True, sort=ProductSort.PRICE))
    assert [card.slug for card in reduced.items] == [card.slug for card in found.items]
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


async def test_the_demo_can_be_delivered_taxed_and_discounted(
    database_url: str, nats_url: str, namespace: str, tmp_path: Path
) -> None:
    settings = settings_for(database_url, nats_url, namespace, tmp_path)
    shop = await compose.start(settings, ["catalog", "stock", "carts"])
    try:
        carts = shop.client(Carts)
        await seed_selling(carts)
        await seed_selling(carts)
        methods = await carts.list_delivery_methods(SYSTEM_CONTEXT)
        assert [(one.code, one.price, one.free_above) for one in methods] == [
            ("standard", 490, 6000), ("express", 990, None),
        ]  # fmt: skip
        rates = {one.country: one.rate for one in await carts.tax_rates(SYSTEM_CONTEXT)}
        assert (len(rates), rates["NL"], rates["DE"], rates["FI"]) == (27, "0.21", "0.19", "0.255")
        coupons = await carts.promotions(SYSTEM_CONTEXT)
        assert [(one.coupon_code, one.percent) for one in coupons] == [("WELCOME10", "10")]
    finally:
        await shop.stop()
