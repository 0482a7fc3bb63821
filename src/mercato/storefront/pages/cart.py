"""The bag: its page, the drawer that shows the same, and every change of it as a form."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post

from mercato.contracts.carts import Cart, CartLine, Carts, NewLine
from mercato.contracts.catalog import Catalog, ProductQuery, ProductSort
from mercato.contracts.payments import MAX_GIFT_MESSAGE
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, Invalid, MercatoError
from mercato.kernel.web import PUBLIC, count_failure
from mercato.storefront.bag import BagKey, bag_cookie, find_bag, open_bag
from mercato.storefront.credit import card_error
from mercato.storefront.forms import Errors, Form, errors_of, id_of, one_error, quantity_of, text_of
from mercato.storefront.pages.product import show_product
from mercato.storefront.visit import Visit

SHORT = "insufficient_stock"
GIFT_CARD_WISHES = {"recipient": 254, "message": MAX_GIFT_MESSAGE}
"""What the form of a gift card may say of it, and in how many letters."""


@get("/cart", permission=PUBLIC, include_in_schema=False)
async def show(visit: Visit, catalog: Catalog, carts: Carts) -> Response[str]:
    """The bag as a page, or as the content of the drawer when htmx fills that."""
    found = await find_bag(visit.request, visit.ctx, carts)
    return await _answer(visit, catalog, found[1] if found else None)


@post("/cart/lines", permission=PUBLIC, include_in_schema=False, status_code=200)
async def add(visit: Visit, catalog: Catalog, carts: Carts, data: Form) -> Response[str]:
    """Put something into the bag; the first thing makes the bag."""
    variant_id, quantity = id_of(data, "variant_id"), max(quantity_of(data), 1)
    wishes = {name: text_of(data, name, most) for name, most in GIFT_CARD_WISHES.items()}
    custom = {name: wish for name, wish in wishes.items() if wish} or None
    line = NewLine(variant_id, quantity, custom)
    found = await find_bag(visit.request, visit.ctx, carts)
    try:
        cart = await _put(visit.ctx, carts, found[0] if found else None, line)
    except Conflict as refused:
        if refused.code != SHORT or found is None:
            raise
        return await _refuse(visit, catalog, carts, found[1], line, refused=_short_text(refused))
    except Invalid as refused:
        text = errors_of(refused, prefix="lines.0.").of("custom.recipient")
        if not text:
            raise
        return await _refuse(visit, catalog, carts, found[1] if found else None, line, wrong_recipient=text)
    response = await _changed(visit, catalog, cart, is_fresh=True)
    if cart.token:
        response.set_cookie(bag_cookie(cart, cart.token))
    return response


@post("/cart/lines/{line_id:uuid}", permission=PUBLIC, include_in_schema=False, status_code=200)
async def change(visit: Visit, catalog: Catalog, carts: Carts, line_id: UUID, data: Form) -> Response[str]:
    """Set the quantity of a line; 0 takes it out."""
    key, cart = await open_bag(visit.request, visit.ctx, carts)
    line = next((each for each in cart.lines if each.id == line_id), None)
    if line is None:
        return await _changed(visit, catalog, cart)
    quantity = 0 if "remove" in data else quantity_of(data)
    if quantity == 0:
        cart = await carts.remove_line(visit.ctx, cart_id=key.cart_id, token=key.token, line_id=line_id)
        return await _changed(visit, catalog, cart, removed=line)
    try:
        cart = await carts.change_line(
            visit.ctx, cart_id=key.cart_id, token=key.token, line_id=line_id, quantity=quantity
        )
    except Conflict as refused:
        if refused.code != SHORT:
            raise
        errors, typed = one_error(f"line-{line_id}", _short_text(refused)), {line_id: quantity}
        return await _answer(visit, catalog, cart, errors=errors, typed=typed)
    return await _changed(visit, catalog, cart)


@post("/cart/coupons", permission=PUBLIC, throttle="codes", include_in_schema=False, status_code=200)
async def coupon(visit: Visit, catalog: Catalog, carts: Carts, data: Form) -> Response[str]:
    """Take a promo code, or drop the one named in `remove`."""
    key, cart = await open_bag(visit.request, visit.ctx, carts)
    if code := text_of(data, "remove", 64):
        cart = await carts.remove_coupon(visit.ctx, cart_id=key.cart_id, token=key.token, code=code)
        return await _changed(visit, catalog, cart)
    code = text_of(data, "code", 64)
    if not code:
        errors = one_error("code", "Enter a promo code")
        return await _answer(visit, catalog, cart, errors=errors)
    try:
        cart = await carts.add_coupon(visit.ctx, cart_id=key.cart_id, token=key.token, code=code)
    except Invalid as refused:
        count_failure(visit.request)
        errors = one_error("code", refused.detail or f"The code {code} is not valid.")
        return await _answer(visit, catalog, cart, errors=errors, code=code)
    return await _changed(visit, catalog, cart)


async def _put(ctx: Context, carts: Carts, key: BagKey | None, line: NewLine) -> Cart:
    """The bag with more in it; a new one, with its token, when there is none or it was ordered meanwhile."""
    if key is not None:
        try:
            return await carts.add_line(
                ctx,
                cart_id=key.cart_id,
                token=key.token,
                variant_id=line.variant_id,
                quantity=line.quantity,
                custom=line.custom,
            )
        except Conflict as conflict:
            if conflict.code != "cart_not_open":
                raise
    return await carts.create(ctx, lines=[line])


async def _refuse(
    visit: Visit,
    catalog: Catalog,
    carts: Carts,
    cart: Cart | None,
    line: NewLine,
    *,
    refused: str = "",
    wrong_recipient: str = "",
) -> Response[str]:
    """It cannot be had like this: said in the drawer, whose page keeps what was typed, or on its own page."""
    if visit.request.headers.get("hx-request") == "true":
        errors = one_error("variant_id", refused or wrong_recipient)
        return await _answer(visit, catalog, cart, errors=errors, is_fresh=True)
    sold = await catalog.sale_variants(visit.ctx, variant_ids=[line.variant_id])
    product = await catalog.product(visit.ctx, slug_or_id=sold[0].slug)
    variant = next(each for each in product.variants if each.id == line.variant_id)
    return await show_product(
        visit, catalog, carts, product, variant, quantity=line.quantity, refused=refused,
        wishes=line.custom, wrong_recipient=wrong_recipient,
    )  # fmt: skip


def _short_text(refused: Conflict) -> str:
    available, in_bag = refused.data.get("available", 0), refused.data.get("in_cart", 0)
    if not available:
        return "This is sold out."
    return f"Only {available} left" + (f", and you have {in_bag} in your bag." if in_bag else ".")


async def _changed(
    visit: Visit, catalog: Catalog, cart: Cart, *, removed: CartLine | None = None, is_fresh: bool = False
) -> Response[str]:
    """After a change: the fragment for htmx, the bag's page for a plain form."""
    if visit.request.headers.get("hx-request") == "true":
        return await _answer(visit, catalog, cart, removed=removed, is_fresh=is_fresh)
    return visit.go("/cart")


