"""Every hot statement of stock finds its rows by an index, on a fresh shop and on a grown one."""

import pytest

from mercato.catalog.stock.store import booking, effects, holds, levels, places
from stock.conftest import Shelf
from support.plans import whole_reads

STATEMENTS = {
    "hold": holds.HOLD,
    "release": holds.RELEASE,
    "allocate": holds.ALLOCATE,
    "lock": holds.LOCK_LEVELS,
    "known owners": holds.KNOWN_OWNERS,
    "expired": holds.EXPIRED,
    "take allocated": effects.TAKE_ALLOCATED,
    "book": booking.BOOK,
    "count location": places.COUNT_LOCATION,
    "count channel": places.COUNT_CHANNEL,
    "set item": places.SET_ITEM,
    "set safety stock": places.SET_SAFETY,
    "adjust": levels.ADJUST,
    "available": levels.AVAILABLE,
}
SMALL = {"locations", "channels"}
"""Tables of a handful of rows, which are best read whole."""


@pytest.mark.parametrize("is_grown", [False, True], ids=["fresh", "grown"])
async def test_no_hot_statement_reads_a_table_whole(shelf: Shelf, database_url: str, is_grown: bool) -> None:
    if is_grown:
        await shelf.db.execute(
            """with i as (insert into stock.items select gen_random_uuid(), n::text from generate_series(1, 5000) n returning variant_id),
            l as (insert into stock.levels (variant_id, location_id, on_hand, reserved) select variant_id, p.id, 9, 1 from i, stock.locations p returning variant_id, location_id)
            insert into stock.reservations select gen_random_uuid(), variant_id, location_id, 1, now() + random() * interval '1 h', true from l"""  # noqa: E501
        )
        await shelf.db.execute(
            "insert into stock.effects select 'allocated', gen_random_uuid() from generate_series(1, 5000)"
        )
        await shelf.db.execute("analyze")
    found = {name: await whole_reads(database_url, sql, schema="stock") for name, sql in STATEMENTS.items()}
    assert {name: tables - SMALL for name, tables in found.items() if tables - SMALL} == {}
