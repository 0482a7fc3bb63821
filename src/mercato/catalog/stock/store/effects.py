"""What happens to promised goods, each once per cause: they leave, or they are free again."""

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
from mercato.contracts.stock import Demand, MovementKind
from mercato.kernel.db import Queries

NOBODY = UUID(int=0)
"""Owner of promises from before promises had owners; used up after the owner's own."""

# $6 is 1 when the goods leave (on_hand goes down with the allocation) and 0 when they are free again: goods
# leave from the first location of the owner's promises, and the last one is freed first. Rows of allocations
# change only under the lock of their level; `for update` reads them anew behind that lock.
TAKE_ALLOCATED = f"""with want as materialized (select variant_id, quantity from unnest($3::uuid[], $4::int[]) w(variant_id, quantity)),
 done as materialized (select exists (select from stock.effects where kind = $1 and cause_id = $2) as yes),
 locked as materialized (select {LOCKED_COLUMNS}, w.quantity as wanted from done, want w join {LOCKED_FROM} on l.variant_id = w.variant_id where not done.yes {IN_LOCK_ORDER}),
 mine as materialized (select a.owner, a.variant_id, a.location_id, a.quantity, k.on_hand, k.wanted, k.position * (2 * $6::int - 1) as rank
   from locked k join stock.allocations a on a.variant_id = k.variant_id and a.location_id = k.location_id
   where a.owner in ($8, '{NOBODY}') and ($9::uuid is null or a.location_id = $9) for update of a),
 there as materialized (select *, case $6::int when 0 then quantity
   else least(quantity, greatest(on_hand - (sum(quantity) over (partition by variant_id, location_id order by owner desc) - quantity), 0))::int end as units from mine),
 spread as materialized (select *, least(units, greatest(wanted - (sum(units) over (partition by variant_id order by owner = '{NOBODY}', rank, location_id) - units), 0))::int as taken from there),
 sums as materialized (select variant_id, sum(quantity)::int as promised, sum(units)::int as units from there group by variant_id),
 short as materialized (select w.variant_id, coalesce(s.promised, 0) as promised, coalesce(s.promised, 0) < w.quantity as is_unpromised
   from done, want w left join sums s using (variant_id) where not done.yes and coalesce(s.units, 0) < w.quantity),
 once as (insert into stock.effects (kind, cause_id) select $1, $2 from done where not done.yes and not exists (select from short) on conflict do nothing returning 1),
 takes as materialized (select s.* from spread s, once where s.taken > 0),
 gone as (delete from stock.allocations a using takes t where (a.owner, a.variant_id, a.location_id) = (t.owner, t.variant_id, t.location_id) and t.taken = t.quantity),
 less as (update stock.allocations a set quantity = a.quantity - t.taken from takes t where (a.owner, a.variant_id, a.location_id) = (t.owner, t.variant_id, t.location_id) and t.taken < t.quantity),
 pieces as materialized (select variant_id, location_id, sum(taken)::int as quantity from takes group by 1, 2),
 up as (update stock.levels l set allocated = l.allocated - k.quantity, on_hand = l.on_hand - k.quantity * $6::int, version = l.version + 1
   from pieces k where l.variant_id = k.variant_id and l.location_id = k.location_id),
 mo as (insert into stock.movements (variant_id, location_id, kind, quantity, cause_type, cause_id, actor) select variant_id, location_id, $1, quantity, $5, $2, $7 from pieces order by 1, 2),
 steps as (select k.*, coalesce(s.quantity, 0) as delta from locked k left join pieces s using (variant_id, location_id), once where $6::int = 0),{changed_cte("steps")}
 select (select yes from done) or exists (select from once) as is_done, (select array_agg(variant_id) from short) as short_ids, (select array_agg(promised) from short) as short_promised,
   (select bool_or(is_unpromised) from short) as is_unpromised, {CHANGED_COLUMNS}"""


class Unmet(msgspec.Struct, frozen=True):
    """What is promised of a variant of which more was to be taken, or was to leave and is not there."""

    variant_id: UUID
    promised: int


class EffectRow(msgspec.Struct, frozen=True):
    """Whether the effect is there now; otherwise which variants lack units, and whether promises or goods."""

    is_done: bool
    unmet: list[Unmet]
    is_unpromised: bool
    changes: list[Change]


async def take_allocated(
    db: Queries,
    *,
    kind: MovementKind,
    cause_type: str,
    cause_id: UUID,
    owner: UUID,
    location_id: UUID | None,
    demands: tuple[Demand, ...],
    actor: str,
) -> EffectRow:
    """Take promised units of `owner` away, once per cause: shipped (they leave) or deallocated (free again)."""
    row = await db.fetchrow(
        TAKE_ALLOCATED, kind.value, cause_id, [d.variant_id for d in demands], [d.quantity for d in demands],
        cause_type, int(kind is MovementKind.SHIPPED), actor, owner, location_id,
    )  # fmt: skip
    assert row is not None
    unmet = zip(row["short_ids"] or (), row["short_promised"] or (), strict=True)
    return EffectRow(
        row["is_done"], [Unmet(*one) for one in unmet], bool(row["is_unpromised"]), changes_of(row)
    )
