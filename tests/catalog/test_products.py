"""What staff write: versions, refusals, prices, addresses, pictures; and what shoppers then see."""

import io
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from PIL import Image as Pillow

from mercato.compose import Shop
from mercato.contracts.catalog import (
    CaptureMode,
    Catalog,
    Channel,
    OptionInput,
    OptionValue,
    ProductInput,
    ProductQuery,
    ProductStatus,
    VariantInput,
)
from mercato.contracts.stock import Stock
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT as SYSTEM
from mercato.kernel.context import Context, Principal, PrincipalKind
from mercato.kernel.errors import Conflict, Denied, Gone, Invalid, NotFound, Unauthenticated
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money

from .products import GUEST, simple, sized

ANALYST = Context(
    principal=Principal(kind=PrincipalKind.USER, id=new_id(), permissions=frozenset({"read_products"}))
)


def picture(width: int = 60, height: int = 40, kind: str = "JPEG", **more: object) -> bytes:
    target = io.BytesIO()
    Pillow.new("RGB", (width, height), "teal").save(target, kind, **more)
    return target.getvalue()


def one(**more: Any) -> VariantInput:
    return VariantInput(sku="A", price=5, **more)


async def count(shop: Shop, table: str) -> int:
    found: int = await shop.runtime.database("catalog").fetchval(f"select count(*) from catalog.{table}")
    return found


async def test_a_new_product_is_for_sale_with_its_opening_stock(catalog: Catalog, stock: Stock) -> None:
    made = await catalog.create_product(SYSTEM, product=sized("Oak bowl"))
    assert (made.slug, made.version, made.why_hidden) == ("oak-bowl", 1, [])
    shown = await catalog.product(GUEST, slug_or_id="oak-bowl")
    assert [one.availability for one in shown.variants] == ["in_stock", "in_stock"]
    assert [one.available for one in (await catalog.admin_product(SYSTEM, product_id=made.id)).variants] == [
        10, 10,
    ]  # fmt: skip
    sold = await catalog.sale_variants(GUEST, variant_ids=[shown.variants[1].id, new_id()])
    assert [(one.sku, one.options, one.price, one.is_available) for one in sold] == [
        ("OAK-BOWL-L", {"Size": "Large"}, Money(1500, "EUR"), True)
    ]


async def test_only_those_who_may_write_products_do(catalog: Catalog, shop: Shop) -> None:
    with pytest.raises(Unauthenticated):
        await catalog.create_product(GUEST, product=simple("Vase"))
    with pytest.raises(Denied):
        await catalog.create_product(ANALYST, product=simple("Vase"))
    with pytest.raises(Denied):
        await catalog.save_category(ANALYST, slug="vases", name="Vases")
    with pytest.raises(Unauthenticated):
        await catalog.admin_products(GUEST)
    assert await count(shop, "products") == await count(shop, "outbox") == 0
    assert (await catalog.admin_products(ANALYST)).total == 0


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"category": "cars"}, "category", "unknown"),
        ({"collections": ["rare"]}, "collections", "unknown"),
        ({"attributes": {"weight": 1}}, "attributes.weight", "unknown"),
        ({"product_type": "book"}, "product_type", "unknown"),
        ({"name": "   "}, "name", "missing"),
        ({"variants": [one(compare_at_price=5)]}, "variants.0.compare_at_price", "too_low"),
        ({"variants": [one(), one()]}, "variants.1.sku", "duplicate"),
        ({"variants": [one(options={"Size": "s"})]}, "variants.0.options", "mismatch"),
        ({"variants": [one(image_ids=[new_id()])]}, "variants.0.image_ids", "unknown"),
        ({"options": [OptionInput("Size", [])]}, "options.0", "missing"),
    ],
)  # fmt: skip
async def test_refuses_a_product_that_does_not_add_up(
    catalog: Catalog, shop: Shop, change: dict[str, object], field: str, code: str
) -> None:
    values = {"name": "Vase", "variants": [VariantInput(sku="VASE", price=100)], **change}
    with pytest.raises(Invalid) as refused:
        await catalog.create_product(SYSTEM, product=ProductInput(**values))  # type: ignore[arg-type]
    assert (field, code) in [(error.field, error.code) for error in refused.value.errors]
    assert await count(shop, "products") == await count(shop, "variants") == await count(shop, "outbox") == 0


