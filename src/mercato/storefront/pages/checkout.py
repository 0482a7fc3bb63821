"""Checkout on one page: contact and address, delivery, payment; each section is a form with an address."""

import asyncio
from typing import Any
from uuid import UUID

import msgspec
from babel import Locale
from litestar import Request, Response, get, post

from mercato.contracts.carts import Cart, Carts
from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import Orders, PaymentChoice, Placement, PlaceStatus
from mercato.contracts.payments import Payments
from mercato.contracts.shared import Address
from mercato.contracts.users import Users
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, Invalid, MercatoError
from mercato.kernel.money import Money
from mercato.kernel.web import CART_COOKIE, PUBLIC, count_failure, expired_cookie
from mercato.settings import Settings
from mercato.storefront import checkout
from mercato.storefront.bag import BagKey, bag_key, find_bag
from mercato.storefront.credit import card_error, usable_credit
from mercato.storefront.forms import (
    ADDRESS_FIELDS,
    Errors,
    Form,
    address_of,
    errors_of,
    one_error,
    rules_of,
    text_of,
)
from mercato.storefront.frame import frame, language_of
from mercato.ui.formats import locale_of
from mercato.ui.rendering import AnyRequest, page, see_other

RETURN_PATH = "/checkout/return"


class Surroundings(msgspec.Struct, frozen=True):
    """What every answer of this page is made with."""

    request: AnyRequest
    ctx: Context
    catalog: Catalog
    carts: Carts
    payments: Payments
    settings: Settings


@get("/checkout", permission=PUBLIC, include_in_schema=False)
async def show(
    request: Request[Any, Any, Any],
    ctx: Context,
    catalog: Catalog,
    carts: Carts,
    users: Users,
    payments: Payments,
    settings: Settings,
) -> Response[str]:
    """The section that `step` names, or the first that is not done."""
    found = await find_bag(request, ctx, carts)
    if found is None or not found[1].lines:
        return see_other(request, "/cart")
    key, cart = found
    around = Surroundings(request, ctx, catalog, carts, payments, settings)
    typed = await _known_contact(ctx, users, cart)
    declined = request.query_params.get("declined", "")
    errors = one_error("", checkout.decline_text(declined)) if declined else Errors()
    step = request.query_params.get("step", "")
    return await _answer(around, key, cart, step, typed=typed, errors=errors)


@post("/checkout/contact", permission=PUBLIC, include_in_schema=False, status_code=200)
async def contact(
    request: Request[Any, Any, Any],
    data: Form,
    ctx: Context,
    catalog: Catalog,
    carts: Carts,
    payments: Payments,
    settings: Settings,
) -> Response[str]:
    """Take e-mail and addresses; what is wrong comes back beside the fields with everything typed kept."""
    found = await find_bag(request, ctx, carts)
    if found is None:
        return see_other(request, "/cart")
    key, cart = found
    around = Surroundings(request, ctx, catalog, carts, payments, settings)
    email = text_of(data, "email", 254)
    if "refresh" in data:
        return await _answer(around, key, cart, checkout.CONTACT, typed=data)
    try:
        if "@" not in email:
            raise Invalid(errors=[*_email_missing(), *_address_errors(data)])
        address = address_of(data)
        cart = await carts.update(
            ctx,
            cart_id=key.cart_id,
            token=key.token,
            email=email,
            shipping_address=address,
            billing_address=address,
        )
    except Invalid as refused:
        errors = errors_of(_once(refused), prefix="shipping_address.")
        return await _answer(around, key, cart, checkout.CONTACT, typed=data, errors=errors)
    return await _onward(around, key, cart, checkout.DELIVERY)


