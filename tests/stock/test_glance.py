"""What was read a moment ago is shown again without a statement, and never after a write of this process."""

from mercato.catalog.stock.glance import FRESH_S
from mercato.contracts.stock import StockLevel
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.db import start_cost
from mercato.kernel.ids import new_id
from stock.conftest import MAIN, Shelf
from support.waiting import eventually


async def shown(shelf: Shelf, *variant_ids: object) -> list[int]:
    found = await shelf.stock.available(SYSTEM_CONTEXT, variant_ids=list(variant_ids))  # type: ignore[arg-type]
    return [units.available for units in found]


async def test_the_same_variants_are_read_once_within_a_moment(shelf: Shelf) -> None:
    mug, bowl = await shelf.put(8), await shelf.put(2, "BOWL")
    unknown = new_id()
    cost = start_cost()
    started = clock.monotonic_s()
    assert await shown(shelf, mug, bowl, unknown) == [8, 2, 0]
    assert await shown(shelf, bowl, unknown) == [2, 0]
    assert await shown(shelf, mug) == [8]
    assert cost.statements == 1 or clock.monotonic_s() - started > FRESH_S


async def test_what_is_written_here_shows_at_once(shelf: Shelf) -> None:
    mug, owner = await shelf.put(8), new_id()
    assert await shown(shelf, mug) == [8]
    await shelf.hold(owner, (mug, 3))
    assert await shown(shelf, mug) == [5]
    await shelf.stock.release(SYSTEM_CONTEXT, owners=[owner])
    assert await shown(shelf, mug) == [8]
    level: StockLevel = await shelf.stock.adjust(
        SYSTEM_CONTEXT, variant_id=mug, location_id=MAIN, delta=-6, reason="broken"
    )
    assert (level.on_hand, await shown(shelf, mug)) == (2, [2])


async def test_what_is_written_elsewhere_shows_within_a_moment(shelf: Shelf) -> None:
    mug = await shelf.put(8)
    assert await shown(shelf, mug) == [8]
    await shelf.db.execute("update stock.levels set on_hand = 3 where variant_id = $1", mug)

    async def is_seen() -> bool:
        return await shown(shelf, mug) == [3]

    await eventually(is_seen)
    assert await shelf.hold(new_id(), (mug, 4)) == [(mug, 3)]


async def test_a_hold_never_trusts_it(shelf: Shelf) -> None:
    mug = await shelf.put(8)
    assert await shown(shelf, mug) == [8]
    await shelf.db.execute("update stock.levels set on_hand = 1 where variant_id = $1", mug)
    assert await shelf.hold(new_id(), (mug, 2)) == [(mug, 1)]
