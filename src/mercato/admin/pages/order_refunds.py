"""Refunds of an order: granted by line with amounts filled in, sent now or later, tried again."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from mercato.admin.desk import Desk
from mercato.admin.forms import FormData, errors_by_field, money, text, whole, why
from mercato.contracts.orders import GrantedLine, Orders, Refundable, RefundGrant, RefundLine
from mercato.kernel.errors import MercatoError
from mercato.kernel.money import Money


class Row(msgspec.Struct, frozen=True):
    """A line of the form: units that are chosen, and what they are worth."""

    line: GrantedLine
    sku: str
    quantity: int
    amount: Money


@get("/admin/orders/{order_id:uuid}/refund", permission="write_refunds")
async def refund_form(desk: Desk, orders: Orders, order_id: UUID) -> Response[str]:
    """What may still be granted, each amount filled in for the units that are chosen."""
    return await _form(desk, orders, order_id, dict(desk.request.query_params))


@post("/admin/orders/{order_id:uuid}/granted-refunds", permission="write_refunds")
async def grant(desk: Desk, orders: Orders, order_id: UUID, data: FormData) -> Response[str]:
    """Grant what was chosen; send it at once unless the other button was pressed."""
    try:
        left = await orders.refundable(desk.ctx, order_id=order_id)
        await orders.grant_refund(desk.ctx, order_id=order_id, grant=_wish(data, left))
    except MercatoError as error:
        if error.code == "step_up_required":
            raise
        return await _form(desk, orders, order_id, data, error)
    code = "refund_granted" if text(data, "later") else "refunded"
    return desk.done(f"/admin/orders/{order_id}", code)


@post("/admin/orders/{order_id:uuid}/granted-refunds/{refund_id:uuid}/execution", permission="write_refunds")
async def execute(desk: Desk, orders: Orders, order_id: UUID, refund_id: UUID) -> Response[str]:
    """Send what was granted, or try again what was refused."""
    try:
        await orders.execute_refund(desk.ctx, refund_id=refund_id)
    except MercatoError as error:
        if error.code == "step_up_required":
            raise
        return await _form(desk, orders, order_id, {}, error)
    return desk.done(f"/admin/orders/{order_id}", "refunded")


@post("/admin/orders/{order_id:uuid}/granted-refunds/{refund_id:uuid}/withdrawal", permission="write_refunds")
async def withdraw(desk: Desk, orders: Orders, order_id: UUID, refund_id: UUID) -> Response[str]:
    """Take back what was granted and not sent."""
    try:
        await orders.withdraw_refund(desk.ctx, refund_id=refund_id)
    except MercatoError as error:
        return await _form(desk, orders, order_id, {}, error)
    return desk.done(f"/admin/orders/{order_id}", "refund_withdrawn")


async def _form(
    desk: Desk, orders: Orders, order_id: UUID, typed: dict[str, Any], error: MercatoError | None = None
) -> Response[str]:
    order = await orders.get_order(desk.ctx, order_id=order_id)
    left = await orders.refundable(desk.ctx, order_id=order_id)
    skus = {line.id: line.sku for line in order.lines}
    context = {
        "order": order,
        "left": left,
        "rows": [_row(line, skus[line.line_id], typed) for line in left.lines if line.amount],
        "typed": typed,
        "error": why(error),
        "wrong": errors_by_field(error),
    }
    return await desk.page("admin/refund_form.html", "/admin/orders", context, error=error)


def _row(line: GrantedLine, sku: str, typed: dict[str, Any]) -> Row:
    """The line with the units typed, all that are left when none were, and their share of what is left."""
    most = max(1, line.quantity)
    asked = text(typed, f"quantity-{line.line_id}")
    quantity = min(int(asked), most) if asked.isascii() and asked.isdigit() and asked != "0" else most
    return Row(line, sku, quantity, Money(line.amount.amount * quantity // most, line.amount.currency))


def _wish(data: dict[str, Any], left: Refundable) -> RefundGrant:
    """What was chosen. Raises Invalid."""
    currency = left.total.currency

    def amount(name: str) -> int:
        found = money(data, name, currency)
        return found.amount if found else 0

    chosen = [line for line in left.lines if text(data, f"line-{line.line_id}")]
    return RefundGrant(
        lines=[
            RefundLine(
                line.line_id,
                whole(data, f"quantity-{line.line_id}", least=1, most=10_000) or 1,
                amount(f"amount-{line.line_id}") or None,
            )
            for line in chosen
        ],
        delivery=amount("delivery") if text(data, "with_delivery") else 0,
        other=amount("other"),
        reason=text(data, "reason")[:200],
        execute=not text(data, "later"),
    )


routes = [refund_form, grant, execute, withdraw]
