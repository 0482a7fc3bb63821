"""Filling an empty shop with the demo, through the contracts; running it twice changes nothing."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from mercato.contracts.carts import Carts, DeliveryMethodInput, Promotion, PromotionReward, TaxRate
from mercato.contracts.catalog import (
    Catalog,
    Channel,
    ImportRow,
    OptionInput,
    OptionValue,
    ProductInput,
    ProductStatus,
    VariantInput,
)
from mercato.demo.attributes import demo_attributes
from mercato.demo.source import DemoCatalog, DemoProduct, demo_catalog, picture
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.deadlines import in_s

T = TypeVar("T")
Tell = Callable[[str], None]

CALL_TIMEOUT_S = 60.0
ANNOUNCEMENT = "Free delivery from €60 · 30 days to change your mind"
FREE_DELIVERY_ABOVE = 6000
COUPON = "WELCOME10"

# Standard rates of value-added tax in the European Union, 2026.
HOME_COUNTRY = "NL"
"""First of the channel's countries: taxes and forms assume it until a visitor says otherwise."""

VAT_RATES = {
    "AT": "0.20", "BE": "0.21", "BG": "0.20", "CY": "0.19", "CZ": "0.21", "DE": "0.19", "DK": "0.25",
    "EE": "0.24", "ES": "0.21", "FI": "0.255", "FR": "0.20", "GR": "0.24", "HR": "0.25", "HU": "0.27",
    "IE": "0.23", "IT": "0.22", "LT": "0.21", "LU": "0.17", "LV": "0.21", "MT": "0.18", "NL": "0.21",
    "PL": "0.23", "PT": "0.23", "RO": "0.21", "SE": "0.25", "SI": "0.22", "SK": "0.23",
}  # fmt: skip

DELIVERY_METHODS = (
    DeliveryMethodInput(
        code="standard", name="Standard delivery", description="To your door", countries=[], price=490,
        free_above=FREE_DELIVERY_ABOVE, days_min=2, days_max=4, position=1,
    ),
    DeliveryMethodInput(
        code="express", name="Express delivery", description="Ordered before 15:00, there the next day",
        countries=[], price=990, days_min=1, days_max=1, position=2,
    ),
)  # fmt: skip


class Clients(Protocol):
    """Whoever can name a client of a contract: the running shop."""

    def client(self, contract: type[T], /) -> T: ...


async def seed(shop: Clients, tell: Tell = lambda _: None) -> None:
    """Put the whole demo in; `tell` hears how far it is, a few words at a time."""
    await seed_catalog(shop.client(Catalog), tell)
    tell("delivery, tax and a coupon")
    await seed_selling(shop.client(Carts))


async def seed_catalog(catalog: Catalog, tell: Tell = lambda _: None) -> None:
    """The shop's texts, navigation, products, stock and pictures. Raises ValueError."""
    demo = demo_catalog()
    await _seed_shop(catalog, demo)
    await _seed_navigation(catalog, demo)
    tell(f"{len(demo.products)} products")
    rows = [ImportRow(row=index, product=input_of(one)) for index, one in enumerate(demo.products, 1)]
    result = await catalog.import_products(_system(), rows=rows)
    if result.errors:
        first = result.errors[0]
        raise ValueError(f"demo product {first.row}: {first.field}: {first.message}")
    total = sum(len(product.images) for product in demo.products)
    done = 0
    for index, product in enumerate(demo.products, 1):
        for image in product.images:
            shown = [variant.sku for variant in product.variants if _matches(variant.options, image.options)]
            await catalog.upload_image(
                _system(), product_id=result.product_ids[index], content=picture(image.file), alt=image.alt,
                file_name=image.file, variant_skus=shown if image.options else [],
            )  # fmt: skip
            done += 1
        tell(f"{done} of {total} pictures")


