"""One order: what was sold, what happened, what may be done next."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from mercato.admin import words
from mercato.admin.desk import Desk
from mercato.admin.forms import FormData, errors_by_field, money, text, whole, why
from mercato.admin.refunded import refunded_units
from mercato.contracts.orders import FulfillmentLine, Order, Orders, ParcelLabel
from mercato.kernel.context import Context
from mercato.kernel.errors import Invalid, MercatoError
from mercato.kernel.money import Money


class Typed(msgspec.Struct, frozen=True):
    """What a form of the page was sent with, to be shown again when it is refused."""

    form: str = ""
    data: dict[str, Any] = {}

    def value(self, form: str, name: str, otherwise: object = "") -> object:
        """What was typed into the field `name` of `form`; `otherwise` when another form was sent, or none."""
        return text(self.data, name) if form == self.form and name in self.data else otherwise


NOTHING_TYPED = Typed()
CHANGES = (("edit", "Edit"), ("return", "Return"), ("exchange", "Exchange"), ("claim", "Claim"))
"""What may be done to an order after the sale, as its buttons say."""


@get("/admin/orders/{order_id:uuid}", permission="read_orders")
async def show_order(desk: Desk, orders: Orders, order_id: UUID) -> Response[str]:
    """The order with its timeline."""
    order = await orders.get_order(desk.ctx, order_id=order_id)
    return await _page(desk, orders, order)


@post("/admin/orders/{order_id:uuid}/captures", permission="write_payments")
async def capture(desk: Desk, orders: Orders, order_id: UUID, data: FormData) -> Response[str]:
    """Take the held money, all of it or the amount typed."""

    async def act(order: Order) -> object:
        amount = money(data, "capture_amount", order.currency)
        return await orders.capture(desk.ctx, order_id=order_id, amount=amount)

    return await _act(desk, orders, order_id, act, "captured", Typed("captures", data))


@post("/admin/orders/{order_id:uuid}/refunds", permission="write_refunds")
async def refund(desk: Desk, orders: Orders, order_id: UUID, data: FormData) -> Response[str]:
    """Send money back, the amount typed or all that is left."""

    async def act(order: Order) -> object:
        amount = money(data, "refund_amount", order.currency)
        return await orders.refund(
            desk.ctx, order_id=order_id, amount=amount, reason=text(data, "reason")[:200]
        )

    return await _act(desk, orders, order_id, act, "refunded", Typed("refunds", data))


@post("/admin/orders/{order_id:uuid}/cancellation", permission="write_orders")
async def cancel(desk: Desk, orders: Orders, order_id: UUID, data: FormData) -> Response[str]:
    """Cancel the whole order: money goes back, stock is free again."""

    async def act(order: Order) -> object:
        return await orders.cancel(
            desk.ctx, order_id=order_id, reason=text(data, "reason")[:200], version=whole(data, "version")
        )

    return await _act(desk, orders, order_id, act, "canceled", Typed("cancellation", data))


@post("/admin/orders/{order_id:uuid}/fulfillments", permission="write_fulfillments")
async def create_fulfillment(desk: Desk, orders: Orders, order_id: UUID, data: FormData) -> Response[str]:
    """Choose what leaves together; ship it at once when that button was pressed."""

    async def act(order: Order) -> object:
        lines = []
        for line in order.lines:
            quantity = whole(data, f"quantity-{line.id}", most=10_000)
            if quantity:
                lines.append(FulfillmentLine(line.id, quantity))
        if not lines:
            raise Invalid("nothing_chosen", "Choose at least one unit to ship.")
        known = {each.id for each in order.fulfillments}
        changed = await orders.create_fulfillment(desk.ctx, order_id=order_id, lines=lines)
        if not text(data, "ship"):
            return changed
        created = next(each for each in changed.fulfillments if each.id not in known)
        return await orders.ship(desk.ctx, fulfillment_id=created.id, **_parcel(data))

    code = "shipped" if text(data, "ship") else "fulfilled"
    return await _act(desk, orders, order_id, act, code, Typed("fulfillments", data))


@post(
    "/admin/orders/{order_id:uuid}/fulfillments/{fulfillment_id:uuid}/shipment",
    permission="write_fulfillments",
)
async def ship(
    desk: Desk, orders: Orders, order_id: UUID, fulfillment_id: UUID, data: FormData
) -> Response[str]:
    """The parcel leaves; the customer is told."""

    async def act(order: Order) -> object:
        return await orders.ship(desk.ctx, fulfillment_id=fulfillment_id, **_parcel(data))

    typed = Typed(f"fulfillments/{fulfillment_id}/shipment", data)
    return await _act(desk, orders, order_id, act, "shipped", typed)


@post(
    "/admin/orders/{order_id:uuid}/fulfillments/{fulfillment_id:uuid}/delivery",
    permission="write_fulfillments",
)
async def deliver(desk: Desk, orders: Orders, order_id: UUID, fulfillment_id: UUID) -> Response[str]:
    """The parcel has arrived."""

    async def act(order: Order) -> object:
        return await orders.deliver(desk.ctx, fulfillment_id=fulfillment_id)

    return await _act(desk, orders, order_id, act, "delivered")


@post(
    "/admin/orders/{order_id:uuid}/fulfillments/{fulfillment_id:uuid}/cancellation",
    permission="write_fulfillments",
)
async def cancel_fulfillment(
    desk: Desk, orders: Orders, order_id: UUID, fulfillment_id: UUID
) -> Response[str]:
    """The parcel stays; its lines can be shipped otherwise."""

    async def act(order: Order) -> object:
        return await orders.cancel_fulfillment(desk.ctx, fulfillment_id=fulfillment_id)

    return await _act(desk, orders, order_id, act, "fulfillment_canceled")


@post("/admin/orders/{order_id:uuid}/retry", permission="write_orders")
async def retry(desk: Desk, orders: Orders, order_id: UUID) -> Response[str]:
    """What was given up after many tries is tried again."""

    async def act(order: Order) -> object:
        return await orders.retry(desk.ctx, order_id=order_id)

    return await _act(desk, orders, order_id, act, "order_retried")


@post("/admin/orders/{order_id:uuid}/notes", permission="write_orders")
async def add_note(desk: Desk, orders: Orders, order_id: UUID, data: FormData) -> Response[str]:
    """A note for colleagues; the customer never sees it."""

    async def act(order: Order) -> object:
        note = text(data, "text")[:2000]
        if not note:
            raise Invalid("empty", "Write something into the note.")
        return await orders.add_note(desk.ctx, order_id=order_id, text=note)

    return await _act(desk, orders, order_id, act, "noted", Typed("notes", data))


@post("/admin/orders/{order_id:uuid}/tags", permission="write_orders")
async def set_tags(desk: Desk, orders: Orders, order_id: UUID, data: FormData) -> Response[str]:
    """The words by which staff finds what belongs together."""

    async def act(order: Order) -> object:
        tags = [tag.strip()[:40] for tag in text(data, "tags").split(",") if tag.strip()]
        return await orders.set_tags(desk.ctx, order_id=order_id, tags=tags[:20])

    return await _act(desk, orders, order_id, act, "tagged", Typed("tags", data))


async def _act(
    desk: Desk,
    orders: Orders,
    order_id: UUID,
    act: Callable[[Order], Awaitable[object]],
    code: str,
    typed: Typed = NOTHING_TYPED,
) -> Response[str]:
    """Do it and show the order; a refusal shows the order as it stands, the reason, and what was typed."""
    order = await orders.get_order(desk.ctx, order_id=order_id)
    try:
        await act(order)
    except MercatoError as error:
        if error.code == "step_up_required":
            raise
        order = await orders.get_order(desk.ctx, order_id=order_id)
        return await _page(desk, orders, order, error=error, typed=typed)
    return desk.done(f"/admin/orders/{order_id}", code)


async def _page(
    desk: Desk,
    orders: Orders,
    order: Order,
    *,
    error: MercatoError | None = None,
    typed: Typed = NOTHING_TYPED,
) -> Response[str]:
    captured = sum(payment.captured.amount - payment.refunded.amount for payment in order.payments)
    documents = await orders.documents(desk.ctx, order_id=order.id)
    labels = await _labels(desk.ctx, orders, order)
    held = sum(payment.authorized.amount - payment.captured.amount for payment in order.payments)
    # More may be held than the order costs since it was changed.
    owed = held + min(0, order.balance.amount if order.balance else 0)
    return await desk.page(
        "admin/order.html",
        "/admin/orders",
        {
            "order": order,
            "documents": documents,
            "labels": labels,
            "story": [(entry, words.happening(entry, desk.ctx.locale)) for entry in reversed(order.timeline)],
            "error": why(error),
            "wrong": errors_by_field(error),
            "typed": typed,
            "open_lines": [line for line in order.lines if line.quantity_open],
            "refunded_units": refunded_units(order.refunds, order.changes),
            "returned": any(line.quantity_returned for line in order.lines),
            "change_kinds": [pair for pair in CHANGES if pair[0] in order.allowed_actions],
            "change_titles": words.CHANGE_TITLES,
            "refundable": Money(captured, order.currency),
            "held": Money(held, order.currency),
            "owed": Money(max(0, owed), order.currency),
            "sees_parcels": desk.ctx.principal.may_in("read_fulfillments", order.channel),
            "sees_payments": desk.ctx.principal.may("read_payments"),
            "may_refund": desk.ctx.principal.may_in("write_refunds", order.channel),
            "may_ship": desk.ctx.principal.may_in("write_fulfillments", order.channel),
        },
        error=error,
    )


async def _labels(ctx: Context, orders: Orders, order: Order) -> dict[UUID, ParcelLabel]:
    if not (order.fulfillments and ctx.principal.may("read_fulfillments")):
        return {}
    return {each.fulfillment_id: each for each in await orders.parcel_labels(ctx, order_id=order.id)}


def _parcel(data: dict[str, Any]) -> dict[str, str | None]:
    names = ("carrier", "tracking_number", "tracking_url")
    return {name: text(data, name)[:200] or None for name in names}


routes = [
    show_order,
    capture,
    refund,
    cancel,
    create_fulfillment,
    ship,
    deliver,
    cancel_fulfillment,
    add_note,
    retry,
    set_tags,
]
