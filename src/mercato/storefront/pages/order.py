"""An order as its buyer sees it: confirmation, status with a live timeline, cancellation."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response, get, post
from litestar.response import Stream

from mercato.contracts.orders import (
    ChangeKind,
    ChangeStatus,
    FulfillmentStatus,
    Order,
    OrderChange,
    Orders,
    OrderStatus,
    ParcelTracking,
)
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.messaging.live import Live
from mercato.kernel.sse import ServerEvent, stream
from mercato.kernel.web import PUBLIC
from mercato.storefront.forms import Errors, Form, one_error, text_of
from mercato.storefront.frame import language_of
from mercato.storefront.visit import Visit
from mercato.ui.rendering import Renderer

STAGES = ("Placed", "Packed", "Shipped", "Delivered")
HIDDEN_KINDS = frozenset({"note"})
"""What staff writes for itself is not for the buyer."""


class Stage(msgspec.Struct, frozen=True):
    """A stage on the way to the buyer."""

    label: str
    is_done: bool


class ReturnWords(msgspec.Struct, frozen=True):
    """The badge of a return, and the sentence below it."""

    label: str
    tone: str
    text: str

    @property
    def title(self) -> str:
        return f"Return: {self.label}"


RETURN_WORDS = {
    ChangeStatus.REQUESTED: ReturnWords("Requested", "warn", "We look at it and write to you."),
    ChangeStatus.APPROVED: ReturnWords("Approved", "info", "You may send it: put the order's number inside."),
    ChangeStatus.RECEIVED: ReturnWords("Arrived", "info", "Your refund is on its way."),
    ChangeStatus.REFUNDED: ReturnWords("Settled", "ok", "It is back, and what is owed to you was sent."),
    ChangeStatus.CANCELED: ReturnWords("Canceled", "neutral", "Nothing goes back."),
}
RETURNS = frozenset({ChangeKind.RETURN, ChangeKind.EXCHANGE})


@get("/order/{number:str}", permission=PUBLIC, include_in_schema=False)
async def show(visit: Visit, orders: Orders, number: str) -> Response[str]:
    """The order, for its customer or whoever has its link."""
    token = visit.request.query_params.get("token", "")
    order = await _order(visit.ctx, orders, number, token)
    return await _answer(visit, orders, order, token)


@get("/order/{number:str}/events", permission=PUBLIC, include_in_schema=False, timeout_s=None)
async def events(
    request: Request[Any, Any, Any], number: str, ctx: Context, orders: Orders, live: Live
) -> Stream:
    """The status part again after every change of the order."""
    token = request.query_params.get("token", "")
    ctx = msgspec.structs.replace(ctx, deadline=None)
    order = await _order(ctx, orders, number, token)
    renderer: Renderer = request.app.state.renderer

    async def render(shown: str) -> Sequence[ServerEvent]:
        now = await _order(ctx, orders, number, token)
        if str(now.version) == shown:
            return []
        seen = await orders.buyer_tracking(ctx, number=number, token=token or None)
        html = renderer.render("order_status.html", _status(now, language_of(ctx), seen))
        return [ServerEvent(html, id=str(now.version))]

    return stream(request, live, [f"order.{order.id}"], render)


@post("/order/{number:str}/cancellation", permission=PUBLIC, include_in_schema=False, status_code=200)
async def cancel(visit: Visit, orders: Orders, number: str, data: Form) -> Response[str]:
    """Cancel before anything is shipped; too late says so on the page."""
    token = text_of(data, "token")
    try:
        order = await orders.request_cancellation(
            visit.ctx, number=number, token=token or None, reason=text_of(data, "reason")
        )
    except Conflict:
        order = await _order(visit.ctx, orders, number, token)
        errors = one_error("", "It is on its way already and cannot be canceled any more.")
        return await _answer(visit, orders, order, token, errors=errors)
    return visit.go(_address(order, token))


async def _order(ctx: Context, orders: Orders, number: str, token: str) -> Order:
    if not token and not ctx.principal.is_signed_in:
        raise NotFound(detail="Open the order with the link from your mail, or sign in.")
    return await orders.order(ctx, number=number, token=token or None)


def _address(order: Order, token: str) -> str:
    return f"/order/{order.number}?token={quote(token)}" if token else f"/order/{order.number}"


def _status(order: Order, locale: str, seen: Sequence[ParcelTracking]) -> dict[str, Any]:
    """What the status part is made of."""
    timeline = [entry for entry in reversed(order.timeline) if entry.kind not in HIDDEN_KINDS]
    return {
        "order": order,
        "timeline": timeline,
        "stages": stages_of(order),
        "locale": locale,
        "tracking": {each.fulfillment_id: list(reversed(each.events)) for each in seen},
    }


def stages_of(order: Order) -> tuple[Stage, ...]:
    """How far the goods are; none for an order that was canceled."""
    if order.status is OrderStatus.CANCELED:
        return ()
    is_sent = order.fulfillment_status in (FulfillmentStatus.FULFILLED, FulfillmentStatus.DELIVERED)
    has_left = is_sent or any(each.shipped_at for each in order.fulfillments)
    is_packed = has_left or bool(order.fulfillments)
    is_there = order.fulfillment_status is FulfillmentStatus.DELIVERED
    return tuple(
        Stage(label, done) for label, done in zip(STAGES, (True, is_packed, has_left, is_there), strict=True)
    )


def return_words(change: OrderChange) -> ReturnWords:
    """How far a return is, for its buyer."""
    return RETURN_WORDS[change.status]


async def _answer(
    visit: Visit, orders: Orders, order: Order, token: str, *, errors: Errors | None = None
) -> Response[str]:
    base = await visit.frame()
    seen = await orders.buyer_tracking(visit.ctx, number=order.number, token=token or None)
    context = {
        **base,
        **_status(order, base["locale"], seen),
        "token": token,
        "documents": await orders.buyer_documents(visit.ctx, number=order.number, token=token or None),
        "events_url": f"/order/{quote(order.number)}/events?token={quote(token)}",
        "is_placed_now": "placed" in visit.request.query_params,
        "may_cancel": order.status is OrderStatus.PLACED
        and order.fulfillment_status is FulfillmentStatus.UNFULFILLED,
        "returns": [change for change in reversed(order.changes) if change.kind in RETURNS],
        "return_words": return_words,
        "errors": errors or Errors(),
        "robots": "noindex",
    }
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return visit.page("order.html", context, status=409 if errors else 200, headers=headers)


routes = [show, events, cancel]
