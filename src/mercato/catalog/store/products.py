"""Reading products and variants."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import msgspec

from mercato.catalog.records import ProductRecord, SaleRecord
from mercato.kernel.db import Queries

_decode = msgspec.json.Decoder(ProductRecord).decode
_decode_sale = msgspec.json.Decoder(SaleRecord).decode

# One JSON text per product: a product page is one statement and one decode.
_PRODUCT = """
select row_to_json(t)::text as product from (
  select p.id, p.slug, p.name, p.maker, p.description, p.status, p.product_type, p.category_id, p.attributes,
    p.details, p.options, p.seo_title, p.seo_description, p.tax_class, p.external_reference, p.units_sold, p.version,
    p.created_at, p.updated_at,
    (select coalesce(json_agg(json_build_object('id', v.id, 'sku', v.sku, 'barcode', v.barcode, 'options', v.options,
        'weight_g', v.weight_g, 'image_ids', v.image_ids, 'availability', v.availability, 'channel_availability', v.channel_availability,
        'prices', (select coalesce(json_agg(json_build_object('channel', r.channel, 'price_amount', r.price_amount,
            'compare_at_amount', r.compare_at_amount, 'lowest_30d_amount', r.lowest_30d_amount)), '[]'::json)
          from catalog.prices r where r.variant_id = v.id)) order by v.position), '[]'::json)
      from catalog.variants v where v.product_id = p.id) as variants,
    (select coalesce(json_agg(json_build_object('id', i.id, 'key', i.key, 'alt', i.alt, 'width', i.width,
        'height', i.height) order by i.position, i.id), '[]'::json)
      from catalog.images i where i.product_id = p.id) as images,
    (select coalesce(json_agg(c.collection_id), '[]'::json)
      from catalog.collection_products c where c.product_id = p.id) as collection_ids
  from catalog.products p {where}) t