async def test_a_variant_must_choose_a_known_value_of_every_option_and_no_choice_twice(
    catalog: Catalog,
) -> None:
    size = OptionInput("Size", [OptionValue("s", "Small"), OptionValue("l", "Large")])
    wrong = ProductInput(
        name="Vase",
        options=[size],
        variants=[
            VariantInput(sku="A", price=1, options={"size": "Small"}),
            VariantInput(sku="B", price=1, options={"Size": "s"}),
            VariantInput(sku="C", price=1, options={"Size": "huge"}),
        ],
    )
    with pytest.raises(Invalid) as refused:
        await catalog.create_product(SYSTEM, product=wrong)
    assert [(error.field, error.code) for error in refused.value.errors] == [
        ("variants.1", "duplicate"), ("variants.2.options", "unknown"),
    ]  # fmt: skip


async def test_refuses_taken_skus_and_slugs_and_writes_nothing(catalog: Catalog, shop: Shop) -> None:
    await catalog.create_product(SYSTEM, product=simple("Vase", sku="VASE"))
    events = await count(shop, "outbox")
    with pytest.raises(Conflict) as refused:
        await catalog.create_product(SYSTEM, product=simple("Jug", sku="VASE"))
    assert refused.value.code == "sku_taken"
    with pytest.raises(Conflict) as refused:
        await catalog.create_product(SYSTEM, product=simple("Jug", slug="vase"))
    assert refused.value.code == "slug_taken"
    assert await count(shop, "products") == 1
    assert await count(shop, "outbox") == events
    second = await catalog.create_product(SYSTEM, product=simple("Vase", sku="VASE-2"))
    assert second.slug == "vase-2"


async def test_refuses_a_stale_version_and_names_the_current_one(catalog: Catalog) -> None:
    made = await catalog.create_product(SYSTEM, product=simple("Vase"))
    changed = await catalog.update_product(
        SYSTEM, product_id=made.id, version=1, product=simple("Tall vase", sku="VASE")
    )
    assert changed.version == 2
    for write in (
        catalog.update_product(SYSTEM, product_id=made.id, version=1, product=simple("Vase")),
        catalog.set_status(SYSTEM, product_id=made.id, version=1, status=ProductStatus.DRAFT),
        catalog.delete_product(SYSTEM, product_id=made.id, version=1),
    ):
        with pytest.raises(Conflict) as refused:
            await write
        assert (refused.value.code, refused.value.data) == ("version_conflict", {"version": 2})
    assert (await catalog.admin_product(SYSTEM, product_id=made.id)).name == "Tall vase"


async def test_replacing_keeps_variants_by_sku_and_removes_the_missing(catalog: Catalog) -> None:
    made = await catalog.create_product(SYSTEM, product=sized("Bowl"))
    kept = made.variants[0].id
    smaller = ProductInput(
        name="Bowl",
        status=ProductStatus.ACTIVE,
        options=[OptionInput("Size", [OptionValue("s", "Small")])],
        variants=[VariantInput(sku="BOWL-S", price=900, options={"Size": "s"})],
    )
    changed = await catalog.update_product(SYSTEM, product_id=made.id, version=1, product=smaller)
    assert [(one.id, one.price) for one in changed.variants] == [(kept, Money(900, "EUR"))]
    assert await catalog.sale_variants(GUEST, variant_ids=[made.variants[1].id]) == []


