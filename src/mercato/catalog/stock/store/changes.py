"""Parts that every statement which changes levels shares: the lock, and the events when shoppers see a change."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from mercato.contracts.stock import (
    LOW_STOCK,
    Availability,
    StockBack,
    StockChanged,
    StockLow,
    StockOut,
)
from mercato.kernel.messaging.events import Event

RAW = "l.on_hand - l.allocated - l.reserved - l.safety_stock"
"""Units of level `l` that are there and promised to nobody; below zero when safety stock or backorders exceed it."""
FREE = f"greatest({RAW}, 0)"
ROOM = f"greatest({RAW} + l.backorder, 0)"
"""Units of level `l` that may still be promised, those that are not there yet included."""

LOCKED_COLUMNS = f"""l.variant_id, l.location_id, l.on_hand, l.allocated, l.reserved, l.backorder, l.version, {RAW} as raw, p.position, p.is_active,
   coalesce(i.low_at, {LOW_STOCK}) as low_at"""
LOCKED_FROM = "stock.levels l join stock.locations p on p.id = l.location_id join stock.items i on i.variant_id = l.variant_id"
IN_LOCK_ORDER = "order by l.variant_id, l.location_id for no key update of l"
"""Every statement locks all levels of its variants, and in this order: nobody waits in a circle."""


class Change(msgspec.Struct, frozen=True, gc=False):
    """What shoppers see of a variant is different from before."""

    variant_id: UUID
    available: int
    availability: Availability


def _shown(free: str, room: str, low_at: str) -> str:
    return (
        f"case when {room} <= 0 then '{Availability.OUT}' when {free} <= 0 then '{Availability.BACKORDER}'"
        f" when {free} <= {low_at} then '{Availability.LOW}' else '{Availability.IN_STOCK}' end"
    )


NARROW = "select channel, location_ids, location_ids as ids_before from stock.channels where location_ids is not null"
"""The channels that sell from some locations only: what their shoppers see is counted apart."""


def _sums(raw: str, counts: str) -> tuple[str, str]:
    """Units that are there, and units that may be promised, over the levels that count."""
    return (
        f"coalesce(sum(greatest({raw}, 0)) filter (where {counts}), 0)",
        f"coalesce(sum(greatest({raw} + {{backorder}}, 0)) filter (where {counts}), 0)",
    )


def changed_cte(
    steps: str, *, is_new: bool = False, after: str = "", narrow: str = NARROW, also: str = ""
) -> str:
    """CTEs that write events for each variant of which shoppers see something else after the change, in the
    whole shop or in a channel that sells from some locations only.

    `steps` names a CTE with every locked level: variant_id, location_id, is_active, raw, backorder, low_at and
    delta, by which its free units change. Written in SQL, because the events must commit with the change and
    most changes need none: a second statement for every hold would cost more than the hold. A variant that
    `is_new` is not back in stock. `after` ends the columns that say what is_active, backorder and low_at
    are from now on, where they change; `narrow` gives such channels with their locations before and after.
    `also` is a further reason to tell, of a variant's `shown` in a `channel` and in the `whole` shop.
    """
    back = "" if is_new else f"when shown_before = '{Availability.OUT}' then '{StockBack.subject}'"

    def sums(before: str = "", now: str = "") -> str:
        free_before, room_before = _sums("raw", f"is_active{before}")
        free, room = _sums("raw + delta", f"is_active{after}{now}")
        return (
            f"min(low_at) as low_at, min(low_at{after}) as low_after,"
            f" {free_before} as free_before, {room_before.format(backorder='backorder')} as room_before,"
            f" {free} as free, {room.format(backorder=f'backorder{after}')} as room"
        )

    shown = f"{_shown('free_before', 'room_before', 'low_at')} as shown_before, {_shown('free', 'room', 'low_after')} as shown"
    whole = " join (select variant_id, shown as whole from seen_as) a using (variant_id)" if also else ""
    in_channel = " and ({0} is null or location_id = any({0}))"
    return f"""
 moved as (select variant_id, {sums()} from {steps} group by variant_id),
 seen_as as (select variant_id, room as available, {shown} from moved),
 narrow as materialized ({narrow}),
 moved_in as (select variant_id, channel, {sums(in_channel.format("ids_before"), in_channel.format("location_ids"))}
   from narrow, {steps} group by variant_id, channel),
 by_channel as (select variant_id, json_object_agg(channel, c.shown) as channels, bool_or(c.shown <> c.shown_before{also}) as differs
   from (select variant_id, channel, {shown} from moved_in) c{whole} group by variant_id),
 changed as materialized (select variant_id, available, shown, channels, case when shown = shown_before then null when shown = '{Availability.OUT}' then '{StockOut.subject}' {back}
   when shown = '{Availability.LOW}' and shown_before = '{Availability.IN_STOCK}' then '{StockLow.subject}' end as fact
   from seen_as left join by_channel using (variant_id) where shown <> shown_before or differs),
 told as (insert into stock.outbox (id, subject, key, body)
   select id, subject, variant_id, convert_to(json_build_object('event_id', id,
     'occurred_at', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
     'variant_id', variant_id, 'available', available, 'availability', shown, 'channels', coalesce(channels, '{{}}'))::text, 'UTF8')
   from (select gen_random_uuid() as id, subject, variant_id, available, shown, channels from changed, lateral (values ('{StockChanged.subject}'), (fact)) f(subject) where subject is not null) facts)"""


CHANGED_COLUMNS = """(select array_agg(variant_id order by variant_id) from changed) as changed_ids,
   (select array_agg(available order by variant_id) from changed) as changed_available,
   (select array_agg(shown order by variant_id) from changed) as changed_shown"""


def changes_of(row: Any) -> list[Change]:
    """The changes that a statement with CHANGED_COLUMNS has written events for."""
    if row is None or row["changed_ids"] is None:
        return []
    found = zip(row["changed_ids"], row["changed_available"], row["changed_shown"], strict=True)
    return [Change(variant_id, available, Availability(shown)) for variant_id, available, shown in found]


def events_of(change: Change, before: Availability, channels: Mapping[str, Availability]) -> list[Event]:
    """What the statements above write for a change, for those who decide it in Python."""
    facts: list[type[StockChanged] | type[StockLow] | type[StockOut] | type[StockBack]] = [StockChanged]
    if change.availability is before:
        pass
    elif change.availability is Availability.OUT:
        facts.append(StockOut)
    elif before is Availability.OUT:
        facts.append(StockBack)
    elif change.availability is Availability.LOW and before is Availability.IN_STOCK:
        facts.append(StockLow)
    return [
        fact(
            variant_id=change.variant_id, available=change.available, availability=change.availability,
            channels=dict(channels),
        )
        for fact in facts
    ]  # fmt: skip
