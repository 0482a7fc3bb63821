"""The product editor's form: from a product to fields, and from fields back to a product.

Variants are rows with numbered names (`sku-0`, `price-0` …). Options are typed as one line per axis
("Glaze: Sage, Sand"), and each row names its values by the axis's label.
"""

import re
from typing import Any
from uuid import UUID

import msgspec

from mercato.admin.forms import money, text, texts, whole
from mercato.contracts.catalog import (
    GIFT_CARD,
    AdminProduct,
    OptionInput,
    OptionValue,
    ProductInput,
    ProductStatus,
    VariantInput,
)
from mercato.kernel.errors import FieldError, Invalid
from mercato.ui.formats import decimal_of

MAX_ROWS = 250
EMPTY_ROWS = 1
"""Rows for new variants below those that exist."""


class VariantRow(msgspec.Struct, frozen=True):
    """One row of the variant table, as text."""

    index: int
    id: str = ""
    sku: str = ""
    barcode: str = ""
    price: str = ""
    compare_at_price: str = ""
    weight_g: str = "0"
    on_hand: str = ""
    available: int | None = None
    options: dict[str, str] = {}


class Axis(msgspec.Struct, frozen=True):
    """A column of the variant table: one option with the values to choose from."""

    code: str
    label: str
    values: list[OptionValue]


class ProductFields(msgspec.Struct, frozen=True):
    """What the form shows."""

    name: str = ""
    slug: str = ""
    maker: str = ""
    description: str = ""
    status: str = "draft"
    category: str = ""
    collections: list[str] = []
    options: str = ""
    details: str = ""
    seo_title: str = ""
    seo_description: str = ""
    is_gift_card: bool = False
    tax_class: str = "standard"
    rows: list[VariantRow] = msgspec.field(default_factory=lambda: [VariantRow(0)])
    axes: list[Axis] = []


def fields_of(product: AdminProduct) -> ProductFields:
    """A stored product as the form shows it."""
    axes = {option.code: option for option in product.options}
    rows = [
        VariantRow(
            index=index,
            id=str(variant.id),
            sku=variant.sku,
            barcode=variant.barcode or "",
            price=decimal_of(variant.price),
            compare_at_price=decimal_of(variant.compare_at_price) if variant.compare_at_price else "",
            weight_g=str(variant.weight_g),
            available=variant.available,
            options=variant.options,
        )
        for index, variant in enumerate(product.variants)
    ]
    return ProductFields(
        name=product.name,
        slug=product.slug,
        maker=product.maker,
        description=product.description,
        status=product.status,
        category=product.category or "",
        collections=product.collections,
        options="\n".join(_option_line(axis.label, axis.values) for axis in axes.values()),
        details="\n".join(f"{name}: {value}" for name, value in product.details.items()),
        seo_title=product.seo.title,
        seo_description=product.seo.description,
        is_gift_card=product.product_type == GIFT_CARD,
        tax_class=product.tax_class,
        rows=rows,
        axes=[Axis(axis.code, axis.label, axis.values) for axis in axes.values()],
    )


def fields_typed(data: dict[str, Any], stored: AdminProduct | None) -> ProductFields:
    """What was typed, unchanged: for the form that is shown again after a refusal."""
    names = ("name", "slug", "maker", "description", "status", "category", "options", "details", "seo_title")
    rows = [
        VariantRow(
            index=index,
            id=text(data, f"id-{index}"),
            sku=text(data, f"sku-{index}"),
            barcode=text(data, f"barcode-{index}"),
            price=text(data, f"price-{index}"),
            compare_at_price=text(data, f"compare_at_price-{index}"),
            weight_g=text(data, f"weight_g-{index}"),
            on_hand=text(data, f"on_hand-{index}"),
            options=_row_options(data, index),
        )
        for index in _row_numbers(data)
    ]
    return ProductFields(
        **{name: text(data, name) for name in names},
        seo_description=text(data, "seo_description"),
        collections=texts(data, "collections"),
        is_gift_card=bool(text(data, "is_gift_card")),
        tax_class=_tax_class(data, stored),
        rows=rows or [VariantRow(0)],
        axes=_axes_typed(text(data, "options"), stored),
    )


def _axes_typed(typed: str, stored: AdminProduct | None) -> list[Axis]:
    """The columns that the typed options ask for; none when they cannot be read."""
    try:
        options = _options(typed, stored)
    except Invalid:
        return []
    return [Axis(slug_of(option.label), option.label, option.values) for option in options]