async def test_an_old_address_names_the_new_one_and_a_deleted_product_is_gone(catalog: Catalog) -> None:
    made = await catalog.create_product(SYSTEM, product=simple("Vase", sku="VASE"))
    await catalog.product(GUEST, slug_or_id="vase")
    await catalog.update_product(
        SYSTEM, product_id=made.id, version=1, product=simple("Jug", sku="VASE", slug="jug")
    )
    with pytest.raises(NotFound) as moved:
        await catalog.product(GUEST, slug_or_id="vase")
    assert (moved.value.code, moved.value.data) == ("product_moved", {"slug": "jug"})
    await catalog.delete_product(SYSTEM, product_id=made.id, version=2)
    for address in ("jug", "vase", str(made.id)):
        with pytest.raises(Gone):
            await catalog.product(GUEST, slug_or_id=address)
    with pytest.raises(NotFound):
        await catalog.product(GUEST, slug_or_id="never")
    again = await catalog.create_product(SYSTEM, product=simple("Vase", sku="VASE"))
    assert (await catalog.product(GUEST, slug_or_id="vase")).id == again.id


async def test_drafts_are_hidden_and_say_why(catalog: Catalog) -> None:
    made = await catalog.create_product(SYSTEM, product=simple("Vase", status=ProductStatus.DRAFT))
    assert made.why_hidden == ["It is a draft."]
    with pytest.raises(NotFound):
        await catalog.product(GUEST, slug_or_id="vase")
    sold = await catalog.sale_variants(GUEST, variant_ids=[made.variants[0].id])
    assert [variant.is_available for variant in sold] == [False]
    active = await catalog.set_status(SYSTEM, product_id=made.id, version=1, status=ProductStatus.ACTIVE)
    assert active.why_hidden == []
    assert (await catalog.product(GUEST, slug_or_id="vase")).version == 2
    assert (await catalog.sale_variants(GUEST, variant_ids=[made.variants[0].id]))[0].is_available


async def test_a_new_price_counts_at_once_and_remembers_the_lowest_of_30_days(catalog: Catalog) -> None:
    made = await catalog.create_product(SYSTEM, product=simple("Vase", 5000))
    variant_id = made.variants[0].id
    assert (await catalog.sale_variants(GUEST, variant_ids=[variant_id]))[0].price == Money(5000, "EUR")
    await catalog.set_price(SYSTEM, variant_id=variant_id, price=4000)
    assert (await catalog.sale_variants(GUEST, variant_ids=[variant_id]))[0].price == Money(4000, "EUR")
    await catalog.set_price(SYSTEM, variant_id=variant_id, price=6000)
    await catalog.set_price(SYSTEM, variant_id=variant_id, price=4500, compare_at_price=6000)
    shown = (await catalog.product(GUEST, slug_or_id="vase")).variants[0]
    assert (shown.price, shown.compare_at_price, shown.lowest_price_30d) == (
        Money(4500, "EUR"), Money(6000, "EUR"), Money(4000, "EUR"),
    )  # fmt: skip
    try:
        clock.set_offset(timedelta(days=31))
        await catalog.set_price(SYSTEM, variant_id=variant_id, price=4600)
    finally:
        clock.set_offset(timedelta(0))
    shown = (await catalog.product(GUEST, slug_or_id="vase")).variants[0]
    assert shown.lowest_price_30d == Money(4500, "EUR")
    with pytest.raises(Invalid):
        await catalog.set_price(SYSTEM, variant_id=variant_id, price=4600, compare_at_price=4600)


async def test_rich_text_is_cleaned_when_it_is_written(catalog: Catalog) -> None:
    dirty = (
        '<p onclick="x()">Good <b>clay</b> &amp; fire<script>alert(1)</script>'
        '<img src=x onerror=y><a href="javascript:z()">here</a></p>'
    )
    made = await catalog.create_product(SYSTEM, product=simple("Vase", description=dirty))
    assert made.description == ('<p>Good <b>clay</b> &amp; fire<a rel="noopener noreferrer">here</a></p>')
    assert (await catalog.product(GUEST, slug_or_id="vase")).seo.description == "Good clay & firehere"


