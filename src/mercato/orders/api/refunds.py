"""Routes of refunds: granted by line, executed now or later."""

from uuid import UUID

from litestar import get, post

from mercato.contracts.orders import GrantedRefund, Order, Orders, Refundable, RefundGrant
from mercato.contracts.shared import Page
from mercato.kernel.context import Context

PATH = "/admin/orders/{order_id:uuid}/granted-refunds"


@get("/admin/orders/{order_id:uuid}/refundable", permission="read_orders")
async def get_refundable(ctx: Context, orders: Orders, order_id: UUID) -> Refundable:
    """What may still be granted of an order: by line, of delivery, and of all of it."""
    return await orders.refundable(ctx, order_id=order_id)


@get(PATH, permission="read_orders")
async def list_granted_refunds(ctx: Context, orders: Orders, order_id: UUID) -> Page[GrantedRefund]:
    """What was promised back, for what, and how far it was sent; oldest first."""
    found = await orders.granted_refunds(ctx, order_id=order_id)
    return Page(found, None, len(found))


@post(PATH, permission="write_refunds")
async def grant_refund(ctx: Context, orders: Orders, order_id: UUID, data: RefundGrant) -> Order:
    """Promise money back for lines, delivery or neither, and send it unless `execute` is false;
    409 `refund_too_large`, `illegal_transition`."""
    return await orders.grant_refund(ctx, order_id=order_id, grant=data)


@post("/admin/granted-refunds/{refund_id:uuid}/executions", permission="write_refunds")
async def execute_refund(ctx: Context, orders: Orders, refund_id: UUID) -> Order:
    """Send what was granted and not sent yet, or try again what failed; 409 `nothing_to_send`,
    `refund_too_large`."""
    return await orders.execute_refund(ctx, refund_id=refund_id)


@post("/admin/granted-refunds/{refund_id:uuid}/withdrawal", permission="write_refunds")
async def withdraw_refund(ctx: Context, orders: Orders, refund_id: UUID) -> Order:
    """Take back what was granted and not sent; the same answer again when it was taken back before;
    409 `refund_sent`, `gift_cards_apart`, `illegal_transition`."""
    return await orders.withdraw_refund(ctx, refund_id=refund_id)


routes = [get_refundable, list_granted_refunds, grant_refund, execute_refund, withdraw_refund]
