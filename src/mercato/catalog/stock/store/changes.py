"""Parts that every statement which changes levels shares: the event when what shoppers see changes."""

from typing import Any
from uuid import UUID

import msgspec

from mercato.contracts.stock import LOW_STOCK, Availability, StockChanged

FREE = "greatest(l.on_hand - l.allocated - l.reserved - l.safety_stock, 0)"
"""Units of level `l` that may still be promised. Safety stock may exceed what is there, so never below 0."""


class Change(msgspec.Struct, frozen=True, gc=False):
    """What shoppers see of a variant is different from before."""

    variant_id: UUID
    available: int
    availability: Availability


def _shown(available: str) -> str:
    return (
        f"case when {available} <= 0 then '{Availability.OUT}' when {available} <= {LOW_STOCK}"
        f" then '{Availability.LOW}' else '{Availability.IN_STOCK}' end"
    )


def changed_cte(source: str) -> str:
    """CTEs that write a StockChanged event for each row of `source` (variant_id, before, after) that needs one.

    Written in SQL, because the event must commit with the change and most changes need none: a second
    statement for every hold would cost more than the hold.
    """
    return f"""
 changed as materialized (select gen_random_uuid() as id, variant_id, after as available, {_shown("after")} as shown
   from {source} where {_shown("before")} <> {_shown("after")}),
 told as (insert into stock.outbox (id, subject, key, body)
   select id, '{StockChanged.subject}', variant_id, convert_to(json_build_object('event_id', id,
     'occurred_at', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
     'variant_id', variant_id, 'available', available, 'availability', shown)::text, 'UTF8') from changed)"""


CHANGED_COLUMNS = """(select array_agg(variant_id order by variant_id) from changed) as changed_ids,
   (select array_agg(available order by variant_id) from changed) as changed_available,
   (select array_agg(shown order by variant_id) from changed) as changed_shown"""


def changes_of(row: Any) -> list[Change]:
    """The changes that a statement with CHANGED_COLUMNS has written events for."""
    if row is None or row["changed_ids"] is None:
        return []
    found = zip(row["changed_ids"], row["changed_available"], row["changed_shown"], strict=True)
    return [Change(variant_id, available, Availability(shown)) for variant_id, available, shown in found]
