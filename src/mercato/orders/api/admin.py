"""Routes of staff: find orders, capture, refund, fulfill, ship, cancel, note; sales."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.params import QueryParameter

from mercato.contracts.orders import (
    FulfillmentLine,
    FulfillmentStatus,
    Order,
    OrderPaymentStatus,
    OrderRow,
    Orders,
    OrderStatus,
    SalesReport,
    StuckWork,
    TimelineEntry,
)
from mercato.contracts.payments import Payment, Payments
from mercato.contracts.shared import DEFAULT_LIMIT, MAX_LIMIT, Page, ShortText, Version
from mercato.kernel.context import Context
from mercato.kernel.money import Money
from mercato.kernel.web import ListCursor, ListLimit

Query = Annotated[
    str,
    QueryParameter(name="q", max_length=100, description="Finds number, e-mail, name, SKU, tracking."),
]
Email = Annotated[str | None, QueryParameter(name="email", max_length=254)]
TagFilter = Annotated[str | None, QueryParameter(name="tag", max_length=40)]
Sort = Annotated[
    str, QueryParameter(name="sort", max_length=40, description="placed_at, -placed_at, total, -total")
]
Days = Annotated[int, QueryParameter(name="days", ge=1, le=400)]
Interval = Annotated[Literal["day", "hour"], QueryParameter(name="interval")]


class CaptureInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    amount: Money | None = None
    """All that is authorized when missing."""


class RefundInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    amount: Money | None = None
    """All that is left when missing."""
    reason: ShortText = ""


class CancelInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: ShortText = ""
    version: Version | None = None


class FulfillmentInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    lines: Annotated[list[FulfillmentLine], msgspec.Meta(min_length=1, max_length=250)] | None = None
    """All that is open when missing."""


class ShipmentInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    carrier: ShortText | None = None
    tracking_number: ShortText | None = None
    tracking_url: Annotated[ShortText, msgspec.Meta(pattern=r"^https?://")] | None = None


class NoteInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


@get("/admin/orders", permission="read_orders")
async def list_orders(
    ctx: Context,
    orders: Orders,
    q: Query = "",
    status: OrderStatus | None = None,
    payment_status: OrderPaymentStatus | None = None,
    fulfillment_status: FulfillmentStatus | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    email: Email = None,
    tag: TagFilter = None,
    sort: Sort = "-placed_at",
    limit: ListLimit = DEFAULT_LIMIT,
    cursor: ListCursor = None,
) -> Page[OrderRow]:
    """Placed orders, newest first; drafts and expired ones only when `status` asks for them."""
    return await orders.list_orders(
        ctx,
        query=q,
        status=status,
        payment_status=payment_status,
        fulfillment_status=fulfillment_status,
        created_after=created_after,
        created_before=created_before,
        email=email,
        tag=tag,
        sort=sort,
        limit=limit,
        cursor=cursor,
    )


@get("/admin/orders/{order_id:uuid}", permission="read_orders")
async def get_order(ctx: Context, orders: Orders, order_id: UUID) -> Order:
    """An order with everything that belongs to it, and what may be done next."""
    return await orders.get_order(ctx, order_id=order_id)


@get("/admin/orders/{order_id:uuid}/timeline", permission="read_orders")
async def get_timeline(ctx: Context, orders: Orders, order_id: UUID) -> Page[TimelineEntry]:
    """Everything that has happened to the order, oldest first."""
    order = await orders.get_order(ctx, order_id=order_id)
    return Page(order.timeline, None, len(order.timeline))


@get("/admin/orders/{order_id:uuid}/payments", permission="read_payments")
async def get_payments(ctx: Context, payments: Payments, order_id: UUID) -> Page[Payment]:
    """The payments of an order, as payments has them."""
    return await payments.list_payments(ctx, order_id=order_id, limit=MAX_LIMIT)


@post("/admin/orders/{order_id:uuid}/captures", permission="write_payments")
async def capture_order(ctx: Context, orders: Orders, order_id: UUID, data: CaptureInput) -> Order:
    """Take held funds; 409 `capture_too_large`."""
    return await orders.capture(ctx, order_id=order_id, amount=data.amount)


@post("/admin/orders/{order_id:uuid}/refunds", permission="write_refunds")
async def refund_order(ctx: Context, orders: Orders, order_id: UUID, data: RefundInput) -> Order:
    """Send money back, never more than was captured; 409 `refund_too_large`."""
    return await orders.refund(ctx, order_id=order_id, amount=data.amount, reason=data.reason)


@post("/admin/orders/{order_id:uuid}/cancellation", permission="write_orders")
async def cancel_order(ctx: Context, orders: Orders, order_id: UUID, data: CancelInput) -> Order:
    """Cancel an order of which nothing has left; stock is free again and the money goes back."""
    return await orders.cancel(ctx, order_id=order_id, reason=data.reason, version=data.version)


@post("/admin/orders/{order_id:uuid}/fulfillments", permission="write_fulfillments")
async def create_fulfillment(ctx: Context, orders: Orders, order_id: UUID, data: FulfillmentInput) -> Order:
    """Put units into a parcel, partly when `lines` says so."""
    return await orders.create_fulfillment(ctx, order_id=order_id, lines=data.lines)


@post("/admin/orders/{order_id:uuid}/retry", permission="write_orders")
async def retry_order(ctx: Context, orders: Orders, order_id: UUID) -> Order:
    """Try again what was given up after many tries; 409 `nothing_stuck`."""
    return await orders.retry(ctx, order_id=order_id)


@get("/admin/orders/stuck", permission="read_orders")
async def list_stuck(ctx: Context, orders: Orders, limit: ListLimit = DEFAULT_LIMIT) -> Page[StuckWork]:
    """What was given up after many tries and waits for somebody to look, longest first."""
    return Page(await orders.stuck(ctx, limit=limit))


@post("/admin/orders/{order_id:uuid}/notes", permission="write_orders")
async def add_note(ctx: Context, orders: Orders, order_id: UUID, data: NoteInput) -> Order:
    """A note on the timeline that the buyer does not see."""
    return await orders.add_note(ctx, order_id=order_id, text=data.text)


@post("/admin/fulfillments/{fulfillment_id:uuid}/shipment", permission="write_fulfillments")
async def ship(ctx: Context, orders: Orders, fulfillment_id: UUID, data: ShipmentInput) -> Order:
    """The parcel leaves: stock goes down and the buyer is told. A replay changes nothing."""
    return await orders.ship(
        ctx,
        fulfillment_id=fulfillment_id,
        carrier=data.carrier,
        tracking_number=data.tracking_number,
        tracking_url=data.tracking_url,
    )


@post("/admin/fulfillments/{fulfillment_id:uuid}/delivery", permission="write_fulfillments")
async def deliver(ctx: Context, orders: Orders, fulfillment_id: UUID) -> Order:
    """The parcel has arrived."""
    return await orders.deliver(ctx, fulfillment_id=fulfillment_id)


@delete("/admin/fulfillments/{fulfillment_id:uuid}", permission="write_fulfillments", status_code=200)
async def cancel_fulfillment(ctx: Context, orders: Orders, fulfillment_id: UUID) -> Order:
    """Unpack a parcel that has not left; its units are open again."""
    return await orders.cancel_fulfillment(ctx, fulfillment_id=fulfillment_id)


@get("/admin/analytics/sales", permission="read_analytics")
async def sales(ctx: Context, orders: Orders, days: Days = 28, interval: Interval = "day") -> SalesReport:
    """Sales of the last days (at most 14 by the hour), the time before, and the products that sold best."""
    return await orders.sales(ctx, days=days, interval=interval)


routes = [
    list_orders, get_order, get_timeline, get_payments, capture_order, refund_order, cancel_order,
    create_fulfillment, retry_order, list_stuck, add_note, ship, deliver, cancel_fulfillment, sales,
]  # fmt: skip
