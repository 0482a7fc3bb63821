"""Lists straight from the tables: for staff, and for shoppers while the index cannot answer."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from mercato.contracts.catalog import ProductSort, ProductStatus
from mercato.kernel.db import Queries

_ADMIN_SORTS = {
    "updated_at": ("p.updated_at", "timestamptz"),
    "created_at": ("p.created_at", "timestamptz"),
    "name": ("lower(p.name)", "text"),
}
_SHOP_SORTS = {
    ProductSort.NAME: "lower(p.name), p.id",
    ProductSort.PRICE: "price, p.id",
    ProductSort.PRICE_DESCENDING: "price desc, p.id",
    ProductSort.NEWEST: "p.created_at desc, p.id",
    ProductSort.BEST_SELLING: "p.units_sold desc, p.created_at, p.id",
    ProductSort.RELEVANCE: "p.units_sold desc, p.created_at, p.id",
}


def is_admin_sort(sort: str) -> bool:
    return sort.removeprefix("-") in _ADMIN_SORTS


async def admin_page(
    db: Queries,
    *,
    query: str,
    status: ProductStatus | None,
    category_id: UUID | None,
    sort: str,
    after: tuple[Any, UUID] | None,
    limit: int,
) -> tuple[list[tuple[Any, UUID]], int]:
    """(sort value, id) of one page, and how many there are; `query` is found in name, maker, slug and SKU."""
    column, kind = _ADMIN_SORTS[sort.removeprefix("-")]
    is_descending = sort.startswith("-")
    where = """
      ($1 = '' or p.name ilike $2 or p.maker ilike $2 or p.slug ilike $2
        or exists (select from catalog.variants v where v.product_id = p.id and v.sku ilike $2))
      and ($3::text is null or p.status = $3)
      and ($4::uuid is null or p.category_id in (select id from catalog.categories where $4 = any(lineage)))
    """
    pattern = "%" + query.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    arguments = (query, pattern, status, category_id)
    total: int = await db.fetchval(f"select count(*) from catalog.products p where {where}", *arguments)
    direction, comparison = ("desc", "<") if is_descending else ("asc", ">")
    rows = await db.fetch(
        f"select {column} as value, p.id from catalog.products p where {where}"
        f" and ($5::{kind} is null or ({column}, p.id) {comparison} ($5, $6::uuid))"
        f" order by {column} {direction}, p.id {direction} limit $7",
        *arguments,
        after[0] if after else None,
        after[1] if after else None,
        limit,
    )
    return [(row["value"], row["id"]) for row in rows], total


async def shop_page(
    db: Queries,
    *,
    words: Sequence[str],
    channel: str,
    category_id: UUID | None,
    collection_id: UUID | None,
    price_min: int | None,
    price_max: int | None,
    in_stock: bool,
    sort: ProductSort,
    offset: int,
    limit: int,
) -> tuple[list[UUID], int]:
    """Ids of one page of what is on sale, and how many there are. Without facets: a fallback."""
    rows = await db.fetch(
        f"""
        select p.id, count(*) over () as total from (
          select p.*, (select min(r.price_amount) from catalog.variants v
            join catalog.prices r on r.variant_id = v.id and r.channel = $2 where v.product_id = p.id) as price
          from catalog.products p
          where p.status = 'active'
            and ($3::uuid is null or p.category_id in (select id from catalog.categories where $3 = any(lineage)))
            and ($4::uuid is null or exists (select from catalog.collection_products c
              where c.product_id = p.id and c.collection_id = $4))
            and (not $7 or exists (select from catalog.variants v
              where v.product_id = p.id and coalesce(v.channel_availability ->> $2, v.availability) <> 'out'))
            and not exists (select from unnest($1::text[]) as w (word)
              where p.name not ilike '%' || word || '%' and p.maker not ilike '%' || word || '%'
                and p.description not ilike '%' || word || '%')) p
        where price is not null and price >= coalesce($5, 0) and price <= coalesce($6, price)
        order by {_SHOP_SORTS[sort]} offset $8 limit $9
        """,
        words, channel, category_id, collection_id, price_min, price_max, in_stock, offset, limit,
    )  # fmt: skip
    return [row["id"] for row in rows], rows[0]["total"] if rows else 0


async def counts(db: Queries, *, channel: str) -> dict[str, int]:
    """Products on sale per category and collection (by id, as text); a category counts what is below it."""
    rows = await db.fetch(
        """
        with sold as (
          select p.id, p.category_id from catalog.products p
          where p.status = 'active' and exists (select from catalog.variants v
            join catalog.prices r on r.variant_id = v.id and r.channel = $1 where v.product_id = p.id))
        select one::text as id, count(*) as products
          from sold s join catalog.categories c on c.id = s.category_id, unnest(c.lineage) as one group by one
        union all
        select m.collection_id::text, count(*)
          from sold s join catalog.collection_products m on m.product_id = s.id group by m.collection_id
        """,
        channel,
    )
    return {row["id"]: row["products"] for row in rows}
