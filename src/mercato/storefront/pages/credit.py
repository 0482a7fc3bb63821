"""Gift cards and store credit in the shop: on the bag and at checkout, what is on a card, one's own credit.

Every form is a plain one that leads back to the page it stands on; what was wrong with a code travels in the
address, as one of the reasons that `REFUSED` knows.
"""

import asyncio
from uuid import UUID

from litestar import Response, get, post

from mercato.contracts.carts import Carts
from mercato.contracts.payments import Payments
from mercato.kernel.errors import Invalid, NotFound
from mercato.kernel.web import PUBLIC, SIGNED_IN
from mercato.storefront.bag import find_bag
from mercato.storefront.credit import BACK_TO, CARD, REFUSED
from mercato.storefront.forms import Form, text_of
from mercato.storefront.pages.account import PRIVATE, AccountVisit
from mercato.storefront.visit import Visit

MAX_CODE = 40


@post("/cart/gift-cards", permission=PUBLIC, include_in_schema=False, status_code=200)
async def gift_card(visit: Visit, carts: Carts, data: Form) -> Response[str]:
    """Pay with a card, or drop the one named in `remove`."""
    back = BACK_TO.get(text_of(data, "to", 20), BACK_TO["cart"])
    found = await find_bag(visit.request, visit.ctx, carts)
    if found is None:
        return visit.go("/cart")
    key, _ = found
    if removed := text_of(data, "remove", 40):
        account_id = _uuid(removed)
        await carts.remove_gift_card(visit.ctx, cart_id=key.cart_id, token=key.token, account_id=account_id)
        return visit.go(back)
    code = text_of(data, "gift_card", MAX_CODE)
    try:
        if not code:
            raise Invalid("gift_card_invalid", data={"reason": "missing"})
        await carts.add_gift_card(visit.ctx, cart_id=key.cart_id, token=key.token, code=code)
    except Invalid as refused:
        reason = str(refused.data.get("reason", "unknown"))
        sign = "&" if "?" in back else "?"
        return visit.go(f"{back}{sign}{CARD}={reason if reason in REFUSED else 'unknown'}")
    return visit.go(back)


@post("/cart/store-credit", permission=SIGNED_IN, include_in_schema=False, status_code=200)
async def store_credit(visit: Visit, carts: Carts, data: Form) -> Response[str]:
    """Use one's store credit, or keep it."""
    found = await find_bag(visit.request, visit.ctx, carts)
    if found is not None:
        key, _ = found
        is_used = text_of(data, "use", 5) == "1"
        await carts.use_store_credit(visit.ctx, cart_id=key.cart_id, token=key.token, is_used=is_used)
    return visit.go(BACK_TO.get(text_of(data, "to", 20), BACK_TO["cart"]))


@get("/gift-card", permission=PUBLIC, include_in_schema=False)
async def ask_balance(visit: Visit) -> Response[str]:
    """The form that asks for a code."""
    context = {**await visit.frame(), "balance": None, "error": ""}
    return visit.page("gift_card.html", context)


@post("/gift-card", permission=PUBLIC, include_in_schema=False, status_code=200)
async def show_balance(visit: Visit, payments: Payments, data: Form) -> Response[str]:
    """What is on the card; the code is never part of an address."""
    code = text_of(data, "gift_card", MAX_CODE)
    balance, error = None, "" if code else REFUSED["missing"]
    try:
        balance = await payments.gift_card_by_code(visit.ctx, code=code) if code else None
    except NotFound:
        error = REFUSED["unknown"]
    context = {**await visit.frame(), "balance": balance, "error": error}
    return visit.page("gift_card.html", context, status=422 if error else 200, headers=PRIVATE)


@get("/account/credit", permission=SIGNED_IN, include_in_schema=False)
async def my_credit(visit: AccountVisit, payments: Payments) -> Response[str]:
    """One's store credit and how it came and went."""
    base, credits = await asyncio.gather(
        visit.base("Store credit", "/account/credit"), payments.my_store_credit(visit.ctx)
    )
    return visit.page("account/credit.html", {**base, "credits": credits}, headers=PRIVATE)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(detail="There is no such gift card on your bag.") from None


routes = [gift_card, store_credit, ask_balance, show_balance, my_credit]
