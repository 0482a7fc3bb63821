"""Several locations: what a channel sells from, what is sold before it is there, whose promise a unit is."""

import asyncio
import json
from uuid import UUID

import pytest

from mercato.contracts.stock import Availability, AvailableUnits, Demand, Strategy
from mercato.kernel.context import SYSTEM, SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Conflict, Invalid, NotFound
from mercato.kernel.ids import new_id
from stock.conftest import MAIN, Shelf

B2B = Context(principal=SYSTEM, channel="b2b")
BATCH = 5


async def hold_by_batch(shelf: Shelf, mug: UUID, quantity: int, channel: str) -> UUID:
    """Hold for an owner who waited behind another hold of the same variant, and so was decided in Python."""
    owners = [new_id() for _ in range(BATCH)]
    holds = (shelf.hold(owner, (mug, quantity), channel=channel) for owner in owners)
    assert await asyncio.gather(*holds) == [[]] * BATCH
    await shelf.stock.release(SYSTEM_CONTEXT, owners=owners[:-1])
    return owners[-1]


async def taken(shelf: Shelf, owner: UUID) -> dict[UUID, int]:
    await shelf.stock.allocate(SYSTEM_CONTEXT, owners=[owner])
    found = await shelf.stock.allocations(SYSTEM_CONTEXT, owners=[owner])
    return {one.location_id: one.quantity for one in found}


async def test_a_channel_sells_from_its_locations_in_its_order(shelf: Shelf) -> None:
    mug = await shelf.put(10)
    berlin, porto = await shelf.add_location("berlin"), await shelf.add_location("porto")
    await shelf.add_level(mug, berlin, 4)
    await shelf.add_level(mug, porto, 3)
    await shelf.stock.set_channel_stock(
        SYSTEM_CONTEXT, channel="b2b", strategy=Strategy.LOCATION_ORDER, location_ids=[porto, berlin]
    )
    assert await shelf.stock.available(B2B, variant_ids=[mug]) == [
        AvailableUnits(mug, 7, Availability.IN_STOCK)
    ]
    assert (await shelf.stock.available(SYSTEM_CONTEXT, variant_ids=[mug]))[0].available == 17
    assert await shelf.hold(new_id(), (mug, 8), channel="b2b") == [(mug, 7)]
    owner = new_id()
    assert await shelf.hold(owner, (mug, 5), channel="b2b") == []
    assert await taken(shelf, owner) == {porto: 3, berlin: 2}
    owner = new_id()
    assert await shelf.hold(owner, (mug, 11)) == []
    assert await taken(shelf, owner) == {MAIN: 10, berlin: 1}
    await shelf.assert_books_agree()


@pytest.mark.parametrize("is_batch", [False, True], ids=["alone", "in a batch"])
async def test_most_stock_takes_from_the_fullest_location_first(shelf: Shelf, is_batch: bool) -> None:
    mug = await shelf.put(20)
    berlin = await shelf.add_location("berlin")
    await shelf.add_level(mug, berlin, 31)
    await shelf.stock.set_channel_stock(
        SYSTEM_CONTEXT, channel="b2b", strategy=Strategy.MOST_STOCK, location_ids=None
    )
    owner = new_id()
    if is_batch:
        # 31-2-2-2-2 = 23 at Berlin before the last of them, all from the fuller one.
        owner = await hold_by_batch(shelf, mug, 2, "b2b")
    else:
        await shelf.hold(owner, (mug, 2), channel="b2b")
    assert await taken(shelf, owner) == {berlin: 2}
    other = new_id()
    await shelf.hold(other, (mug, 2))
    assert await taken(shelf, other) == {MAIN: 2}
    await shelf.assert_books_agree()


async def test_a_channel_of_unknown_or_no_locations_is_refused(shelf: Shelf) -> None:
    for ids, error in (([new_id()], NotFound), ([], Invalid), ([MAIN, MAIN], Invalid)):
        with pytest.raises(error):
            await shelf.stock.set_channel_stock(
                SYSTEM_CONTEXT, channel="b2b", strategy=Strategy.MOST_STOCK, location_ids=ids
            )
    assert await shelf.stock.channel_stock(SYSTEM_CONTEXT) == []


