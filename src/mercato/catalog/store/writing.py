"""Writing products: many at once, each statement for the whole batch."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from mercato.catalog.drafts import ProductDraft, VariantDraft
from mercato.kernel.db import Queries, Tx

_UPSERT_PRODUCTS = """
insert into catalog.products as p (id, slug, name, maker, description, status, product_type, category_id, attributes,
  details, options, seo_title, seo_description, tax_class, external_reference, created_at, updated_at)
select id, slug, name, maker, description, status, product_type, category_id, attributes, details, options,
  seo_title, seo_description, tax_class, external_reference, created_at, updated_at
from jsonb_to_recordset($1::jsonb) as r (id uuid, slug text, name text, maker text, description text, status text,
  product_type text, category_id uuid, attributes jsonb, details jsonb, options jsonb, seo_title text,
  seo_description text, tax_class text, external_reference text, created_at timestamptz, updated_at timestamptz)
order by id
on conflict (id) do update set slug = excluded.slug, name = excluded.name, maker = excluded.maker,
  description = excluded.description, status = excluded.status, product_type = excluded.product_type,
  category_id = excluded.category_id, attributes = excluded.attributes, details = excluded.details,
  options = excluded.options, seo_title = excluded.seo_title, seo_description = excluded.seo_description,
  tax_class = excluded.tax_class, external_reference = excluded.external_reference,
  updated_at = excluded.updated_at, version = p.version + 1
"""
_UPSERT_VARIANTS = """
insert into catalog.variants (id, product_id, sku, barcode, options, weight_g, image_ids, position, opening_stock)
select id, product_id, sku, barcode, options, weight_g,
  array(select value::uuid from jsonb_array_elements_text(image_ids)), position, opening_stock
from jsonb_to_recordset($1::jsonb) as r (id uuid, product_id uuid, sku text, barcode text, options jsonb,
  weight_g int, image_ids jsonb, position int, opening_stock int)
order by id
on conflict (id) do update set sku = excluded.sku, barcode = excluded.barcode, options = excluded.options,
  weight_g = excluded.weight_g, image_ids = excluded.image_ids, position = excluded.position
where (variants.sku, variants.barcode, variants.options, variants.weight_g, variants.image_ids, variants.position)
  is distinct from (excluded.sku, excluded.barcode, excluded.options, excluded.weight_g, excluded.image_ids,
    excluded.position)
"""
# The lowest price of the last 30 days is fixed when a price begins: a discount is announced against it.
_UPSERT_PRICES = """
with new as (
  select * from unnest($1::uuid[], $2::bigint[], $3::bigint[]) as n (variant_id, price_amount, compare_at_amount)),
replaced as (
  select p.variant_id, p.price_amount, p.since from catalog.prices p join new n using (variant_id)
  where p.channel = $4 and p.price_amount <> n.price_amount),
kept as (
  insert into catalog.former_prices (variant_id, channel, price_amount, since, until)
  select variant_id, $4, price_amount, since, $5 from replaced)
insert into catalog.prices as p (variant_id, channel, price_amount, compare_at_amount, lowest_30d_amount, since)
select n.variant_id, $4, n.price_amount, n.compare_at_amount, (
    select least(r.price_amount, (
      select min(f.price_amount) from catalog.former_prices f
      where f.variant_id = n.variant_id and f.channel = $4 and f.until > $5::timestamptz - interval '30 days'))
    from replaced r where r.variant_id = n.variant_id), $5
from new n order by n.variant_id
on conflict (variant_id, channel) do update set price_amount = excluded.price_amount,
  compare_at_amount = excluded.compare_at_amount,
  lowest_30d_amount = case when p.price_amount <> excluded.price_amount then excluded.lowest_30d_amount
    else p.lowest_30d_amount end,
  since = case when p.price_amount <> excluded.price_amount then excluded.since else p.since end
where (p.price_amount, p.compare_at_amount) is distinct from (excluded.price_amount, excluded.compare_at_amount)
"""


async def lock(tx: Tx, *, product_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Take the products, in order of id; returns id → version of those that exist."""
    rows = await tx.fetch(
        "select id, version from catalog.products where id = any($1::uuid[]) order by id for no key update",
        product_ids,
    )
    return {row["id"]: row["version"] for row in rows}


async def slugs_like(db: Queries, *, base: str) -> set[str]:
    """`base` and `base-<number>` as far as they are taken."""
    rows = await db.fetch(
        "select slug from catalog.products where slug = $1 or slug ~ ('^' || $1 || '-[0-9]+$')", base
    )
    return {row["slug"] for row in rows}


async def save(tx: Tx, *, drafts: Sequence[ProductDraft], channel: str, at: datetime) -> None:
    """Insert or replace whole products; prices are those of `channel`. Raises UniqueViolationError."""
    ids = [draft.id for draft in drafts]
    variants = [variant for draft in drafts for variant in draft.variants]
    await _remember_slugs(tx, drafts)
    await tx.execute(_UPSERT_PRODUCTS, _json([_product_row(draft) for draft in drafts]))
    await tx.execute(
        "delete from catalog.variants where product_id = any($1::uuid[]) and id <> all($2::uuid[])",
        ids,
        [variant.id for variant in variants],
    )
    await tx.execute(_UPSERT_VARIANTS, _json(variants))
    await set_prices(tx, variants=variants, channel=channel, at=at)
    await _set_collections(tx, drafts)