async def test_pictures_are_checked_stripped_and_shown_in_every_format(catalog: Catalog, shop: Shop) -> None:
    made = await catalog.create_product(SYSTEM, product=sized("Bowl"))
    exif = Pillow.Exif()
    exif[0x010E] = "secret place"
    content = picture(1200, 600, exif=exif)
    assert b"secret place" in content
    image = await catalog.upload_image(
        SYSTEM, product_id=made.id, content=content, alt="A bowl", variant_skus=["BOWL-S"]
    )
    assert (image.width, image.height, image.url) == (1200, 600, f"/media/{image.key}-960.webp")
    for image_format in ("avif", "webp", "jpeg"):
        made_picture = await catalog.rendition(GUEST, key=image.key, width=320, image_format=image_format)
        with Pillow.open(io.BytesIO(made_picture)) as opened:
            assert (opened.format, opened.size) == (image_format.upper(), (320, 160))
            assert not opened.getexif()
    wide = await catalog.rendition(GUEST, key=image.key, width=1600, image_format="webp")
    with Pillow.open(io.BytesIO(wide)) as opened:
        assert opened.size == (1200, 600)
    shown = await catalog.product(GUEST, slug_or_id="bowl")
    assert [one.images for one in shown.variants] == [[image.id], []]
    again = await catalog.upload_image(SYSTEM, product_id=made.id, content=content, alt="Two bowls")
    assert (again.id, await count(shop, "images")) == (image.id, 1)
    for key, width, image_format in (
        ("0" * 32, 320, "webp"),
        (image.key, 321, "webp"),
        (image.key, 320, "gif"),
    ):
        with pytest.raises(NotFound):
            await catalog.rendition(GUEST, key=key, width=width, image_format=image_format)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "image_not_readable"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "image_not_readable"),
        (b"\xff\xd8\xff\xe0 not a jpeg", "image_not_readable"),
        (picture(kind="BMP"), "image_not_readable"),
        (picture()[:200], "image_not_readable"),
        (b"\0" * (10 * 1024 * 1024 + 1), "image_too_large"),
        (picture(8000, 7000, kind="PNG"), "image_too_many_pixels"),
    ],
    ids=["empty", "svg", "torn jpeg", "bitmap", "cut off", "too large", "too many pixels"],
)
async def test_refuses_what_is_no_picture_for_a_shop(
    catalog: Catalog, shop: Shop, content: bytes, code: str
) -> None:
    made = await catalog.create_product(SYSTEM, product=simple("Vase"))
    with pytest.raises(Invalid) as refused:
        await catalog.upload_image(SYSTEM, product_id=made.id, content=content, alt="")
    assert refused.value.code == code
    assert await count(shop, "images") == 0
    assert (await catalog.admin_product(SYSTEM, product_id=made.id)).version == 1


async def test_pictures_can_be_ordered_described_and_removed(catalog: Catalog) -> None:
    made = await catalog.create_product(SYSTEM, product=simple("Vase"))
    ids = [
        (await catalog.upload_image(SYSTEM, product_id=made.id, content=picture(20 + n, 20), alt=f"{n}")).id
        for n in range(3)
    ]
    moved = await catalog.update_image(SYSTEM, product_id=made.id, image_id=ids[2], position=0, alt="Front")
    assert [(one.id, one.alt) for one in moved.images] == [(ids[2], "Front"), (ids[0], "0"), (ids[1], "1")]
    left = await catalog.delete_image(SYSTEM, product_id=made.id, image_id=ids[0])
    assert [one.id for one in left.images] == [ids[2], ids[1]]
    with pytest.raises(NotFound):
        await catalog.delete_image(SYSTEM, product_id=made.id, image_id=ids[0])


async def test_categories_move_with_all_that_is_below_them(catalog: Catalog) -> None:
    home = await catalog.save_category(SYSTEM, slug="home", name="Home")
    await catalog.save_category(SYSTEM, slug="light", name="Light", parent="home")
    await catalog.save_category(SYSTEM, slug="lamps", name="Lamps", parent="light")
    garden = await catalog.save_category(SYSTEM, slug="garden", name="Garden")
    light = await catalog.category(GUEST, slug="light")
    await catalog.save_category(
        SYSTEM, slug="lights", name="Lights", parent="garden", category_id=light.id, version=light.version
    )
    lamps = await catalog.category(GUEST, slug="lamps")
    assert lamps.path == "garden/lights/lamps"
    assert [one.name for one in lamps.breadcrumbs] == ["Garden", "Lights", "Lamps"]
    with pytest.raises(Invalid) as refused:
        await catalog.save_category(
            SYSTEM, slug="garden", name="Garden", parent="lamps", category_id=garden.id, version=1
        )
    assert refused.value.code == "category_loop"
    with pytest.raises(Conflict) as used:
        await catalog.delete_category(SYSTEM, category_id=garden.id, version=1)
    assert used.value.code == "category_in_use"
    await catalog.delete_category(SYSTEM, category_id=home.id, version=1)
    assert [one.slug for one in await catalog.categories(GUEST)] == ["garden", "lights", "lamps"]


