"""Holding: all or nothing, once per owner, never more than there is."""

import asyncio
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from mercato.contracts.stock import Availability, Demand, StockChanged
from mercato.kernel import clock
from mercato.kernel.context import GUEST, SYSTEM_CONTEXT, Context
from mercato.kernel.db import start_cost
from mercato.kernel.errors import Denied, Invalid
from mercato.kernel.ids import new_id
from mercato.kernel.runtime import Runtime
from stock.conftest import MAIN, Shelf
from support.waiting import eventually


async def test_holds_what_is_there_in_one_statement(shelf: Shelf) -> None:
    mug, bowl = await shelf.put(10, "MUG"), await shelf.put(3, "BOWL")
    cost = start_cost()
    assert await shelf.hold(new_id(), (mug, 4), (bowl, 3)) == []
    assert cost.statements == 1
    assert await shelf.numbers(mug) == (10, 0, 4)
    assert await shelf.numbers(bowl) == (3, 0, 3)
    assert await shelf.kinds(bowl) == [("received", 3), ("reserved", 3)]
    await shelf.assert_books_agree()


async def test_refuses_the_whole_hold_when_one_demand_is_short_and_writes_nothing(shelf: Shelf) -> None:
    mug, bowl = await shelf.put(10, "MUG"), await shelf.put(3, "BOWL")
    unknown = new_id()
    before = await shelf.count_movements()
    short = await shelf.hold(new_id(), (mug, 4), (bowl, 4), (unknown, 1))
    assert sorted(short) == sorted([(bowl, 3), (unknown, 0)])
    assert await shelf.numbers(mug) == (10, 0, 0)
    assert await shelf.numbers(bowl) == (3, 0, 0)
    assert await shelf.count_movements() == before
    assert (await shelf.stock.reservations(SYSTEM_CONTEXT)).total == 0


async def test_sums_demands_of_one_variant_before_it_decides(shelf: Shelf) -> None:
    mug = await shelf.put(5)
    assert await shelf.hold(new_id(), (mug, 3), (mug, 3)) == [(mug, 5)]
    assert await shelf.numbers(mug) == (5, 0, 0)


async def test_holding_twice_is_one_hold_that_lasts_longer(shelf: Shelf) -> None:
    mug, owner = await shelf.put(5), new_id()
    await shelf.hold(owner, (mug, 5), minutes=10)
    first = (await shelf.stock.reservations(SYSTEM_CONTEXT)).items[0]
    assert await shelf.hold(owner, (mug, 5), minutes=30) == []
    second = (await shelf.stock.reservations(SYSTEM_CONTEXT)).items[0]
    assert second.expires_at - first.expires_at > timedelta(minutes=19)
    assert await shelf.kinds(mug) == [("received", 5), ("reserved", 5)]
    await shelf.assert_books_agree()


async def test_holding_other_quantities_replaces_the_hold(shelf: Shelf) -> None:
    mug, bowl, owner = await shelf.put(5, "MUG"), await shelf.put(5, "BOWL"), new_id()
    await shelf.hold(owner, (mug, 5))
    assert await shelf.hold(owner, (mug, 2), (bowl, 1)) == []
    assert await shelf.numbers(mug) == (5, 0, 2)
    assert await shelf.numbers(bowl) == (5, 0, 1)
    await shelf.assert_books_agree()


async def test_a_refused_replacement_leaves_the_old_hold_as_it_was(shelf: Shelf) -> None:
    mug, bowl, owner = await shelf.put(5, "MUG"), await shelf.put(1, "BOWL"), new_id()
    await shelf.hold(owner, (mug, 5))
    before = await shelf.count_movements()
    assert await shelf.hold(owner, (mug, 1), (bowl, 2)) == [(bowl, 1)]
    assert await shelf.numbers(mug) == (5, 0, 5)
    assert await shelf.numbers(bowl) == (1, 0, 0)
    assert await shelf.count_movements() == before


async def test_release_gives_units_back_once(shelf: Shelf) -> None:
    mug, owner = await shelf.put(5), new_id()
    await shelf.hold(owner, (mug, 2))
    await shelf.stock.release(SYSTEM_CONTEXT, owners=[owner, new_id()])
    await shelf.stock.release(SYSTEM_CONTEXT, owners=[owner])
    assert await shelf.numbers(mug) == (5, 0, 0)
    assert await shelf.kinds(mug) == [("received", 5), ("reserved", 2), ("released", 2)]
    await shelf.assert_books_agree()


async def test_allocation_turns_the_hold_into_a_promise_once(shelf: Shelf) -> None:
    mug, owner = await shelf.put(5), new_id()
    await shelf.hold(owner, (mug, 2))
    cost = start_cost()
    await shelf.stock.allocate(SYSTEM_CONTEXT, owners=[owner])
    assert cost.statements == 1
    await shelf.stock.allocate(SYSTEM_CONTEXT, owners=[owner])
    assert await shelf.numbers(mug) == (5, 2, 0)
    await shelf.assert_books_agree()


