"""What happens to promised goods, each once per cause; and what staff changes by hand."""

import asyncio
from uuid import UUID

import msgspec
import pytest

from mercato.contracts.orders import OrderPlaced
from mercato.contracts.stock import Demand
from mercato.kernel.context import GUEST, SYSTEM_CONTEXT, Context, Principal, PrincipalKind
from mercato.kernel.db import start_cost
from mercato.kernel.errors import Conflict, Denied, Invalid, NotFound, Unauthenticated
from mercato.kernel.ids import new_id
from stock.conftest import MAIN, Shelf

OWNER = new_id()


async def promised(shelf: Shelf, on_hand: int, quantity: int) -> UUID:
    """A variant of which so many units are allocated to the order of OWNER."""
    mug, owner = await shelf.put(on_hand), new_id()
    await shelf.hold(owner, (mug, quantity))
    await shelf.stock.allocate(SYSTEM_CONTEXT, owners=[owner], into=OWNER)
    return mug


async def test_shipping_takes_units_away_once_per_fulfillment(shelf: Shelf) -> None:
    mug, parcel = await promised(shelf, 10, 4), new_id()
    cost = start_cost()
    await shelf.stock.ship(SYSTEM_CONTEXT, fulfillment_id=parcel, owner=OWNER, demands=[Demand(mug, 3)])
    assert cost.statements == 1
    await shelf.stock.ship(SYSTEM_CONTEXT, fulfillment_id=parcel, owner=OWNER, demands=[Demand(mug, 3)])
    assert await shelf.numbers(mug) == (7, 1, 0)
    assert (await shelf.kinds(mug))[-1] == ("shipped", 3)
    await shelf.assert_books_agree()


async def test_twenty_shipments_of_one_parcel_at_once_are_one(shelf: Shelf) -> None:
    mug, parcel = await promised(shelf, 10, 4), new_id()
    await asyncio.gather(
        *(
            shelf.stock.ship(SYSTEM_CONTEXT, fulfillment_id=parcel, owner=OWNER, demands=[Demand(mug, 4)])
            for _ in range(20)
        )
    )
    assert await shelf.numbers(mug) == (6, 0, 0)
    await shelf.assert_books_agree()


async def test_refuses_to_ship_more_than_is_promised_and_changes_nothing(shelf: Shelf) -> None:
    mug, bowl = await promised(shelf, 10, 4), await promised(shelf, 10, 1)
    before = await shelf.count_movements()
    parcel = new_id()
    with pytest.raises(Conflict) as refused:
        await shelf.stock.ship(
            SYSTEM_CONTEXT, fulfillment_id=parcel, owner=OWNER, demands=[Demand(mug, 4), Demand(bowl, 2)]
        )
    assert refused.value.code == "not_allocated"
    assert refused.value.data == {"short": [{"variant_id": str(bowl), "allocated": 1}]}
    assert await shelf.numbers(mug) == (10, 4, 0)
    assert await shelf.count_movements() == before
    await shelf.stock.ship(SYSTEM_CONTEXT, fulfillment_id=parcel, owner=OWNER, demands=[Demand(mug, 4)])
    assert await shelf.numbers(mug) == (6, 0, 0)


async def test_a_canceled_order_frees_its_units_once(shelf: Shelf) -> None:
    mug, order = await promised(shelf, 5, 5), new_id()
    for _ in range(2):
        await shelf.stock.deallocate(SYSTEM_CONTEXT, cause_id=order, owner=OWNER, demands=[Demand(mug, 5)])
    assert await shelf.numbers(mug) == (5, 0, 0)
    assert await shelf.events() == [(mug, "low"), (mug, "out"), (mug, "low")]
    await shelf.assert_books_agree()


async def test_returned_units_are_on_hand_again_once(shelf: Shelf) -> None:
    mug, cause = await promised(shelf, 5, 5), new_id()
    await shelf.stock.ship(SYSTEM_CONTEXT, fulfillment_id=new_id(), owner=OWNER, demands=[Demand(mug, 5)])
    await asyncio.gather(
        *(shelf.stock.restock(SYSTEM_CONTEXT, cause_id=cause, demands=[Demand(mug, 2)]) for _ in range(10))
    )
    assert await shelf.numbers(mug) == (2, 0, 0)
    with pytest.raises(NotFound):
        await shelf.stock.restock(SYSTEM_CONTEXT, cause_id=new_id(), demands=[Demand(new_id(), 1)])
    await shelf.assert_books_agree()


