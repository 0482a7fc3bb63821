"""Levels, locations, movements and reservations: what staff reads and changes, and what is available."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from mercato.catalog.stock.domain import MAX_UNITS, availability_of
from mercato.catalog.stock.store.changes import (
    CHANGED_COLUMNS,
    FREE,
    IN_LOCK_ORDER,
    LOCKED_COLUMNS,
    LOCKED_FROM,
    RAW,
    ROOM,
    Change,
    changed_cte,
    changes_of,
)
from mercato.contracts.stock import LOW_STOCK, Allocation, Availability, Movement, Reservation, StockLevel
from mercato.kernel.db import Queries, Row

LEVEL_COLUMNS = f"""l.variant_id, i.sku, l.location_id, p.name as location, l.on_hand, l.allocated, l.reserved, l.safety_stock,
   l.on_hand - l.allocated - l.reserved - l.safety_stock as available, l.version, l.backorder, coalesce(i.low_at, {LOW_STOCK}) as low_at"""

# $3 is the change of on_hand, or $4 the new on_hand. $5 is the version that the caller has seen, if any.
ADJUST = f"""with locked as materialized (select {LOCKED_COLUMNS} from {LOCKED_FROM} where l.variant_id = $1 {IN_LOCK_ORDER}),
 mine as materialized (select *, allocated + reserved as promised, case when $4::int is null then $3::int else $4::int - on_hand end as delta from locked where location_id = $2),
 ok as materialized (select * from mine where on_hand + delta >= 0 and (delta < 0 or on_hand::bigint + delta <= {MAX_UNITS}) and on_hand + delta + backorder >= promised and ($5::int is null or version = $5)),
 up as (update stock.levels l set on_hand = l.on_hand + ok.delta, version = l.version + 1 from ok where l.variant_id = ok.variant_id and l.location_id = ok.location_id and ok.delta <> 0),
 mo as (insert into stock.movements (variant_id, location_id, kind, quantity, cause_type, actor, reason) select variant_id, location_id, 'adjusted', delta, 'staff', $6, $7 from ok where delta <> 0),
 steps as (select k.*, coalesce(ok.delta, 0) as delta from locked k left join (select variant_id, location_id, delta from ok) ok using (variant_id, location_id)),{changed_cte("steps")}
 select (select version from mine) as version, (select promised from mine) as promised, (select delta from ok) as delta, exists (select from ok) as is_done,
   (select delta > 0 and on_hand::bigint + delta > {MAX_UNITS} from mine) as is_over, {CHANGED_COLUMNS}"""

REGISTER = f"""with want as materialized (select variant_id, sku, on_hand from unnest($1::uuid[], $2::text[], $3::int[]) w(variant_id, sku, on_hand)),
 main as materialized (select id, is_active from stock.locations order by is_active desc, position, id limit 1),
 named as (insert into stock.items as i (variant_id, sku) select variant_id, sku from want order by variant_id
   on conflict (variant_id) do update set sku = excluded.sku where i.sku <> excluded.sku),
 made as (insert into stock.levels (variant_id, location_id, on_hand) select w.variant_id, main.id, w.on_hand from want w, main
   where not exists (select from stock.levels l where l.variant_id = w.variant_id) order by w.variant_id on conflict do nothing returning variant_id, location_id, on_hand),
 mo as (insert into stock.movements (variant_id, location_id, kind, quantity, cause_type, actor, reason) select variant_id, location_id, 'received', on_hand, 'opening', $4, 'Opening stock' from made where on_hand > 0),
 steps as (select m.variant_id, m.location_id, main.is_active, 0 as raw, 0 as backorder, {LOW_STOCK} as low_at, m.on_hand as delta from made m, main),{changed_cte("steps", is_new=True)}
 select {CHANGED_COLUMNS}"""


AVAILABLE = f"""select l.variant_id, sum({FREE}) as free, sum({ROOM}) as room, coalesce(min(i.low_at), {LOW_STOCK}) as low_at
   from stock.levels l join stock.locations p on p.id = l.location_id and p.is_active join stock.items i on i.variant_id = l.variant_id
   left join stock.channels c on c.channel = $2
   where l.variant_id = any($1::uuid[]) and (c.location_ids is null or l.location_id = any(c.location_ids)) group by 1"""


class AdjustRow(msgspec.Struct, frozen=True):
    """How an adjustment ended. `version` is None when there is no such level."""

    is_done: bool
    version: int | None
    promised: int | None
    delta: int
    """Units by which on hand has changed."""
    is_over: bool
    """It would be more than a location holds."""
    changes: list[Change]


async def available(
    db: Queries, *, variant_ids: Sequence[UUID], channel: str
) -> dict[UUID, tuple[int, Availability]]:
    """Units that the channel may promise, and what shoppers are told; variants without a level are missing."""
    rows = await db.fetch(AVAILABLE, variant_ids, channel)
    return {row[0]: (row[2], availability_of(row[1], row[2], row[3])) for row in rows}


async def adjust(
    db: Queries,
    *,
    variant_id: UUID,
    location_id: UUID,
    delta: int | None,
    on_hand: int | None,
    version: int | None,
    actor: str,
    reason: str | None,
) -> AdjustRow:
    """Change on_hand by `delta` or to `on_hand`, with a movement, unless it would break a promise."""
    row = await db.fetchrow(ADJUST, variant_id, location_id, delta, on_hand, version, actor, reason)
    assert row is not None
    return AdjustRow(
        row["is_done"],
        row["version"],
        row["promised"],
        row["delta"] or 0,
        bool(row["is_over"]),
        changes_of(row),
    )


async def register(
    db: Queries, *, variant_ids: list[UUID], skus: list[str], on_hand: list[int], actor: str
) -> list[Change]:
    """Name variants and make a level at the first location for those that have none."""
    return changes_of(await db.fetchrow(REGISTER, variant_ids, skus, on_hand, actor))


async def level(db: Queries, *, variant_id: UUID, location_id: UUID) -> StockLevel:
    """One level that is known to exist."""
    found = await find(db, variant_id=variant_id, location_id=location_id)
    assert found is not None
    return found


async def find(db: Queries, *, variant_id: UUID, location_id: UUID) -> StockLevel | None:
    row = await db.fetchrow(
        f"""select {LEVEL_COLUMNS} from stock.levels l join stock.items i using (variant_id) join stock.locations p on p.id = l.location_id
        where l.variant_id = $1 and l.location_id = $2""",
        variant_id, location_id,
    )  # fmt: skip
    return None if row is None else StockLevel(**row)


async def levels(
    db: Queries,
    *,
    variant_ids: Sequence[UUID] | None,
    location_id: UUID | None,
    query: str,
    only_low: bool,
    after: tuple[str, int, UUID] | None,
    limit: int,
) -> tuple[list[StockLevel], list[tuple[str, int, UUID]], int]:
    """Levels in order of SKU and location behind `after`, the position of each, and how many there are."""
    where = f"""from stock.levels l join stock.items i using (variant_id) join stock.locations p on p.id = l.location_id
      where ($1::uuid[] is null or l.variant_id = any($1)) and ($2 = '' or strpos(lower(i.sku), lower($2)) > 0)
      and (not $3 or {RAW} <= coalesce(i.low_at, {LOW_STOCK})) and ($4::uuid is null or l.location_id = $4)"""
    rows = await db.fetch(
        f"""select {LEVEL_COLUMNS}, p.position {where} and ($5::text is null or (i.sku, p.position, l.variant_id) > ($5, $6::int, $7::uuid))
        order by i.sku, p.position, l.variant_id limit $8""",
        variant_ids, query, only_low, location_id, *(after or (None, None, None)), limit,
    )  # fmt: skip
    total = await db.fetchval(f"select count(*) {where}", variant_ids, query, only_low, location_id)
    positions = [(row["sku"], row["position"], row["variant_id"]) for row in rows]
    return [_level(row) for row in rows], positions, total


async def allocations(db: Queries, *, owners: Sequence[UUID]) -> list[Allocation]:
    """What is promised to `owners`, in the order in which locations are taken."""
    rows = await db.fetch(
        """select a.owner, a.variant_id, a.location_id, p.name as location, a.quantity from stock.allocations a join stock.locations p on p.id = a.location_id
        where a.owner = any($1::uuid[]) order by a.owner, p.position, p.id, a.variant_id""",
        owners,
    )
    return [Allocation(**row) for row in rows]


async def movements(
    db: Queries, *, variant_id: UUID | None, before: int | None, limit: int
) -> tuple[list[Movement], int]:
    """Movements older than number `before`, newest first, and how many there are."""
    rows = await db.fetch(
        """select m.id, m.at, m.variant_id, coalesce(i.sku, '') as sku, p.name as location, m.kind, m.quantity, m.cause_type, m.cause_id, m.actor, m.reason
        from stock.movements m left join stock.items i using (variant_id) join stock.locations p on p.id = m.location_id
        where ($1::uuid is null or m.variant_id = $1) and ($2::bigint is null or m.id < $2) order by m.id desc limit $3""",
        variant_id, before, limit,
    )  # fmt: skip
    total = await db.fetchval(
        "select count(*) from stock.movements where ($1::uuid is null or variant_id = $1)", variant_id
    )
    return [msgspec.convert(dict(row), Movement) for row in rows], total


async def reservations(
    db: Queries, *, variant_id: UUID | None, after: tuple[Any, UUID, UUID, UUID] | None, limit: int
) -> tuple[list[Reservation], list[tuple[Any, UUID, UUID, UUID]], int]:
    """Holds in order of expiry behind `after`, the position of each, and how many there are."""
    rows = await db.fetch(
        """select r.owner, r.variant_id, coalesce(i.sku, '') as sku, p.name as location, r.quantity, r.expires_at, r.location_id
        from stock.reservations r left join stock.items i using (variant_id) join stock.locations p on p.id = r.location_id
        where ($1::uuid is null or r.variant_id = $1)
        and ($2::timestamptz is null or (r.expires_at, r.owner, r.variant_id, r.location_id) > ($2, $3::uuid, $4::uuid, $5::uuid))
        order by r.expires_at, r.owner, r.variant_id, r.location_id limit $6""",
        variant_id, *(after or (None, None, None, None)), limit,
    )  # fmt: skip
    total = await db.fetchval(
        "select count(*) from stock.reservations where ($1::uuid is null or variant_id = $1)", variant_id
    )
    fields = Reservation.__struct_fields__
    found = [Reservation(**{field: row[field] for field in fields}) for row in rows]
    positions = [(row["expires_at"], row["owner"], row["variant_id"], row["location_id"]) for row in rows]
    return found, positions, total


def _level(row: Row) -> StockLevel:
    return StockLevel(**{field: row[field] for field in StockLevel.__struct_fields__})
