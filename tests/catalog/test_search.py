"""What shoppers find: words, typing errors, facets, sorting, pages; and how soon."""

from pathlib import Path

import pytest

from mercato.compose import Shop
from mercato.contracts.catalog import Catalog, ProductQuery, ProductSort, ProductStatus
from mercato.contracts.stock import Demand, Stock, Strategy
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT as SYSTEM
from mercato.kernel.errors import Invalid, NotFound
from mercato.kernel.money import Money
from support.waiting import eventually

from .products import GUEST, indexed, make_attribute, names, simple, sized

FRESH_WITHIN_S = 2.0


@pytest.fixture
async def lamps(catalog: Catalog) -> Catalog:
    """Six products: lamps and bowls in two materials."""
    await make_attribute(catalog, "material", "oak", "ash", "glass")
    await make_attribute(catalog, "color", "white", "black")
    await catalog.save_category(SYSTEM, slug="lighting", name="Lighting", position=1)
    await catalog.save_category(SYSTEM, slug="table-lamps", name="Table lamps", parent="lighting")
    await catalog.save_category(SYSTEM, slug="bowls", name="Bowls", position=2)
    table_lamp = {"category": "table-lamps", "maker": "Lumen Works"}
    bowl = {"category": "bowls", "maker": "Studio Aske"}
    made = [
        simple("Reading lamp", 4900, **table_lamp, attributes={"material": ["oak"], "color": ["white"]}),
        simple("Desk lamp", 5900, **table_lamp, attributes={"material": ["ash"], "color": ["black"]}),
        simple(
            "Lantern",
            3900,
            category="lighting",
            maker="Paper Heron",
            attributes={"material": ["glass"], "color": ["white"]},
            description="A lamp for the garden.",
        ),
        simple("Café bowl", 1900, **bowl, attributes={"material": ["oak"]}),
        sized("Jewellery bowls", small=1500, large=2500, **bowl, attributes={"material": ["glass"]}),
        simple("Éclair dish", 900, **bowl, stock=0, compare_at_price=1200),
    ]
    for product in made:
        await catalog.create_product(SYSTEM, product=product)
    await indexed(catalog, 6)
    return catalog


async def test_finds_words_in_name_text_maker_and_category_best_first(lamps: Catalog) -> None:
    found = await names(lamps, q="lamp")
    assert set(found[:2]) == {"Reading lamp", "Desk lamp"}
    assert found[2:] == ["Lantern"]
    assert await names(lamps, q="heron") == ["Lantern"]
    assert set(await names(lamps, q="lighting")) == {"Reading lamp", "Desk lamp", "Lantern"}
    assert await names(lamps, q="DESK-LAMP") == ["Desk lamp"]


async def test_is_blind_to_accents_case_and_endings(lamps: Catalog) -> None:
    assert await names(lamps, q="cafe BOWL") == ["Café bowl"]
    assert await names(lamps, q="eclair") == ["Éclair dish"]
    assert await names(lamps, q="éclairs") == ["Éclair dish"]
    assert await names(lamps, q="jewellery bowl") == ["Jewellery bowls"]


async def test_finds_beginnings_of_the_last_word(lamps: Catalog) -> None:
    assert await names(lamps, q="jewel") == ["Jewellery bowls"]
    assert await names(lamps, q="desk la") == ["Desk lamp"]


async def test_forgives_typing_errors_and_says_what_was_meant(lamps: Catalog) -> None:
    found = await lamps.products(GUEST, query=ProductQuery(q="laterrn"))
    assert [card.name for card in found.items] == []
    found = await lamps.products(GUEST, query=ProductQuery(q="lantren"))
    assert [card.name for card in found.items] == ["Lantern"]
    assert found.did_you_mean == "lantern"
    found = await lamps.products(GUEST, query=ProductQuery(q="jewelery bowls"))
    assert [card.name for card in found.items] == ["Jewellery bowls"]
    assert found.did_you_mean == "jewellery bowls"
    assert (await lamps.products(GUEST, query=ProductQuery(q="lamp"))).did_you_mean is None
    nothing = await lamps.products(GUEST, query=ProductQuery(q="xylophone"))
    assert (nothing.items, nothing.total, nothing.did_you_mean) == ([], 0, None)


async def test_understands_phrases_and_minus(lamps: Catalog) -> None:
    assert await names(lamps, q='"reading lamp"') == ["Reading lamp"]
    assert await names(lamps, q='"lamp reading"') == []
    assert set(await names(lamps, q="lamp -desk")) == {"Reading lamp", "Lantern"}


@pytest.mark.parametrize("q", ['"', "-", "()", "a:b AND (", "*", "\\", "~", '"" -""', "ä" * 200])
async def test_any_question_is_answered(lamps: Catalog, q: str) -> None:
    found = await lamps.products(GUEST, query=ProductQuery(q=q, facets=True))
    assert found.total >= 0