"""
_BY_ID = _PRODUCT.format(where="where p.id = $1")
_BY_SLUG = _PRODUCT.format(where="where p.slug = $1")
_BY_IDS = _PRODUCT.format(where="where p.id = any($1::uuid[])")
_AFTER = _PRODUCT.format(where="where p.id > $1 order by p.id limit $2")
# A join on the list would let the planner scan both tables; the two branches use the unique indexes.
_OF_SKUS = _PRODUCT.format(
    where="where p.id in (select v.product_id from catalog.variants v where v.sku = any($1::text[]))"
    " or p.slug = any($2::text[])"
)


async def by_id(db: Queries, *, product_id: UUID) -> ProductRecord | None:
    text = await db.fetchval(_BY_ID, product_id)
    return None if text is None else _decode(text)


async def by_slug(db: Queries, *, slug: str) -> ProductRecord | None:
    text = await db.fetchval(_BY_SLUG, slug)
    return None if text is None else _decode(text)


async def by_ids(db: Queries, *, product_ids: Sequence[UUID]) -> list[ProductRecord]:
    """The products that exist among `product_ids`, in any order."""
    return [_decode(row["product"]) for row in await db.fetch(_BY_IDS, product_ids)]


async def of_skus_and_slugs(db: Queries, *, skus: Sequence[str], slugs: Sequence[str]) -> list[ProductRecord]:
    """The products that own one of `skus` or have one of `slugs`."""
    return [_decode(row["product"]) for row in await db.fetch(_OF_SKUS, skus, slugs)]


async def after(db: Queries, *, product_id: UUID, limit: int) -> list[ProductRecord]:
    """The next `limit` products in order of id."""
    return [_decode(row["product"]) for row in await db.fetch(_AFTER, product_id, limit)]


async def batches(db: Queries, *, size: int) -> AsyncIterator[list[ProductRecord]]:
    """Every product, `size` at a time, in order of id."""
    last = UUID(int=0)
    while found := await after(db, product_id=last, limit=size):
        yield found
        last = found[-1].id


async def product_of_old_slug(db: Queries, *, slug: str) -> UUID | None:
    product_id: UUID | None = await db.fetchval(
        "select product_id from catalog.old_slugs where slug = $1", slug
    )
    return product_id


async def was_deleted(db: Queries, *, product_id: UUID) -> bool:
    """Whether a product with this id existed and was deleted."""
    return bool(
        await db.fetchval(
            "select exists (select from catalog.old_slugs where product_id = $1)"
            " and not exists (select from catalog.products where id = $1)",
            product_id,
        )
    )


async def sale_variants(db: Queries, *, variant_ids: Sequence[UUID], channel: str) -> list[SaleRecord]:
    """All variants of the products of `variant_ids`, with the price of `channel`; its first image, or the product's.

    Whoever asks for one is soon asked for its siblings: an order needs a third of the statements.
    """
    rows = await db.fetch(
        """
        select row_to_json(t)::text as sale from (
          select v.id, v.product_id, p.category_id, v.sku, p.slug, p.name, p.status, p.options as product_options,
            v.options, p.tax_class, p.product_type = 'gift_card' as is_gift_card, v.weight_g, r.price_amount, r.compare_at_amount,
            (select i.key from catalog.images i where i.product_id = p.id
             order by i.id = any(v.image_ids) desc, i.position, i.id limit 1) as image_key,
            array(select c.collection_id from catalog.collection_products c where c.product_id = p.id) as collection_ids
          from catalog.variants v
          join catalog.products p on p.id = v.product_id
          left join catalog.prices r on r.variant_id = v.id and r.channel = $2
          where v.product_id in (select s.product_id from catalog.variants s where s.id = any($1::uuid[]))) t
        """,
        variant_ids,
        channel,
    )
    return [_decode_sale(row["sale"]) for row in rows]


async def product_of_variant(db: Queries, *, variant_id: UUID) -> UUID | None:
    product_id: UUID | None = await db.fetchval(
        "select product_id from catalog.variants where id = $1", variant_id
    )
    return product_id


async def ids(db: Queries) -> list[tuple[UUID, str]]:
    """(id, status) of every product: for comparing other copies with the table."""
    return [(row["id"], row["status"]) for row in await db.fetch("select id, status from catalog.products")]


async def shop_identity(db: Queries) -> str:
    """An id that tells this database from every other one, also from a copy of it restored elsewhere."""
    found: str = await db.fetchval(
        "select format('%s/%s/%s', (select system_identifier from pg_control_system()),"
        " (select oid from pg_database where datname = current_database()),"
        " (select id from catalog.channels where code = 'default'))"
    )
    return found


async def ids_below_category(db: Queries, *, category_id: UUID) -> list[UUID]:
    """Products in the category or in one below it."""
    rows = await db.fetch(
        "select p.id from catalog.products p join catalog.categories c on c.id = p.category_id"
        " where $1 = any(c.lineage)",
        category_id,
    )
    return [row["id"] for row in rows]


async def ids_with_attribute(db: Queries, *, code: str) -> list[UUID]:
    rows = await db.fetch("select id from catalog.products where attributes ? $1", code)
    return [row["id"] for row in rows]


async def picture_size(db: Queries, *, key: str) -> tuple[int, int] | None:
    """(width, height) of a picture that some product has, and that is stored therefore; None otherwise."""
    row = await db.fetchrow("select width, height from catalog.images where key = $1 limit 1", key)
    return None if row is None else (row["width"], row["height"])


async def variants_by_code(db: Queries, *, codes: Sequence[str]) -> dict[str, UUID]:
    """Code → variant: a SKU before a barcode; a barcode that several variants share names none of them."""
    rows = await db.fetch(
        """
        with code as (select distinct value from unnest($1::text[]) c(value))
        select c.value, coalesce(s.id, b.ids[1]) as id from code c left join catalog.variants s on s.sku = c.value
        left join lateral (select array_agg(v.id) as ids from catalog.variants v where v.barcode = c.value) b on true
        where s.id is not null or cardinality(b.ids) = 1
        """,
        codes,
    )
    return {row["value"]: row["id"] for row in rows}
