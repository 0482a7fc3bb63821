"""Fulfillments: what ships together, its way out of the house, and what that means for the order."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mercato.contracts.orders import FulfillmentLine, OrderPaymentStatus, OrderStatus, ParcelStatus
from mercato.contracts.stock import Allocation
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, FieldError, Invalid, NotFound
from mercato.kernel.ids import new_id
from mercato.orders import facts
from mercato.orders.actions import goods
from mercato.orders.domain import (
    LEFT_THE_HOUSE,
    IntentKind,
    Quantities,
    fulfillment_status,
    is_complete,
    move_parcel,
)
from mercato.orders.packing import by_location
from mercato.orders.parts import Parts
from mercato.orders.records import Intent, LineRow, ParcelRow, PlacedOrder, StoryRow, part_of
from mercato.orders.store import after, intents
from mercato.orders.views import open_units


async def create(
    parts: Parts, ctx: Context, *, order_id: UUID, lines: Sequence[FulfillmentLine] | None
) -> None:
    """Put units into parcels, all that are open when `lines` is None: one for each location they leave from.

    Raises Conflict: illegal_transition, nothing_to_fulfill, fulfillment_too_large; Invalid for unknown lines.
    """
    now, actor = clock.now(), ctx.principal.label
    promised = await _promised(parts, order_id)
    async with parts.db.transaction() as tx:
        order = await _placed(tx, order_id)
        if await parts.is_repeated(tx, ctx, "fulfill", order_id):
            return
        sold = await after.lines_of(tx, order=order)
        parcels = await after.parcels_of(tx, order_id=order_id)
        wanted = _wanted(sold, open_units(sold, parcels), lines)
        for location_id, packed in by_location(wanted, sold, parcels, promised).items():
            parcel_id = new_id()
            await after.add_parcel(
                tx, parcel_id=parcel_id, order_id=order_id, location_id=location_id, lines=packed, now=now,
                actor=actor,
            )  # fmt: skip
            data = {"fulfillment_id": str(parcel_id), "units": sum(packed.values())}
            story = StoryRow("fulfillment_created", "Fulfillment created", actor, data)
            await _tell(parts, tx, order, story, now)
            await parts.acted(tx, ctx, "fulfillment_created", order_id, data)


async def _promised(parts: Parts, order_id: UUID) -> list[Allocation]:
    """Where the units of the order that have not left are, in the order in which locations are taken."""
    async with parts.db.transaction() as tx:
        order = await _placed(tx, order_id)
    await goods.claim(parts, order)
    return await parts.stock.allocations(SYSTEM_CONTEXT, owners=[order.cart_id])


async def begin_shipment(
    parts: Parts,
    ctx: Context,
    *,
    fulfillment_id: UUID,
    carrier: str | None,
    tracking_number: str | None,
    tracking_url: str | None,
    due: datetime,
) -> Intent | None:
    """Decide that the parcel leaves; None when it has left already. Raises Conflict, NotFound."""
    async with parts.db.transaction() as tx:
        order, parcel = await _parcel(tx, fulfillment_id)
        if parcel.status in LEFT_THE_HOUSE:
            return None
        move_parcel(parcel.status, ParcelStatus.SHIPPED)
        _refuse_unless_placed(order)
        await after.set_tracking(
            tx,
            parcel_id=parcel.id,
            carrier=carrier,
            tracking_number=tracking_number,
            tracking_url=tracking_url,
        )
        waiting = [
            intent
            for intent in await intents.open_of_orders(tx, order_ids=[order.id])
            if intent.kind is IntentKind.SHIP and intent.data["fulfillment_id"] == str(parcel.id)
        ]
        if waiting:
            return waiting[0]
        intent = Intent(
            id=new_id(),
            order_id=order.id,
            kind=IntentKind.SHIP,
            key=f"ship:{parcel.id}:{new_id()}",
            amount=None,
            actor=ctx.principal.label,
            reason="",
            data={"fulfillment_id": str(parcel.id)},
        )
        await intents.add(tx, intent=intent, now=clock.now(), due=due)
        await parts.acted(tx, ctx, "fulfillment_shipped", order.id, intent.data)
        return intent


async def book_shipment(parts: Parts, tx: Tx, *, order_id: UUID, parcel_id: UUID, actor: str) -> None:
    """The goods have left stock: parcel, lines and order follow, and the buyer is told. Once."""
    order = await after.lock(tx, order_id=order_id)
    if order is None:
        raise NotFound(detail="There is no such order.")
    parcels = await after.parcels_of(tx, order_id=order_id)
    parcel = next(parcel for parcel in parcels if parcel.id == parcel_id)
    if parcel.status in LEFT_THE_HOUSE:  # by another run of the same intent; the order may be complete by now
        return
    _refuse_unless_placed(order)
    now = clock.now()
    await after.set_parcel_status(tx, parcel_id=parcel_id, status=ParcelStatus.SHIPPED, at=now)
    sold = await after.lines_of(tx, order=order)
    await follow_parcels(tx, order, sold, now)
    data = {
        "fulfillment_id": str(parcel_id),
        "carrier": parcel.carrier,
        "tracking_number": parcel.tracking_number,
        "tracking_url": parcel.tracking_url,
    }
    await _tell(parts, tx, order, StoryRow("fulfillment_shipped", "Shipped", actor, data), now)
    by_id = {line.id: line.sold for line in sold}
    in_parcel = [part_of(by_id[line.line_id], line.quantity) for line in parcel.lines]
    token = parts.token_of(order.id)
    await parts.outbox.add(tx, facts.order_shipped(order, token, parcel=parcel, lines=in_parcel))


async def deliver(parts: Parts, ctx: Context, *, fulfillment_id: UUID) -> UUID:
    """The parcel has arrived; returns the order's id. Raises Conflict("illegal_transition"), NotFound."""
    now = clock.now()
    async with parts.db.transaction() as tx:
        order, parcel = await _parcel(tx, fulfillment_id)
        if parcel.status is ParcelStatus.DELIVERED:
            return order.id
        move_parcel(parcel.status, ParcelStatus.DELIVERED)
        await after.set_parcel_status(tx, parcel_id=parcel.id, status=ParcelStatus.DELIVERED, at=now)
        await follow_parcels(tx, order, await after.lines_of(tx, order=order), now)
        data = {"fulfillment_id": str(parcel.id)}
        await _tell(
            parts, tx, order, StoryRow("fulfillment_delivered", "Delivered", ctx.principal.label, data), now
        )
        await parts.acted(tx, ctx, "fulfillment_delivered", order.id, data)
        token = parts.token_of(order.id)
        await parts.outbox.add(tx, facts.order_delivered(order, token, parcel_id=parcel.id))
        return order.id


