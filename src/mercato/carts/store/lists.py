"""Prices of price lists."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from mercato.contracts.carts import ListPrice
from mercato.kernel.db import Queries, Tx


class StoredPrice(msgspec.Struct, frozen=True, gc=False):
    """One price as the tables have it."""

    price_list_id: UUID
    variant_id: UUID
    min_quantity: int
    price: int


async def of_variants(
    db: Queries, *, price_list_ids: Sequence[UUID], variant_ids: Sequence[UUID]
) -> list[StoredPrice]:
    """All prices of these variants in these lists."""
    rows = await db.fetch(
        "select price_list_id, variant_id, min_quantity, price from carts.list_prices"
        " where variant_id = any($1::uuid[]) and price_list_id = any($2::uuid[])",
        variant_ids, price_list_ids,
    )  # fmt: skip
    return [StoredPrice(*row) for row in rows]


async def entries(
    db: Queries, *, price_list_id: UUID, after: tuple[UUID, int] | None, limit: int
) -> list[ListPrice]:
    """Prices of a list by variant and number of units, behind `after`."""
    variant_id, min_quantity = after or (None, None)
    rows = await db.fetch(
        "select variant_id, price, min_quantity from carts.list_prices where price_list_id = $1"
        " and ($2::uuid is null or (variant_id, min_quantity) > ($2, $3)) order by variant_id, min_quantity limit $4",
        price_list_id, variant_id, min_quantity, limit,
    )  # fmt: skip
    return [ListPrice(*row) for row in rows]


async def put(tx: Tx, *, price_list_id: UUID, prices: Sequence[ListPrice]) -> None:
    """Store prices over those of the same variant and number of units."""
    await tx.execute(
        """insert into carts.list_prices (price_list_id, variant_id, min_quantity, price)
          select distinct on (n.variant_id, n.min_quantity) $1::uuid, n.variant_id, n.min_quantity, n.price
          from unnest($2::uuid[], $3::int[], $4::bigint[]) with ordinality n(variant_id, min_quantity, price, place)
          order by n.variant_id, n.min_quantity, n.place desc
          on conflict (price_list_id, variant_id, min_quantity) do update set price = excluded.price""",
        price_list_id, [one.variant_id for one in prices], [one.min_quantity for one in prices],
        [one.price for one in prices],
    )  # fmt: skip


async def remove(tx: Tx, *, price_list_id: UUID, variant_id: UUID, min_quantity: int) -> bool:
    done = await tx.fetchval(
        "delete from carts.list_prices where price_list_id = $1 and variant_id = $2 and min_quantity = $3 returning true",
        price_list_id, variant_id, min_quantity,
    )  # fmt: skip
    return bool(done)
