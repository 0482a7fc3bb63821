"""What the catalog shows of its records: cards, product pages, admin forms. Pure."""

from collections.abc import Mapping
from uuid import UUID

from mercato.catalog.domain import NEW_COLLECTION, best_availability, plain_text, why_hidden
from mercato.catalog.navigation import Navigation
from mercato.catalog.records import ImageRecord, PriceRecord, ProductRecord, SaleRecord, VariantRecord
from mercato.contracts.catalog import (
    GIFT_CARD,
    AdminProduct,
    AdminProductRow,
    AdminVariant,
    Attribute,
    AttributeValue,
    Channel,
    Image,
    Option,
    Product,
    ProductCard,
    ProductStatus,
    SaleVariant,
    Seo,
    Variant,
)
from mercato.contracts.stock import Availability
from mercato.kernel.money import Money
from mercato.kernel.texts import label_of

PAGE_WIDTH = 960
THUMBNAIL_WIDTH = 320
SEO_DESCRIPTION_LETTERS = 160


def media_url(key: str, width: int) -> str:
    return f"/media/{key}-{width}.webp"


def image_of(record: ImageRecord) -> Image:
    url = media_url(record.key, PAGE_WIDTH)
    return Image(record.id, record.key, url, record.alt, record.width, record.height)


def _money(amount: int | None, currency: str) -> Money | None:
    return None if amount is None else Money(amount, currency)


def _priced(product: ProductRecord, channel: Channel) -> list[tuple[VariantRecord, PriceRecord]]:
    pairs = ((variant, variant.price(channel.code)) for variant in product.variants)
    return [(variant, price) for variant, price in pairs if price is not None]


def card_of(product: ProductRecord, channel: Channel, navigation: Navigation) -> ProductCard:
    """The product in a list; it must be on sale in the channel."""
    priced = _priced(product, channel)
    lowest = min((price for _, price in priced), key=lambda price: price.price_amount)
    currency = channel.currency
    new_in = navigation.collection_by_slug.get(NEW_COLLECTION)
    return ProductCard(
        id=product.id,
        slug=product.slug,
        name=product.name,
        maker=product.maker,
        price=Money(lowest.price_amount, currency),
        price_max=Money(max(price.price_amount for _, price in priced), currency),
        compare_at_price=_money(lowest.compare_at_amount, currency),
        image=image_of(product.images[0]) if product.images else None,
        availability=(
            Availability.IN_STOCK
            if product.product_type == GIFT_CARD
            else best_availability([variant for variant, _ in priced], channel.code)
        ),
        rating=None,
        swatches=[value.swatch for option in product.options for value in option.values if value.swatch],
        is_new=new_in is not None and new_in.id in product.collection_ids,
        single_variant_id=priced[0][0].id if len(priced) == 1 else None,
        second_image=image_of(product.images[1]) if len(product.images) > 1 else None,
    )


def product_of(product: ProductRecord, channel: Channel, navigation: Navigation) -> Product:
    """The page of a product that is on sale in the channel."""
    category = navigation.category_by_id.get(product.category_id) if product.category_id else None
    currency, is_gift_card = channel.currency, product.product_type == GIFT_CARD
    return Product(
        id=product.id,
        slug=product.slug,
        name=product.name,
        maker=product.maker,
        description=product.description,
        category=navigation.breadcrumb(category) if category else None,
        breadcrumbs=navigation.breadcrumbs(category) if category else [],
        collections=_collection_slugs(product, navigation),
        attributes=_attribute_values(product, navigation.attributes),
        options=product.options,
        images=[image_of(image) for image in product.images],
        variants=[
            Variant(
                id=variant.id,
                sku=variant.sku,
                options=variant.options,
                price=Money(price.price_amount, currency),
                compare_at_price=_money(price.compare_at_amount, currency),
                lowest_price_30d=_money(price.lowest_30d_amount, currency),
                availability=(
                    Availability.IN_STOCK if is_gift_card else variant.availability_in(channel.code)
                ),
                images=variant.image_ids,
            )
            for variant, price in _priced(product, channel)
        ],
        rating=None,
        seo=_seo(product),
        version=product.version,
        created_at=product.created_at,
        updated_at=product.updated_at,
        details=product.details,
        is_gift_card=is_gift_card,
    )


