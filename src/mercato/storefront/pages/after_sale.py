"""What a buyer may do with an order after the sale: send goods back, pay what a change left to be paid."""

from urllib.parse import quote
from uuid import UUID

from litestar import Response, get, post

from mercato.contracts.orders import Order, Orders, Placement, PlaceStatus, ReturnLine
from mercato.contracts.payments import Payments
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, Invalid, MercatoError, NotFound
from mercato.kernel.web import PUBLIC
from mercato.settings import Settings
from mercato.storefront import checkout
from mercato.storefront.forms import Errors, Form, one_error, payment_of, seen_amount, text_of
from mercato.storefront.visit import Visit

REASONS = (
    ("", "No reason"),
    ("Does not fit", "Does not fit"),
    ("Not as described", "Not as described"),
    ("Damaged", "Arrived damaged"),
    ("Wrong item", "Wrong item"),
    ("Changed my mind", "Changed my mind"),
)
REFUSALS = {
    "not_returnable": "Some of it is coming back already. Look at what is left.",
    "return_too_late": "It is too late to send it back here. Write to us.",
}


@get("/order/{number:str}/returns", permission=PUBLIC, include_in_schema=False)
async def show_return(visit: Visit, orders: Orders, number: str) -> Response[str]:
    """Choose what goes back."""
    token = visit.request.query_params.get("token", "")
    order = await order_of(visit.ctx, orders, number, token)
    return await _return_page(visit, order, token)


@post("/order/{number:str}/returns", permission=PUBLIC, include_in_schema=False, status_code=200)
async def request_return(visit: Visit, orders: Orders, number: str, data: Form) -> Response[str]:
    """Ask to send the chosen units back."""
    token = text_of(data, "token")
    order = await order_of(visit.ctx, orders, number, token)
    lines = _chosen(order, data)
    if not lines:
        errors = one_error("", "Choose at least one item.")
        return await _return_page(visit, order, token, errors=errors, typed=data)
    try:
        order = await orders.request_return(
            visit.ctx, number=number, token=token or None, lines=lines, reason=text_of(data, "reason")
        )
    except (Conflict, Invalid) as refused:
        order = await order_of(visit.ctx, orders, number, token)
        errors = one_error("", REFUSALS.get(refused.code, refused.detail or "That was refused."))
        return await _return_page(visit, order, token, errors=errors, typed=data, status=409)
    return visit.go(address(order.number, token))


@post(
    "/order/{number:str}/returns/{change_id:uuid}/cancellation",
    permission=PUBLIC,
    include_in_schema=False,
    status_code=200,
)
async def withdraw_return(
    visit: Visit, orders: Orders, number: str, change_id: UUID, data: Form
) -> Response[str]:
    """Keep the goods after all. When they have arrived meanwhile, the order's page shows it."""
    token = text_of(data, "token")
    try:
        await orders.withdraw_return(visit.ctx, number=number, change_id=change_id, token=token or None)
    except Conflict:
        await order_of(visit.ctx, orders, number, token)
    return visit.go(address(number, token))


@get("/order/{number:str}/payment", permission=PUBLIC, include_in_schema=False)
async def show_payment(visit: Visit, orders: Orders, payments: Payments, number: str) -> Response[str]:
    """How to pay the rest; also where the bank sends the buyer back to."""
    token = visit.request.query_params.get("token", "")
    standing = await orders.balance_payment(visit.ctx, number=number, token=token or None)
    if standing is not None and standing.status in (PlaceStatus.PLACED, PlaceStatus.PROCESSING):
        return await _lead_on(visit, standing, number, token)
    order = await order_of(visit.ctx, orders, number, token)
    if order.balance is None or order.balance.amount <= 0:
        return visit.go(address(number, token))
    declined = visit.request.query_params.get("declined", "")
    if standing is not None and standing.status is PlaceStatus.DECLINED:
        declined = standing.decline_code or "declined"
    errors = one_error("", checkout.decline_text(declined)) if declined else None
    return await _payment_page(visit, payments, order, token, errors=errors)