async def test_backorders_go_to_the_limit_and_not_one_unit_further(shelf: Shelf) -> None:
    mug = await shelf.put(2)
    await shelf.stock.set_item(SYSTEM_CONTEXT, variant_id=mug, low_at=1, backorder_limit=3)
    assert await shelf.hold(new_id(), (mug, 6)) == [(mug, 5)]
    assert await shelf.hold(new_id(), (mug, 2)) == []
    seen = (await shelf.stock.available(SYSTEM_CONTEXT, variant_ids=[mug]))[0]
    assert (seen.available, seen.availability) == (3, Availability.BACKORDER)
    owner = await hold_by_one(shelf, mug, 3)
    assert await shelf.hold(new_id(), (mug, 1)) == [(mug, 0)]
    assert (await shelf.level(mug)).available == -3
    await shelf.stock.allocate(SYSTEM_CONTEXT, owners=[owner])
    await shelf.assert_books_agree()
    assert [shown for _, shown in await shelf.events()] == ["low", "in_stock", "backorder", "out"]


async def hold_by_one(shelf: Shelf, mug: UUID, quantity: int) -> UUID:
    owner = new_id()
    assert await shelf.hold(owner, (mug, quantity)) == []
    return owner


async def test_what_is_there_is_sold_before_what_is_not(shelf: Shelf) -> None:
    mug = await shelf.put(1)
    berlin = await shelf.add_location("berlin")
    await shelf.add_level(mug, berlin, 4)
    await shelf.stock.set_item(SYSTEM_CONTEXT, variant_id=mug, low_at=None, backorder_limit=10)
    owner = await hold_by_one(shelf, mug, 7)
    assert await taken(shelf, owner) == {MAIN: 3, berlin: 4}
    await shelf.assert_books_agree()


async def test_a_backorder_leaves_when_the_goods_have_come(shelf: Shelf) -> None:
    mug, parcel = await shelf.put(1), new_id()
    await shelf.stock.set_item(SYSTEM_CONTEXT, variant_id=mug, low_at=None, backorder_limit=10)
    owner = await hold_by_one(shelf, mug, 3)
    await shelf.stock.allocate(SYSTEM_CONTEXT, owners=[owner])
    with pytest.raises(Conflict) as refused:
        await shelf.stock.ship(SYSTEM_CONTEXT, fulfillment_id=parcel, owner=owner, demands=[Demand(mug, 3)])
    assert refused.value.code == "not_on_hand"
    assert await shelf.numbers(mug) == (1, 3, 0)
    await shelf.stock.adjust(SYSTEM_CONTEXT, variant_id=mug, location_id=MAIN, delta=2, reason="Came in")
    await shelf.stock.ship(SYSTEM_CONTEXT, fulfillment_id=parcel, owner=owner, demands=[Demand(mug, 3)])
    assert await shelf.numbers(mug) == (0, 0, 0)
    await shelf.assert_books_agree()


async def test_a_limit_below_what_is_promised_is_refused(shelf: Shelf) -> None:
    mug = await shelf.put(1)
    await shelf.stock.set_item(SYSTEM_CONTEXT, variant_id=mug, low_at=None, backorder_limit=5)
    await hold_by_one(shelf, mug, 4)
    with pytest.raises(Conflict) as refused:
        await shelf.stock.set_item(SYSTEM_CONTEXT, variant_id=mug, low_at=None, backorder_limit=2)
    assert refused.value.code == "stock_promised"
    assert (await shelf.stock.item(SYSTEM_CONTEXT, variant_id=mug)).backorder_limit == 5
    await shelf.stock.set_item(SYSTEM_CONTEXT, variant_id=mug, low_at=None, backorder_limit=3)
    await shelf.assert_books_agree()


async def test_an_order_ships_its_own_units_and_nobody_elses(shelf: Shelf) -> None:
    mug = await shelf.put(2)
    berlin = await shelf.add_location("berlin")
    await shelf.add_level(mug, berlin, 5)
    first, second = await hold_by_one(shelf, mug, 2), await hold_by_one(shelf, mug, 3)
    await shelf.stock.allocate(SYSTEM_CONTEXT, owners=[first, second])
    demands = [Demand(mug, 3)]
    with pytest.raises(Conflict) as refused:
        await shelf.stock.ship(
            SYSTEM_CONTEXT, fulfillment_id=new_id(), owner=second, demands=demands, location_id=MAIN
        )
    assert refused.value.code == "not_allocated"
    with pytest.raises(Conflict):
        await shelf.stock.ship(SYSTEM_CONTEXT, fulfillment_id=new_id(), owner=first, demands=demands)
    assert await shelf.numbers(mug) == (2, 2, 0)
    await shelf.stock.ship(
        SYSTEM_CONTEXT, fulfillment_id=new_id(), owner=second, demands=demands, location_id=berlin
    )
    assert await shelf.numbers(mug, MAIN) == (2, 2, 0)
    assert await shelf.numbers(mug, berlin) == (2, 0, 0)
    await shelf.assert_books_agree()