async def cancel(parts: Parts, ctx: Context, *, fulfillment_id: UUID) -> UUID:
    """The parcel is unpacked before it left; returns the order's id. Raises Conflict, NotFound."""
    now = clock.now()
    async with parts.db.transaction() as tx:
        order, parcel = await _parcel(tx, fulfillment_id)
        if parcel.status is ParcelStatus.CANCELED:
            return order.id
        move_parcel(parcel.status, ParcelStatus.CANCELED)
        await refuse_while_shipping(tx, order)
        await after.set_parcel_status(tx, parcel_id=parcel.id, status=ParcelStatus.CANCELED, at=now)
        data = {"fulfillment_id": str(parcel.id)}
        story = StoryRow("fulfillment_canceled", "Fulfillment canceled", ctx.principal.label, data)
        await _tell(parts, tx, order, story, now)
        await after.touch(tx, order_id=order.id)
        await parts.acted(tx, ctx, "fulfillment_canceled", order.id, data)
        return order.id


async def refuse_while_shipping(tx: Tx, order: PlacedOrder) -> None:
    """Raise Conflict while a parcel of the order is on its way out of stock."""
    waiting = await intents.open_of_orders(tx, order_ids=[order.id])
    if any(intent.kind is IntentKind.SHIP for intent in waiting):
        raise Conflict("illegal_transition", "A fulfillment of this order is being shipped.")


