"""Holds: reserve all demands of an owner or none, give back, turn into allocations."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from mercato.catalog.stock.domain import HoldRequest, LockedLevel, Piece, Route
from mercato.catalog.stock.store.changes import (
    CHANGED_COLUMNS,
    IN_LOCK_ORDER,
    LOCKED_COLUMNS,
    LOCKED_FROM,
    RAW,
    Change,
    changed_cte,
    changes_of,
)
from mercato.contracts.stock import Shortage
from mercato.kernel.db import Queries, Tx

# `seen` decides what kind of hold this is; only a new one locks levels. $2 is in order of variant.
HOLD = f"""with want as materialized (select variant_id, quantity from unnest($2::uuid[], $3::int[]) w(variant_id, quantity)),
 mine as materialized (select variant_id, sum(quantity)::int as quantity from stock.reservations where owner = $1 group by variant_id),
 seen as materialized (select case
   when exists (select from stock.effects where kind = 'allocated' and cause_id = $1) then 'allocated'
   when not exists (select from mine) then 'new'
   when exists (select * from want except select * from mine) or exists (select * from mine except select * from want) then 'differs'
   else 'same' end as hold),
 renewed as (update stock.reservations r set expires_at = $4 from seen where seen.hold = 'same' and r.owner = $1 returning 1),
 locked as materialized (select {LOCKED_COLUMNS}, w.quantity as wanted, p.is_active and (c.location_ids is null or p.id = any(c.location_ids)) as is_mine,
     case when c.strategy = 'most_stock' then -greatest({RAW}, 0) else coalesce(array_position(c.location_ids, p.id), p.position) end as rank
   from seen, want w join {LOCKED_FROM} on l.variant_id = w.variant_id left join stock.channels c on c.channel = $6
   where seen.hold = 'new' {IN_LOCK_ORDER}),
 spread as materialized (select variant_id, location_id, wanted, free + back as units,
     (least(free, greatest(wanted - (sum(free) over w - free), 0)) + least(back, greatest(wanted - sum(free) over (partition by variant_id) - (sum(back) over w - back), 0)))::int as quantity
   from (select variant_id, location_id, wanted, rank, greatest(raw, 0) as free, greatest(raw + backorder, 0) - greatest(raw, 0) as back from locked where is_mine) k
   window w as (partition by variant_id order by rank, location_id)),
 sums as materialized (select variant_id, min(wanted) as wanted, sum(units) as before from spread group by variant_id),
 ok as materialized (select count(*) = cardinality($2::uuid[]) and bool_and(before >= wanted) as yes from sums),
 pieces as materialized (select s.variant_id, s.location_id, s.quantity, row_number() over (order by variant_id, location_id) = 1 as is_first from spread s, ok where ok.yes and s.quantity > 0),
 up as (update stock.levels l set reserved = l.reserved + k.quantity, version = l.version + 1 from pieces k where l.variant_id = k.variant_id and l.location_id = k.location_id),
 re as (insert into stock.reservations (owner, variant_id, location_id, quantity, expires_at, is_first) select $1, variant_id, location_id, quantity, $4, is_first from pieces),
 mo as (insert into stock.movements (variant_id, location_id, kind, quantity, cause_type, cause_id, actor) select variant_id, location_id, 'reserved', quantity, 'cart', $1, $5 from pieces),
 steps as (select k.*, -coalesce(s.quantity, 0) as delta from locked k left join pieces s using (variant_id, location_id), ok where ok.yes),{changed_cte("steps")}
 select (select hold from seen) as hold, coalesce((select yes from ok), false) as is_held, exists (select from renewed) as is_renewed,
   (select array_agg(w.variant_id order by w.variant_id) from want w left join sums s using (variant_id) where coalesce(s.before, 0) < w.quantity) as short_ids,
   (select array_agg(coalesce(s.before, 0) order by w.variant_id) from want w left join sums s using (variant_id) where coalesce(s.before, 0) < w.quantity) as short_available,
   {CHANGED_COLUMNS}"""


class HoldRow(msgspec.Struct, frozen=True):
    """How one hold statement ended.

    `hold` is `new`, `same` (renewed), `differs` (other quantities are held; nothing was written) or
    `allocated` (this owner's order is placed; nothing was written).
    """

    hold: str
    is_held: bool
    is_renewed: bool
    shortages: list[Shortage]
    changes: list[Change]


async def hold(db: Queries, *, request: HoldRequest, expires_at: datetime) -> HoldRow:
    """Hold all demands of `request` or none; one statement. Raises UniqueViolationError in a race of one owner."""
    row = await db.fetchrow(
        HOLD, request.owner, [d.variant_id for d in request.demands], [d.quantity for d in request.demands],
        expires_at, request.actor, request.channel,
    )  # fmt: skip
    assert row is not None
    shorts = zip(row["short_ids"] or (), row["short_available"] or (), strict=True)
    return HoldRow(
        row["hold"],
        row["is_held"],
        row["is_renewed"],
        [Shortage(*short) for short in shorts],
        changes_of(row),
    )


_GONE = """with mine as materialized (select owner, variant_id, location_id, quantity from stock.reservations where owner = any($1::uuid[]) order by owner, variant_id, location_id for update),
 gone as (delete from stock.reservations r using mine m where (r.owner, r.variant_id, r.location_id) = (m.owner, m.variant_id, m.location_id) returning r.owner, r.variant_id, r.location_id, r.quantity),
 sums as materialized (select variant_id, location_id, sum(quantity)::int as quantity from gone group by 1, 2)"""
_MOVED = """mo as (insert into stock.movements (variant_id, location_id, kind, quantity, cause_type, cause_id, actor)
   select variant_id, location_id, '{kind}', quantity, 'cart', owner, $2 from gone order by owner, variant_id)"""

RELEASE = f"""{_GONE},
 locked as materialized (select {LOCKED_COLUMNS} from {LOCKED_FROM} where l.variant_id in (select variant_id from sums) {IN_LOCK_ORDER}),
 up as (update stock.levels l set reserved = l.reserved - s.quantity, version = l.version + 1
   from locked k join sums s using (variant_id, location_id) where l.variant_id = k.variant_id and l.location_id = k.location_id),
 {_MOVED.format(kind="released")},
 steps as (select k.*, coalesce(s.quantity, 0) as delta from locked k left join sums s using (variant_id, location_id)),{changed_cte("steps")}
 select {CHANGED_COLUMNS}"""

# Promises are booked for $3, or else for the owner of the hold. The guard row outlives the reservations: a hold
# that comes late for a placed order must not take units a second time.
ALLOCATE = f"""{_GONE},
 once as (insert into stock.effects (kind, cause_id) select distinct 'allocated', owner from gone on conflict do nothing),
 locked as materialized (select l.variant_id, l.location_id from stock.levels l where l.variant_id in (select variant_id from sums) {IN_LOCK_ORDER}),
 up as (update stock.levels l set reserved = l.reserved - s.quantity, allocated = l.allocated + s.quantity, version = l.version + 1
   from locked k join sums s using (variant_id, location_id) where l.variant_id = k.variant_id and l.location_id = k.location_id),
 {_MOVED.format(kind="allocated")}
 insert into stock.allocations as a (owner, variant_id, location_id, quantity)
   select coalesce($3, owner), variant_id, location_id, sum(quantity)::int from gone group by 1, 2, 3 order by 1, 2, 3
   on conflict (owner, variant_id, location_id) do update set quantity = a.quantity + excluded.quantity"""


async def release(db: Queries, *, owners: Sequence[UUID], actor: str) -> list[Change]:
    """Give the holds of `owners` back; one statement."""
    return changes_of(await db.fetchrow(RELEASE, owners, actor))


async def allocate(db: Queries, *, owners: Sequence[UUID], actor: str, into: UUID | None = None) -> None:
    """Turn the holds of `owners` into promises, of `into` if given; one statement. What is available stays."""
    await db.execute(ALLOCATE, owners, actor, into)


LOCK_LEVELS = f"""select {LOCKED_COLUMNS}, (select json_object_agg(channel, json_build_object('strategy', strategy, 'location_ids', location_ids))
     from stock.channels where channel = any($2::text[]) or location_ids is not null) as routes
   from {LOCKED_FROM} where l.variant_id = any($1::uuid[]) {IN_LOCK_ORDER}"""
KNOWN_OWNERS = """select owner from stock.reservations where owner = any($1::uuid[])
   union select cause_id from stock.effects where kind = 'allocated' and cause_id = any($1::uuid[])"""
EXPIRED = """select owner from stock.reservations where expires_at < $1
   group by owner order by min(expires_at) limit $2"""

_routes = msgspec.json.Decoder(dict[str, Route])


async def lock_levels(
    tx: Tx, *, variant_ids: Sequence[UUID], channels: Sequence[str] = ()
) -> tuple[list[LockedLevel], dict[str, Route]]:
    """Lock all levels of the variants in order; returns them, and how those of `channels` sell
    that say so, and all others that sell from some locations only."""
    rows = await tx.fetch(LOCK_LEVELS, variant_ids, channels)
    routes = _routes.decode(rows[0]["routes"]) if rows and rows[0]["routes"] else {}
    fields = LockedLevel.__struct_fields__
    return [LockedLevel(**{field: row[field] for field in fields}) for row in rows], routes


async def known_owners(tx: Tx, *, owners: Sequence[UUID]) -> set[UUID]:
    """Which of `owners` hold something already, or had it allocated."""
    rows = await tx.fetch(
        KNOWN_OWNERS,
        owners,
    )
    return {row["owner"] for row in rows}


async def held_variants(tx: Tx, *, owner: UUID) -> list[UUID]:
    """The variants that `owner` holds."""
    rows = await tx.fetch("select distinct variant_id from stock.reservations where owner = $1", owner)
    return [row["variant_id"] for row in rows]


async def insert_holds(
    tx: Tx, *, pieces: Sequence[Piece], expires_at: dict[UUID, datetime], actors: dict[UUID, str]
) -> None:
    """Write holds whose levels are locked in `tx`; one statement for all owners."""
    ordered = sorted(pieces, key=lambda piece: (piece.owner, piece.variant_id, piece.location_id))
    columns: list[list[Any]] = [
        [piece.owner for piece in ordered],
        [piece.variant_id for piece in ordered],
        [piece.location_id for piece in ordered],
        [piece.quantity for piece in ordered],
        [expires_at[piece.owner] for piece in ordered],
        [actors[piece.owner] for piece in ordered],
    ]
    await tx.execute(
        """with k as materialized (select *, row_number() over (partition by owner order by variant_id, location_id) = 1 as is_first
            from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::timestamptz[], $6::text[]) k(owner, variant_id, location_id, quantity, expires_at, actor)),
          up as (update stock.levels l set reserved = l.reserved + s.quantity, version = l.version + 1
            from (select variant_id, location_id, sum(quantity)::int as quantity from k group by 1, 2) s where l.variant_id = s.variant_id and l.location_id = s.location_id),
          re as (insert into stock.reservations (owner, variant_id, location_id, quantity, expires_at, is_first) select owner, variant_id, location_id, quantity, expires_at, is_first from k)
          insert into stock.movements (variant_id, location_id, kind, quantity, cause_type, cause_id, actor) select variant_id, location_id, 'reserved', quantity, 'cart', owner, actor from k""",
        *columns,
    )


async def expired_owners(db: Queries, *, now: datetime, limit: int) -> list[UUID]:
    """Owners whose hold ran out before `now`, longest first."""
    rows = await db.fetch(EXPIRED, now, limit)
    return [row["owner"] for row in rows]
