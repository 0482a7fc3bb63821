"""Several processes of one shop: what one writes, the others show; the index survives its writer."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mercato import compose
from mercato.compose import Shop
from mercato.contracts.catalog import Catalog, ProductQuery
from mercato.contracts.orders import OrderPlaced, SoldLine
from mercato.kernel.context import SYSTEM_CONTEXT as SYSTEM
from mercato.kernel.errors import NotFound
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from support.engines import Engines
from support.waiting import eventually

from .conftest import settings_for
from .products import GUEST, indexed, names, simple

HEARD_WITHIN_S = 1.0
FRESH_WITHIN_S = 2.0


@pytest.fixture
async def other(
    shop: Shop, database_url: str, nats_url: str, namespace: str, tmp_path: Path
) -> AsyncIterator[Shop]:
    """A second process's worth of catalog and stock on the same host."""
    other = await compose.start(
        settings_for(database_url, nats_url, namespace, tmp_path), ["catalog", "stock"]
    )
    yield other
    await other.stop()


async def test_a_price_changed_in_one_process_counts_in_the_other_within_a_second(
    catalog: Catalog, other: Shop
) -> None:
    made = await catalog.create_product(SYSTEM, product=simple("Vase", 1000))
    ids = [made.variants[0].id]
    there = other.client(Catalog)
    assert (await there.sale_variants(GUEST, variant_ids=ids))[0].price == Money(1000, "EUR")
    assert (await there.product(GUEST, slug_or_id="vase")).version == 1
    await catalog.set_price(SYSTEM, variant_id=ids[0], price=1200)

    async def heard() -> bool:
        sold = await there.sale_variants(GUEST, variant_ids=ids)
        page = await there.product(GUEST, slug_or_id="vase")
        return sold[0].price == page.variants[0].price == Money(1200, "EUR")

    await eventually(heard, timeout_s=HEARD_WITHIN_S)


async def test_navigation_changed_in_one_process_shows_in_the_other_within_a_second(
    catalog: Catalog, other: Shop
) -> None:
    there = other.client(Catalog)
    with pytest.raises(NotFound):
        await there.category(GUEST, slug="vases")
    await catalog.save_category(SYSTEM, slug="vases", name="Vases")

    async def heard() -> bool:
        return [one.slug for one in await there.categories(GUEST)] == ["vases"]

    await eventually(heard, timeout_s=HEARD_WITHIN_S)
    product = simple("Vase", category="vases")
    assert (await there.create_product(SYSTEM, product=product)).category == "vases"


async def test_both_processes_read_one_index_and_the_second_takes_it_over(
    catalog: Catalog, other: Shop, shop: Shop
) -> None:
    await catalog.create_product(SYSTEM, product=simple("Vase"))
    await indexed(catalog, 1)
    there = other.client(Catalog)
    await indexed(there, 1)
    await shop.stop()
    await there.create_product(SYSTEM, product=simple("Jug"))

    async def found() -> bool:
        return await names(there, q="jug") == ["Jug"]

    await eventually(found, timeout_s=10)
    assert await there.verify(SYSTEM) == 0


async def test_what_changed_while_no_process_ran_is_found_after_the_start(
    shop: Shop, catalog: Catalog, database_url: str, nats_url: str, namespace: str, tmp_path: Path
) -> None:
    made = await catalog.create_product(SYSTEM, product=simple("Vase"))
    await indexed(catalog, 1)
    database = shop.runtime.database("catalog")
    await shop.stop()
    async with database.transaction() as tx:
        await tx.execute("update catalog.products set name = 'Moon jar', version = 2")
        await tx.execute(
            "update catalog.changes set xid = pg_current_xact_id()::text::bigint where product_id = $1",
            made.id,
        )
    again = await compose.start(
        settings_for(database_url, nats_url, namespace, tmp_path), ["catalog", "stock"]
    )
    try:
        there = again.client(Catalog)

        async def found() -> bool:
            return await names(there, q="moon") == ["Moon jar"]

        await eventually(found, timeout_s=FRESH_WITHIN_S)
    finally:
        await again.stop()


async def test_another_shop_in_the_same_folder_gets_an_index_of_its_own(
    shop: Shop, catalog: Catalog, engines: Engines, nats_url: str, tmp_path: Path
) -> None:
    await catalog.create_product(SYSTEM, product=simple("Vase"))
    await indexed(catalog, 1)
    await shop.stop()
    url = engines.create_database("other_shop_in_folder")
    try:
        again = await compose.start(settings_for(url, nats_url, "othershop", tmp_path), ["catalog", "stock"])
        there = again.client(Catalog)

        async def is_empty() -> bool:
            found = await there.products(GUEST, query=ProductQuery(facets=True))
            return found.total == 0 and await there.verify(SYSTEM) == 0

        await eventually(is_empty)
        await again.stop()
    finally:
        engines.drop_database("other_shop_in_folder")
        engines.delete_streams("othershop")


async def test_what_sold_more_stands_first_among_the_best_selling(shop: Shop, catalog: Catalog) -> None:
    for name in ("Vase", "Jug", "Jar"):
        await catalog.create_product(SYSTEM, product=simple(name))
    await indexed(catalog, 3)
    assert await names(catalog) == ["Vase", "Jug", "Jar"]
    jug = await catalog.product(GUEST, slug_or_id="jug")
    line = SoldLine(jug.variants[0].id, jug.id, "Jug", "JUG", 2, 2000)
    service = shop.host.hosted["catalog"].service
    subscription = next(one for one in service.subscriptions if one.events == (OrderPlaced,))
    schedule = next(one for one in service.schedules if one.name == "catalog-best-sellers")
    async with shop.runtime.database("catalog").transaction() as tx:
        await subscription.handle(tx, [_placed(line)])
    await schedule.run()

    async def is_first() -> bool:
        return await names(catalog) == ["Jug", "Vase", "Jar"]

    await eventually(is_first, timeout_s=FRESH_WITHIN_S)


def _placed(line: SoldLine) -> OrderPlaced:
    return OrderPlaced(
        order_id=new_id(),
        number="10001",
        email="ada@example.com",
        locale="en",
        currency="EUR",
        total=line.total,
        token="t",
        cart_id=new_id(),
        name="Ada",
        lines=[line],
        is_paid=True,
    )


async def test_a_damaged_index_is_built_anew_at_the_start(
    shop: Shop, catalog: Catalog, database_url: str, nats_url: str, namespace: str, tmp_path: Path
) -> None:
    await catalog.create_product(SYSTEM, product=simple("Vase"))
    await indexed(catalog, 1)
    await shop.stop()
    (tmp_path / "search" / "v1" / "meta.json").write_bytes(b"{torn")
    again = await compose.start(
        settings_for(database_url, nats_url, namespace, tmp_path), ["catalog", "stock"]
    )
    try:
        await indexed(again.client(Catalog), 1)
    finally:
        await again.stop()
