"""Deliveries, write-offs, transfers and stock-takes: all lines or none, once per key, and the books agree."""

import asyncio
from uuid import UUID

import msgspec
import pytest

from mercato.contracts.stock import Demand, StockTakeStatus, TransferStatus
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Conflict, Invalid, NotFound, Unauthenticated
from mercato.kernel.ids import new_id
from stock.conftest import MAIN, Shelf


def keyed(key: str) -> Context:
    return msgspec.structs.replace(SYSTEM_CONTEXT, idempotency_key=key)


async def test_a_delivery_is_booked_once_with_its_paper(shelf: Shelf) -> None:
    mug, bowl = await shelf.put(0, "MUG"), await shelf.put(2, "BOWL")
    berlin = await shelf.add_location("berlin")
    lines = [Demand(mug, 5), Demand(bowl, 1), Demand(mug, 1)]
    receipts = [
        await shelf.stock.receive(keyed("r1"), location_id=berlin, lines=lines, reference="DN 4711")
        for _ in range(2)
    ]
    assert receipts[0] == receipts[1]
    assert (receipts[0].lines, receipts[0].units) == (2, 7)
    assert await shelf.numbers(mug, berlin) == (6, 0, 0)
    assert await shelf.numbers(bowl, berlin) == (1, 0, 0)
    movement = (await shelf.stock.movements(SYSTEM_CONTEXT, variant_id=mug)).items[0]
    assert (movement.kind, movement.quantity, movement.cause_type) == ("received", 6, "receipt")
    assert (movement.cause_id, movement.reason, movement.actor) == (receipts[0].id, "DN 4711", "system")
    assert await shelf.facts() == ["stock.back"]
    await shelf.assert_books_agree()


async def test_a_delivery_with_an_unknown_variant_books_nothing(shelf: Shelf) -> None:
    mug, unknown = await shelf.put(0), new_id()
    before = await shelf.count_movements()
    with pytest.raises(NotFound) as refused:
        await shelf.stock.receive(
            SYSTEM_CONTEXT, location_id=MAIN, lines=[Demand(mug, 1), Demand(unknown, 1)]
        )
    assert refused.value.data == {"variant_ids": [str(unknown)]}
    with pytest.raises(NotFound):
        await shelf.stock.receive(SYSTEM_CONTEXT, location_id=new_id(), lines=[Demand(mug, 1)])
    assert await shelf.numbers(mug) == (0, 0, 0)
    assert await shelf.count_movements() == before


async def test_damage_takes_what_is_free_and_never_what_is_promised(shelf: Shelf) -> None:
    mug = await shelf.put(5)
    await shelf.hold(new_id(), (mug, 3))
    with pytest.raises(Conflict) as refused:
        await shelf.stock.write_off(
            SYSTEM_CONTEXT, variant_id=mug, location_id=MAIN, quantity=3, reason="Dropped"
        )
    assert (refused.value.code, refused.value.data) == ("stock_promised", {"promised": 3})
    for _ in range(2):
        level = await shelf.stock.write_off(
            keyed("w"), variant_id=mug, location_id=MAIN, quantity=2, reason="Dropped"
        )
        assert (level.on_hand, level.available) == (3, 0)
    assert (await shelf.kinds(mug))[-1] == ("damaged", 2)
    await shelf.assert_books_agree()