async def test_a_canceled_part_frees_the_last_location_first(shelf: Shelf) -> None:
    mug = await shelf.put(2)
    berlin = await shelf.add_location("berlin")
    await shelf.add_level(mug, berlin, 5)
    owner = await hold_by_one(shelf, mug, 4)
    await shelf.stock.allocate(SYSTEM_CONTEXT, owners=[owner])
    await shelf.stock.deallocate(SYSTEM_CONTEXT, cause_id=new_id(), owner=owner, demands=[Demand(mug, 1)])
    assert await taken(shelf, owner) == {MAIN: 2, berlin: 1}
    await shelf.assert_books_agree()


async def test_promises_from_before_owners_are_used_after_the_own(shelf: Shelf) -> None:
    mug = await shelf.put(9)
    old, new = await hold_by_one(shelf, mug, 4), await hold_by_one(shelf, mug, 3)
    await shelf.stock.allocate(SYSTEM_CONTEXT, owners=[old, new])
    nobody = UUID(int=0)
    await shelf.db.execute("update stock.allocations set owner = $1 where owner = $2", nobody, old)
    await shelf.stock.ship(SYSTEM_CONTEXT, fulfillment_id=new_id(), owner=new, demands=[Demand(mug, 3)])
    await shelf.stock.ship(SYSTEM_CONTEXT, fulfillment_id=new_id(), owner=old, demands=[Demand(mug, 4)])
    assert await shelf.numbers(mug) == (2, 0, 0)
    await shelf.assert_books_agree()


async def test_says_when_a_variant_is_low_out_and_back(shelf: Shelf) -> None:
    mug = await shelf.put(8)
    await shelf.stock.set_item(SYSTEM_CONTEXT, variant_id=mug, low_at=6, backorder_limit=0)
    assert await shelf.facts() == []
    first = await hold_by_one(shelf, mug, 2)
    second = await hold_by_one(shelf, mug, 6)
    await shelf.stock.release(SYSTEM_CONTEXT, owners=[second])
    await shelf.stock.release(SYSTEM_CONTEXT, owners=[first])
    assert await shelf.facts() == ["stock.low", "stock.out", "stock.back"]


async def test_waiting_holds_say_the_same(shelf: Shelf) -> None:
    mug = await shelf.put(BATCH * 3)
    owner = await hold_by_batch(shelf, mug, 3, "default")
    assert await shelf.facts() == ["stock.out", "stock.back"]
    await shelf.stock.release(SYSTEM_CONTEXT, owners=[owner])
    await shelf.assert_books_agree()


async def test_closing_a_location_takes_its_goods_out_of_the_shop(shelf: Shelf) -> None:
    mug, bowl = await shelf.put(0, "MUG"), await shelf.put(9, "BOWL")
    berlin = await shelf.add_location("berlin")
    await shelf.add_level(mug, berlin, 9)
    await shelf.add_level(bowl, berlin, 9)
    owner = await hold_by_one(shelf, mug, 2)
    await shelf.stock.change_location(SYSTEM_CONTEXT, location_id=berlin, name="Berlin", is_active=False)
    assert (await shelf.events())[-1] == (mug, "out")
    assert (await shelf.stock.available(SYSTEM_CONTEXT, variant_ids=[mug]))[0].available == 0
    await shelf.stock.allocate(SYSTEM_CONTEXT, owners=[owner])
    await shelf.stock.ship(SYSTEM_CONTEXT, fulfillment_id=new_id(), owner=owner, demands=[Demand(mug, 2)])
    with pytest.raises(Conflict) as refused:
        await shelf.stock.change_location(SYSTEM_CONTEXT, location_id=MAIN, name="Main", is_active=False)
    assert refused.value.code == "last_location"
    await shelf.stock.change_location(SYSTEM_CONTEXT, location_id=berlin, name="Berlin", is_active=True)
    assert (await shelf.events())[-1] == (mug, "in_stock")
    assert [variant for variant, _ in await shelf.events()].count(bowl) == 1
    await shelf.assert_books_agree()


async def test_a_location_is_removed_only_when_nothing_ever_was_there(shelf: Shelf) -> None:
    mug, berlin = await shelf.put(1), await shelf.add_location("berlin")
    with pytest.raises(Conflict) as taken_code:
        await shelf.add_location("berlin")
    assert taken_code.value.code == "code_taken"
    await shelf.stock.remove_location(SYSTEM_CONTEXT, location_id=berlin)
    with pytest.raises(Conflict) as refused:
        await shelf.stock.remove_location(SYSTEM_CONTEXT, location_id=MAIN)
    assert refused.value.code == "location_in_use"
    porto = await shelf.add_location("porto")
    await shelf.add_level(mug, porto, 0)
    with pytest.raises(Conflict):
        await shelf.stock.remove_location(SYSTEM_CONTEXT, location_id=porto)
    assert [one.code for one in await shelf.stock.locations(SYSTEM_CONTEXT)] == ["main", "porto"]


