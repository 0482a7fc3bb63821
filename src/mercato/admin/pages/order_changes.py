"""Order changes: the form for each kind, the preview that is confirmed, and the way of a return."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Response, get, post

from mercato.admin import words
from mercato.admin.desk import Desk
from mercato.admin.forms import FormData, errors_by_field, money, one_of, text, whole, why
from mercato.admin.lists import address, turns
from mercato.admin.new_lines import NEW_LINES, new_lines
from mercato.admin.refunded import unnamed_amount
from mercato.contracts.orders import (
    ChangeInput,
    ChangeKind,
    ChangeStatus,
    ClaimResolution,
    LineQuantity,
    Order,
    OrderChange,
    Orders,
    ReceivedLine,
    ReturnLine,
    ReturnReceipt,
)
from mercato.contracts.stock import Stock
from mercato.kernel.context import Context
from mercato.kernel.errors import MercatoError

PATH = "/admin/returns"
LIMIT = 50
VIEWS: tuple[tuple[str, str], ...] = (
    ("All", ""),
    ("To answer", "requested"),
    ("To receive", "approved"),
    ("To refund", "received"),
    ("Done", "refunded"),
)
TITLES = {
    ChangeKind.EDIT: "Edit the order",
    ChangeKind.RETURN: "Take goods back",
    ChangeKind.EXCHANGE: "Exchange goods",
    ChangeKind.CLAIM: "Settle a claim",
}


@get(PATH, permission="read_orders")
async def list_returns(
    desk: Desk, orders: Orders, status: str = "", cursor: str | None = None
) -> Response[str]:
    """Returns and exchanges by status, the newest first."""
    found = await orders.list_returns(
        desk.ctx, status=one_of(ChangeStatus, status), limit=LIMIT, cursor=cursor
    )
    context = {
        "found": found,
        "status": status,
        "views": [(name, address(PATH, status=value), value == status) for name, value in VIEWS],
        **turns(PATH, found, cursor, status=status),
    }
    return await desk.page("admin/returns.html", PATH, context)


@get("/admin/orders/{order_id:uuid}/changes", permission="write_orders")
async def new_change(desk: Desk, orders: Orders, order_id: UUID, kind: str = "edit") -> Response[str]:
    """The form for a change of one kind."""
    order = await orders.get_order(desk.ctx, order_id=order_id)
    return await _form(desk, order, one_of(ChangeKind, kind) or ChangeKind.EDIT)


@post("/admin/orders/{order_id:uuid}/changes", permission="write_orders")
async def preview(desk: Desk, orders: Orders, stock: Stock, order_id: UUID, data: FormData) -> Response[str]:
    """Preview what was typed; nothing happens yet."""
    order = await orders.get_order(desk.ctx, order_id=order_id)
    kind = one_of(ChangeKind, text(data, "kind")) or ChangeKind.EDIT
    try:
        wish = await _wish(desk.ctx, stock, order, kind, data)
        change = await orders.preview_change(desk.ctx, order_id=order_id, change=wish)
    except MercatoError as error:
        return await _form(desk, order, kind, typed=data, error=error)
    return desk.go(f"/admin/changes/{change.id}")


@get("/admin/changes/{change_id:uuid}", permission="read_orders")
async def show_change(desk: Desk, orders: Orders, change_id: UUID) -> Response[str]:
    """A change: what it does, how far it is, and what may be done next."""
    change = await orders.change(desk.ctx, change_id=change_id)
    return await _page(desk, orders, change)


@post("/admin/changes/{change_id:uuid}/confirmation", permission="write_orders")
async def confirm(desk: Desk, orders: Orders, change_id: UUID) -> Response[str]:
    """Make the previewed change true."""

    async def act() -> object:
        return await orders.confirm_change(desk.ctx, change_id=change_id)

    return await _act(desk, orders, change_id, act, "change_confirmed")


@post("/admin/changes/{change_id:uuid}/cancellation", permission="write_orders")
async def cancel(desk: Desk, orders: Orders, change_id: UUID, data: FormData) -> Response[str]:
    """Drop a preview, refuse a request, or give up what never arrived."""

    async def act() -> object:
        return await orders.cancel_change(desk.ctx, change_id=change_id, reason=text(data, "reason")[:200])

    return await _act(desk, orders, change_id, act, "change_canceled")


@post("/admin/changes/{change_id:uuid}/approval", permission="write_orders")
async def approve(desk: Desk, orders: Orders, change_id: UUID) -> Response[str]:
    """The customer may send the goods."""

    async def act() -> object:
        return await orders.approve_return(desk.ctx, change_id=change_id)

    return await _act(desk, orders, change_id, act, "return_approved")


@post("/admin/changes/{change_id:uuid}/receipt", permission="write_orders")
async def receive(desk: Desk, orders: Orders, change_id: UUID, data: FormData) -> Response[str]:
    """What has arrived, what can be sold again, what is kept of the refund."""

    async def act() -> object:
        change = await orders.change(desk.ctx, change_id=change_id)
        fee = money(data, "fee", change.credit.currency)
        lines = [
            ReceivedLine(
                line.line_id,
                whole(data, f"received-{line.line_id}", most=10_000) or 0,
                whole(data, f"restocked-{line.line_id}", most=10_000) or 0,
            )
            for line in change.lines
            if line.action == "return"
        ]
        receipt = ReturnReceipt(
            lines=lines,
            fee=fee.amount if fee else 0,
            refund_delivery=bool(text(data, "refund_delivery")),
        )
        return await orders.receive_return(desk.ctx, change_id=change_id, receipt=receipt)

    return await _act(desk, orders, change_id, act, "return_received", typed=data)


@post("/admin/changes/{change_id:uuid}/refund", permission="write_refunds")
async def refund(desk: Desk, orders: Orders, change_id: UUID) -> Response[str]:
    """Send the refund of a received return once more."""

    async def act() -> object:
        return await orders.refund_return(desk.ctx, change_id=change_id)

    return await _act(desk, orders, change_id, act, "refunded")


async def _wish(
    ctx: Context, stock: Stock, order: Order, kind: ChangeKind, data: dict[str, Any]
) -> ChangeInput:
    """What the form asks for. Raises Invalid."""
    quantities, returns = [], []
    for line in order.lines:
        typed = whole(data, f"quantity-{line.id}", most=10_000)
        if kind is ChangeKind.EDIT and typed is not None and typed != line.quantity:
            quantities.append(LineQuantity(line.id, typed))
        elif kind is not ChangeKind.EDIT and typed:
            returns.append(ReturnLine(line.id, typed, text(data, "reason")[:200]))
    has_new = kind in (ChangeKind.EDIT, ChangeKind.EXCHANGE)
    return ChangeInput(
        kind=kind,
        quantities=quantities,
        returns=returns,
        add=await new_lines(ctx, stock, data) if has_new else [],
        resolution=one_of(ClaimResolution, text(data, "resolution")) or ClaimResolution.REPLACEMENT,
        reason=text(data, "reason")[:200],
    )


async def _act(
    desk: Desk,
    orders: Orders,
    change_id: UUID,
    act: Callable[[], Awaitable[object]],
    code: str,
    *,
    typed: dict[str, Any] | None = None,
) -> Response[str]:
    """Do it and show the change; a refusal shows it as it stands, with the reason."""
    try:
        await act()
    except MercatoError as error:
        change = await orders.change(desk.ctx, change_id=change_id)
        return await _page(desk, orders, change, error=error, typed=typed)
    return desk.done(f"/admin/changes/{change_id}", code)


async def _form(
    desk: Desk,
    order: Order,
    kind: ChangeKind,
    *,
    typed: dict[str, Any] | None = None,
    error: MercatoError | None = None,
) -> Response[str]:
    is_edit = kind is ChangeKind.EDIT
    context = {
        "order": order,
        "kind": kind,
        "title": TITLES[kind],
        "lines": order.lines if is_edit else [line for line in order.lines if line.quantity_returnable],
        "new_lines": range(NEW_LINES) if kind in (ChangeKind.EDIT, ChangeKind.EXCHANGE) else (),
        "typed": typed or {},
        "said": "",
        "error": why(error),
    }
    return await desk.page("admin/change_form.html", "/admin/orders", context, error=error)


async def _page(
    desk: Desk,
    orders: Orders,
    change: OrderChange,
    *,
    error: MercatoError | None = None,
    typed: dict[str, Any] | None = None,
) -> Response[str]:
    order = await orders.get_order(desk.ctx, order_id=change.order_id)
    context = {
        "order": order,
        "change": change,
        "title": words.CHANGE_TITLES[change.kind],
        "goods": [line for line in change.lines if line.action == "return"],
        "typed": typed or {},
        "error": why(error),
        "wrong": errors_by_field(error),
        "unnamed": unnamed_amount(order.refunds, order.currency),
        "may_write": desk.ctx.principal.may_somewhere("write_orders"),
        "may_refund": desk.ctx.principal.may_somewhere("write_refunds"),
    }
    return await desk.page("admin/change.html", PATH, context, error=error)


routes = [list_returns, new_change, preview, show_change, confirm, cancel, approve, receive, refund]
