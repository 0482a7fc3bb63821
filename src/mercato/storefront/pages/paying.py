"""The last section of checkout: placing the order, the way to the bank and back."""

from typing import Any

from litestar import Request, Response, get, post

from mercato.contracts.carts import Carts
from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import Orders, Placement, PlaceStatus
from mercato.contracts.payments import Payments
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, Invalid, MercatoError
from mercato.kernel.web import CART_COOKIE, PUBLIC, count_failure, expired_cookie
from mercato.settings import Settings
from mercato.storefront import checkout
from mercato.storefront.bag import BagKey, bag_key, find_bag
from mercato.storefront.checkout_page import Surroundings, answer
from mercato.storefront.forms import Errors, Form, one_error, payment_of, seen_amount
from mercato.storefront.frame import frame
from mercato.ui.rendering import page, see_other

RETURN_PATH = "/checkout/return"


@post("/checkout/payment", permission=PUBLIC, throttle="payments", include_in_schema=False, status_code=200)
async def pay(
    request: Request[Any, Any, Any],
    data: Form,
    ctx: Context,
    catalog: Catalog,
    carts: Carts,
    orders: Orders,
    payments: Payments,
    settings: Settings,
) -> Response[str]:
    """Place the order with the total that was shown; a second click gives the same order."""
    found = await find_bag(request, ctx, carts)
    around = Surroundings(request, ctx, catalog, carts, payments, settings)
    if found is None:
        return await _stand(around, orders)
    key, cart = found
    seen = seen_amount(data, "expected_total", cart.currency)
    if seen is None:
        return await answer(around, key, cart, checkout.PAYMENT, errors=one_error("", "Check the total."))
    due = seen_amount(data, "expected_due", cart.currency)
    payment = payment_of(data, settings.public_url + RETURN_PATH, expected_due=due)
    try:
        placement = await orders.place(
            ctx,
            cart_id=key.cart_id,
            cart_token=key.token,
            expected_total=seen,
            payment=payment,
        )
    except (Conflict, Invalid) as refused:
        return await _refused(around, key, refused)
    return await _lead_on(around, placement)


@get(RETURN_PATH, permission=PUBLIC, include_in_schema=False)
async def come_back(
    request: Request[Any, Any, Any],
    ctx: Context,
    catalog: Catalog,
    carts: Carts,
    orders: Orders,
    payments: Payments,
    settings: Settings,
) -> Response[str]:
    """Where the bank sends the shopper, and the page that waits while a payment is decided."""
    key = bag_key(request)
    if key is None:
        return see_other(request, "/cart")
    placement = await orders.placement(ctx, cart_id=key.cart_id, cart_token=key.token)
    if placement.status is PlaceStatus.PROCESSING:
        context = {**await frame(request, ctx, catalog, carts, settings, count=0), "robots": "noindex"}
        return page(request, "waiting.html", context, block="waiting", headers={"Cache-Control": "no-store"})
    if placement.status is PlaceStatus.REQUIRES_ACTION and "canceled" in request.query_params:
        return see_other(request, f"/checkout?step=payment&declined={checkout.LEFT_PAGE}")
    return await _lead_on(Surroundings(request, ctx, catalog, carts, payments, settings), placement)


async def _stand(around: Surroundings, orders: Orders) -> Response[str]:
    """How the placing of the cookie's cart stands, when that cart is no longer open."""
    key = bag_key(around.request)
    if key is None:
        return see_other(around.request, "/cart")
    placement = await orders.placement(around.ctx, cart_id=key.cart_id, cart_token=key.token)
    return await _lead_on(around, placement)


async def _lead_on(around: Surroundings, placement: Placement) -> Response[str]:
    """To the order, the bank's page, the page that waits, or back to payment with the reason."""
    request = around.request
    order = placement.order
    number = order.number if order else placement.order_number
    if placement.status is PlaceStatus.PLACED and number:
        token = (order.token if order else None) or placement.order_token or ""
        response = see_other(request, f"/order/{number}?token={token}&placed=1")
        response.set_cookie(expired_cookie(CART_COOKIE))
        return response
    if placement.status is PlaceStatus.REQUIRES_ACTION and placement.next_action:
        return await _leave(around, placement.next_action.url)
    if placement.status is PlaceStatus.DECLINED:
        count_failure(request)
        return see_other(request, f"/checkout?step=payment&declined={placement.decline_code or 'declined'}")
    return see_other(request, RETURN_PATH)


async def _leave(around: Surroundings, url: str) -> Response[str]:
    """To the page where the shopper pays or confirms.

    Our policy lets no form end on another site, not even by a redirect: from a plain form a page leads on.
    """
    request = around.request
    is_ours = url.startswith(("/", f"{around.settings.public_url}/"))
    if is_ours or request.headers.get("hx-request") == "true":
        return see_other(request, url)
    base = await frame(request, around.ctx, around.catalog, around.carts, around.settings, count=0)
    context = {**base, "url": url, "robots": "noindex"}
    return page(request, "leaving.html", context, headers={"Cache-Control": "no-store"})


async def _refused(around: Surroundings, key: BagKey, refused: MercatoError) -> Response[str]:
    """Show what changed: the bag for shortages, the section that lacks something, or the new total."""
    if refused.code == "insufficient_stock":
        return see_other(around.request, "/cart")
    cart = await around.carts.get(around.ctx, cart_id=key.cart_id, token=key.token)
    texts = {
        "cart_changed": "The total changed meanwhile. Check it and pay again.",
        "requirements_missing": "",
    }
    text = texts.get(refused.code, refused.detail or checkout.DECLINED)
    errors = one_error("", text) if text else Errors()
    return await answer(around, key, cart, checkout.PAYMENT, errors=errors)


routes = [pay, come_back]
