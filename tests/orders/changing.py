"""Steps of changing an order that several tests take: edits, returns, exchanges, a balance that is owed."""

from uuid import UUID

from mercato.contracts.carts import NewLine
from mercato.contracts.orders import (
    ChangeInput,
    ChangeKind,
    LineQuantity,
    Order,
    OrderChange,
    PaymentChoice,
    ReturnLine,
)
from orders.conftest import GUEST_CONTEXT, STAFF, Till, shipped_parcel

CARD = PaymentChoice("simulator", "sim_ok", "https://shop.example/order")


async def edit(
    till: Till, order: Order, quantities: dict[UUID, int] | None = None, add: dict[UUID, int] | None = None
) -> OrderChange:
    wish = ChangeInput(
        kind=ChangeKind.EDIT,
        quantities=[LineQuantity(line_id, quantity) for line_id, quantity in (quantities or {}).items()],
        add=[NewLine(variant_id, quantity) for variant_id, quantity in (add or {}).items()],
        reason="by phone",
    )
    return await till.orders.preview_change(STAFF, order_id=order.id, change=wish)


async def sent(till: Till, quantity: int = 2, **kinds: int) -> Order:
    """An order that has left the house."""
    order = await till.bought(quantity, **kinds)
    return await shipped_parcel(till, order)


async def requested(till: Till, order: Order, quantity: int = 1) -> OrderChange:
    order = await till.orders.request_return(
        GUEST_CONTEXT,
        number=order.number,
        token=till.orders._parts.token_of(order.id),
        lines=[ReturnLine(order.lines[0].id, quantity, "too big")],
        reason="does not fit",
    )
    return order.changes[-1]


async def exchange(
    till: Till, order: Order, price: int, quantity: int = 1
) -> tuple[Order, OrderChange, UUID]:
    other = await till.put(5)
    till.carts.prices[other] = price
    wish = ChangeInput(
        kind=ChangeKind.EXCHANGE,
        returns=[ReturnLine(order.lines[0].id, 1)],
        add=[NewLine(other, 1)],
    )
    change = await till.orders.preview_change(STAFF, order_id=order.id, change=wish)
    return await till.orders.confirm_change(STAFF, change_id=change.id), change, other


async def owing(till: Till) -> tuple[Order, str]:
    """An order that costs 10.00 more since it was paid."""
    order = await till.bought(2)
    other = await till.put(5)
    change = await edit(till, order, add={other: 1})
    order = await till.orders.confirm_change(STAFF, change_id=change.id)
    return order, till.orders._parts.token_of(order.id)