async def test_a_transfer_is_nowhere_until_it_arrives(shelf: Shelf) -> None:
    mug, bowl = await shelf.put(10, "MUG"), await shelf.put(4, "BOWL")
    berlin = await shelf.add_location("berlin")
    sent = await shelf.stock.send_transfer(
        keyed("t"), from_id=MAIN, to_id=berlin, lines=[Demand(mug, 6), Demand(bowl, 4)], note="Monday"
    )
    again = await shelf.stock.send_transfer(
        keyed("t"), from_id=MAIN, to_id=berlin, lines=[Demand(mug, 6), Demand(bowl, 4)], note="Monday"
    )
    assert again == sent
    assert (sent.status, [(line.sku, line.quantity) for line in sent.lines]) == (
        TransferStatus.IN_TRANSIT,
        [("BOWL", 4), ("MUG", 6)],
    )
    assert await shelf.numbers(mug) == (4, 0, 0)
    assert (await shelf.stock.available(SYSTEM_CONTEXT, variant_ids=[bowl]))[0].available == 0
    await shelf.assert_books_agree()
    with pytest.raises(Invalid):
        await shelf.stock.receive_transfer(SYSTEM_CONTEXT, transfer_id=sent.id, lines=[Demand(mug, 7)])
    arrived = await shelf.stock.receive_transfer(
        SYSTEM_CONTEXT, transfer_id=sent.id, lines=[Demand(mug, 5), Demand(bowl, 4)]
    )
    assert [(line.sku, line.received) for line in arrived.lines] == [("BOWL", 4), ("MUG", 5)]
    assert await shelf.numbers(mug, berlin) == (5, 0, 0)
    repeat = [Demand(mug, 5), Demand(bowl, 4)]
    assert await shelf.stock.receive_transfer(SYSTEM_CONTEXT, transfer_id=sent.id, lines=repeat) == arrived
    with pytest.raises(Conflict) as refused:
        await shelf.stock.cancel_transfer(SYSTEM_CONTEXT, transfer_id=sent.id)
    assert refused.value.code == "illegal_transition"
    assert (await shelf.stock.transfers(SYSTEM_CONTEXT)).items == [arrived]
    await shelf.assert_books_agree()


async def test_a_canceled_transfer_is_back_where_it_came_from(shelf: Shelf) -> None:
    mug, berlin = await shelf.put(3), await shelf.add_location("berlin")
    sent = await shelf.stock.send_transfer(SYSTEM_CONTEXT, from_id=MAIN, to_id=berlin, lines=[Demand(mug, 3)])
    for _ in range(2):
        canceled = await shelf.stock.cancel_transfer(SYSTEM_CONTEXT, transfer_id=sent.id)
        assert canceled.status is TransferStatus.CANCELED
    assert await shelf.numbers(mug) == (3, 0, 0)
    assert (await shelf.kinds(mug))[-2:] == [("transferred_out", 3), ("transferred_in", 3)]
    await shelf.assert_books_agree()


async def test_a_transfer_takes_only_units_that_are_promised_to_nobody(shelf: Shelf) -> None:
    mug, bowl, berlin = await shelf.put(5), await shelf.put(9, "BOWL"), await shelf.add_location("berlin")
    await shelf.stock.set_item(SYSTEM_CONTEXT, variant_id=mug, low_at=None, backorder_limit=100)
    await shelf.hold(new_id(), (mug, 3))
    before = await shelf.count_movements()
    with pytest.raises(Conflict) as refused:
        await shelf.stock.send_transfer(
            SYSTEM_CONTEXT, from_id=MAIN, to_id=berlin, lines=[Demand(mug, 3), Demand(bowl, 1)]
        )
    assert refused.value.data == {"short": [{"variant_id": str(mug), "free": 2, "promised": 3}]}
    assert await shelf.count_movements() == before
    assert (await shelf.stock.transfers(SYSTEM_CONTEXT)).total == 0
    with pytest.raises(Invalid):
        await shelf.stock.send_transfer(SYSTEM_CONTEXT, from_id=MAIN, to_id=MAIN, lines=[Demand(mug, 1)])