async def test_values_of_a_facet_are_alternatives_and_facets_narrow_each_other(lamps: Catalog) -> None:
    either = {"material": ["oak", "ash"]}
    assert set(await names(lamps, attributes=either)) == {"Reading lamp", "Desk lamp", "Café bowl"}
    assert await names(lamps, attributes={**either, "color": ["white"]}) == ["Reading lamp"]
    assert await names(lamps, attributes={"maker": ["Paper Heron"]}) == ["Lantern"]
    assert len(await names(lamps, attributes={"utm_source": ["mail"]})) == 6


async def test_counts_of_a_facet_ignore_its_own_selection_only(lamps: Catalog) -> None:
    query = ProductQuery(attributes={"material": ["oak"]}, category="lighting", facets=True)
    found = await lamps.products(GUEST, query=query)
    facets = {facet.code: facet for facet in found.facets or []}
    assert found.total == 1
    assert [(one.value, one.count, one.is_selected) for one in facets["material"].values] == [
        ("oak", 1, True), ("ash", 1, False), ("glass", 1, False),
    ]  # fmt: skip
    assert [(one.value, one.count) for one in facets["color"].values] == [("white", 1)]
    assert [(one.value, one.count) for one in facets["maker"].values] == [("Lumen Works", 1)]


async def test_the_category_facet_shows_the_level_below(lamps: Catalog) -> None:
    found = await lamps.products(GUEST, query=ProductQuery(facets=True))
    facet = next(one for one in found.facets or [] if one.code == "category")
    assert [(one.value, one.count) for one in facet.values] == [("lighting", 3), ("bowls", 3)]
    found = await lamps.products(GUEST, query=ProductQuery(category="lighting", facets=True))
    facet = next(one for one in found.facets or [] if one.code == "category")
    assert [(one.value, one.count) for one in facet.values] == [("table-lamps", 2)]


async def test_a_category_contains_what_is_below_it(lamps: Catalog) -> None:
    assert set(await names(lamps, category="lighting")) == {"Reading lamp", "Desk lamp", "Lantern"}
    assert set(await names(lamps, category="table-lamps")) == {"Reading lamp", "Desk lamp"}
    with pytest.raises(NotFound):
        await names(lamps, category="cars")
    counts = {one.slug: one.product_count for one in await lamps.categories(GUEST)}
    assert counts == {"lighting": 3, "table-lamps": 2, "bowls": 3}


async def test_sorts_by_name_price_and_age(lamps: Catalog) -> None:
    assert await names(lamps, sort=ProductSort.NAME) == [
        "Café bowl", "Desk lamp", "Éclair dish", "Jewellery bowls", "Lantern", "Reading lamp",
    ]  # fmt: skip
    by_price = ["Éclair dish", "Jewellery bowls", "Café bowl", "Lantern", "Reading lamp", "Desk lamp"]
    assert await names(lamps, sort=ProductSort.PRICE) == by_price
    assert await names(lamps, sort=ProductSort.PRICE_DESCENDING) == by_price[::-1]
    assert (await names(lamps, sort=ProductSort.NEWEST))[0] == "Éclair dish"


async def test_narrows_by_price_stock_and_sale(lamps: Catalog) -> None:
    assert set(await names(lamps, price_min=1500, price_max=3900)) == {
        "Jewellery bowls",
        "Café bowl",
        "Lantern",
    }
    found = await lamps.products(GUEST, query=ProductQuery(price_max=2000, facets=True))
    assert (found.price_min, found.price_max) == (Money(900, "EUR"), Money(5900, "EUR"))
    assert "Éclair dish" not in await names(lamps, in_stock=True)
    assert await names(lamps, on_sale=True) == ["Éclair dish"]


async def test_pages_by_cursor_and_by_number_show_everything_once(lamps: Catalog) -> None:
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = ProductQuery(sort=ProductSort.NAME, limit=2, cursor=cursor)
        found = await lamps.products(GUEST, query=query)
        seen += [card.name for card in found.items]
        cursor = found.next_cursor
        if cursor is None:
            break
    assert seen == await names(lamps, sort=ProductSort.NAME)
    assert await names(lamps, sort=ProductSort.NAME, limit=2, page=2) == seen[2:4]
    with pytest.raises(Invalid):
        await names(lamps, cursor="bm9uc2Vuc2U")


async def test_suggests_words_categories_and_products(lamps: Catalog) -> None:
    found = await lamps.suggest(GUEST, q="la")
    # How frequent the others are depends on what was rewritten: the index counts that twice for a while.
    assert found.queries[0] == "lamp"
    assert sorted(found.queries) == ["lamp", "lantern", "large"]
    assert [crumb.slug for crumb in found.categories] == ["table-lamps"]
    assert {product.name for product in found.products} >= {"Reading lamp", "Desk lamp", "Lantern"}
    assert (await lamps.suggest(GUEST, q="lantren")).queries == ["lantern"]
    assert (await lamps.suggest(GUEST, q="  ")).products == []


