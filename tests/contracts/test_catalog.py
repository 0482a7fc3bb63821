"""What every form of the catalog contract promises: the same answers and errors in process and over NATS."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image as Pillow

from mercato import compose
from mercato.contracts.catalog import (
    Attribute,
    AttributeKind,
    Catalog,
    ImportRow,
    OptionInput,
    OptionValue,
    ProductInput,
    ProductQuery,
    ProductSort,
    ProductStatus,
    ProductType,
    VariantInput,
)
from mercato.kernel.context import SYSTEM_CONTEXT as SYSTEM
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, Gone, Invalid, NotFound, Unauthenticated
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.settings import Settings
from support.waiting import eventually

GUEST = Context()


@pytest.fixture(params=["local", "remote"])
async def catalog(
    request: pytest.FixtureRequest, database_url: str, nats_url: str, namespace: str, tmp_path: Path
) -> AsyncIterator[Catalog]:
    """The contract in one of its forms; the service runs in this process either way."""
    settings = Settings(
        environment="test",
        database_url=database_url,
        nats_url=nats_url,
        namespace=namespace,
        data_dir=str(tmp_path),
        secret_key="tests-" + "0123456789abcdef" * 4,
        pool_size=4,
    )
    shop = await compose.start(settings, ["catalog", "stock"])
    clients = await compose.start(settings) if request.param == "remote" else shop
    yield clients.client(Catalog)
    if clients is not shop:
        await clients.stop()
    await shop.stop()


MUG = ProductInput(
    name="Fika mug",
    maker="Studio Aske",
    description="<p>Thrown by hand.</p>",
    status=ProductStatus.ACTIVE,
    category="tableware",
    collections=["new"],
    attributes={"material": ["stoneware"]},
    details={"care": "Dishwasher safe"},
    options=[OptionInput("Glaze", [OptionValue("sage", "Sage", "#a8b39b"), OptionValue("ink", "Ink")])],
    variants=[
        VariantInput(sku="MUG-SAGE", price=2400, options={"Glaze": "sage"}, on_hand=3, weight_g=340),
        VariantInput(sku="MUG-INK", price=2600, options={"Glaze": "ink"}, on_hand=0),
    ],
)


async def make_mug(catalog: Catalog) -> None:
    await catalog.save_category(SYSTEM, slug="tableware", name="Tableware")
    await catalog.save_collection(SYSTEM, slug="new", name="New in")
    await catalog.save_attribute(
        SYSTEM, attribute=Attribute("material", "Material", AttributeKind.MULTISELECT, None, [], True, 0)
    )
    await catalog.create_product(SYSTEM, product=MUG)


async def test_a_product_comes_back_as_it_was_saved(catalog: Catalog) -> None:
    await make_mug(catalog)
    mug = await catalog.product(GUEST, slug_or_id="fika-mug")
    assert (mug.name, mug.maker, mug.description) == ("Fika mug", "Studio Aske", "<p>Thrown by hand.</p>")
    assert mug.category is not None
    assert (mug.category.path, mug.collections, mug.details) == (
        "tableware", ["new"], {"care": "Dishwasher safe"},
    )  # fmt: skip
    assert [(one.code, one.value) for one in mug.attributes] == [("material", "Stoneware")]
    assert [(value.value, value.swatch) for value in mug.options[0].values] == [
        ("sage", "#a8b39b"), ("ink", None),
    ]  # fmt: skip
    assert [(one.sku, one.price, one.availability.value) for one in mug.variants] == [
        ("MUG-SAGE", Money(2400, "EUR"), "low"), ("MUG-INK", Money(2600, "EUR"), "out"),
    ]  # fmt: skip
    sold = await catalog.sale_variants(GUEST, variant_ids=[one.id for one in mug.variants])
    assert [(one.name, one.options, one.weight_g) for one in sold] == [
        ("Fika mug", {"Glaze": "Sage"}, 340), ("Fika mug", {"Glaze": "Ink"}, 0),
    ]  # fmt: skip


async def test_a_listing_a_card_and_a_suggestion_say_the_same(catalog: Catalog) -> None:
    await make_mug(catalog)

    async def indexed() -> bool:
        found = await catalog.products(GUEST, query=ProductQuery(q="mug", facets=True))
        return found.total == 1 and bool(found.facets) and found.items[0].availability == "low"

    await eventually(indexed)
    query = ProductQuery(
        category="tableware", attributes={"material": ["stoneware"]}, sort=ProductSort.NAME, facets=True
    )
    found = await catalog.products(GUEST, query=query)
    card = found.items[0]
    assert (card.price, card.price_max, card.swatches, card.is_new) == (
        Money(2400, "EUR"), Money(2600, "EUR"), ["#a8b39b"], True,
    )  # fmt: skip
    assert [facet.code for facet in found.facets or []] == ["category", "maker", "material"]
    assert await catalog.products_by_id(GUEST, product_ids=[new_id(), card.id]) == [card]
    assert [one.name for one in (await catalog.suggest(GUEST, q="fik")).products] == ["Fika mug"]


async def test_errors_keep_their_class_code_fields_and_data(catalog: Catalog) -> None:
    await make_mug(catalog)
    with pytest.raises(Unauthenticated):
        await catalog.create_product(GUEST, product=MUG)
    with pytest.raises(Conflict) as taken:
        await catalog.create_product(SYSTEM, product=MUG)
    assert taken.value.code == "sku_taken"
    with pytest.raises(Invalid) as invalid:
        wrong = ProductInput(name="Jug", category="cars", variants=[VariantInput(sku="JUG", price=1)])
        await catalog.create_product(SYSTEM, product=wrong)
    assert [(error.field, error.code) for error in invalid.value.errors] == [("category", "unknown")]
    mug = await catalog.product(GUEST, slug_or_id="fika-mug")
    with pytest.raises(Conflict) as stale:
        await catalog.set_status(SYSTEM, product_id=mug.id, version=7, status=ProductStatus.DRAFT)
    assert (stale.value.code, stale.value.data) == ("version_conflict", {"version": 1})
    await catalog.delete_product(SYSTEM, product_id=mug.id, version=1)
    with pytest.raises(Gone):
        await catalog.product(GUEST, slug_or_id="fika-mug")
    with pytest.raises(NotFound):
        await catalog.admin_product(SYSTEM, product_id=new_id())


async def test_pictures_travel_as_bytes(catalog: Catalog) -> None:
    await make_mug(catalog)
    mug = await catalog.product(GUEST, slug_or_id="fika-mug")
    content = io.BytesIO()
    Pillow.new("RGB", (640, 800), "teal").save(content, "PNG")
    image = await catalog.upload_image(SYSTEM, product_id=mug.id, content=content.getvalue(), alt="A mug")
    rendition = await catalog.rendition(GUEST, key=image.key, width=160, image_format="webp")
    with Pillow.open(io.BytesIO(rendition)) as opened:
        assert opened.size == (160, 200)
    shop = await catalog.save_shop(
        SYSTEM, name="Loam", tagline="Clay", hero=content.getvalue(), hero_alt="Clay"
    )
    assert shop.hero is not None
    assert (await catalog.shop(GUEST)).hero == shop.hero


async def test_an_import_reports_per_row(catalog: Catalog) -> None:
    await make_mug(catalog)
    rows = [
        ImportRow(row=2, product=MUG),
        ImportRow(row=4, product=ProductInput(name="Jug", variants=[VariantInput(sku="JUG", price=900)])),
        ImportRow(row=5, product=ProductInput(name="Jar", variants=[VariantInput(sku="MUG-INK", price=9)])),
    ]
    tried = await catalog.import_products(SYSTEM, rows=rows, dry_run=True)
    assert (tried.created, tried.updated, tried.unchanged) == (1, 0, 1)
    assert (await catalog.admin_products(SYSTEM)).total == 1
    done = await catalog.import_products(SYSTEM, rows=rows)
    assert (done.created, done.updated, done.unchanged) == (1, 0, 1)
    assert sorted(done.product_ids) == [2, 4]
    assert [(error.row, error.code) for error in done.errors] == [(5, "duplicate")]
    assert (await catalog.admin_products(SYSTEM)).total == 2


async def test_product_types_name_known_attributes_and_have_versions(catalog: Catalog) -> None:
    await make_mug(catalog)
    saved = await catalog.save_product_type(
        SYSTEM, product_type=ProductType("mug", "Mug", ["material"], [], 1)
    )
    assert saved.version == 1
    saved = await catalog.save_product_type(
        SYSTEM, product_type=ProductType("mug", "Mugs", ["material"], [], 1)
    )
    assert (saved.name, saved.version) == ("Mugs", 2)
    with pytest.raises(Conflict):
        await catalog.save_product_type(SYSTEM, product_type=ProductType("mug", "Cup", ["material"], [], 1))
    with pytest.raises(Invalid):
        await catalog.save_product_type(SYSTEM, product_type=ProductType("cup", "Cup", ["glaze"], [], 1))
    assert [one.name for one in await catalog.product_types(GUEST)] == ["Default", "Gift card", "Mugs"]


async def test_a_rebuild_and_its_check_agree(catalog: Catalog) -> None:
    await make_mug(catalog)
    assert await catalog.rebuild_search(SYSTEM) == 1
    assert await catalog.verify(SYSTEM) == 0