@post("/checkout/delivery", permission=PUBLIC, include_in_schema=False, status_code=200)
async def delivery(
    request: Request[Any, Any, Any],
    data: Form,
    ctx: Context,
    catalog: Catalog,
    carts: Carts,
    payments: Payments,
    settings: Settings,
) -> Response[str]:
    """Take the delivery method."""
    found = await find_bag(request, ctx, carts)
    if found is None:
        return see_other(request, "/cart")
    key, cart = found
    around = Surroundings(request, ctx, catalog, carts, payments, settings)
    try:
        method = UUID(data.get("delivery_method_id", ""))
        cart = await carts.update(ctx, cart_id=key.cart_id, token=key.token, delivery_method_id=method)
    except ValueError:
        errors = one_error("", "Choose how we deliver.")
        return await _answer(around, key, cart, checkout.DELIVERY, errors=errors)
    except Invalid as refused:
        return await _answer(around, key, cart, checkout.DELIVERY, errors=errors_of(refused))
    return await _onward(around, key, cart, checkout.PAYMENT)


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
    seen = text_of(data, "expected_total")
    if not (seen.isascii() and seen.isdigit() and len(seen) < 16):
        return await _answer(around, key, cart, checkout.PAYMENT, errors=one_error("", "Check the total."))
    provider = text_of(data, "provider", 40) or "unknown"
    payment = PaymentChoice(
        provider=provider,
        token=text_of(data, f"{provider}_token") or None,
        return_url=settings.public_url + RETURN_PATH,
        expected_due=_seen_due(data, cart.currency),
    )
    try:
        placement = await orders.place(
            ctx,
            cart_id=key.cart_id,
            cart_token=key.token,
            expected_total=Money(int(seen), cart.currency),
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


def _seen_due(data: dict[str, str], currency: str) -> Money | None:
    """What the page said is left to pay after gift cards; None when it did not say."""
    seen = text_of(data, "expected_due")
    return Money(int(seen), currency) if seen.isascii() and seen.isdigit() and len(seen) < 16 else None


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
    return await _answer(around, key, cart, checkout.PAYMENT, errors=errors)


async def _onward(around: Surroundings, key: BagKey, cart: Cart, step: str) -> Response[str]:
    """The next section: in place for htmx, by its address for a plain form."""
    if around.request.headers.get("hx-request") != "true":
        return see_other(around.request, f"/checkout?step={step}")
    return await _answer(around, key, cart, step, push=True)


async def _answer(
    around: Surroundings,
    key: BagKey,
    cart: Cart,
    step: str,
    *,
    typed: dict[str, str] | None = None,
    errors: Errors | None = None,
    push: bool = False,
) -> Response[str]:
    request, ctx, carts = around.request, around.ctx, around.carts
    found = checkout.sections(cart, step)
    shown = checkout.open_section(found)
    has_address = cart.shipping_address is not None
    channel, methods, providers, credit, base = await asyncio.gather(
        around.catalog.channel(ctx, code=ctx.channel),
        _methods(ctx, carts, key) if has_address and shown == checkout.DELIVERY else _none(),
        around.payments.providers(ctx) if shown == checkout.PAYMENT else _none(),
        usable_credit(ctx, around.payments, cart) if shown == checkout.PAYMENT else _none(),
        frame(request, ctx, around.catalog, carts, around.settings, count=0),
    )
    home = home_country(channel.countries, ctx.locale)
    typed = typed or _typed_of(cart.email or "", cart.shipping_address)
    context = {
        **base,
        "cart": cart,
        "sections": found,
        "shown": shown,
        "typed": typed,
        "home": home,
        "rules": rules_of(typed.get("country") or home),
        "errors": errors or Errors(),
        "methods": methods,
        "payment_methods": providers,
        "usable_credit": credit,
        "card_error": card_error(request),
        "countries": countries_of(channel.countries, language_of(ctx)),
        "is_onward": push,
        "problems": [each for each in cart.problems if each.code != "price_changed"],
        "robots": "noindex",
    }
    headers = {"Cache-Control": "no-store"}
    if push:
        headers["HX-Push-Url"] = f"/checkout?step={shown}"
    status = 422 if errors and request.method == "POST" else 200
    return page(request, "checkout.html", context, block="checkout", status=status, headers=headers)


def countries_of(codes: list[str], locale: str) -> list[tuple[str, str]]:
    """Country codes with their names, by name; all countries when the channel names none."""
    names: Locale = locale_of(locale)
    known = {code: name for code, name in names.territories.items() if len(code) == 2 and code.isalpha()}
    wanted = codes or [code for code in known if code not in ("EU", "UN", "EZ", "ZZ", "QO", "XA", "XB")]
    return sorted(((code, known.get(code, code)) for code in wanted), key=lambda pair: pair[1])


def home_country(codes: list[str], locale: str) -> str:
    """Where a visitor most likely lives: the region of their language when the channel sells there."""
    region = locale.replace("_", "-").rpartition("-")[2].upper()
    return region if region in codes else (codes[0] if codes else "")


def _once(refused: Invalid) -> Invalid:
    """The billing address is the same one here: what is wrong with it is said once."""
    kept = [each for each in refused.errors if not each.field.startswith("billing_address.")]
    return Invalid(refused.code, refused.detail, errors=kept, data=refused.data)


async def _methods(ctx: Context, carts: Carts, key: BagKey) -> list[Any]:
    return list(await carts.delivery_methods(ctx, cart_id=key.cart_id, token=key.token))


async def _none() -> list[Any]:
    return []


async def _known_contact(ctx: Context, users: Users, cart: Cart) -> dict[str, str] | None:
    """What a signed-in customer need not type again; None when the cart has it, or nobody is known."""
    if cart.shipping_address is not None or not ctx.principal.is_signed_in:
        return None
    saved = await users.addresses(ctx)
    first = next((each.address for each in saved if each.is_default), saved[0].address if saved else None)
    typed = _typed_of(cart.email or ctx.principal.email, first)
    return {**typed, "name": typed["name"] or ctx.principal.name}


def _typed_of(email: str, address: Address | None) -> dict[str, str]:
    values = {name: getattr(address, name) or "" if address else "" for name in ADDRESS_FIELDS}
    return {"email": email, **values}


def _email_missing() -> list[Any]:
    return list(one_error("email", "Enter an e-mail address such as name@example.com").all)


def _address_errors(data: dict[str, str]) -> list[Any]:
    """The errors of the address as well, so that one round trip names them all."""
    try:
        address_of(data)
    except Invalid as refused:
        return list(refused.errors)
    return []


routes = [show, contact, delivery, pay, come_back]
