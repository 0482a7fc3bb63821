"""What follows a change: the search index of every host, availability, units sold, opening stock."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from mercato.contracts.stock import Availability
from mercato.kernel.db import Queries, Tx


async def mark(tx: Tx, *, product_ids: Sequence[UUID]) -> None:
    """Note that search has to read these products again."""
    await tx.execute(
        "insert into catalog.changes (product_id, xid)"
        " select id, pg_current_xact_id()::text::bigint from unnest($1::uuid[]) as n (id) order by id"
        " on conflict (product_id) do update set xid = excluded.xid",
        product_ids,
    )


async def since(db: Queries, *, xid: int) -> tuple[int, dict[UUID, int]]:
    """(the oldest transaction still open, product → last change) of all changes not older than `xid`.

    Asking again with the returned number misses nothing: whatever was not committed now is not older.
    """
    rows = await db.fetch(
        "select s.horizon, c.product_id, c.xid"
        " from (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as horizon) s"
        " left join catalog.changes c on c.xid >= $1",
        xid,
    )
    return rows[0]["horizon"], {row["product_id"]: row["xid"] for row in rows if row["product_id"]}


async def horizon(db: Queries) -> int:
    """The oldest transaction that is still open."""
    found: int = await db.fetchval("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
    return found


class Shown(msgspec.Struct, frozen=True):
    """What shoppers are told of a variant; `channels` have locations of their own, None keeps what is known."""

    availability: Availability
    channels: dict[str, Availability] | None = None


async def set_availability(tx: Tx, *, shown: Mapping[UUID, Shown]) -> dict[UUID, tuple[str, list[UUID]]]:
    """Keep what stock says of variants; returns product → (slug, its variants) where something changed."""
    rows = await tx.fetch(
        """
        with changed as (
          update catalog.variants v set availability = n.availability,
            channel_availability = coalesce(n.channels, v.channel_availability)
          from unnest($1::uuid[], $2::text[], $3::jsonb[]) as n (id, availability, channels)
          where v.id = n.id and (v.availability, v.channel_availability)
            <> (n.availability, coalesce(n.channels, v.channel_availability)) returning v.product_id)
        select p.id, p.slug, array(select v.id from catalog.variants v where v.product_id = p.id) as variant_ids
        from catalog.products p where p.id in (select product_id from changed)
        """,
        list(shown),
        [str(one.availability) for one in shown.values()],
        [
            None if one.channels is None else msgspec.json.encode(one.channels).decode()
            for one in shown.values()
        ],
    )
    return {row["id"]: (row["slug"], row["variant_ids"]) for row in rows}


async def add_units_sold(tx: Tx, *, units: Mapping[UUID, int]) -> None:
    """Count sold units (variant → quantity), and note the products for `take_best_sellers`."""
    await tx.execute(
        """
        with sold as (
          select v.product_id, sum(n.quantity)::bigint as quantity
          from unnest($1::uuid[], $2::bigint[]) as n (variant_id, quantity)
          join catalog.variants v on v.id = n.variant_id group by v.product_id),
        counted as (
          update catalog.products p set units_sold = p.units_sold + s.quantity
          from sold s where p.id = s.product_id returning p.id)
        insert into catalog.best_sellers (product_id) select id from counted order by id on conflict do nothing
        """,
        list(units),
        list(units.values()),
    )


async def take_best_sellers(tx: Tx) -> list[UUID]:
    """The products that were sold since this was last asked."""
    rows = await tx.fetch("delete from catalog.best_sellers returning product_id")
    return [row["product_id"] for row in rows]


async def not_registered(
    db: Queries, *, limit: int, variant_ids: Sequence[UUID] | None = None
) -> dict[UUID, tuple[str, int]]:
    """variant → (SKU, opening stock) of variants that the stock service does not know yet."""
    rows = await db.fetch(
        "select id, sku, opening_stock from catalog.variants where opening_stock is not null"
        " and ($2::uuid[] is null or id = any($2::uuid[])) order by id limit $1",
        limit,
        variant_ids,
    )
    return {row["id"]: (row["sku"], row["opening_stock"]) for row in rows}


async def set_registered(db: Queries, *, variant_ids: Sequence[UUID]) -> None:
    await db.execute(
        "update catalog.variants set opening_stock = null where id = any($1::uuid[])", variant_ids
    )


async def mark_all(tx: Tx) -> None:
    """Note that search has to read every product again."""
    await tx.execute(
        "insert into catalog.changes (product_id, xid)"
        " select id, pg_current_xact_id()::text::bigint from catalog.products order by id"
        " on conflict (product_id) do update set xid = excluded.xid"
    )