@post("/order/{number:str}/payment", permission=PUBLIC, include_in_schema=False, status_code=200)
async def pay(
    visit: Visit, orders: Orders, payments: Payments, settings: Settings, number: str, data: Form
) -> Response[str]:
    """Pay the rest with the amount that was shown; a second click pays once."""
    token = text_of(data, "token")
    order = await order_of(visit.ctx, orders, number, token)
    seen = seen_amount(data, "expected", order.currency)
    if seen is None:
        return await _payment_page(visit, payments, order, token, errors=one_error("", "Check the amount."))
    choice = payment_of(data, settings.public_url + _payment_address(number, token))
    try:
        placement = await orders.pay_balance(
            visit.ctx,
            number=number,
            token=token or None,
            expected=seen,
            payment=choice,
        )
    except (Conflict, Invalid) as refused:
        return await _refused(visit, orders, payments, number, token, refused)
    return await _lead_on(visit, placement, number, token)


async def order_of(ctx: Context, orders: Orders, number: str, token: str) -> Order:
    """Raises NotFound for everybody who is neither its customer nor has its link."""
    if not token and not ctx.principal.is_signed_in:
        raise NotFound(detail="Open the order with the link from your mail, or sign in.")
    return await orders.order(ctx, number=number, token=token or None)


def address(number: str, token: str) -> str:
    """The page of the order."""
    return f"/order/{quote(number)}?token={quote(token)}" if token else f"/order/{quote(number)}"


def _payment_address(number: str, token: str) -> str:
    path = f"/order/{quote(number)}/payment"
    return f"{path}?token={quote(token)}" if token else path


def _chosen(order: Order, data: dict[str, str]) -> list[ReturnLine]:
    lines = []
    for line in order.lines:
        typed = text_of(data, f"quantity-{line.id}")
        quantity = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 6 else 0
        if quantity:
            lines.append(ReturnLine(line.id, min(quantity, 10_000), text_of(data, f"reason-{line.id}")))
    return lines


async def _lead_on(visit: Visit, placement: Placement, number: str, token: str) -> Response[str]:
    """To the order when it is paid, to the bank's page, to the page that waits, or back with the reason."""
    if placement.status is PlaceStatus.PLACED:
        return visit.go(address(number, token))
    if placement.status is PlaceStatus.REQUIRES_ACTION and placement.next_action:
        url = placement.next_action.url
        base = await visit.frame()
        headers = {"Cache-Control": "no-store"}
        return visit.page("leaving.html", {**base, "url": url, "robots": "noindex"}, headers=headers)
    path = _payment_address(number, token)
    if placement.status is PlaceStatus.DECLINED:
        sign = "&" if "?" in path else "?"
        return visit.go(f"{path}{sign}declined={quote(placement.decline_code or 'declined')}")
    base = await visit.frame()
    context = {**base, "robots": "noindex", "waiting_url": path}
    return visit.page("order_waiting.html", context, headers={"Cache-Control": "no-store"})


async def _refused(
    visit: Visit, orders: Orders, payments: Payments, number: str, token: str, refused: MercatoError
) -> Response[str]:
    if refused.code == "nothing_owed":
        return visit.go(address(number, token))
    order = await order_of(visit.ctx, orders, number, token)
    texts = {"balance_changed": "The amount has changed meanwhile. Check it and pay again."}
    errors = one_error("", texts.get(refused.code, refused.detail or checkout.DECLINED))
    return await _payment_page(visit, payments, order, token, errors=errors)


async def _return_page(
    visit: Visit,
    order: Order,
    token: str,
    *,
    errors: Errors | None = None,
    typed: dict[str, str] | None = None,
    status: int = 422,
) -> Response[str]:
    base = await visit.frame()
    context = {
        **base,
        "order": order,
        "token": token,
        "back_url": address(order.number, token),
        "lines": [line for line in order.lines if line.quantity_returnable],
        "reasons": REASONS,
        "typed": typed or {},
        "errors": errors or Errors(),
        "robots": "noindex",
    }
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    code = status if errors else 200
    return visit.page("order_return.html", context, status=code, headers=headers)


async def _payment_page(
    visit: Visit, payments: Payments, order: Order, token: str, *, errors: Errors | None = None
) -> Response[str]:
    base = await visit.frame()
    context = {
        **base,
        "order": order,
        "token": token,
        "back_url": address(order.number, token),
        "payment_methods": await payments.providers(visit.ctx),
        "errors": errors or Errors(),
        "robots": "noindex",
    }
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    is_refused = errors is not None and visit.request.method == "POST"
    status = 422 if is_refused else 200
    return visit.page("order_payment.html", context, status=status, headers=headers)


routes = [show_return, request_return, withdraw_return, show_payment, pay]