async def test_a_hold_that_comes_after_the_allocation_takes_nothing_more(shelf: Shelf) -> None:
    mug, owner = await shelf.put(5), new_id()
    await shelf.hold(owner, (mug, 2))
    await shelf.stock.allocate(SYSTEM_CONTEXT, owners=[owner])
    assert await shelf.hold(owner, (mug, 2)) == []
    assert await shelf.numbers(mug) == (5, 2, 0)


async def test_an_expired_hold_is_listed_and_still_kept(shelf: Shelf) -> None:
    mug, old, fresh = await shelf.put(5), new_id(), new_id()
    await shelf.hold(old, (mug, 2), minutes=10)
    await shelf.hold(fresh, (mug, 1), minutes=60)
    assert await shelf.stock.expired_holds(SYSTEM_CONTEXT) == []
    clock.set_offset(timedelta(minutes=11))
    try:
        assert await shelf.stock.expired_holds(SYSTEM_CONTEXT) == [old]
        assert await shelf.numbers(mug) == (5, 0, 3)
        assert await shelf.hold(old, (mug, 2)) == []
        assert await shelf.stock.expired_holds(SYSTEM_CONTEXT) == []
    finally:
        clock.set_offset(timedelta(0))


async def test_takes_locations_in_order_and_splits_a_demand(shelf: Shelf) -> None:
    mug, owner = await shelf.put(3), new_id()
    second, third = await shelf.add_location("berlin"), await shelf.add_location("porto")
    await shelf.add_level(mug, third, 10)
    await shelf.add_level(mug, second, 2)
    assert await shelf.hold(owner, (mug, 6)) == []
    assert await shelf.numbers(mug, MAIN) == (3, 0, 3)
    assert await shelf.numbers(mug, second) == (2, 0, 2)
    assert await shelf.numbers(mug, third) == (10, 0, 1)
    await shelf.stock.allocate(SYSTEM_CONTEXT, owners=[owner])
    assert await shelf.numbers(mug, third) == (10, 1, 0)
    await shelf.assert_books_agree()


async def test_an_inactive_location_is_neither_counted_nor_taken(shelf: Shelf) -> None:
    mug = await shelf.put(3)
    closed = await shelf.add_location("closed")
    await shelf.add_level(mug, closed, 10)
    await shelf.db.execute("update stock.locations set is_active = false where id = $1", closed)
    assert (await shelf.stock.available(SYSTEM_CONTEXT, variant_ids=[mug]))[0].available == 3
    assert await shelf.hold(new_id(), (mug, 4)) == [(mug, 3)]


async def test_safety_stock_is_not_for_sale(shelf: Shelf) -> None:
    mug = await shelf.put(5)
    await shelf.db.execute("update stock.levels set safety_stock = 4 where variant_id = $1", mug)
    assert await shelf.hold(new_id(), (mug, 2)) == [(mug, 1)]
    assert await shelf.hold(new_id(), (mug, 1)) == []


async def test_says_what_shoppers_see_only_when_it_changes(shelf: Shelf, runtime: Runtime) -> None:
    mug, first, second = await shelf.put(8), new_id(), new_id()
    async with runtime.live.listen(f"stock.{mug}") as hints:
        await runtime.nats.flush()
        await shelf.hold(first, (mug, 2))
        await shelf.hold(second, (mug, 6))
        heard = [(await asyncio.wait_for(hints.get(), 5)).data]
        while heard[-1] != b"out":
            heard.append((await asyncio.wait_for(hints.get(), 5)).data)
    assert heard in ([b"out"], [b"in_stock", b"out"])
    await shelf.stock.release(SYSTEM_CONTEXT, owners=[first])
    await shelf.stock.release(SYSTEM_CONTEXT, owners=[second])
    assert await shelf.events() == [(mug, "in_stock"), (mug, "out"), (mug, "low"), (mug, "in_stock")]
    body = await shelf.db.fetchval("select body from stock.outbox order by position offset 1 limit 1")
    event = msgspec.json.decode(body, type=StockChanged)
    assert (event.variant_id, event.available, event.availability) == (mug, 0, Availability.OUT)
    assert abs(event.occurred_at - clock.now()) < timedelta(minutes=1)


async def test_fifty_buyers_of_ten_units_hold_exactly_ten(shelf: Shelf) -> None:
    mug = await shelf.put(10)
    answers = await asyncio.gather(*(shelf.hold(new_id(), (mug, 1)) for _ in range(50)))
    assert sum(answer == [] for answer in answers) == 10
    assert [answer for answer in answers if answer] == [[(mug, 0)]] * 40
    assert await shelf.numbers(mug) == (10, 0, 10)
    assert (await shelf.events())[-1] == (mug, "out")
    await shelf.assert_books_agree()


