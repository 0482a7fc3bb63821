"""The last section of checkout: placing the order, the way to the bank and back."""

from litestar import Response, get, post

from mercato.contracts.carts import Carts
from mercato.contracts.orders import Orders, Placement, PlaceStatus
from mercato.contracts.payments import Payments
from mercato.kernel.errors import Conflict, Invalid, MercatoError
from mercato.kernel.web import CART_COOKIE, PUBLIC, count_failure, expired_cookie
from mercato.settings import Settings
from mercato.storefront import checkout
from mercato.storefront.bag import BagKey, bag_key, find_bag
from mercato.storefront.checkout_page import CheckoutVisit, answer
from mercato.storefront.forms import Errors, Form, one_error, payment_of, seen_amount

RETURN_PATH = "/checkout/return"


@post("/checkout/payment", permission=PUBLIC, throttle="payments", include_in_schema=False, status_code=200)
async def pay(
    visit: CheckoutVisit, carts: Carts, orders: Orders, payments: Payments, settings: Settings, data: Form
) -> Response[str]:
    """Place the order with the total that was shown; a second click gives the same order."""
    found = await find_bag(visit.request, visit.ctx, carts)
    if found is None:
        return await _stand(visit, orders)
    key, cart = found
    seen = seen_amount(data, "expected_total", cart.currency)
    if seen is None:
        return await answer(visit, key, cart, checkout.PAYMENT, errors=one_error("", "Check the total."))
    due = seen_amount(data, "expected_due", cart.currency)
    payment = payment_of(data, settings.public_url + RETURN_PATH, expected_due=due)
    try:
        placement = await orders.place(
            visit.ctx,
            cart_id=key.cart_id,
            cart_token=key.token,
            expected_total=seen,
            payment=payment,
        )
    except (Conflict, Invalid) as refused:
        return await _refused(visit, key, refused)
    return await _lead_on(visit, placement)


@get(RETURN_PATH, permission=PUBLIC, include_in_schema=False)
async def come_back(visit: CheckoutVisit, orders: Orders, payments: Payments) -> Response[str]:
    """Where the bank sends the shopper, and the page that waits while a payment is decided."""
    key = bag_key(visit.request)
    if key is None:
        return visit.go("/cart")
    placement = await orders.placement(visit.ctx, cart_id=key.cart_id, cart_token=key.token)
    if placement.status is PlaceStatus.PROCESSING:
        context = {**await visit.frame(count=0), "robots": "noindex"}
        return visit.page("waiting.html", context, block="waiting", headers={"Cache-Control": "no-store"})
    if placement.status is PlaceStatus.REQUIRES_ACTION and "canceled" in visit.request.query_params:
        return visit.go(f"/checkout?step=payment&declined={checkout.LEFT_PAGE}")
    return await _lead_on(visit, placement)


async def _stand(visit: CheckoutVisit, orders: Orders) -> Response[str]:
    """How the placing of the cookie's cart stands, when that cart is no longer open."""
    key = bag_key(visit.request)
    if key is None:
        return visit.go("/cart")
    placement = await orders.placement(visit.ctx, cart_id=key.cart_id, cart_token=key.token)
    return await _lead_on(visit, placement)


async def _lead_on(visit: CheckoutVisit, placement: Placement) -> Response[str]:
    """To the order, the bank's page, the page that waits, or back to payment with the reason."""
    order = placement.order
    number = order.number if order else placement.order_number
    if placement.status is PlaceStatus.PLACED and number:
        token = (order.token if order else None) or placement.order_token or ""
        response = visit.go(f"/order/{number}?token={token}&placed=1")
        response.set_cookie(expired_cookie(CART_COOKIE))
        return response
    if placement.status is PlaceStatus.REQUIRES_ACTION and placement.next_action:
        return await _leave(visit, placement.next_action.url)
    if placement.status is PlaceStatus.DECLINED:
        count_failure(visit.request)
        return visit.go(f"/checkout?step=payment&declined={placement.decline_code or 'declined'}")
    return visit.go(RETURN_PATH)


async def _leave(visit: CheckoutVisit, url: str) -> Response[str]:
    """To the page where the shopper pays or confirms.

    Our policy lets no form end on another site, not even by a redirect: from a plain form a page leads on.
    """
    is_ours = url.startswith(("/", f"{visit.settings.public_url}/"))
    if is_ours or visit.request.headers.get("hx-request") == "true":
        return visit.go(url)
    base = await visit.frame(count=0)
    context = {**base, "url": url, "robots": "noindex"}
    return visit.page("leaving.html", context, headers={"Cache-Control": "no-store"})


async def _refused(visit: CheckoutVisit, key: BagKey, refused: MercatoError) -> Response[str]:
    """Show what changed: the bag for shortages, the section that lacks something, or the new total."""
    if refused.code == "insufficient_stock":
        return visit.go("/cart")
    cart = await visit.carts.get(visit.ctx, cart_id=key.cart_id, token=key.token)
    texts = {
        "cart_changed": "The total changed meanwhile. Check it and pay again.",
        "requirements_missing": "",
    }
    text = texts.get(refused.code, refused.detail or checkout.DECLINED)
    errors = one_error("", text) if text else Errors()
    return await answer(visit, key, cart, checkout.PAYMENT, errors=errors)


routes = [pay, come_back]