def product_of(data: dict[str, Any], *, currency: str, stored: AdminProduct | None) -> ProductInput:
    """The product that the form describes. Raises Invalid with one error per wrong field.

    What the form does not show (attributes, swatches; a tax class, when nobody answers which there are) is
    kept from `stored`.
    """
    options = _options(text(data, "options"), stored)
    variants = [
        variant
        for index in _row_numbers(data)
        if (variant := _variant(data, index, currency, options)) is not None
    ]
    if not variants:
        raise _wrong("sku-0", "Give the product at least one variant with a SKU and a price.")
    return _checked(
        {
            "name": text(data, "name"),
            "slug": text(data, "slug") or None,
            "maker": text(data, "maker"),
            "description": text(data, "description"),
            "status": text(data, "status") or ProductStatus.DRAFT,
            "category": text(data, "category") or None,
            "collections": texts(data, "collections"),
            "details": _details(text(data, "details")),
            "options": options,
            "variants": variants,
            "seo_title": text(data, "seo_title"),
            "seo_description": text(data, "seo_description"),
            "attributes": stored.attributes if stored else {},
            "tax_class": _tax_class(data, stored),
            "product_type": _product_type(data, stored),
            "external_reference": stored.external_reference if stored else None,
        }
    )


def _product_type(data: dict[str, Any], stored: AdminProduct | None) -> str:
    """A gift card when it is ticked; else what it was."""
    if text(data, "is_gift_card"):
        return GIFT_CARD
    known = stored.product_type if stored else "default"
    return "default" if known == GIFT_CARD else known


def _tax_class(data: dict[str, Any], stored: AdminProduct | None) -> str:
    return text(data, "tax_class") or (stored.tax_class if stored else "standard")


def _row_numbers(data: dict[str, Any]) -> list[int]:
    found = {int(match[1]) for name in data if (match := re.fullmatch(r"sku-(\d{1,3})", name))}
    return sorted(index for index in found if index < MAX_ROWS)


def _row_options(data: dict[str, Any], index: int) -> dict[str, str]:
    prefix = f"option-{index}-"
    return {name.removeprefix(prefix): text(data, name) for name in data if name.startswith(prefix)}


def _variant(
    data: dict[str, Any], index: int, currency: str, options: list[OptionInput]
) -> VariantInput | None:
    sku = text(data, f"sku-{index}")
    if not sku:
        return None
    price = money(data, f"price-{index}", currency)
    if price is None:
        raise _wrong(f"price-{index}", f"Enter the price of {sku}.")
    before = money(data, f"compare_at_price-{index}", currency)
    typed_id = text(data, f"id-{index}")
    return VariantInput(
        id=UUID(typed_id) if typed_id else None,
        sku=sku,
        barcode=text(data, f"barcode-{index}") or None,
        price=price.amount,
        compare_at_price=before.amount if before else None,
        weight_g=whole(data, f"weight_g-{index}", most=10_000_000) or 0,
        on_hand=None if typed_id else whole(data, f"on_hand-{index}"),
        options=_chosen(_row_options(data, index), options, index),
    )


def _chosen(typed: dict[str, str], options: list[OptionInput], index: int) -> dict[str, str]:
    """The values of a row by option code; a value may be typed by its label."""
    chosen = {}
    for option in options:
        code = slug_of(option.label)
        wanted = typed.get(code, "").casefold()
        match = next(
            (
                each.value
                for each in option.values
                if wanted in (each.value.casefold(), each.label.casefold())
            ),
            None,
        )
        if match is None:
            labels = ", ".join(each.label for each in option.values)
            raise _wrong(f"option-{index}-{code}", f"Choose one of: {labels}.")
        chosen[code] = match
    return chosen


def _options(typed: str, stored: AdminProduct | None) -> list[OptionInput]:
    """Lines "Label: value, value"; swatches of values that were there before are kept."""
    known = {
        (option.label, value.label): value
        for option in (stored.options if stored else [])
        for value in option.values
    }
    found = []
    for line in filter(None, (line.strip() for line in typed.splitlines())):
        label, separator, values = line.partition(":")
        labels = [value.strip() for value in values.split(",") if value.strip()]
        if not separator or not labels:
            raise _wrong("options", "Write one option per line, for example: Size: Small, Large.")
        found.append(
            OptionInput(
                label.strip(),
                [known.get((label.strip(), each)) or OptionValue(slug_of(each), each) for each in labels],
            )
        )
    return found


def _details(typed: str) -> dict[str, str]:
    lines = [line.partition(":") for line in typed.splitlines() if line.strip()]
    if any(not separator for _, separator, _ in lines):
        raise _wrong("details", "Write one detail per line, for example: Material: Stoneware.")
    return {name.strip(): value.strip() for name, _, value in lines}


def slug_of(label: str) -> str:
    """A label as a code: "Set of 4" → "set-of-4"."""
    return re.sub(r"[^a-z0-9]+", "-", label.casefold()).strip("-")


def _option_line(label: str, values: list[OptionValue]) -> str:
    return f"{label}: {', '.join(value.label for value in values)}"


def _checked(values: dict[str, Any]) -> ProductInput:
    """The limits of the contract, told as errors of fields."""
    plain = msgspec.to_builtins(values)
    try:
        return msgspec.convert(plain, ProductInput)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        field = path.strip("`$.").partition("[")[0] or "name"
        raise _wrong(field, f"{message}.") from None


def _wrong(field: str, message: str) -> Invalid:
    return Invalid(detail=message, errors=[FieldError(field, "invalid", message)])
