"""A product as the audit compares it before and after: each price and each variant is a field of its own."""

from typing import Any
from uuid import UUID

from mercato.catalog.parts import Parts
from mercato.catalog.records import ProductRecord
from mercato.catalog.store import products
from mercato.kernel.context import Context, PrincipalKind
from mercato.kernel.db import Tx

Facts = dict[str, Any]

_PLAIN = (
    "slug", "name", "maker", "description", "status", "product_type", "category_id", "attributes", "details",
    "options", "seo_title", "seo_description", "tax_class", "external_reference", "collection_ids",
)  # fmt: skip


def facts_of(product: ProductRecord) -> Facts:
    """The fields that people change; amounts in minor units of the channel's currency."""
    facts: Facts = {name: getattr(product, name) for name in _PLAIN}
    facts["images"] = [image.alt or image.key for image in product.images]
    for variant in product.variants:
        facts[f"variant {variant.sku}"] = [variant.options, variant.barcode or "", f"{variant.weight_g} g"]
        for price in variant.prices:
            facts[f"price {variant.sku} {price.channel}"] = price.price_amount
            facts[f"compare-at price {variant.sku} {price.channel}"] = price.compare_at_amount
    return facts


async def facts(tx: Tx, ctx: Context, product_id: UUID) -> Facts:
    """The product now; nothing for Mercato itself, whose acts are not told row by row."""
    if ctx.principal.kind is PrincipalKind.SYSTEM:
        return {}
    found = await products.by_id(tx, product_id=product_id)
    return facts_of(found) if found else {}


async def tell(parts: Parts, tx: Tx, ctx: Context, act: str, product_id: UUID, before: Facts) -> None:
    """Tell the audit what became of the product in this transaction."""
    if ctx.principal.kind is PrincipalKind.SYSTEM:
        return
    after = await facts(tx, ctx, product_id)
    label = str((after or before).get("name", ""))
    await parts.acted(tx, ctx, act, ("product", product_id), label=label, before=before, after=after)