async def test_a_stock_take_corrects_what_differed_when_it_was_counted(shelf: Shelf) -> None:
    mug, bowl, cup = await shelf.put(10, "MUG"), await shelf.put(4, "BOWL"), await shelf.put(7, "CUP")
    owner = new_id()
    await shelf.hold(owner, (mug, 2))
    await shelf.stock.allocate(SYSTEM_CONTEXT, owners=[owner])
    take = await shelf.stock.begin_stock_take(keyed("s"), location_id=MAIN, note="Year end")
    assert await shelf.stock.begin_stock_take(keyed("s"), location_id=MAIN, note="Year end") == take
    await shelf.stock.count(
        SYSTEM_CONTEXT, stock_take_id=take.id, lines=[Demand(mug, 8), Demand(bowl, 5), Demand(cup, 0)]
    )
    await shelf.stock.ship(SYSTEM_CONTEXT, fulfillment_id=new_id(), owner=owner, demands=[Demand(mug, 2)])
    await shelf.stock.uncount(SYSTEM_CONTEXT, stock_take_id=take.id, variant_id=cup)
    counted = await shelf.stock.stock_take(SYSTEM_CONTEXT, stock_take_id=take.id)
    assert [(line.sku, line.counted, line.expected, line.difference) for line in counted.lines] == [
        ("BOWL", 5, 4, 1),
        ("MUG", 8, 10, -2),
    ]
    assert await shelf.numbers(mug) == (8, 0, 0)
    for _ in range(2):
        applied = await shelf.stock.apply_stock_take(SYSTEM_CONTEXT, stock_take_id=take.id)
        assert applied.status is StockTakeStatus.APPLIED
    assert await shelf.numbers(mug) == (6, 0, 0)
    assert await shelf.numbers(bowl) == (5, 0, 0)
    assert await shelf.numbers(cup) == (7, 0, 0)
    assert (await shelf.kinds(mug))[-1] == ("adjusted", -2)
    with pytest.raises(Conflict):
        await shelf.stock.cancel_stock_take(SYSTEM_CONTEXT, stock_take_id=take.id)
    with pytest.raises(Conflict):
        await shelf.stock.count(SYSTEM_CONTEXT, stock_take_id=take.id, lines=[Demand(mug, 1)])
    await shelf.assert_books_agree()


async def test_scanning_again_adds_up_and_counting_again_replaces(shelf: Shelf) -> None:
    mug = await shelf.put(3)
    take = await shelf.stock.begin_stock_take(SYSTEM_CONTEXT, location_id=MAIN)
    for lines, adds, counted in (
        ([Demand(mug, 1), Demand(mug, 1)], True, 2),
        ([Demand(mug, 1)], True, 3),
        ([Demand(mug, 9)], False, 9),
    ):
        found = await shelf.stock.count(SYSTEM_CONTEXT, stock_take_id=take.id, lines=lines, adds=adds)
        assert [line.counted for line in found.lines] == [counted]
    with pytest.raises(NotFound):
        await shelf.stock.count(SYSTEM_CONTEXT, stock_take_id=take.id, lines=[Demand(new_id(), 1)])
    await shelf.stock.cancel_stock_take(SYSTEM_CONTEXT, stock_take_id=take.id)
    assert await shelf.numbers(mug) == (3, 0, 0)
    await shelf.assert_books_agree()


async def test_a_count_below_what_is_promised_corrects_nothing(shelf: Shelf) -> None:
    mug, bowl = await shelf.put(5, "MUG"), await shelf.put(5, "BOWL")
    await shelf.hold(new_id(), (mug, 4))
    take = await shelf.stock.begin_stock_take(SYSTEM_CONTEXT, location_id=MAIN)
    lines = [Demand(mug, 2), Demand(bowl, 1)]
    await shelf.stock.count(SYSTEM_CONTEXT, stock_take_id=take.id, lines=lines)
    with pytest.raises(Conflict) as refused:
        await shelf.stock.apply_stock_take(SYSTEM_CONTEXT, stock_take_id=take.id)
    assert refused.value.data == {"short": [{"variant_id": str(mug), "free": 1, "promised": 4}]}
    assert await shelf.numbers(bowl) == (5, 0, 0)
    found = await shelf.stock.stock_takes(SYSTEM_CONTEXT, status=StockTakeStatus.OPEN)
    assert [(one.id, one.line_count, one.lines) for one in found.items] == [(take.id, 2, [])]


