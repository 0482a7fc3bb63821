"""Writing many new products by COPY."""

from collections.abc import Iterable
from typing import Any

from mercato.kernel.db import Queries, Tx

Rows = Iterable[tuple[Any, ...]]

PRODUCT_COLUMNS = (
    "id", "slug", "name", "maker", "description", "status", "product_type", "category_id", "attributes", "details",
    "options", "seo_title", "seo_description", "tax_class", "created_at", "updated_at",
)  # fmt: skip
VARIANT_COLUMNS = ("id", "product_id", "sku", "options", "weight_g", "image_ids", "position", "availability")
PRICE_COLUMNS = ("variant_id", "channel", "price_amount", "since")


async def copy(tx: Tx, *, products: Rows, variants: Rows, prices: Rows) -> None:
    """Insert new rows. Raises UniqueViolationError when a slug or SKU exists."""
    await tx.copy_rows("products", schema="catalog", columns=PRODUCT_COLUMNS, rows=products)
    await tx.copy_rows("variants", schema="catalog", columns=VARIANT_COLUMNS, rows=variants)
    await tx.copy_rows("prices", schema="catalog", columns=PRICE_COLUMNS, rows=prices)


async def existing_slugs(db: Queries, *, slugs: list[str]) -> set[str]:
    rows = await db.fetch("select slug from catalog.products where slug = any($1::text[])", slugs)
    return {row["slug"] for row in rows}