async def test_goods_leave_from_the_locations_that_promised_them(shelf: Shelf) -> None:
    mug, owner = await shelf.put(2), new_id()
    second = await shelf.add_location("berlin")
    await shelf.add_level(mug, second, 5)
    await shelf.hold(owner, (mug, 6))
    await shelf.stock.allocate(SYSTEM_CONTEXT, owners=[owner])
    await shelf.stock.ship(SYSTEM_CONTEXT, fulfillment_id=new_id(), owner=owner, demands=[Demand(mug, 3)])
    assert await shelf.numbers(mug, MAIN) == (0, 0, 0)
    assert await shelf.numbers(mug, second) == (4, 3, 0)
    await shelf.stock.deallocate(SYSTEM_CONTEXT, cause_id=new_id(), owner=owner, demands=[Demand(mug, 3)])
    assert await shelf.numbers(mug, second) == (4, 0, 0)
    await shelf.assert_books_agree()


async def test_placed_orders_are_allocated_in_one_statement(shelf: Shelf) -> None:
    mug = await shelf.put(100)
    owners = [new_id() for _ in range(20)]
    for owner in owners:
        await shelf.hold(owner, (mug, 2))
    events = [
        OrderPlaced(
            order_id=new_id(), number="1", email="a@example.com", locale="en", currency="EUR", total=1,
            token="t", cart_id=owner, name="A", lines=[], is_paid=True,
        )
        for owner in owners
    ]  # fmt: skip
    for _ in range(2):
        async with shelf.db.transaction() as tx:
            cost = start_cost()
            await shelf.stock.hear_placed(tx, events)
            assert cost.statements == 1
    assert await shelf.numbers(mug) == (100, 40, 0)
    await shelf.assert_books_agree()


async def test_an_adjustment_is_a_movement_with_actor_and_reason(shelf: Shelf) -> None:
    mug = await shelf.put(10)
    staff = Context(
        principal=Principal(
            PrincipalKind.USER,
            new_id(),
            "mia@example.com",
            permissions=frozenset({"write_stock", "read_stock"}),
        )
    )
    level = await shelf.stock.adjust(staff, variant_id=mug, location_id=MAIN, delta=-3, reason="Broken")
    assert (level.on_hand, level.available, level.version) == (7, 7, 2)
    movement = (await shelf.stock.movements(staff, variant_id=mug)).items[0]
    assert (movement.kind.value, movement.quantity, movement.actor, movement.reason) == (
        "adjusted", -3, "mia@example.com", "Broken",
    )  # fmt: skip
    await shelf.assert_books_agree()


async def test_on_hand_cannot_go_below_what_is_promised(shelf: Shelf) -> None:
    mug = await promised(shelf, 10, 4)
    await shelf.hold(new_id(), (mug, 2))
    for change in (
        shelf.stock.adjust(SYSTEM_CONTEXT, variant_id=mug, location_id=MAIN, delta=-5, reason="x"),
        shelf.stock.set_on_hand(SYSTEM_CONTEXT, variant_id=mug, location_id=MAIN, on_hand=5),
    ):
        with pytest.raises(Conflict) as refused:
            await change
        assert (refused.value.code, refused.value.data) == ("stock_promised", {"promised": 6})
    assert await shelf.numbers(mug) == (10, 4, 2)
    await shelf.stock.set_on_hand(SYSTEM_CONTEXT, variant_id=mug, location_id=MAIN, on_hand=6)
    assert await shelf.numbers(mug) == (6, 4, 2)
    assert (await shelf.events())[-1] == (mug, "out")