async def seed_selling(carts: Carts) -> None:
    """Delivery methods, tax rates and a coupon; what is there already stays as it is."""
    known_methods = {method.code for method in await carts.list_delivery_methods(_system())}
    for method in DELIVERY_METHODS:
        if method.code not in known_methods:
            await carts.save_delivery_method(_system(), method=method)
    known_rates = {rate.country for rate in await carts.tax_rates(_system())}
    for country, rate in VAT_RATES.items():
        if country not in known_rates:
            name = f"VAT {_percent(rate)} %"
            await carts.save_tax_rate(_system(), rate=TaxRate(name=name, country=country, rate=rate))
    known_coupons = {promotion.coupon_code for promotion in await carts.promotions(_system())}
    if COUPON not in known_coupons:
        promotion = Promotion(
            name="Welcome", label="10 % welcome discount", reward=PromotionReward.PERCENT, percent="10",
            coupon_code=COUPON,
        )  # fmt: skip
        await carts.save_promotion(_system(), promotion=promotion)


def input_of(product: DemoProduct) -> ProductInput:
    """A product of the data as staff would save it."""
    return ProductInput(
        name=product.name,
        slug=product.slug,
        maker=product.maker,
        description=product.description,
        status=ProductStatus.ACTIVE,
        category=product.category,
        collections=product.collections,
        attributes=product.attributes,
        details=product.details,
        options=[
            OptionInput(option.name, [OptionValue(one.value, one.label, one.swatch) for one in option.values])
            for option in product.options
        ],
        variants=[
            VariantInput(
                sku=variant.sku,
                price=variant.price,
                compare_at_price=variant.compare_at,
                options=variant.options,
                barcode=variant.barcode,
                weight_g=variant.weight_g,
                on_hand=variant.stock,
            )
            for variant in product.variants
        ],
    )


def _system() -> Context:
    """For one call: a machine that has just begun to run a shop is busy."""
    return msgspec.structs.replace(SYSTEM_CONTEXT, deadline=in_s(CALL_TIMEOUT_S))


async def _seed_shop(catalog: Catalog, demo: DemoCatalog) -> None:
    channel = await catalog.channel(_system(), code="default")
    wanted = Channel(
        code="default",
        name=demo.shop.name,
        currency=demo.shop.currency,
        locale="en",
        countries=sorted(VAT_RATES, key=lambda country: (country != HOME_COUNTRY, country)),
        prices_include_tax=demo.shop.prices_include_tax,
        is_active=True,
        time_zone="Europe/Amsterdam",
        capture=channel.capture,
    )
    if channel != wanted:
        await catalog.save_channel(_system(), channel=wanted)
    shop = await catalog.shop(_system())
    if shop.hero is None:
        await catalog.save_shop(
            _system(), name=demo.shop.name, tagline=demo.shop.tagline, announcement=ANNOUNCEMENT,
            hero=picture(demo.shop.hero.file), hero_alt=demo.shop.hero.alt,
        )  # fmt: skip


async def _seed_navigation(catalog: Catalog, demo: DemoCatalog) -> None:
    known_attributes = {attribute.code for attribute in await catalog.attributes(_system())}
    for attribute in demo_attributes(demo):
        if attribute.code not in known_attributes:
            await catalog.save_attribute(_system(), attribute=attribute)
    known_categories = {category.slug for category in await catalog.categories(_system())}
    for one in demo.categories:
        if one.slug not in known_categories:
            await catalog.save_category(
                _system(), slug=one.slug, name=one.name, description=one.description, position=one.position,
                image=picture(one.image.file), image_alt=one.image.alt,
            )  # fmt: skip
    known_collections = {collection.slug for collection in await catalog.collections(_system())}
    for position, two in enumerate(demo.collections):
        if two.slug not in known_collections:
            await catalog.save_collection(
                _system(), slug=two.slug, name=two.name, description=two.description, position=position
            )


def _matches(options: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(options.get(name) == value for name, value in wanted.items())


def _percent(rate: str) -> str:
    """The rate 0.255 as people write it: 25.5."""
    digits = rate.removeprefix("0.").ljust(2, "0")
    whole, rest = digits[:2].lstrip("0") or "0", digits[2:]
    return f"{whole}.{rest}" if rest else whole
