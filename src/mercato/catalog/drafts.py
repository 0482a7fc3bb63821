"""A product as it is about to be written: checked, cleaned, with all its ids. No I/O; time is an argument."""

import re
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from mercato.catalog.domain import clean_rich_text
from mercato.catalog.records import ProductRecord, VariantRecord
from mercato.contracts.catalog import (
    Attribute,
    AttributeKind,
    Option,
    OptionInput,
    OptionValue,
    ProductInput,
    ProductStatus,
    VariantInput,
)
from mercato.kernel.errors import FieldError
from mercato.kernel.ids import new_id
from mercato.kernel.texts import label_of, slug_of


class VariantDraft(msgspec.Struct, frozen=True):
    id: UUID
    product_id: UUID
    sku: str
    barcode: str | None
    options: dict[str, str]
    weight_g: int
    image_ids: list[UUID]
    position: int
    price_amount: int
    compare_at_amount: int | None
    opening_stock: int | None
    """For a new variant only."""


class ProductDraft(msgspec.Struct, frozen=True):
    id: UUID
    slug: str
    name: str
    maker: str
    description: str
    status: ProductStatus
    product_type: str
    category_id: UUID | None
    attributes: dict[str, Any]
    details: dict[str, str]
    options: list[Option]
    seo_title: str
    seo_description: str
    tax_class: str
    external_reference: str | None
    created_at: datetime
    updated_at: datetime
    variants: list[VariantDraft]
    collection_ids: list[UUID]


class Known:
    """What a product may refer to: the navigation of the shop, as sets that are fast to ask."""

    def __init__(
        self,
        *,
        categories: dict[str, UUID],
        collections: dict[str, UUID],
        attributes: dict[str, Attribute],
        product_types: set[str],
    ) -> None:
        self.categories = categories
        self.collections = collections
        self.attributes = attributes
        self.product_types = product_types


def draft_of(
    product: ProductInput, *, slug: str, existing: ProductRecord | None, known: Known, at: datetime
) -> tuple[ProductDraft | None, list[FieldError]]:
    """The product as it will be written over `existing`, or everything that is wrong with it."""
    errors: list[FieldError] = []
    options = _options(product.options, errors)
    product_id = existing.id if existing else new_id()
    _check_references(product, known, errors)
    attributes = _attributes(product.attributes, known.attributes, errors)
    variants = _variants(product, options, existing, product_id, errors)
    if errors:
        return None, errors
    draft = ProductDraft(
        id=product_id,
        slug=slug,
        name=" ".join(product.name.split()),
        maker=product.maker.strip(),
        description=clean_rich_text(product.description),
        status=product.status,
        product_type=product.product_type,
        category_id=known.categories[product.category] if product.category else None,
        attributes=attributes,
        details={key.strip(): value.strip() for key, value in product.details.items() if value.strip()},
        options=options,
        seo_title=product.seo_title.strip(),
        seo_description=product.seo_description.strip(),
        tax_class=product.tax_class,
        external_reference=product.external_reference,
        created_at=existing.created_at if existing else at,
        updated_at=at,
        variants=variants,
        collection_ids=sorted({known.collections[slug] for slug in product.collections}),
    )
    return draft, []


def is_same(draft: ProductDraft, existing: ProductRecord, *, channel: str) -> bool:
    """Whether writing `draft` would change nothing (opening stock aside: it is for new variants only)."""
    for field in _COMPARED:
        if getattr(draft, field) != getattr(existing, field):
            return False
    if draft.collection_ids != sorted(existing.collection_ids):
        return False
    if [variant.id for variant in draft.variants] != [variant.id for variant in existing.variants]:
        return False
    return all(
        _same_variant(new, old, channel) for new, old in zip(draft.variants, existing.variants, strict=True)
    )


_COMPARED = (
    "slug", "name", "maker", "description", "status", "product_type", "category_id", "attributes", "details",
    "options", "seo_title", "seo_description", "tax_class", "external_reference",
)  # fmt: skip


def _same_variant(new: VariantDraft, old: VariantRecord, channel: str) -> bool:
    price = old.price(channel)
    return (
        price is not None
        and (new.sku, new.barcode, new.options, new.weight_g, new.image_ids)
        == (old.sku, old.barcode, old.options, old.weight_g, old.image_ids)
        and (new.price_amount, new.compare_at_amount) == (price.price_amount, price.compare_at_amount)
    )


def _check_references(product: ProductInput, known: Known, errors: list[FieldError]) -> None:
    if not product.name.strip():
        errors.append(FieldError("name", "missing", "Give the product a name."))
    if product.category and product.category not in known.categories:
        errors.append(FieldError("category", "unknown", f"There is no category {product.category}."))
    if product.product_type not in known.product_types:
        text = f"There is no product type {product.product_type}."
        errors.append(FieldError("product_type", "unknown", text))
    for slug in product.collections:
        if slug not in known.collections:
            errors.append(FieldError("collections", "unknown", f"There is no collection {slug}."))


def _options(inputs: list[OptionInput], errors: list[FieldError]) -> list[Option]:
    options: list[Option] = []
    for index, given in enumerate(inputs):
        label = given.label.strip()
        code = slug_of(label).replace("-", "_")
        values = [
            OptionValue(value.value.strip(), value.label.strip() or label_of(value.value), value.swatch)
            for value in given.values
        ]
        if not label or not values or any(not value.value for value in values):
            text = "Give the option a name and at least one value."
            errors.append(FieldError(f"options.{index}", "missing", text))
        elif any(option.code == code for option in options):
            errors.append(FieldError(f"options.{index}", "duplicate", f"The option {label} is there twice."))
        elif len({value.value for value in values}) != len(values):
            errors.append(FieldError(f"options.{index}", "duplicate", f"A value of {label} is there twice."))
        else:
            options.append(Option(code, label, values))
    return options


