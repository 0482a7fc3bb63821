"""Orders whose goods lie at several locations: a parcel leaves from one of them."""

from uuid import UUID

from mercato.contracts.orders import FulfillmentLine, Order, OrderStatus
from mercato.kernel.context import SYSTEM_CONTEXT
from orders.conftest import STAFF, Till

MAIN = UUID("01900000-0000-7000-8000-000000000001")


async def split_order(till: Till, at_main: int, at_berlin: int) -> tuple[Order, UUID]:
    """An order of all units of one variant, some here and some at Berlin, and Berlin's id."""
    berlin = (await till.stock.add_location(SYSTEM_CONTEXT, code="berlin", name="Berlin")).id
    variant = await till.put(at_main)
    await till.runtime.database("stock").execute(
        "insert into stock.levels (variant_id, location_id) values ($1, $2)", variant, berlin
    )
    await till.stock.set_on_hand(SYSTEM_CONTEXT, variant_id=variant, location_id=berlin, on_hand=at_berlin)
    placement = await till.place(till.carts.open_cart((variant, at_main + at_berlin, 1200)))
    await till.deliver_events()
    assert placement.order is not None
    return placement.order, berlin


async def on_hand(till: Till, order: Order) -> dict[UUID, tuple[int, int]]:
    """location → (on_hand, allocated)"""
    page = await till.stock.levels(SYSTEM_CONTEXT, variant_ids=[order.lines[0].variant_id])
    return {level.location_id: (level.on_hand, level.allocated) for level in page.items}


async def test_everything_open_becomes_one_parcel_for_each_location(till: Till) -> None:
    order, berlin = await split_order(till, 3, 2)
    packed = await till.orders.create_fulfillment(STAFF, order_id=order.id)
    content = {one.location_id: [line.quantity for line in one.lines] for one in packed.fulfillments}
    assert content == {MAIN: [3], berlin: [2]}
    at_berlin = next(one.id for one in packed.fulfillments if one.location_id == berlin)
    await till.orders.ship(STAFF, fulfillment_id=at_berlin)
    assert await on_hand(till, order) == {MAIN: (3, 3), berlin: (0, 0)}
    at_main = next(one.id for one in packed.fulfillments if one.location_id == MAIN)
    shipped = await till.orders.ship(STAFF, fulfillment_id=at_main)
    assert shipped.status is OrderStatus.COMPLETED
    assert await on_hand(till, order) == {MAIN: (0, 0), berlin: (0, 0)}
    await till.assert_books_agree()


async def test_a_part_that_lies_at_one_location_is_one_parcel(till: Till) -> None:
    order, berlin = await split_order(till, 2, 3)
    line = order.lines[0].id
    part = await till.orders.create_fulfillment(STAFF, order_id=order.id, lines=[FulfillmentLine(line, 3)])
    assert [one.location_id for one in part.fulfillments] == [berlin]
    rest = await till.orders.create_fulfillment(STAFF, order_id=order.id)
    assert [one.location_id for one in rest.fulfillments] == [berlin, MAIN]
    for parcel in rest.fulfillments:
        await till.orders.ship(STAFF, fulfillment_id=parcel.id)
    await till.assert_books_agree()


async def test_two_orders_ship_their_own_units_from_their_own_location(till: Till) -> None:
    first, berlin = await split_order(till, 3, 2)
    variant = first.lines[0].variant_id
    await till.stock.adjust(SYSTEM_CONTEXT, variant_id=variant, location_id=berlin, delta=4, reason="Came")
    placement = await till.place(till.carts.open_cart((variant, 4, 1200)))
    second = placement.order
    assert second is not None
    packed = await till.orders.create_fulfillment(STAFF, order_id=second.id)
    assert [(one.location_id, one.lines[0].quantity) for one in packed.fulfillments] == [(berlin, 4)]
    await till.orders.ship(STAFF, fulfillment_id=packed.fulfillments[0].id)
    assert await on_hand(till, first) == {MAIN: (3, 3), berlin: (2, 2)}
    await till.assert_books_agree()