async def test_safety_stock_may_exceed_what_is_there_and_keeps_promises(shelf: Shelf) -> None:
    mug = await shelf.put(9)
    owner = await hold_by_one(shelf, mug, 4)
    await shelf.stock.set_safety_stock(SYSTEM_CONTEXT, variant_id=mug, location_id=MAIN, safety_stock=100)
    assert (await shelf.events())[-1] == (mug, "out")
    assert await shelf.hold(new_id(), (mug, 1)) == [(mug, 0)]
    assert await shelf.hold(owner, (mug, 4)) == []
    await shelf.stock.set_safety_stock(SYSTEM_CONTEXT, variant_id=mug, location_id=MAIN, safety_stock=0)
    assert (await shelf.events())[-1] == (mug, "low")
    with pytest.raises(NotFound):
        await shelf.stock.set_safety_stock(
            SYSTEM_CONTEXT, variant_id=mug, location_id=new_id(), safety_stock=1
        )


async def told(shelf: Shelf) -> list[tuple[str, dict[str, str]]]:
    """(availability, by channel) of every StockChanged, oldest first."""
    rows = await shelf.db.fetch(
        "select convert_from(body, 'UTF8') as body from stock.outbox where subject = 'stock.changed'"
        " order by position"
    )
    facts = [json.loads(row["body"]) for row in rows]
    return [(fact["availability"], fact["channels"]) for fact in facts]


async def narrow(shelf: Shelf, channel: str, *location_ids: UUID) -> None:
    ids = [*location_ids] or None
    await shelf.stock.set_channel_stock(
        SYSTEM_CONTEXT, channel=channel, strategy=Strategy.LOCATION_ORDER, location_ids=ids
    )


@pytest.mark.parametrize("is_batch", [False, True], ids=["alone", "in a batch"])
async def test_a_channel_is_told_of_its_own_locations_only(shelf: Shelf, is_batch: bool) -> None:
    mug, berlin = await shelf.put(20), await shelf.add_location("berlin")
    await shelf.add_level(mug, berlin, 6)
    await narrow(shelf, "b2b", berlin)
    begun = len(await told(shelf))
    owners = [new_id() for _ in range(3)]
    if is_batch:
        await asyncio.gather(*(shelf.hold(owner, (mug, 2), channel="b2b") for owner in owners))
        assert (await told(shelf))[-1] == ("in_stock", {"b2b": "out"})
    else:
        for owner in owners:
            assert await shelf.hold(owner, (mug, 2), channel="b2b") == []
        assert (await told(shelf))[begun:] == [("in_stock", {"b2b": "low"}), ("in_stock", {"b2b": "out"})]
    assert await shelf.hold(new_id(), (mug, 3)) == []
    assert (await told(shelf))[-1] == ("in_stock", {"b2b": "out"})
    await shelf.stock.release(SYSTEM_CONTEXT, owners=owners)
    assert (await told(shelf))[-1] == ("in_stock", {"b2b": "in_stock"})
    assert await shelf.hold(new_id(), (mug, 17)) == []
    assert (await told(shelf))[-1] == ("in_stock", {"b2b": "in_stock"})
    assert await shelf.facts() == []
    await shelf.assert_books_agree()


async def test_choosing_other_locations_tells_what_the_channel_sees_now(shelf: Shelf) -> None:
    await shelf.put(20)
    spoon, berlin = await shelf.put(0, "SPOON"), await shelf.add_location("berlin")
    begun = len(await told(shelf))
    await narrow(shelf, "default", MAIN)
    assert len(await told(shelf)) == begun
    await narrow(shelf, "b2b", berlin)
    assert (await told(shelf))[begun:] == [("in_stock", {"default": "in_stock", "b2b": "out"})]
    await narrow(shelf, "b2b", berlin)
    assert len(await told(shelf)) == begun + 2
    await shelf.add_level(spoon, berlin, 30)
    assert (await told(shelf))[-1] == ("in_stock", {"default": "out", "b2b": "in_stock"})
    await narrow(shelf, "b2b")
    assert (await told(shelf))[-1] == ("in_stock", {"default": "in_stock", "b2b": "in_stock"})
    await narrow(shelf, "default")
    assert (await told(shelf))[-1] == ("in_stock", {"default": "in_stock"})
    assert await shelf.facts() == ["stock.back"]
