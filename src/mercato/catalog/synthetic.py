"""Made-up products for measuring with large catalogs: three variants each, the same for the same number."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from mercato.catalog.drafts import ProductDraft, VariantDraft
from mercato.contracts.catalog import Option, OptionValue, ProductStatus
from mercato.kernel.ids import new_id

ADJECTIVES = ("Classic", "Modern", "Rugged", "Compact", "Premium", "Vintage", "Portable", "Ergonomic")
MATERIALS = ("cotton", "leather", "steel", "wooden", "ceramic", "bamboo", "wool", "linen", "copper")
NOUNS = (
    "chair", "lamp", "backpack", "kettle", "jacket", "table", "bottle", "keyboard", "camera", "notebook",
    "blanket", "clock", "wallet", "mirror", "speaker", "basket", "helmet", "pillow", "teapot", "umbrella",
)  # fmt: skip
MAKERS = tuple(f"Maker {letter}" for letter in "ABCDEFGHIJKLMNOPQRST")
CATEGORIES = 20
STOCK = 1_000_000
NUMBERS = 10_000_000
"""A higher number is newer, by a millisecond; none is from the future."""
SIZES = [OptionValue("small", "Small"), OptionValue("medium", "Medium"), OptionValue("large", "Large")]

_OPTIONS = [Option("size", "Size", SIZES)]


def category_of(number: int) -> str:
    """Slug of the category that the product `number` stands in."""
    return f"range-{number % CATEGORIES + 1:02d}"


def slug_of_number(number: int) -> str:
    return f"made-up-{number:07d}"


def synthetic_product(number: int, *, category_id: UUID, at: datetime) -> ProductDraft:
    """The product `number`; its ids are new every time."""
    adjective = ADJECTIVES[number % len(ADJECTIVES)]
    material = MATERIALS[number // 7 % len(MATERIALS)]
    noun = NOUNS[number // 3 % len(NOUNS)]
    product_id = new_id()
    price = 500 + number * 37 % 19_500
    variants = [
        VariantDraft(
            id=new_id(),
            product_id=product_id,
            sku=f"MADE-{number:07d}-{size.value[0].upper()}",
            barcode=None,
            options={"size": size.value},
            weight_g=200 + 100 * position,
            image_ids=[],
            position=position,
            price_amount=price + 100 * position,
            compare_at_amount=None,
            opening_stock=STOCK,
        )
        for position, size in enumerate(SIZES)
    ]
    return ProductDraft(
        id=product_id,
        slug=slug_of_number(number),
        name=f"{adjective} {material} {noun} {number:07d}",
        maker=MAKERS[number % len(MAKERS)],
        description=f"A {adjective.lower()} {noun} of {material} for every day, number {number}.",
        status=ProductStatus.ACTIVE,
        product_type="default",
        category_id=category_id,
        attributes={},
        details={},
        options=_OPTIONS,
        seo_title="",
        seo_description="",
        tax_class="standard",
        external_reference=None,
        created_at=at - timedelta(milliseconds=max(0, NUMBERS - number)),
        updated_at=at,
        variants=variants,
        collection_ids=[],
    )


def product_rows(drafts: Sequence[ProductDraft]) -> Iterator[tuple[Any, ...]]:
    """In the order of `store.bulk.PRODUCT_COLUMNS`."""
    options = msgspec.json.encode(_OPTIONS).decode()
    for draft in drafts:
        yield (
            draft.id, draft.slug, draft.name, draft.maker, draft.description, draft.status.value,
            draft.product_type, draft.category_id, "{}", "{}", options, "", "", draft.tax_class,
            draft.created_at, draft.updated_at,
        )  # fmt: skip


def variant_rows(drafts: Sequence[ProductDraft]) -> Iterator[tuple[Any, ...]]:
    """In the order of `store.bulk.VARIANT_COLUMNS`."""
    for draft in drafts:
        for variant in draft.variants:
            options = msgspec.json.encode(variant.options).decode()
            yield (
                variant.id, draft.id, variant.sku, options, variant.weight_g, [], variant.position,
                "in_stock",
            )  # fmt: skip


def price_rows(drafts: Sequence[ProductDraft], *, channel: str, at: datetime) -> Iterator[tuple[Any, ...]]:
    """In the order of `store.bulk.PRICE_COLUMNS`."""
    for draft in drafts:
        for variant in draft.variants:
            yield variant.id, channel, variant.price_amount, at
