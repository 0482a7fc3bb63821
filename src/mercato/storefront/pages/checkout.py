"""Checkout on one page: contact and address, then delivery; each section is a form with an address."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Response, get, post

from mercato.contracts.carts import Cart, Carts, CartStatus
from mercato.contracts.orders import Orders
from mercato.contracts.payments import Payments
from mercato.contracts.users import Users
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, FieldError, Invalid, MercatoError
from mercato.kernel.web import PUBLIC
from mercato.storefront import checkout
from mercato.storefront.bag import BagKey, find_bag, open_bag
from mercato.storefront.checkout_page import CheckoutVisit, answer, onward, typed_of
from mercato.storefront.forms import Errors, Form, address_of, errors_of, one_error, text_of
from mercato.storefront.frame import language_of
from mercato.storefront.visit import Visit

TAX_ID_LENGTH_MAX = 20
PAYING = "/checkout?step=payment"
"""Where somebody is led who changes what is being paid for already."""


@get("/checkout", permission=PUBLIC, include_in_schema=False)
async def show(
    visit: CheckoutVisit, carts: Carts, users: Users, orders: Orders, payments: Payments
) -> Response[str]:
    """The section that `step` names, or the first that is not done."""
    found = await find_bag(visit.request, visit.ctx, carts)
    if found is None or not found[1].lines:
        return visit.go("/cart")
    key, cart = found
    typed = await _known_contact(visit.ctx, users, cart)
    declined = visit.request.query_params.get("declined", "")
    errors = one_error("", checkout.decline_text(declined)) if declined else Errors()
    step = visit.request.query_params.get("step", "")
    held_until = await _held_until(visit.ctx, orders, key) if cart.status is CartStatus.COMPLETING else None
    return await answer(visit, key, cart, step, typed=typed, errors=errors, held_until=held_until)


async def _held_until(ctx: Context, orders: Orders, key: BagKey) -> datetime | None:
    """Until when units are kept for a shopper who began to pay; None when nobody can tell just now."""
    try:
        placement = await orders.placement(ctx, cart_id=key.cart_id, cart_token=key.token)
    except MercatoError:
        return None
    return placement.held_until


@post("/checkout/contact", permission=PUBLIC, include_in_schema=False, status_code=200)
async def contact(visit: CheckoutVisit, carts: Carts, payments: Payments, data: Form) -> Response[str]:
    """Take e-mail and addresses; what is wrong comes back beside the fields with everything typed kept."""
    found = await find_bag(visit.request, visit.ctx, carts)
    if found is None:
        return visit.go("/cart")
    key, cart = found
    email, tax_id = text_of(data, "email", 254), text_of(data, "tax_id", TAX_ID_LENGTH_MAX)
    if "refresh" in data:
        return await answer(visit, key, cart, checkout.CONTACT, typed=data)
    try:
        if "@" not in email:
            raise Invalid(errors=[*_email_missing(), *_address_errors(data)])
        address = address_of(data)
        if tax_id and not address.company:
            raise Invalid(errors=[FieldError("company", "required", "Enter the name of the company")])
        cart = await carts.update(
            visit.ctx,
            cart_id=key.cart_id,
            token=key.token,
            email=email,
            shipping_address=address,
            billing_address=address,
            tax_id=tax_id if "tax_id" in data else None,
        )
    except Invalid as refused:
        errors = errors_of(_once(refused), prefix="shipping_address.")
        return await answer(visit, key, cart, checkout.CONTACT, typed=data, errors=errors)
    except Conflict:
        return visit.go(PAYING)
    return await onward(visit, key, cart, checkout.DELIVERY)


@post("/checkout/tax-id", permission=PUBLIC, include_in_schema=False, status_code=200)
async def check_tax_id(visit: Visit, carts: Carts, data: Form) -> Response[str]:
    """Take a company's VAT ID as soon as it is typed: the field with what was found, and the new totals."""
    key, cart = await open_bag(visit.request, visit.ctx, carts)
    typed = text_of(data, "tax_id", TAX_ID_LENGTH_MAX)
    errors = Errors()
    try:
        cart = await carts.update(visit.ctx, cart_id=key.cart_id, token=key.token, tax_id=typed)
    except Invalid as refused:
        errors = errors_of(refused)
    context = {"cart": cart, "typed": {"tax_id": typed}, "errors": errors, "locale": language_of(visit.ctx)}
    return visit.page("checkout_tax_id.html", context, headers={"Cache-Control": "no-store"})


@post("/checkout/delivery", permission=PUBLIC, include_in_schema=False, status_code=200)
async def delivery(visit: CheckoutVisit, carts: Carts, payments: Payments, data: Form) -> Response[str]:
    """Take the delivery method."""
    found = await find_bag(visit.request, visit.ctx, carts)
    if found is None:
        return visit.go("/cart")
    key, cart = found
    try:
        method = UUID(data.get("delivery_method_id", ""))
        cart = await carts.update(visit.ctx, cart_id=key.cart_id, token=key.token, delivery_method_id=method)
    except ValueError:
        errors = one_error("", "Choose how we deliver.")
        return await answer(visit, key, cart, checkout.DELIVERY, errors=errors)
    except Invalid as refused:
        return await answer(visit, key, cart, checkout.DELIVERY, errors=errors_of(refused))
    except Conflict:
        return visit.go(PAYING)
    return await onward(visit, key, cart, checkout.PAYMENT)


def _once(refused: Invalid) -> Invalid:
    """The billing address is the same one here: what is wrong with it is said once."""
    kept = [each for each in refused.errors if not each.field.startswith("billing_address.")]
    return Invalid(refused.code, refused.detail, errors=kept, data=refused.data)


async def _known_contact(ctx: Context, users: Users, cart: Cart) -> dict[str, str] | None:
    """What a signed-in customer need not type again; None when the cart has it, or nobody is known."""
    if cart.shipping_address is not None or not ctx.principal.is_signed_in:
        return None
    saved = await users.addresses(ctx)
    first = next((each.address for each in saved if each.is_default), saved[0].address if saved else None)
    typed = typed_of(cart.email or ctx.principal.email, first, cart.tax_id)
    return {**typed, "name": typed["name"] or ctx.principal.name}


def _email_missing() -> list[Any]:
    return list(one_error("email", "Enter an e-mail address such as name@example.com").all)


def _address_errors(data: dict[str, str]) -> list[Any]:
    """The errors of the address as well, so that one round trip names them all."""
    try:
        address_of(data)
    except Invalid as refused:
        return list(refused.errors)
    return []


routes = [show, contact, check_tax_id, delivery]