async def test_buyers_of_two_processes_share_the_units(runtime: Runtime) -> None:
    one, other = Shelf(runtime), Shelf(runtime)
    mug = await one.put(30)
    buyers = [(one if number % 2 else other).hold(new_id(), (mug, 1)) for number in range(100)]
    answers = await asyncio.gather(*buyers)
    assert sum(answer == [] for answer in answers) == 30
    assert await one.numbers(mug) == (30, 0, 30)
    await one.assert_books_agree()


async def test_waiting_holds_share_a_few_transactions(shelf: Shelf) -> None:
    mug = await shelf.put(100)
    await asyncio.gather(*(shelf.hold(new_id(), (mug, 1)) for _ in range(50)))
    commits = await shelf.db.fetchval("select count(distinct xmin::text) from stock.reservations")
    assert commits == 2
    assert await shelf.numbers(mug) == (100, 0, 50)


async def test_carts_with_the_same_items_in_opposite_order_never_deadlock(runtime: Runtime) -> None:
    one, other = Shelf(runtime), Shelf(runtime)
    mug, bowl = await one.put(1000, "MUG"), await one.put(1000, "BOWL")
    forth = [one.hold(new_id(), (mug, 1), (bowl, 1)) for _ in range(40)]
    back = [other.hold(new_id(), (bowl, 1), (mug, 1)) for _ in range(40)]
    assert await asyncio.gather(*forth, *back) == [[]] * 80
    assert await one.numbers(mug) == (1000, 0, 80)
    await one.assert_books_agree()


async def test_one_owner_at_two_doors_holds_once(runtime: Runtime) -> None:
    one, other = Shelf(runtime), Shelf(runtime)
    mug, bowl = await one.put(10, "MUG"), await one.put(10, "BOWL")
    for _ in range(20):
        owner = new_id()
        wants: list[tuple[Shelf, UUID]] = [(one, mug), (other, mug), (one, bowl), (other, bowl)]
        answers = await asyncio.gather(*(shelf.hold(owner, (variant, 2)) for shelf, variant in wants))
        assert answers == [[]] * 4
        held = (await one.stock.reservations(SYSTEM_CONTEXT)).items
        assert [(r.owner, r.quantity) for r in held] == [(owner, 2)]
        await one.stock.release(SYSTEM_CONTEXT, owners=[owner])
    await one.assert_books_agree()


async def test_release_and_renewal_at_the_same_moment_end_in_one_of_both(runtime: Runtime) -> None:
    one, other = Shelf(runtime), Shelf(runtime)
    mug = await one.put(10)
    for _ in range(20):
        owner = new_id()
        await one.hold(owner, (mug, 3))
        answer, _ = await asyncio.gather(
            one.hold(owner, (mug, 3)), other.stock.release(SYSTEM_CONTEXT, owners=[owner])
        )
        assert answer == []
        assert (await one.numbers(mug))[2] in (0, 3)
        await one.assert_books_agree()
        await one.stock.release(SYSTEM_CONTEXT, owners=[owner])


async def test_a_canceled_buyer_does_not_stop_the_queue(shelf: Shelf) -> None:
    mug = await shelf.put(100)
    tasks = [asyncio.create_task(shelf.hold(new_id(), (mug, 1))) for _ in range(20)]
    await asyncio.sleep(0)
    for task in tasks[:10]:
        task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert answers[10:] == [[]] * 10
    assert await shelf.hold(new_id(), (mug, 1)) == []

    async def books_agree() -> bool:
        return (await shelf.stock.verify(SYSTEM_CONTEXT)).differences == []

    assert await eventually(books_agree)


@pytest.mark.parametrize(
    "demands", [[], [Demand(UUID(int=1), 0)], [Demand(UUID(int=1), -1)], [Demand(UUID(int=1), 1)] * 251]
)
async def test_refuses_demands_out_of_range(shelf: Shelf, demands: list[Demand]) -> None:
    with pytest.raises(Invalid):
        await shelf.stock.hold(SYSTEM_CONTEXT, owner=new_id(), demands=demands)


async def test_a_guest_may_hold_but_moves_nothing_of_others(shelf: Shelf) -> None:
    mug, owner = await shelf.put(5), new_id()
    guest = Context(principal=GUEST)
    assert (await shelf.stock.hold(guest, owner=owner, demands=[Demand(mug, 1)])).is_held
    with pytest.raises(Denied):
        await shelf.stock.release(guest, owners=[owner])
    with pytest.raises(Denied):
        await shelf.stock.allocate(guest, owners=[owner])
    assert await shelf.numbers(mug) == (5, 0, 1)