async def _answer(
    visit: Visit,
    catalog: Catalog,
    cart: Cart | None,
    *,
    errors: Errors | None = None,
    code: str = "",
    typed: dict[UUID, int] | None = None,
    removed: CartLine | None = None,
    is_fresh: bool = False,
) -> Response[str]:
    is_empty = cart is None or not cart.lines
    count = sum(line.quantity for line in cart.lines) if cart else 0
    context = {
        **await visit.frame(count=count),
        "cart": cart,
        "is_empty": is_empty,
        "count": count,
        "problems": {each.line_id: each for each in cart.problems if each.line_id} if cart else {},
        "other_problems": [each for each in cart.problems if not each.line_id] if cart else [],
        "errors": errors or Errors(),
        "code": code,
        "card_error": card_error(visit.request),
        "typed": typed or {},
        "removed": removed,
        "is_fresh": is_fresh,
        "is_change": visit.request.method == "POST",
        "fallback": await _suggested(visit.ctx, catalog) if is_empty else [],
        "robots": "noindex",
    }
    in_drawer = visit.request.headers.get("hx-target", "").endswith("#cart-body")
    headers = {"Cache-Control": "no-store"}
    status = 422 if errors else 200
    block = "drawer" if in_drawer else "cart"
    return visit.page("cart.html", context, block=block, status=status, headers=headers)


async def _suggested(ctx: Context, catalog: Catalog) -> list[Any]:
    """Best sellers for an empty bag; nothing when they cannot be read."""
    try:
        query = ProductQuery(sort=ProductSort.BEST_SELLING, in_stock=True, limit=4)
        return list((await catalog.products(ctx, query=query)).items)
    except MercatoError:
        return []


routes = [show, add, change, coupon]