def sale_variant_of(record: SaleRecord, channel: Channel, navigation: Navigation) -> SaleVariant:
    category = navigation.category_by_id.get(record.category_id) if record.category_id else None
    amount = record.price_amount
    return SaleVariant(
        id=record.id,
        product_id=record.product_id,
        category_ids=category.lineage if category else [],
        sku=record.sku,
        slug=record.slug,
        name=record.name,
        options=_labeled(record.options, record.product_options),
        image=media_url(record.image_key, THUMBNAIL_WIDTH) if record.image_key else None,
        price=Money(amount or 0, channel.currency),
        compare_at_price=_money(record.compare_at_amount, channel.currency),
        tax_class=GIFT_CARD if record.is_gift_card else record.tax_class,
        weight_g=record.weight_g,
        is_available=record.status is ProductStatus.ACTIVE and amount is not None and channel.is_active,
        collection_ids=record.collection_ids,
        is_gift_card=record.is_gift_card,
    )


def admin_product_of(
    product: ProductRecord, channel: Channel, navigation: Navigation, available: Mapping[UUID, int]
) -> AdminProduct:
    """Everything staff may edit; variants without a price in the channel show a price of zero."""
    category = navigation.category_by_id.get(product.category_id) if product.category_id else None
    return AdminProduct(
        id=product.id,
        slug=product.slug,
        name=product.name,
        maker=product.maker,
        description=product.description,
        status=product.status,
        product_type=product.product_type,
        category=category.slug if category else None,
        collections=_collection_slugs(product, navigation),
        attributes=product.attributes,
        details=product.details,
        options=product.options,
        variants=[
            _admin_variant(variant, channel, available.get(variant.id, 0)) for variant in product.variants
        ],
        images=[image_of(image) for image in product.images],
        seo=Seo(product.seo_title, product.seo_description),
        tax_class=product.tax_class,
        external_reference=product.external_reference,
        why_hidden=why_hidden(product, channel=channel.code, channel_is_active=channel.is_active),
        version=product.version,
        created_at=product.created_at,
        updated_at=product.updated_at,
    )


def admin_row_of(
    product: ProductRecord, channel: Channel, navigation: Navigation, available: Mapping[UUID, int]
) -> AdminProductRow:
    category = navigation.category_by_id.get(product.category_id) if product.category_id else None
    amounts = [price.price_amount for _, price in _priced(product, channel)] or [0]
    return AdminProductRow(
        id=product.id,
        slug=product.slug,
        name=product.name,
        maker=product.maker,
        status=product.status,
        category=category.name if category else None,
        image=image_of(product.images[0]) if product.images else None,
        variant_count=len(product.variants),
        price_min=Money(min(amounts), channel.currency),
        price_max=Money(max(amounts), channel.currency),
        available=sum(available.get(variant.id, 0) for variant in product.variants),
        updated_at=product.updated_at,
        version=product.version,
    )


def _admin_variant(variant: VariantRecord, channel: Channel, available: int) -> AdminVariant:
    price = variant.price(channel.code)
    return AdminVariant(
        id=variant.id,
        sku=variant.sku,
        barcode=variant.barcode,
        options=variant.options,
        price=Money(price.price_amount if price else 0, channel.currency),
        compare_at_price=_money(price.compare_at_amount if price else None, channel.currency),
        weight_g=variant.weight_g,
        available=available,
        image_ids=variant.image_ids,
    )


def _collection_slugs(product: ProductRecord, navigation: Navigation) -> list[str]:
    return [found.slug for found in navigation.collections if found.id in product.collection_ids]


def _attribute_values(product: ProductRecord, attributes: Mapping[str, Attribute]) -> list[AttributeValue]:
    return [
        AttributeValue(code, attribute.label, value_text(attribute, product.attributes[code]))
        for code, attribute in attributes.items()
        if code in product.attributes
    ]


def value_text(attribute: Attribute, value: object) -> str:
    """An attribute's value for people: labels for choices, yes or no, a number with its unit."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, int | float):
        return f"{value:g} {attribute.unit or ''}".strip()
    labels = {one.value: one.label for one in attribute.values}
    values = value if isinstance(value, list) else [value]
    if attribute.kind in ("select", "multiselect", "swatch"):
        return ", ".join(labels.get(str(one)) or label_of(str(one)) for one in values)
    return str(value)


def _labeled(chosen: Mapping[str, str], options: list[Option]) -> dict[str, str]:
    return {
        option.label: next((one.label for one in option.values if one.value == chosen[option.code]), "")
        for option in options
        if option.code in chosen
    }


def _seo(product: ProductRecord) -> Seo:
    text = product.seo_description or plain_text(product.description)
    if len(text) > SEO_DESCRIPTION_LETTERS:
        text = text[:SEO_DESCRIPTION_LETTERS].rsplit(" ", 1)[0].rstrip(",;:") + "…"
    return Seo(product.seo_title or product.name, text)
