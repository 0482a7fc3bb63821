"""The books of stock against each other: levels, movements, reservations."""

from mercato.contracts.shared import Difference
from mercato.kernel.db import Queries

MAX_DIFFERENCES = 100

_SUMS = """select variant_id, location_id,
   sum(case kind when 'shipped' then -quantity when 'damaged' then -quantity when 'transferred_out' then -quantity
     when 'received' then quantity when 'returned' then quantity when 'adjusted' then quantity when 'transferred_in' then quantity else 0 end) as on_hand,
   sum(case kind when 'allocated' then quantity when 'deallocated' then -quantity when 'shipped' then -quantity else 0 end) as allocated,
   sum(case kind when 'reserved' then quantity when 'released' then -quantity when 'allocated' then -quantity else 0 end) as reserved
   from stock.movements group by 1, 2"""

_CHECKS = {
    "stock.levels_are_movements": f"""select coalesce(i.sku, l.variant_id::text, m.variant_id::text) as subject,
       format('on_hand %s, allocated %s, reserved %s', coalesce(m.on_hand, 0), coalesce(m.allocated, 0), coalesce(m.reserved, 0)) as expected,
       format('on_hand %s, allocated %s, reserved %s', coalesce(l.on_hand, 0), coalesce(l.allocated, 0), coalesce(l.reserved, 0)) as found
       from stock.levels l full join ({_SUMS}) m using (variant_id, location_id) left join stock.items i on i.variant_id = l.variant_id
       where (coalesce(l.on_hand, 0), coalesce(l.allocated, 0), coalesce(l.reserved, 0)) <> (coalesce(m.on_hand, 0), coalesce(m.allocated, 0), coalesce(m.reserved, 0))""",
    "stock.reserved_is_reservations": """select coalesce(i.sku, variant_id::text) as subject, format('reserved %s', coalesce(r.quantity, 0)) as expected,
       format('reserved %s', coalesce(l.reserved, 0)) as found
       from stock.levels l full join (select variant_id, location_id, sum(quantity) as quantity from stock.reservations group by 1, 2) r using (variant_id, location_id)
       left join stock.items i using (variant_id) where coalesce(l.reserved, 0) <> coalesce(r.quantity, 0)""",
    "stock.allocated_is_allocations": """select coalesce(i.sku, variant_id::text) as subject, format('allocated %s', coalesce(a.quantity, 0)) as expected,
       format('allocated %s', coalesce(l.allocated, 0)) as found
       from stock.levels l full join (select variant_id, location_id, sum(quantity) as quantity from stock.allocations group by 1, 2) a using (variant_id, location_id)
       left join stock.items i using (variant_id) where coalesce(l.allocated, 0) <> coalesce(a.quantity, 0)""",
    "stock.backorder_limits": """select i.sku as subject, format('backorder %s', i.backorder_limit) as expected, format('backorder %s', coalesce(sum(l.backorder), 0)) as found
       from stock.items i left join stock.levels l using (variant_id) group by i.variant_id, i.sku, i.backorder_limit having coalesce(sum(l.backorder), 0) <> i.backorder_limit""",
    "stock.movements_have_causes": """select m.id::text as subject, 'a cause and an actor' as expected, format('%s of %s units', m.kind, m.quantity) as found
       from stock.movements m where m.cause_type is null or m.actor = '' or (m.cause_id is null and m.cause_type not in ('staff', 'opening'))""",
    "stock.transfers_are_movements": """select t.id::text as subject, format('%s out, %s in of %s', l.quantity, case t.status when 'in_transit' then 0 else l.received end, i.sku) as expected,
       format('%s out, %s in', coalesce(m.out, 0), coalesce(m.into, 0)) as found
       from stock.transfers t join stock.transfer_lines l on l.transfer_id = t.id join stock.items i on i.variant_id = l.variant_id
       left join lateral (select sum(quantity) filter (where kind = 'transferred_out') as out, sum(quantity) filter (where kind = 'transferred_in') as into
         from stock.movements m where m.cause_type = 'transfer' and m.cause_id = t.id and m.variant_id = l.variant_id) m on true
       where coalesce(m.out, 0) <> l.quantity or coalesce(m.into, 0) <> case t.status when 'in_transit' then 0 else l.received end""",
    "stock.stock_takes_are_movements": """select t.id::text as subject, format('%s of %s', case t.status when 'applied' then l.counted - l.expected else 0 end, i.sku) as expected,
       coalesce(m.delta, 0)::text as found
       from stock.stock_takes t join stock.stock_take_lines l on l.stock_take_id = t.id join stock.items i on i.variant_id = l.variant_id
       left join lateral (select sum(quantity) as delta from stock.movements m where m.cause_type = 'stock_take' and m.cause_id = t.id and m.variant_id = l.variant_id) m on true
       where coalesce(m.delta, 0) <> case t.status when 'applied' then l.counted - l.expected else 0 end""",
    "stock.not_oversold": """select coalesce(i.sku, l.variant_id::text) as subject, format('at least %s on hand', l.allocated + l.reserved - l.backorder) as expected,
       format('on_hand %s, allocated %s, reserved %s', l.on_hand, l.allocated, l.reserved) as found
       from stock.levels l left join stock.items i using (variant_id) where l.on_hand + l.backorder < l.allocated + l.reserved or l.allocated < 0 or l.reserved < 0 or l.on_hand < 0""",
}


async def differences(db: Queries) -> list[Difference]:
    """Every level that another book contradicts, at most MAX_DIFFERENCES per check."""
    found = []
    for check, sql in _CHECKS.items():
        rows = await db.fetch(f"{sql} limit {MAX_DIFFERENCES}")
        found += [Difference(check, row["subject"], row["expected"], row["found"]) for row in rows]
    return found


async def count_levels(db: Queries) -> int:
    count: int = await db.fetchval("select count(*) from stock.levels")
    return count