async def test_a_location_holds_a_thousand_million_units_and_the_shop_more(shelf: Shelf) -> None:
    mug, many = await shelf.put(1), 1_000_000_000
    main = {"variant_id": mug, "location_id": MAIN}
    for over in (
        shelf.stock.adjust(SYSTEM_CONTEXT, **main, delta=many, reason="x"),
        shelf.stock.receive(SYSTEM_CONTEXT, location_id=MAIN, lines=[Demand(mug, many)]),
        shelf.stock.restock(SYSTEM_CONTEXT, cause_id=new_id(), demands=[Demand(mug, many)]),
    ):
        with pytest.raises(Conflict) as refused:
            await over
        assert refused.value.code == "too_many"
    assert await shelf.numbers(mug) == (1, 0, 0)
    await shelf.stock.set_on_hand(SYSTEM_CONTEXT, **main, on_hand=many)
    for code in ("berlin", "porto"):
        await shelf.add_level(mug, await shelf.add_location(code), many)
    await shelf.stock.set_item(SYSTEM_CONTEXT, variant_id=mug, low_at=None, backorder_limit=many)
    (units,) = await shelf.stock.available(SYSTEM_CONTEXT, variant_ids=[mug])
    assert units.available == 4 * many
    owners = [new_id(), new_id()]
    assert await shelf.hold(owners[0], (mug, 1)) == []
    assert await asyncio.gather(*(shelf.hold(owner, (mug, 2)) for owner in owners)) == [[], []]
    assert await shelf.numbers(mug) == (many, 0, 4)
    await shelf.assert_books_agree()


async def test_a_variant_comes_to_a_location_by_being_counted_adjusted_or_kept_back(shelf: Shelf) -> None:
    mug = await shelf.put(1)
    at = [{"variant_id": mug, "location_id": await shelf.add_location(c)} for c in ("a", "b", "c")]
    assert (await shelf.stock.adjust(SYSTEM_CONTEXT, **at[0], delta=3, reason="Found")).on_hand == 3
    assert (await shelf.stock.set_on_hand(SYSTEM_CONTEXT, **at[1], on_hand=4)).on_hand == 4
    assert (await shelf.stock.set_safety_stock(SYSTEM_CONTEXT, **at[2], safety_stock=5)).safety_stock == 5
    with pytest.raises(Conflict):
        await shelf.stock.adjust(SYSTEM_CONTEXT, **(at[0] | {"location_id": MAIN}), delta=-2, reason="x")
    before = await shelf.count_movements()
    for unknown in ({"location_id": new_id()}, {"variant_id": new_id()}):
        with pytest.raises(NotFound):
            await shelf.stock.adjust(SYSTEM_CONTEXT, **(at[0] | unknown), delta=1, reason="x")
        with pytest.raises(NotFound):
            await shelf.stock.set_safety_stock(SYSTEM_CONTEXT, **(at[0] | unknown), safety_stock=1)
    assert await shelf.count_movements() == before
    await shelf.assert_books_agree()


async def test_a_count_of_a_stale_version_is_refused(shelf: Shelf) -> None:
    mug = await shelf.put(10)
    level = await shelf.level(mug)
    await shelf.stock.adjust(SYSTEM_CONTEXT, variant_id=mug, location_id=MAIN, delta=1, reason="x")
    with pytest.raises(Conflict) as refused:
        await shelf.stock.set_on_hand(
            SYSTEM_CONTEXT, variant_id=mug, location_id=MAIN, on_hand=5, version=level.version
        )
    assert (refused.value.code, refused.value.data) == ("version_conflict", {"version": 2})
    assert await shelf.numbers(mug) == (11, 0, 0)
    with pytest.raises(NotFound):
        await shelf.stock.set_on_hand(SYSTEM_CONTEXT, variant_id=new_id(), location_id=MAIN, on_hand=5)
    with pytest.raises(Invalid):
        await shelf.stock.set_on_hand(SYSTEM_CONTEXT, variant_id=mug, location_id=MAIN, on_hand=-1)
    with pytest.raises(Invalid):
        await shelf.stock.adjust(SYSTEM_CONTEXT, variant_id=mug, location_id=MAIN, delta=0, reason="")


async def test_opening_stock_counts_once(shelf: Shelf) -> None:
    mug = await shelf.put(10, "OLD")
    await shelf.stock.register_variants(SYSTEM_CONTEXT, skus={mug: "NEW"}, on_hand={mug: 99})
    level = await shelf.level(mug)
    assert (level.sku, level.on_hand) == ("NEW", 10)
    await shelf.assert_books_agree()


