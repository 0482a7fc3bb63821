"""What the bag and checkout say about gift cards and store credit. Pure but for one question."""

from mercato.contracts.carts import Cart
from mercato.contracts.payments import CreditKind, Payments, StoreCredit
from mercato.kernel.context import Context, PrincipalKind
from mercato.ui.rendering import AnyRequest

CARD = "card"
"""The field of an address that says why a code was refused."""
BACK_TO = {"cart": "/cart", "checkout": "/checkout?step=payment"}
REFUSED = {
    "missing": "Enter the code of your gift card.",
    "unknown": "There is no gift card with this code. Check it and try again.",
    "disabled": "This gift card cannot be used.",
    "expired": "This gift card has expired.",
    "empty": "There is nothing left on this gift card.",
    "other_currency": "This gift card is in another currency.",
    "too_many": "No more gift cards fit on one order.",
}


def card_error(request: AnyRequest) -> str:
    """The sentence for the reason in the address; empty when there is none."""
    return REFUSED.get(request.query_params.get(CARD, ""), "")


async def usable_credit(ctx: Context, payments: Payments, cart: Cart) -> StoreCredit | None:
    """The store credit that the cart's customer could use and does not use yet."""
    principal = ctx.principal
    if principal.kind is not PrincipalKind.USER or principal.id != cart.customer_id:
        return None
    if any(one.kind is CreditKind.STORE_CREDIT for one in cart.credits):
        return None
    found = await payments.my_store_credit(ctx)
    mine = [one for one in found if one.balance.currency == cart.currency]
    return next((one for one in mine if one.balance.amount > one.held.amount), None)