async def test_a_channel_keeps_its_currency_once_it_has_prices(catalog: Catalog) -> None:
    channel = await catalog.channel(GUEST, code="default")
    dollars = {"currency": "USD", "countries": ["US"], "prices_include_tax": False}
    changed = await catalog.save_channel(SYSTEM, channel=_with(channel, **dollars))
    assert changed.currency == "USD"
    await catalog.create_product(SYSTEM, product=simple("Vase"))
    assert (await catalog.product(GUEST, slug_or_id="vase")).variants[0].price == Money(1000, "USD")
    with pytest.raises(Conflict) as refused:
        await catalog.save_channel(SYSTEM, channel=_with(changed, currency="EUR"))
    assert refused.value.code == "channel_has_prices"
    assert (await catalog.channel(GUEST, code="default")).currency == "USD"


async def test_a_channel_says_in_which_time_it_lives_and_when_it_takes_money(catalog: Catalog) -> None:
    channel = await catalog.channel(GUEST, code="default")
    assert (channel.time_zone, channel.capture) == ("UTC", CaptureMode.AUTOMATIC)
    wanted = _with(
        channel, time_zone="Europe/Amsterdam", capture=CaptureMode.MANUAL, refund_proof_above=20_000
    )
    assert await catalog.save_channel(SYSTEM, channel=wanted) == wanted
    assert await catalog.channel(GUEST, code="default") == wanted


@pytest.mark.parametrize("name", ["", "Middle Earth", "/etc/passwd", "Europe", "a\0b"])
async def test_refuses_a_time_zone_that_there_is_not(catalog: Catalog, name: str) -> None:
    channel = await catalog.channel(GUEST, code="default")
    with pytest.raises(Invalid) as refused:
        await catalog.save_channel(SYSTEM, channel=_with(channel, time_zone=name, name="Changed"))
    assert [(error.field, error.code) for error in refused.value.errors] == [("time_zone", "unknown")]
    assert await catalog.channel(GUEST, code="default") == channel


async def test_staff_find_products_by_name_and_sku_in_pages(catalog: Catalog) -> None:
    for number in range(5):
        await catalog.create_product(SYSTEM, product=simple(f"Vase {number}", sku=f"V_{number}"))
    first = await catalog.admin_products(SYSTEM, sort="name", limit=2)
    assert ([one.name for one in first.items], first.total) == (["Vase 0", "Vase 1"], 5)
    second = await catalog.admin_products(SYSTEM, sort="name", limit=2, cursor=first.next_cursor)
    assert [one.name for one in second.items] == ["Vase 2", "Vase 3"]
    by_sku = await catalog.admin_products(SYSTEM, query="v_3")
    assert [(one.name, one.available) for one in by_sku.items] == [("Vase 3", 10)]
    assert (await catalog.admin_products(SYSTEM, query="%")).total == 0
    newest = await catalog.admin_products(SYSTEM, limit=1)
    assert [one.name for one in newest.items] == ["Vase 4"]


async def test_a_wrong_query_is_refused(catalog: Catalog) -> None:
    with pytest.raises(Invalid):
        await catalog.admin_products(SYSTEM, sort="price")
    with pytest.raises(NotFound):
        await catalog.products(GUEST, query=ProductQuery(collection="rare"))
    with pytest.raises(NotFound):
        await catalog.products(Context(channel="moon"), query=ProductQuery())


def _with(channel: Channel, **changes: Any) -> Channel:

    return msgspec.structs.replace(channel, **changes)
