"""Booking what comes, goes and is found: any number of levels in one statement, once per cause, all or none."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from mercato.catalog.stock.domain import MAX_UNITS
from mercato.catalog.stock.store.changes import (
    CHANGED_COLUMNS,
    IN_LOCK_ORDER,
    LOCKED_COLUMNS,
    LOCKED_FROM,
    Change,
    changed_cte,
    changes_of,
)
from mercato.contracts.stock import MovementKind
from mercato.kernel.db import Tx

# $1 to $3: variants, locations and by how much on_hand changes, in order of lock. $6 says that units which are
# promised must stay even where more may be promised than is there.
BOOK = f"""with want as materialized (select * from unnest($1::uuid[], $2::uuid[], $3::int[]) w(variant_id, location_id, delta)),
 done as materialized (select exists (select from stock.effects where kind = $4 and cause_id = $5) as yes),
 locked as materialized (select {LOCKED_COLUMNS} from done, {LOCKED_FROM} where not done.yes and l.variant_id in (select variant_id from want) {IN_LOCK_ORDER}),
 short as materialized (select w.variant_id, w.location_id, k.variant_id is null as is_unknown, greatest(k.on_hand - k.allocated - k.reserved, 0) as free, k.allocated + k.reserved as promised,
     w.delta > 0 and k.on_hand::bigint + w.delta > {MAX_UNITS} as is_over
   from done, want w left join locked k using (variant_id, location_id) where not done.yes and (k.variant_id is null or (w.delta > 0 and k.on_hand::bigint + w.delta > {MAX_UNITS}) or (w.delta < 0 and
     (k.on_hand + w.delta < 0 or k.on_hand + w.delta + case when $6 then 0 else k.backorder end < k.allocated + k.reserved)))),
 once as (insert into stock.effects (kind, cause_id) select $4, $5 from done where not done.yes and not exists (select from short) on conflict do nothing returning 1),
 steps as materialized (select k.*, coalesce(w.delta, 0) as delta from locked k left join want w using (variant_id, location_id), once),
 up as (update stock.levels l set on_hand = l.on_hand + s.delta, version = l.version + 1 from steps s
   where l.variant_id = s.variant_id and l.location_id = s.location_id and s.delta <> 0),
 mo as (insert into stock.movements (variant_id, location_id, kind, quantity, cause_type, cause_id, actor, reason)
   select variant_id, location_id, $7, case $7 when 'adjusted' then delta else abs(delta) end, $8, $9, $10, $11 from steps where delta <> 0 order by 1, 2),{changed_cte("steps")}
 select (select yes from done) or exists (select from once) as is_done, (select array_agg(variant_id) from short) as short_ids, (select array_agg(free) from short) as short_free,
   (select array_agg(promised) from short) as short_promised, (select array_agg(is_unknown) from short) as short_unknown, (select array_agg(is_over) from short) as short_over, {CHANGED_COLUMNS}"""


# Looked at again after a refusal: the same booking may just have been done by somebody else.
_DONE = "select exists (select from stock.effects where kind = $1 and cause_id = $2)"


class Booking(msgspec.Struct, frozen=True):
    """By how much on_hand of one level changes."""

    variant_id: UUID
    location_id: UUID
    delta: int


class Refused(msgspec.Struct, frozen=True):
    """A booking that a promise stands against, of a level that does not exist, or of more than it holds."""

    variant_id: UUID
    free: int
    promised: int
    is_unknown: bool
    is_over: bool


class BookedRow(msgspec.Struct, frozen=True):
    """Whether all is booked now, by this call or an earlier one; otherwise what stands against it."""

    is_done: bool
    refused: list[Refused]
    changes: list[Change]


async def make_levels(tx: Tx, *, variant_ids: Sequence[UUID], location_id: UUID) -> None:
    """Let the known variants have a level at the location; those that have one keep it."""
    await tx.execute(
        "insert into stock.levels (variant_id, location_id) select i.variant_id, $2 from stock.items i"
        " where i.variant_id = any($1::uuid[]) order by i.variant_id on conflict do nothing",
        variant_ids, location_id,
    )  # fmt: skip


async def is_booked(tx: Tx, *, effect: tuple[str, UUID]) -> bool:
    """Whether an earlier call has booked this (what, id)."""
    return bool(await tx.fetchval(_DONE, *effect))


async def book(
    tx: Tx,
    *,
    bookings: Sequence[Booking],
    kind: MovementKind,
    effect: tuple[str, UUID],
    cause: tuple[str, UUID | None],
    actor: str,
    reason: str | None,
    keeps_promises: bool,
) -> BookedRow:
    """Change on_hand with movements of `kind`, once per `effect` (what, id): all bookings or none."""
    ordered = sorted(bookings, key=lambda one: (one.variant_id, one.location_id))
    row = await tx.fetchrow(
        BOOK,
        [one.variant_id for one in ordered], [one.location_id for one in ordered], [one.delta for one in ordered],
        *effect, keeps_promises, kind.value, *cause, actor, reason,
    )  # fmt: skip
    assert row is not None
    if row["short_ids"] and await tx.fetchval(_DONE, *effect):
        return BookedRow(True, [], [])
    names = ("short_ids", "short_free", "short_promised", "short_unknown", "short_over")
    refused = zip(*(row[name] or () for name in names), strict=True)
    return BookedRow(
        row["is_done"],
        [
            Refused(variant_id, free or 0, promised or 0, unknown, bool(over))
            for variant_id, free, promised, unknown, over in refused
        ],
        changes_of(row),
    )