async def test_a_price_range_and_options_show_on_the_card(lamps: Catalog) -> None:
    found = await lamps.products(GUEST, query=ProductQuery(q="jewellery"))
    card = found.items[0]
    assert (card.price, card.price_max) == (Money(1500, "EUR"), Money(2500, "EUR"))
    assert card.single_variant_id is None


async def test_writes_are_found_within_two_seconds(lamps: Catalog) -> None:
    started = clock.monotonic_s()
    made = await lamps.create_product(SYSTEM, product=simple("Marble clock"))

    async def found() -> bool:
        return await names(lamps, q="marble") == ["Marble clock"]

    await eventually(found, timeout_s=FRESH_WITHIN_S)
    hidden = await lamps.set_status(
        SYSTEM, product_id=made.id, version=made.version, status=ProductStatus.ARCHIVED
    )

    async def gone() -> bool:
        return await names(lamps, q="marble") == []

    await eventually(gone, timeout_s=FRESH_WITHIN_S)
    await lamps.set_status(SYSTEM, product_id=made.id, version=hidden.version, status=ProductStatus.ACTIVE)
    await eventually(found, timeout_s=FRESH_WITHIN_S)
    await lamps.delete_product(SYSTEM, product_id=made.id, version=hidden.version + 1)
    await eventually(gone, timeout_s=FRESH_WITHIN_S)
    assert clock.monotonic_s() - started < 4 * FRESH_WITHIN_S


async def test_what_sells_out_leaves_the_list_of_what_is_in_stock(lamps: Catalog, stock: Stock) -> None:
    lamp = await lamps.product(GUEST, slug_or_id="desk-lamp")
    levels = await stock.levels(SYSTEM, variant_ids=[lamp.variants[0].id])
    level = levels.items[0]
    await stock.set_on_hand(SYSTEM, variant_id=level.variant_id, location_id=level.location_id, on_hand=0)

    async def is_out() -> bool:
        shown = await lamps.product(GUEST, slug_or_id="desk-lamp")
        listed = await names(lamps, in_stock=True, q="desk")
        return shown.variants[0].availability == "out" and listed == []

    await eventually(is_out)


async def test_a_channel_shows_what_its_own_locations_have(lamps: Catalog, stock: Stock) -> None:
    lamp = (await lamps.product(GUEST, slug_or_id="desk-lamp")).variants[0]
    shelf = await stock.add_location(SYSTEM, code="shelf", name="Shelf")
    sold_from = {"channel": "default", "strategy": Strategy.LOCATION_ORDER}

    async def shows(availability: str, listed: list[str]) -> None:
        async def is_so() -> bool:
            shown = await lamps.product(GUEST, slug_or_id="desk-lamp")
            found = await names(lamps, in_stock=True, q="desk")
            return (shown.variants[0].availability, found) == (availability, listed)

        await eventually(is_so)

    await shows("in_stock", ["Desk lamp"])
    await stock.set_channel_stock(SYSTEM, **sold_from, location_ids=[shelf.id])
    await shows("out", [])
    await stock.receive(SYSTEM, location_id=shelf.id, lines=[Demand(lamp.id, 3)])
    await shows("low", ["Desk lamp"])
    await stock.set_channel_stock(SYSTEM, **sold_from, location_ids=None)
    await shows("in_stock", ["Desk lamp"])


async def test_renaming_a_category_is_found_by_its_new_name(lamps: Catalog) -> None:
    category = await lamps.category(GUEST, slug="bowls")
    await lamps.save_category(
        SYSTEM, slug="bowls", name="Crockery", category_id=category.id, version=category.version
    )

    async def found() -> bool:
        return len(await names(lamps, q="crockery")) == 3

    await eventually(found, timeout_s=FRESH_WITHIN_S)


async def test_lists_come_from_the_tables_while_there_is_no_index(lamps: Catalog, tmp_path: Path) -> None:
    indexed_names = await names(lamps, category="lighting", sort=ProductSort.PRICE)
    (tmp_path / "search" / "v1" / "mercato.json").unlink()
    (tmp_path / "search" / "v1" / "meta.json").touch()
    listed = await names(lamps, category="lighting", sort=ProductSort.PRICE)
    assert listed == indexed_names == ["Lantern", "Reading lamp", "Desk lamp"]


async def test_a_rebuild_brings_back_what_the_index_lost(lamps: Catalog, shop: Shop) -> None:
    database = shop.runtime.database("catalog")
    await database.execute(
        "update catalog.products set name = 'Moon lamp', version = 99 where slug = 'lantern'"
    )
    assert await lamps.verify(SYSTEM) == 1
    assert await lamps.rebuild_search(SYSTEM) == 6
    assert await lamps.verify(SYSTEM) == 0
    assert await names(lamps, q="moon") == ["Moon lamp"]
