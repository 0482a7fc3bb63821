"""Routes of buyers: complete a cart, follow its placing, read and cancel orders."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Stream

from mercato.contracts.orders import Order, OrderRow, Orders, PaymentChoice, Placement, PlaceStatus
from mercato.contracts.payments import NextAction
from mercato.contracts.shared import DEFAULT_LIMIT, Page, ShortText
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict
from mercato.kernel.ids import digest
from mercato.kernel.messaging.live import Live
from mercato.kernel.money import Money
from mercato.kernel.sse import ServerEvent, stream
from mercato.kernel.web import PUBLIC, SIGNED_IN, ListCursor, ListLimit

CartToken = Annotated[
    str | None,
    HeaderParameter(
        name="X-Cart-Token", max_length=100, description="Came with the new cart; its customer needs none."
    ),
]
OrderNumber = Annotated[str, msgspec.Meta(max_length=40)]
OrderToken = Annotated[
    str | None,
    HeaderParameter(
        name="X-Order-Token", max_length=100, description="Came with the order; its customer needs none."
    ),
]
BuyerEmail = Annotated[
    str | None,
    QueryParameter(name="email", max_length=254, description="When given, it must be the order's."),
]


class CompleteInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    expected_total: Money
    """The total that the shopper saw; another one is refused with 409 `cart_changed`."""
    payment: PaymentChoice


class CancellationInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: ShortText = ""


class PendingOrder(msgspec.Struct, frozen=True):
    """The order is not placed yet: the shopper has something to do, or the provider has."""

    status: Literal["requires_action", "processing"]
    order_number: str | None
    order_token: str | None
    session_id: UUID | None = None
    next_action: NextAction | None = None


@post(
    "/carts/{cart_id:uuid}/complete",
    permission=PUBLIC,
    throttle="payments",
    answers={
        202: PendingOrder,
        402: "The payment was declined; `decline_code` says why. The cart is open again.",
        409: "`cart_changed`, `insufficient_stock`, `requirements_missing`, `order_in_progress` and others.",
    },
)
async def complete_cart(
    ctx: Context, orders: Orders, cart_id: UUID, data: CompleteInput, cart_token: CartToken = None
) -> Order | Response[PendingOrder]:
    """Turn the cart into an order. A replay answers with the same order."""
    placement = await orders.place(
        ctx,
        cart_id=cart_id,
        cart_token=cart_token,
        expected_total=data.expected_total,
        payment=data.payment,
    )
    return answer_of(placement)


@get(
    "/carts/{cart_id:uuid}/placement",
    permission=PUBLIC,
    answers={202: PendingOrder, 402: "The payment was declined; `decline_code` says why."},
)
async def get_placement(
    ctx: Context, orders: Orders, cart_id: UUID, cart_token: CartToken = None
) -> Order | Response[PendingOrder]:
    """How the placing of this cart stands: for a shopper who comes back from their bank, or waits."""
    return answer_of(await orders.placement(ctx, cart_id=cart_id, cart_token=cart_token))


@get("/orders/{number:str}", permission=PUBLIC)
async def get_order(
    ctx: Context,
    orders: Orders,
    number: OrderNumber,
    email: BuyerEmail = None,
    order_token: OrderToken = None,
) -> Order:
    """An order with its timeline, for its customer or with its token."""
    return await orders.order(ctx, number=number, email=email, token=order_token)


@post("/orders/{number:str}/cancellation", permission=PUBLIC)
async def cancel_order(
    ctx: Context, orders: Orders, number: OrderNumber, data: CancellationInput, order_token: OrderToken = None
) -> Order:
    """Cancel an order of which nothing has been sent; the money goes back."""
    return await orders.request_cancellation(ctx, number=number, token=order_token, reason=data.reason)


@get("/orders/{number:str}/events", permission=PUBLIC, timeout_s=None)
async def order_events(
    ctx: Context,
    orders: Orders,
    live: Live,
    request: Request[Any, Any, Any],
    number: OrderNumber,
    email: BuyerEmail = None,
    order_token: OrderToken = None,
) -> Stream:
    """Server-sent events: the whole order as event `order`, at once and after each change."""
    ctx = msgspec.structs.replace(ctx, deadline=None)
    order = await orders.order(ctx, number=number, email=email, token=order_token)

    async def render(last_id: str) -> Sequence[ServerEvent]:
        now = await orders.order(ctx, number=number, email=email, token=order_token)
        text = msgspec.json.encode(now).decode()
        event_id = digest(text).hex()[:16]
        return [] if event_id == last_id else [ServerEvent(text, "order", event_id)]

    return stream(request, live, [f"order.{order.id}"], render)


@get("/me/orders", permission=SIGNED_IN)
async def my_orders(
    ctx: Context, orders: Orders, limit: ListLimit = DEFAULT_LIMIT, cursor: ListCursor = None
) -> Page[OrderRow]:
    """The orders of the signed-in customer, newest first."""
    return await orders.my_orders(ctx, limit=limit, cursor=cursor)


def answer_of(placement: Placement) -> Order | Response[PendingOrder]:
    """A placement as the API says it: the order, 202 while somebody has to act, 402 when it was declined."""
    if placement.order is not None:
        return placement.order
    if placement.status is PlaceStatus.DECLINED:
        raise Conflict(
            "declined",
            "The payment was declined. Nothing was charged; try another way to pay.",
            data={"decline_code": placement.decline_code},
        )
    needs_action = placement.status is PlaceStatus.REQUIRES_ACTION
    pending = PendingOrder(
        status="requires_action" if needs_action else "processing",
        order_number=placement.order_number,
        order_token=placement.order_token,
        session_id=placement.session_id,
        next_action=placement.next_action,
    )
    return Response(pending, status_code=202)


routes = [complete_cart, get_placement, get_order, cancel_order, order_events, my_orders]
