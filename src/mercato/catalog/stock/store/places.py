"""Locations, what channels sell from, and what holds for a variant at all locations."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from mercato.catalog.stock.store.changes import (
    CHANGED_COLUMNS,
    IN_LOCK_ORDER,
    LOCKED_COLUMNS,
    LOCKED_FROM,
    Change,
    changed_cte,
    changes_of,
)
from mercato.contracts.stock import LOW_STOCK, ChannelStock, Location, StockItem, Strategy
from mercato.kernel.db import Queries, Row, Tx

_LOCATION = "id, code, name, position, is_active"


async def locations(db: Queries) -> list[Location]:
    rows = await db.fetch(f"select {_LOCATION} from stock.locations order by position, id")
    return [Location(**row) for row in rows]


async def lock_locations(tx: Tx) -> list[Location]:
    """All locations; nobody else changes them before `tx` ends."""
    await tx.execute("lock table stock.locations in share row exclusive mode")
    return await locations(tx)


async def add_location(tx: Tx, *, location_id: UUID, code: str, name: str) -> Location | None:
    """The new location, last in the order; None when the code is taken."""
    row = await tx.fetchrow(
        "insert into stock.locations (id, code, name, position)"
        " select $1, $2, $3, coalesce(max(position), 0) + 1 from stock.locations"
        f" on conflict (code) do nothing returning {_LOCATION}",
        location_id, code, name,
    )  # fmt: skip
    return None if row is None else Location(**row)


async def change_location(tx: Tx, *, location_id: UUID, name: str, is_active: bool) -> None:
    await tx.execute(
        "update stock.locations set name = $2, is_active = $3 where id = $1", location_id, name, is_active
    )


async def order_locations(tx: Tx, *, location_ids: Sequence[UUID]) -> None:
    """Let these come first in this order, and the others after them in the order they had."""
    await tx.execute(
        "update stock.locations l set position = x.position from (select id, row_number() over"
        " (order by array_position($1::uuid[], id), position, id)::int as position from stock.locations) x"
        " where x.id = l.id and x.position <> l.position",
        location_ids,
    )


async def remove_location(tx: Tx, *, location_id: UUID) -> bool:
    """Whether it was removed: not when anything has ever moved there or was set for it."""
    found = await tx.fetchval(
        "delete from stock.locations p where id = $1 and not exists (select from stock.levels where location_id = p.id)"
        " and not exists (select from stock.movements where location_id = p.id)"
        " and not exists (select from stock.channels where p.id = any(location_ids)) returning id",
        location_id,
    )
    return found is not None


# $2 says whether the location is counted from now on; what shoppers see is compared with the other case.
# Repeating it tells the same again, so a crash between two batches is healed by setting it once more.
COUNT_LOCATION = f"""with page as materialized (select variant_id from stock.levels where location_id = $1 and variant_id > $3 order by variant_id limit $4),
 locked as materialized (select {LOCKED_COLUMNS} from {LOCKED_FROM} where l.variant_id in (select variant_id from page) {IN_LOCK_ORDER}),
 steps as (select variant_id, location_id, raw, backorder, low_at, 0 as delta, backorder as backorder_after, low_at as low_at_after,
   case location_id when $1 then not $2 else is_active end as is_active, case location_id when $1 then $2 else is_active end as is_active_after from locked),{changed_cte("steps", after="_after")}
 select (select max(variant_id::text)::uuid from page) as last, {CHANGED_COLUMNS}"""


async def count_location(
    db: Queries, *, location_id: UUID, is_active: bool, after: UUID, limit: int
) -> tuple[UUID | None, list[Change]]:
    """Announce what shoppers see of up to `limit` variants at the location behind `after`, and the last one."""
    row = await db.fetchrow(COUNT_LOCATION, location_id, is_active, after, limit)
    return (None if row is None else row["last"]), changes_of(row)


# $2 is what the channel $1 sold from before, null for all. What differs from the whole shop is told in any case:
# saving a channel again tells all that other services should know of it.
COUNT_CHANNEL = f"""with page as materialized (select variant_id from stock.items where variant_id > $3 order by variant_id limit $4),
 locked as materialized (select {LOCKED_COLUMNS} from {
    LOCKED_FROM
} where l.variant_id in (select variant_id from page) {IN_LOCK_ORDER}),
 steps as (select *, 0 as delta from locked),{
    changed_cte(
        "steps",
        narrow="select channel, location_ids, case channel when $1 then $2::uuid[] else location_ids end as ids_before"
        " from stock.channels where location_ids is not null or channel = $1",
        also=" or (channel = $1 and c.shown <> whole)",
    )
}
 select (select max(variant_id::text)::uuid from page) as last, {CHANGED_COLUMNS}"""


async def count_channel(
    db: Queries, *, channel: str, location_ids_before: list[UUID] | None, after: UUID, limit: int
) -> tuple[UUID | None, list[Change]]:
    """Announce what shoppers of a channel see of up to `limit` variants behind `after`, and the last one."""
    row = await db.fetchrow(COUNT_CHANNEL, channel, location_ids_before, after, limit)
    return (None if row is None else row["last"]), changes_of(row)


async def channels(db: Queries) -> list[ChannelStock]:
    rows = await db.fetch("select channel, strategy, location_ids from stock.channels order by channel")
    return [ChannelStock(row["channel"], Strategy(row["strategy"]), row["location_ids"]) for row in rows]


async def set_channel(tx: Tx, *, channel: ChannelStock) -> None:
    await tx.execute(
        "insert into stock.channels (channel, strategy, location_ids) values ($1, $2, $3)"
        " on conflict (channel) do update set strategy = excluded.strategy, location_ids = excluded.location_ids",
        channel.channel, channel.strategy.value, channel.location_ids,
    )  # fmt: skip


# The limit counts at one level: where it counted before, else at the first active location.
SET_ITEM = f"""with locked as materialized (select {LOCKED_COLUMNS} from {LOCKED_FROM} where l.variant_id = $1 {IN_LOCK_ORDER}),
 host as materialized (select location_id from locked order by is_active desc, backorder > 0 desc, position, location_id limit 1),
 steps as materialized (select k.*, 0 as delta, k.is_active as is_active_after, case when k.location_id = h.location_id then $3::int else 0 end as backorder_after,
   coalesce($2::int, {LOW_STOCK}) as low_at_after from locked k, host h),
 ok as materialized (select coalesce(bool_and(on_hand + backorder_after >= allocated + reserved), true) as yes from steps),
 it as (update stock.items set low_at = $2, backorder_limit = $3 from ok where variant_id = $1 and ok.yes returning 1),
 up as (update stock.levels l set backorder = s.backorder_after, version = l.version + 1 from steps s, ok
   where ok.yes and l.variant_id = s.variant_id and l.location_id = s.location_id and l.backorder <> s.backorder_after),
 allowed as (select s.* from steps s, ok where ok.yes),{changed_cte("allowed", after="_after")}
 select exists (select from it) as is_done, {CHANGED_COLUMNS}"""

# Units that safety stock keeps back are taken from what is free, never from what is promised.
SET_SAFETY = f"""with locked as materialized (select {LOCKED_COLUMNS}, l.safety_stock from {LOCKED_FROM} where l.variant_id = $1 {IN_LOCK_ORDER}),
 up as (update stock.levels l set safety_stock = $3, version = l.version + 1 from locked k
   where k.location_id = $2 and l.variant_id = k.variant_id and l.location_id = k.location_id and l.safety_stock <> $3),
 steps as (select k.*, case location_id when $2 then safety_stock - $3::int else 0 end as delta from locked k),{changed_cte("steps")}
 select exists (select from locked where location_id = $2) as is_done, {CHANGED_COLUMNS}"""


class SetRow(msgspec.Struct, frozen=True):
    """Whether the setting was taken, and what shoppers see differently."""

    is_done: bool
    changes: list[Change]


async def item(db: Queries, *, variant_id: UUID) -> StockItem | None:
    row = await db.fetchrow(
        "select variant_id, sku, low_at, backorder_limit from stock.items where variant_id = $1", variant_id
    )
    return None if row is None else StockItem(**row)


async def set_item(db: Queries, *, variant_id: UUID, low_at: int | None, backorder_limit: int) -> SetRow:
    """Not taken when more is promised beyond what is there than the limit allows."""
    return _set(await db.fetchrow(SET_ITEM, variant_id, low_at, backorder_limit))


async def set_safety_stock(db: Queries, *, variant_id: UUID, location_id: UUID, safety_stock: int) -> SetRow:
    """Not taken when there is no such level."""
    return _set(await db.fetchrow(SET_SAFETY, variant_id, location_id, safety_stock))


def _set(row: Row | None) -> SetRow:
    assert row is not None
    return SetRow(row["is_done"], changes_of(row))