async def test_goods_are_moved_by_staff_alone(shelf: Shelf) -> None:
    mug, guest = await shelf.put(5), Context()
    lines = [Demand(mug, 1)]
    stock = shelf.stock
    for act in (
        stock.receive(guest, location_id=MAIN, lines=lines),
        stock.write_off(guest, variant_id=mug, location_id=MAIN, quantity=1, reason="x"),
        stock.send_transfer(guest, from_id=MAIN, to_id=new_id(), lines=lines),
        stock.transfers(guest),
        stock.begin_stock_take(guest, location_id=MAIN),
        stock.stock_takes(guest),
        stock.add_location(guest, code="x", name="x"),
        stock.set_item(guest, variant_id=mug, low_at=1, backorder_limit=1),
        stock.allocations(guest, owners=[new_id()]),
    ):
        with pytest.raises(Unauthenticated):
            await act
    assert await shelf.numbers(mug) == (5, 0, 0)


ROUNDS = 20


async def test_transfers_against_holds_never_sell_what_is_gone(shelf: Shelf) -> None:
    berlin = await shelf.add_location("berlin")
    for _ in range(ROUNDS):
        mug = await shelf.put(6)
        holds = [shelf.hold(new_id(), (mug, 1)) for _ in range(8)]
        sends = [
            shelf.stock.send_transfer(SYSTEM_CONTEXT, from_id=MAIN, to_id=berlin, lines=[Demand(mug, 2)])
            for _ in range(3)
        ]
        answers = await asyncio.gather(*holds, *sends, return_exceptions=True)
        held = sum(answer == [] for answer in answers[:8])
        sent = [answer for answer in answers[8:] if not isinstance(answer, Conflict)]
        assert not [answer for answer in sent if isinstance(answer, BaseException)]
        on_hand, _, reserved = await shelf.numbers(mug)
        assert (on_hand, reserved) == (6 - 2 * len(sent), held)
        assert held <= on_hand
    await shelf.assert_books_agree()


async def test_transfers_against_allocations_keep_every_promise(shelf: Shelf) -> None:
    berlin = await shelf.add_location("berlin")
    for _ in range(ROUNDS):
        mug, owners = await shelf.put(6), [new_id() for _ in range(4)]
        await asyncio.gather(*(shelf.hold(owner, (mug, 1)) for owner in owners))
        answers = await asyncio.gather(
            *(shelf.stock.allocate(SYSTEM_CONTEXT, owners=[owner]) for owner in owners),
            *(
                shelf.stock.send_transfer(SYSTEM_CONTEXT, from_id=MAIN, to_id=berlin, lines=[Demand(mug, 1)])
                for _ in range(4)
            ),
            return_exceptions=True,
        )
        assert answers[:4] == [None] * 4
        refused = [answer for answer in answers[4:] if isinstance(answer, Conflict)]
        assert len(refused) == 2
        assert await shelf.numbers(mug) == (4, 4, 0)
    await shelf.assert_books_agree()


async def test_adjustments_against_holds_never_go_below_what_is_promised(shelf: Shelf) -> None:
    async def count(mug: UUID, on_hand: int) -> object:
        return await shelf.stock.set_on_hand(
            SYSTEM_CONTEXT, variant_id=mug, location_id=MAIN, on_hand=on_hand
        )

    for _ in range(ROUNDS):
        mug = await shelf.put(5)
        answers = await asyncio.gather(
            *(shelf.hold(new_id(), (mug, 1)) for _ in range(6)),
            *(count(mug, on_hand) for on_hand in (3, 2)),
            return_exceptions=True,
        )
        held = sum(answer == [] for answer in answers[:6])
        assert all(isinstance(answer, Conflict) or not isinstance(answer, Exception) for answer in answers)
        on_hand, _, reserved = await shelf.numbers(mug)
        assert reserved == held <= on_hand
    await shelf.assert_books_agree()
