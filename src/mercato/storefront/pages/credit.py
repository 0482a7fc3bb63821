"""Gift cards and store credit in the shop: on the bag and at checkout, what is on a card, one's own credit.

Every form is a plain one that leads back to the page it stands on; what was wrong with a code travels in the
address, as one of the reasons that `REFUSED` knows.
"""

import asyncio
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from mercato.contracts.carts import Carts
from mercato.contracts.catalog import Catalog
from mercato.contracts.payments import Payments
from mercato.kernel.context import Context
from mercato.kernel.errors import Invalid, NotFound
from mercato.kernel.web import PUBLIC, SIGNED_IN
from mercato.settings import Settings
from mercato.storefront.bag import find_bag
from mercato.storefront.credit import BACK_TO, CARD, REFUSED
from mercato.storefront.forms import Form, text_of
from mercato.storefront.frame import frame
from mercato.storefront.pages.account import PRIVATE, Around
from mercato.ui.rendering import page, see_other

MAX_CODE = 40


@post("/cart/gift-cards", permission=PUBLIC, include_in_schema=False, status_code=200)
async def gift_card(request: Request[Any, Any, Any], data: Form, ctx: Context, carts: Carts) -> Response[str]:
    """Pay with a card, or drop the one named in `remove`."""
    back = BACK_TO.get(text_of(data, "to", 20), BACK_TO["cart"])
    found = await find_bag(request, ctx, carts)
    if found is None:
        return see_other(request, "/cart")
    key, _ = found
    if removed := text_of(data, "remove", 40):
        account_id = _uuid(removed)
        await carts.remove_gift_card(ctx, cart_id=key.cart_id, token=key.token, account_id=account_id)
        return see_other(request, back)
    code = text_of(data, "gift_card", MAX_CODE)
    try:
        if not code:
            raise Invalid("gift_card_invalid", data={"reason": "missing"})
        await carts.add_gift_card(ctx, cart_id=key.cart_id, token=key.token, code=code)
    except Invalid as refused:
        reason = str(refused.data.get("reason", "unknown"))
        sign = "&" if "?" in back else "?"
        return see_other(request, f"{back}{sign}{CARD}={reason if reason in REFUSED else 'unknown'}")
    return see_other(request, back)


@post("/cart/store-credit", permission=SIGNED_IN, include_in_schema=False, status_code=200)
async def store_credit(
    request: Request[Any, Any, Any], data: Form, ctx: Context, carts: Carts
) -> Response[str]:
    """Use one's store credit, or keep it."""
    found = await find_bag(request, ctx, carts)
    if found is not None:
        key, _ = found
        is_used = text_of(data, "use", 5) == "1"
        await carts.use_store_credit(ctx, cart_id=key.cart_id, token=key.token, is_used=is_used)
    return see_other(request, BACK_TO.get(text_of(data, "to", 20), BACK_TO["cart"]))


@get("/gift-card", permission=PUBLIC, include_in_schema=False)
async def ask_balance(
    request: Request[Any, Any, Any], ctx: Context, catalog: Catalog, carts: Carts, settings: Settings
) -> Response[str]:
    """The form that asks for a code."""
    context = {**await frame(request, ctx, catalog, carts, settings), "balance": None, "error": ""}
    return page(request, "gift_card.html", context)


@post("/gift-card", permission=PUBLIC, include_in_schema=False, status_code=200)
async def show_balance(
    request: Request[Any, Any, Any],
    data: Form,
    ctx: Context,
    catalog: Catalog,
    carts: Carts,
    payments: Payments,
    settings: Settings,
) -> Response[str]:
    """What is on the card; the code is never part of an address."""
    code = text_of(data, "gift_card", MAX_CODE)
    balance, error = None, "" if code else REFUSED["missing"]
    try:
        balance = await payments.gift_card_by_code(ctx, code=code) if code else None
    except NotFound:
        error = REFUSED["unknown"]
    context = {**await frame(request, ctx, catalog, carts, settings), "balance": balance, "error": error}
    return page(request, "gift_card.html", context, status=422 if error else 200, headers=PRIVATE)


@get("/account/credit", permission=SIGNED_IN, include_in_schema=False)
async def my_credit(
    request: Request[Any, Any, Any],
    ctx: Context,
    catalog: Catalog,
    carts: Carts,
    payments: Payments,
    settings: Settings,
) -> Response[str]:
    """One's store credit and how it came and went."""
    around = Around(request, ctx, catalog, carts, settings)
    base, credits = await asyncio.gather(
        around.base("Store credit", "/account/credit"), payments.my_store_credit(ctx)
    )
    return page(request, "account/credit.html", {**base, "credits": credits}, headers=PRIVATE)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(detail="There is no such gift card on your bag.") from None


routes = [gift_card, store_credit, ask_balance, show_balance, my_credit]
