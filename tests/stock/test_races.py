"""Many at once, round after round, through two processes: nothing is sold twice, nobody meets a deadlock."""

import asyncio
import random
from uuid import UUID

from mercato.contracts.stock import Demand
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.ids import new_id
from mercato.kernel.runtime import Runtime
from stock.conftest import MAIN, Shelf

ROUNDS = 20


async def test_no_round_of_buyers_gets_more_than_there_is(runtime: Runtime) -> None:
    shelves = Shelf(runtime), Shelf(runtime)
    berlin = await shelves[0].add_location("berlin")
    chance = random.Random(20)
    for _ in range(ROUNDS):
        here, there, limit = (chance.randint(0, 6) for _ in range(3))
        mug = await shelves[0].put(here)
        await shelves[0].add_level(mug, berlin, there)
        await shelves[0].stock.set_item(SYSTEM_CONTEXT, variant_id=mug, low_at=None, backorder_limit=limit)
        buyers = [new_id() for _ in range(20)]
        answers = await asyncio.gather(*(chance.choice(shelves).hold(buyer, (mug, 1)) for buyer in buyers))
        assert sum(answer == [] for answer in answers) == min(20, here + there + limit)
        await shelves[0].stock.allocate(SYSTEM_CONTEXT, owners=buyers)
        level = await shelves[0].level(mug, MAIN)
        other = await shelves[0].level(mug, berlin)
        assert level.allocated + other.allocated == min(20, here + there + limit)
        assert (level.allocated - level.on_hand) + (other.allocated - other.on_hand) <= limit
    await shelves[0].assert_books_agree()


async def test_carts_of_the_same_goods_in_opposite_order_all_get_an_answer(runtime: Runtime) -> None:
    one, other = Shelf(runtime), Shelf(runtime)
    mug, bowl = await one.put(1000, "MUG"), await one.put(1000, "BOWL")

    async def buy(shelf: Shelf, *goods: UUID) -> None:
        """Hold, change one's mind, hold again, then place or leave."""
        owner = new_id()
        assert await shelf.hold(owner, *((variant, 1) for variant in goods)) == []
        assert await shelf.hold(owner, *((variant, 2) for variant in reversed(goods))) == []
        if owner.int % 2:
            await shelf.stock.allocate(SYSTEM_CONTEXT, owners=[owner])
            parcel = new_id()
            demands = [Demand(variant, 2) for variant in goods]
            await shelf.stock.ship(SYSTEM_CONTEXT, fulfillment_id=parcel, owner=owner, demands=demands)
        else:
            await shelf.stock.release(SYSTEM_CONTEXT, owners=[owner])

    for _ in range(ROUNDS):
        forth = [buy(one, mug, bowl) for _ in range(4)]
        back = [buy(other, bowl, mug) for _ in range(4)]
        await asyncio.gather(*forth, *back)
    on_hand, allocated, reserved = await one.numbers(mug)
    assert (allocated, reserved) == (0, 0)
    assert (on_hand, 0, 0) == await one.numbers(bowl)
    await one.assert_books_agree()


async def test_deliveries_transfers_and_sales_of_the_same_goods_never_wait_in_a_circle(
    runtime: Runtime,
) -> None:
    one, other = Shelf(runtime), Shelf(runtime)
    berlin = await one.add_location("berlin")
    mug, bowl = await one.put(500, "MUG"), await one.put(500, "BOWL")
    forth, back = [Demand(mug, 1), Demand(bowl, 1)], [Demand(bowl, 1), Demand(mug, 1)]
    for _ in range(ROUNDS):
        await asyncio.gather(
            one.stock.receive(SYSTEM_CONTEXT, location_id=berlin, lines=forth),
            other.stock.receive(SYSTEM_CONTEXT, location_id=MAIN, lines=back),
            one.stock.send_transfer(SYSTEM_CONTEXT, from_id=MAIN, to_id=berlin, lines=back),
            other.stock.restock(SYSTEM_CONTEXT, cause_id=new_id(), demands=forth),
            one.hold(new_id(), (mug, 1), (bowl, 1)),
            other.hold(new_id(), (bowl, 1), (mug, 1)),
        )
    for variant in (mug, bowl):
        assert await one.numbers(variant, MAIN) == (500 + ROUNDS, 0, 2 * ROUNDS)
        assert await one.numbers(variant, berlin) == (ROUNDS, 0, 0)
    await one.assert_books_agree()
