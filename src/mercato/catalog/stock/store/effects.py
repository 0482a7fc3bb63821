"""What happens to promised and returned goods, each once per cause: ship, deallocate, restock."""

from uuid import UUID

import msgspec

from mercato.catalog.stock.store.changes import CHANGED_COLUMNS, Change, changed_cte, changes_of
from mercato.contracts.stock import Demand, MovementKind, Shortage
from mercato.kernel.db import Queries

# $6 is 1 when the goods leave (on_hand goes down with the allocation) and 0 when they are free again.
# Taken from the locations in order of position, as far as each has promised units.
TAKE_ALLOCATED = f"""with want as materialized (select variant_id, quantity from unnest($3::uuid[], $4::int[]) w(variant_id, quantity)),
 done as materialized (select exists (select from stock.effects where kind = $1 and cause_id = $2) as yes),
 locked as materialized (select l.variant_id, l.location_id, p.position, p.is_active, w.quantity as wanted, l.allocated, l.on_hand - l.allocated - l.reserved - l.safety_stock as free
   from done, want w join stock.levels l on l.variant_id = w.variant_id join stock.locations p on p.id = l.location_id
   where not done.yes order by l.variant_id, l.location_id for no key update of l),
 spread as materialized (select *, least(allocated, greatest(wanted - (sum(allocated) over (partition by variant_id order by position, location_id) - allocated), 0))::int as quantity from locked),
 sums as materialized (select variant_id, sum(allocated)::int as promised from locked group by variant_id),
 short as materialized (select w.variant_id, coalesce(s.promised, 0) as promised from done, want w left join sums s using (variant_id) where not done.yes and coalesce(s.promised, 0) < w.quantity),
 once as (insert into stock.effects (kind, cause_id) select $1, $2 from done where not done.yes and not exists (select from short) on conflict do nothing returning 1),
 pieces as materialized (select s.* from spread s, once where s.quantity > 0),
 up as (update stock.levels l set allocated = l.allocated - k.quantity, on_hand = l.on_hand - k.quantity * $6::int, version = l.version + 1
   from pieces k where l.variant_id = k.variant_id and l.location_id = k.location_id),
 mo as (insert into stock.movements (variant_id, location_id, kind, quantity, cause_type, cause_id, actor) select variant_id, location_id, $1, quantity, $5, $2, $7 from pieces),
 moved as (select s.variant_id, sum(greatest(s.free, 0)) as before, sum(greatest(s.free + s.quantity, 0)) as after from spread s, once where s.is_active and $6::int = 0 group by s.variant_id),{changed_cte("moved")}
 select (select yes from done) or exists (select from once) as is_done, (select array_agg(variant_id) from short) as short_ids, (select array_agg(promised) from short) as short_promised,
   {CHANGED_COLUMNS}"""

RESTOCK = f"""with want as materialized (select variant_id, quantity from unnest($3::uuid[], $4::int[]) w(variant_id, quantity)),
 done as materialized (select exists (select from stock.effects where kind = $1 and cause_id = $2) as yes),
 locked as materialized (select l.variant_id, l.location_id, p.position, p.is_active, w.quantity, l.on_hand - l.allocated - l.reserved - l.safety_stock as free
   from done, want w join stock.levels l on l.variant_id = w.variant_id join stock.locations p on p.id = l.location_id
   where not done.yes order by l.variant_id, l.location_id for no key update of l),
 first as materialized (select distinct on (variant_id) variant_id, location_id from locked order by variant_id, is_active desc, position, location_id),
 missing as materialized (select w.variant_id from want w, done where not done.yes and not exists (select from locked k where k.variant_id = w.variant_id)),
 once as (insert into stock.effects (kind, cause_id) select $1, $2 from done where not done.yes and not exists (select from missing) on conflict do nothing returning 1),
 pieces as materialized (select k.* from locked k join first f using (variant_id, location_id), once),
 up as (update stock.levels l set on_hand = l.on_hand + k.quantity, version = l.version + 1 from pieces k where l.variant_id = k.variant_id and l.location_id = k.location_id),
 mo as (insert into stock.movements (variant_id, location_id, kind, quantity, cause_type, cause_id, actor) select variant_id, location_id, $1, quantity, $5, $2, $6 from pieces),
 moved as (select k.variant_id, sum(greatest(k.free, 0)) as before, sum(greatest(k.free + case when p.variant_id is null then 0 else k.quantity end, 0)) as after
   from locked k left join pieces p using (variant_id, location_id), once where k.is_active group by k.variant_id),{changed_cte("moved")}
 select (select yes from done) or exists (select from once) as is_done, (select array_agg(variant_id) from missing) as short_ids, null::int[] as short_promised,
   {CHANGED_COLUMNS}"""


class EffectRow(msgspec.Struct, frozen=True):
    """Whether the effect is there now; otherwise what is promised of each variant that lacks units."""

    is_done: bool
    shortages: list[Shortage]
    changes: list[Change]


async def take_allocated(
    db: Queries,
    *,
    kind: MovementKind,
    cause_type: str,
    cause_id: UUID,
    demands: tuple[Demand, ...],
    actor: str,
) -> EffectRow:
    """Take promised units away, once per cause: shipped (they leave) or deallocated (they are free again)."""
    row = await db.fetchrow(
        TAKE_ALLOCATED, kind.value, cause_id, [d.variant_id for d in demands], [d.quantity for d in demands],
        cause_type, int(kind is MovementKind.SHIPPED), actor,
    )  # fmt: skip
    assert row is not None
    shorts = zip(row["short_ids"] or (), row["short_promised"] or (), strict=True)
    return EffectRow(row["is_done"], [Shortage(*short) for short in shorts], changes_of(row))


async def restock(
    db: Queries, *, cause_type: str, cause_id: UUID, demands: tuple[Demand, ...], actor: str
) -> EffectRow:
    """Put returned units on hand at the first location, once per cause."""
    row = await db.fetchrow(
        RESTOCK, MovementKind.RETURNED.value, cause_id, [d.variant_id for d in demands],
        [d.quantity for d in demands], cause_type, actor,
    )  # fmt: skip
    assert row is not None
    missing = [Shortage(variant_id, 0) for variant_id in row["short_ids"] or ()]
    return EffectRow(row["is_done"], missing, changes_of(row))