def _attributes(
    given: dict[str, Any], known: dict[str, Attribute], errors: list[FieldError]
) -> dict[str, Any]:
    cleaned: dict[str, Any] = {}
    for code, value in given.items():
        attribute = known.get(code)
        if attribute is None:
            errors.append(FieldError(f"attributes.{code}", "unknown", f"There is no attribute {code}."))
            continue
        if value is None or value == "" or value == []:
            continue
        problem, cleaned_value = _attribute_value(attribute, value)
        if problem:
            errors.append(FieldError(f"attributes.{code}", "invalid", problem))
        else:
            cleaned[code] = cleaned_value
    return cleaned


def _attribute_value(attribute: Attribute, value: Any) -> tuple[str, Any]:
    """(what is wrong with it, or nothing; the value in the form that is stored)."""
    kind = attribute.kind
    if kind in (AttributeKind.SELECT, AttributeKind.MULTISELECT, AttributeKind.SWATCH):
        chosen = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str) and one for one in chosen):
            return f"{attribute.label} takes texts.", None
        allowed = {one.value for one in attribute.values}
        unknown = sorted(set(chosen) - allowed) if allowed else []
        if unknown:
            return f"{attribute.label} has no value {unknown[0]}.", None
        if kind is AttributeKind.SELECT and len(chosen) > 1:
            return f"{attribute.label} takes one value.", None
        return "", chosen[0] if kind is AttributeKind.SELECT else list(dict.fromkeys(chosen))
    if kind is AttributeKind.BOOLEAN:
        return ("", value) if isinstance(value, bool) else (f"{attribute.label} is yes or no.", None)
    if kind is AttributeKind.NUMBER:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return ("", value) if is_number else (f"{attribute.label} is a number.", None)
    if not isinstance(value, str):
        return f"{attribute.label} is a text.", None
    if kind is AttributeKind.DATE and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return f"{attribute.label} is a date such as 2026-11-30.", None
    return "", clean_rich_text(value) if kind is AttributeKind.RICH_TEXT else value.strip()


def _variants(
    product: ProductInput,
    options: list[Option],
    existing: ProductRecord | None,
    product_id: UUID,
    errors: list[FieldError],
) -> list[VariantDraft]:
    by_id = {variant.id: variant for variant in existing.variants} if existing else {}
    by_sku = {variant.sku: variant for variant in existing.variants} if existing else {}
    image_ids = {image.id for image in existing.images} if existing else set()
    drafts: list[VariantDraft] = []
    seen_skus: set[str] = set()
    seen_choices: set[tuple[str, ...]] = set()
    for index, given in enumerate(product.variants):
        field = f"variants.{index}"
        sku = given.sku.strip()
        chosen = _chosen(given, options, field, errors)
        choice = tuple(chosen.get(option.code, "") for option in options)
        if not sku or sku in seen_skus:
            errors.append(FieldError(f"{field}.sku", "duplicate", f"The SKU {sku} is there twice."))
        if choice in seen_choices:
            errors.append(FieldError(field, "duplicate", "Two variants have the same options."))
        if given.compare_at_price is not None and given.compare_at_price <= given.price:
            text = "The former price must be higher than the price."
            errors.append(FieldError(f"{field}.compare_at_price", "too_low", text))
        if given.id is not None and given.id not in by_id:
            errors.append(FieldError(f"{field}.id", "unknown", "The product has no such variant."))
        if not set(given.image_ids) <= image_ids:
            errors.append(FieldError(f"{field}.image_ids", "unknown", "The product has no such image."))
        seen_skus.add(sku)
        seen_choices.add(choice)
        old = by_id.get(given.id) if given.id else by_sku.get(sku)
        drafts.append(_variant(given, sku, chosen, old, product_id, index))
    return drafts


def _variant(
    given: VariantInput,
    sku: str,
    chosen: dict[str, str],
    old: VariantRecord | None,
    product_id: UUID,
    position: int,
) -> VariantDraft:
    return VariantDraft(
        id=old.id if old else new_id(),
        product_id=product_id,
        sku=sku,
        barcode=given.barcode or None,
        options=chosen,
        weight_g=given.weight_g,
        image_ids=given.image_ids or (old.image_ids if old else []),
        position=position,
        price_amount=given.price,
        compare_at_amount=given.compare_at_price,
        opening_stock=None if old else given.on_hand or 0,
    )


def _chosen(
    given: VariantInput, options: list[Option], field: str, errors: list[FieldError]
) -> dict[str, str]:
    """The variant's options by code; names may be given as codes or labels, values likewise."""
    names = {slug_of(name).replace("-", "_"): value for name, value in given.options.items()}
    if set(names) != {option.code for option in options}:
        wanted = ", ".join(option.label for option in options) or "no option"
        errors.append(FieldError(f"{field}.options", "mismatch", f"The variant must choose: {wanted}."))
        return {}
    chosen: dict[str, str] = {}
    for option in options:
        asked = names[option.code]
        value = next((one.value for one in option.values if asked in (one.value, one.label)), None)
        if value is None:
            errors.append(FieldError(f"{field}.options", "unknown", f"{option.label} has no value {asked}."))
        else:
            chosen[option.code] = value
    return chosen
