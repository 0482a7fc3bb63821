"""Writing every product as a CSV file in Mercato's own format, which the importer reads back."""

import csv
import io
from collections.abc import AsyncIterator, Callable
from typing import Any, TextIO

import msgspec

from mercato.contracts.catalog import AdminProduct, Catalog
from mercato.contracts.shared import MAX_LIMIT
from mercato.kernel.context import Context
from mercato.kernel.csv_cells import guarded_row
from mercato.kernel.money import to_decimal

OPTIONS_MAX = 5
LIST_SEPARATOR = "|"

_PRODUCT_COLUMNS = (
    "slug", "name", "maker", "status", "category", "collections", "description", "product_type", "tax_class",
    "external_reference", "seo_title", "seo_description", "details",
)  # fmt: skip
_VARIANT_COLUMNS = ("sku", "barcode", "price", "compare_at_price", "weight_g", "on_hand")


async def export_products(
    catalog: Catalog, ctx: Context, target: TextIO, tell: Callable[[int], None] = lambda _: None
) -> int:
    """Write one row per variant; returns how many products. `tell` hears the number so far. Pictures stay."""
    count = 0
    async for text, products in csv_pages(catalog, ctx):
        target.write(text)
        count += products
        tell(count)
    return count


async def csv_pages(catalog: Catalog, ctx: Context) -> AsyncIterator[tuple[str, int]]:
    """The file in pieces, each with how many products it has; the first begins with the column names."""
    attributes = [attribute.code for attribute in await catalog.attributes(ctx)]
    paths = {one.slug: one.path for one in await catalog.categories(ctx)}
    parts = ("name", "value", "label", "swatch")
    options = [f"option{number}_{part}" for number in range(1, OPTIONS_MAX + 1) for part in parts]
    columns = [*_PRODUCT_COLUMNS, *_VARIANT_COLUMNS, *options, *(f"attribute:{code}" for code in attributes)]
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, columns, restval="")
    writer.writeheader()
    page = await catalog.export_products(ctx, limit=MAX_LIMIT, cursor=None)
    while True:
        for product in page.items:
            writer.writerows(guarded_row(row) for row in _rows(product, paths))
        yield buffer.getvalue(), len(page.items)
        if page.next_cursor is None:
            return
        buffer.seek(0)
        buffer.truncate()
        page = await catalog.export_products(ctx, limit=MAX_LIMIT, cursor=page.next_cursor)


def _rows(product: AdminProduct, paths: dict[str, str]) -> list[dict[str, Any]]:
    shared: dict[str, Any] = {
        "slug": product.slug,
        "name": product.name,
        "maker": product.maker,
        "status": product.status.value,
        "category": paths.get(product.category or "", ""),
        "collections": LIST_SEPARATOR.join(product.collections),
        "description": product.description,
        "product_type": product.product_type,
        "tax_class": product.tax_class,
        "external_reference": product.external_reference or "",
        "seo_title": product.seo.title,
        "seo_description": product.seo.description,
        "details": msgspec.json.encode(product.details).decode() if product.details else "",
    }
    shared |= {f"attribute:{code}": _text(value) for code, value in product.attributes.items()}
    rows = []
    for variant in product.variants:
        row = shared | {
            "sku": variant.sku,
            "barcode": variant.barcode or "",
            "price": str(to_decimal(variant.price)),
            "compare_at_price": str(to_decimal(variant.compare_at_price)) if variant.compare_at_price else "",
            "weight_g": variant.weight_g,
            "on_hand": variant.available,
        }
        for number, option in enumerate(product.options, 1):
            value = next(one for one in option.values if one.value == variant.options[option.code])
            row[f"option{number}_name"] = option.label
            row[f"option{number}_value"] = value.value
            row[f"option{number}_label"] = value.label
            row[f"option{number}_swatch"] = value.swatch or ""
        rows.append(row)
    return rows


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return LIST_SEPARATOR.join(str(one) for one in value)
    return str(value)