async def set_prices(tx: Tx, *, variants: Sequence[VariantDraft], channel: str, at: datetime) -> None:
    await set_price_amounts(
        tx,
        prices=[(v.id, v.price_amount, v.compare_at_amount) for v in variants],
        channel=channel,
        at=at,
    )


async def set_price_amounts(
    tx: Tx, *, prices: Sequence[tuple[UUID, int, int | None]], channel: str, at: datetime
) -> None:
    """(variant, price, compare-at price) of one channel; a price that was in force is remembered."""
    await tx.execute(
        _UPSERT_PRICES,
        [price[0] for price in prices],
        [price[1] for price in prices],
        [price[2] for price in prices],
        channel,
        at,
    )


async def touch(tx: Tx, *, product_id: UUID, at: datetime, status: str | None = None) -> None:
    """A new version of a product of which something beside its own row changed, or its status."""
    await tx.execute(
        "update catalog.products set version = version + 1, updated_at = $2, status = coalesce($3, status)"
        " where id = $1",
        product_id, at, status,
    )  # fmt: skip


async def delete(tx: Tx, *, product_id: UUID) -> None:
    """Remove it for good; its slugs answer "gone" from now on."""
    await tx.execute(
        "insert into catalog.old_slugs (slug, product_id) select slug, id from catalog.products where id = $1"
        " on conflict (slug) do update set product_id = excluded.product_id",
        product_id,
    )
    await tx.execute("delete from catalog.products where id = $1", product_id)


async def insert_image(
    tx: Tx, *, image_id: UUID, product_id: UUID, key: str, alt: str, width: int, height: int
) -> UUID:
    """Append a picture, or change the text of the one with the same content; returns its id."""
    found: UUID = await tx.fetchval(
        "insert into catalog.images as i (id, product_id, key, alt, width, height, position)"
        " select $1, $2, $3, $4, $5, $6, coalesce(max(position) + 1, 0) from catalog.images where product_id = $2"
        " on conflict (product_id, key) do update set alt = excluded.alt returning i.id",
        image_id, product_id, key, alt, width, height,
    )  # fmt: skip
    return found


async def show_variants(tx: Tx, *, product_id: UUID, image_id: UUID, skus: Sequence[str]) -> None:
    """Say that `image_id` shows the variants of these SKUs."""
    await tx.execute(
        "update catalog.variants set image_ids = image_ids || $2"
        " where product_id = $1 and sku = any($3::text[]) and not $2 = any(image_ids)",
        product_id, image_id, skus,
    )  # fmt: skip


async def update_image(tx: Tx, *, image_id: UUID, alt: str | None) -> None:
    await tx.execute("update catalog.images set alt = coalesce($2, alt) where id = $1", image_id, alt)


async def order_images(tx: Tx, *, image_ids: Sequence[UUID]) -> None:
    """Give a product's images the order of this list."""
    await tx.execute(
        "update catalog.images i set position = o.position - 1"
        " from unnest($1::uuid[]) with ordinality as o (id, position) where i.id = o.id",
        image_ids,
    )


async def delete_image(tx: Tx, *, product_id: UUID, image_id: UUID) -> None:
    await tx.execute("delete from catalog.images where id = $1", image_id)
    await tx.execute(
        "update catalog.variants set image_ids = array_remove(image_ids, $2) where product_id = $1",
        product_id,
        image_id,
    )


async def _remember_slugs(tx: Tx, drafts: Sequence[ProductDraft]) -> None:
    ids, slugs = [draft.id for draft in drafts], [draft.slug for draft in drafts]
    await tx.execute(
        "insert into catalog.old_slugs (slug, product_id)"
        " select p.slug, p.id from catalog.products p"
        " join unnest($1::uuid[], $2::text[]) as n (id, slug) on n.id = p.id where n.slug <> p.slug"
        " on conflict (slug) do update set product_id = excluded.product_id",
        ids, slugs,
    )  # fmt: skip
    await tx.execute("delete from catalog.old_slugs where slug = any($1::text[])", slugs)


async def _set_collections(tx: Tx, drafts: Sequence[ProductDraft]) -> None:
    pairs = [(collection_id, draft.id) for draft in drafts for collection_id in draft.collection_ids]
    collection_ids, product_ids = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    await tx.execute(
        "delete from catalog.collection_products m where m.product_id = any($1::uuid[]) and not exists ("
        " select from unnest($2::uuid[], $3::uuid[]) as n (collection_id, product_id)"
        " where n.collection_id = m.collection_id and n.product_id = m.product_id)",
        [draft.id for draft in drafts], collection_ids, product_ids,
    )  # fmt: skip
    await tx.execute(
        "insert into catalog.collection_products (collection_id, product_id)"
        " select * from unnest($1::uuid[], $2::uuid[]) on conflict do nothing",
        collection_ids, product_ids,
    )  # fmt: skip


def _product_row(draft: ProductDraft) -> dict[str, Any]:
    row = msgspec.structs.asdict(draft)
    del row["variants"], row["collection_ids"]
    return row


def _json(rows: Sequence[Any]) -> str:
    return msgspec.json.encode(rows).decode()