async def test_levels_are_listed_by_sku_page_by_page(shelf: Shelf) -> None:
    for number in range(7):
        await shelf.put(number, f"SKU-{number}")
    pages = []
    cursor = None
    while True:
        page = await shelf.stock.levels(SYSTEM_CONTEXT, query="sku", limit=3, cursor=cursor)
        pages.append([level.sku for level in page.items])
        assert page.total == 7
        cursor = page.next_cursor
        if cursor is None:
            break
    assert pages == [["SKU-0", "SKU-1", "SKU-2"], ["SKU-3", "SKU-4", "SKU-5"], ["SKU-6"]]
    low = await shelf.stock.levels(SYSTEM_CONTEXT, only_low=True)
    assert [level.sku for level in low.items] == [f"SKU-{number}" for number in range(6)]
    assert (await shelf.stock.levels(SYSTEM_CONTEXT, query="KU-4")).total == 1
    with pytest.raises(Invalid):
        await shelf.stock.levels(SYSTEM_CONTEXT, cursor="nonsense")


async def test_movements_and_reservations_are_listed_page_by_page(shelf: Shelf) -> None:
    mug = await shelf.put(50)
    for _ in range(5):
        await shelf.hold(new_id(), (mug, 1))
    first = await shelf.stock.movements(SYSTEM_CONTEXT, limit=4)
    rest = await shelf.stock.movements(SYSTEM_CONTEXT, limit=4, cursor=first.next_cursor)
    assert [m.kind.value for m in (*first.items, *rest.items)] == ["reserved"] * 5 + ["received"]
    assert (first.total, rest.next_cursor) == (6, None)
    one = await shelf.stock.reservations(SYSTEM_CONTEXT, limit=3)
    two = await shelf.stock.reservations(SYSTEM_CONTEXT, limit=3, cursor=one.next_cursor)
    assert len({r.owner for r in (*one.items, *two.items)}) == 5 == one.total


async def test_verify_finds_a_level_that_no_movement_explains(shelf: Shelf) -> None:
    mug = await shelf.put(10, "MUG-SAGE")
    await shelf.db.execute("update stock.levels set on_hand = 9, reserved = 1")
    found = (await shelf.stock.verify(SYSTEM_CONTEXT)).differences
    assert [msgspec.to_builtins(difference) for difference in found] == [
        {
            "check": "stock.levels_are_movements",
            "subject": "MUG-SAGE",
            "expected": "on_hand 10, allocated 0, reserved 0",
            "found": "on_hand 9, allocated 0, reserved 1",
        },
        {
            "check": "stock.reserved_is_reservations",
            "subject": "MUG-SAGE",
            "expected": "reserved 0",
            "found": "reserved 1",
        },
    ]
    assert mug is not None


async def test_only_staff_with_the_right_sees_and_changes_stock(shelf: Shelf) -> None:
    mug = await shelf.put(10)
    guest = Context(principal=GUEST)
    ada = Context(principal=Principal(PrincipalKind.USER, new_id(), "ada@example.com"))
    for ctx, error in ((guest, Unauthenticated), (ada, Denied)):
        for call in (
            shelf.stock.levels(ctx),
            shelf.stock.movements(ctx),
            shelf.stock.reservations(ctx),
            shelf.stock.locations(ctx),
            shelf.stock.verify(ctx),
            shelf.stock.adjust(ctx, variant_id=mug, location_id=MAIN, delta=1, reason=""),
            shelf.stock.set_on_hand(ctx, variant_id=mug, location_id=MAIN, on_hand=1),
            shelf.stock.register_variants(ctx, skus={mug: "X"}, on_hand={}),
        ):
            with pytest.raises(error):
                await call
        for call in (
            shelf.stock.ship(ctx, fulfillment_id=new_id(), owner=OWNER, demands=[Demand(mug, 1)]),
            shelf.stock.deallocate(ctx, cause_id=new_id(), owner=OWNER, demands=[Demand(mug, 1)]),
            shelf.stock.restock(ctx, cause_id=new_id(), demands=[Demand(mug, 1)]),
            shelf.stock.expired_holds(ctx),
        ):
            with pytest.raises(Denied):
                await call
    assert await shelf.numbers(mug) == (10, 0, 0)