def quantities_of(lines: Sequence[LineRow], parcels: Sequence[ParcelRow]) -> dict[UUID, Quantities]:
    """Per line: units sold, units that have left the house, units that have arrived."""
    shipped = dict.fromkeys((line.id for line in lines), 0)
    delivered = dict(shipped)
    for parcel in parcels:
        for line in parcel.lines:
            if parcel.status in LEFT_THE_HOUSE:
                shipped[line.line_id] += line.quantity
            if parcel.status is ParcelStatus.DELIVERED:
                delivered[line.line_id] += line.quantity
    for card in [line for line in lines if line.gift_card is not None]:
        shipped[card.id] = delivered[card.id] = card.quantity_fulfilled
    return {line.id: Quantities(line.quantity, shipped[line.id], delivered[line.id]) for line in lines}


async def follow_parcels(tx: Tx, order: PlacedOrder, lines: Sequence[LineRow], now: datetime) -> None:
    """Bring lines and order to where what has left says."""
    quantities = quantities_of(lines, await after.parcels_of(tx, order_id=order.id))
    fulfillment = fulfillment_status(quantities.values())
    is_done = order.status is OrderStatus.PLACED and is_complete(
        OrderPaymentStatus(order.payment_status), fulfillment
    )
    await after.set_fulfilled(
        tx,
        order=order,
        shipped=quantities,
        fulfillment_status=fulfillment,
        status=OrderStatus.COMPLETED if is_done else order.status,
        now=now,
    )


def _wanted(
    sold: Sequence[LineRow], left: dict[UUID, int], lines: Sequence[FulfillmentLine] | None
) -> dict[UUID, int]:
    if lines is None:
        if not left:
            raise Conflict("nothing_to_fulfill", "Everything of this order is in a fulfillment already.")
        return left
    known = {line.id for line in sold}
    wanted: dict[UUID, int] = {}
    for position, line in enumerate(lines):
        if line.line_id not in known:
            error = FieldError(f"lines.{position}.line_id", "unknown_line", "This order has no such line.")
            raise Invalid("invalid", "Some values are refused.", errors=[error])
        wanted[line.line_id] = wanted.get(line.line_id, 0) + line.quantity
    if not wanted:
        raise Invalid("invalid", "Name at least one line.")
    if any(quantity > left.get(line_id, 0) for line_id, quantity in wanted.items()):
        data = {"open": {str(line_id): quantity for line_id, quantity in left.items()}}
        raise Conflict("fulfillment_too_large", "More than is still open.", data=data)
    return wanted


async def _placed(tx: Tx, order_id: UUID) -> PlacedOrder:
    order = await after.lock(tx, order_id=order_id)
    if order is None:
        raise NotFound(detail="There is no such order.")
    _refuse_unless_placed(order)
    return order


async def _parcel(tx: Tx, fulfillment_id: UUID) -> tuple[PlacedOrder, ParcelRow]:
    """The parcel and its order, the order locked first."""
    order_id = await after.order_of_parcel(tx, fulfillment_id=fulfillment_id)
    order = None if order_id is None else await after.lock(tx, order_id=order_id)
    if order is None:
        raise NotFound(detail="There is no such fulfillment.")
    parcels = await after.parcels_of(tx, order_id=order.id)
    return order, next(parcel for parcel in parcels if parcel.id == fulfillment_id)


def _refuse_unless_placed(order: PlacedOrder) -> None:
    if order.status is not OrderStatus.PLACED:
        raise Conflict(
            "illegal_transition",
            f"An order that is {order.status} is not fulfilled.",
            data={"status": order.status},
        )


async def _tell(parts: Parts, tx: Tx, order: PlacedOrder, story: StoryRow, now: datetime) -> None:
    await after.tell(tx, order_id=order.id, at=now, story=[story])
    parts.tell_after(tx, order.id)
