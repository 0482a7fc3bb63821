"""How checkout answers: the page, or its part, with one section open."""

import asyncio
from datetime import datetime
from typing import Any

from litestar import Response

from mercato.contracts.carts import Cart, Carts, CartStatus
from mercato.contracts.catalog import Catalog
from mercato.contracts.payments import Payments
from mercato.contracts.shared import Address
from mercato.kernel.context import Context
from mercato.settings import Settings
from mercato.storefront import checkout
from mercato.storefront.bag import BagKey
from mercato.storefront.credit import card_error, usable_credit
from mercato.storefront.forms import ADDRESS_FIELDS, Errors, countries_of, home_country, rules_of
from mercato.storefront.frame import language_of
from mercato.storefront.visit import Visit
from mercato.ui.rendering import AnyRequest


class CheckoutVisit(Visit):
    """A visit to the checkout, with the contracts that every answer of its page needs."""

    def __init__(
        self,
        ctx: Context,
        request: AnyRequest,
        catalog: Catalog,
        carts: Carts,
        payments: Payments,
        settings: Settings,
    ) -> None:
        super().__init__(ctx, request, catalog, carts, settings)
        self.catalog, self.carts, self.payments, self.settings = catalog, carts, payments, settings


async def onward(visit: CheckoutVisit, key: BagKey, cart: Cart, step: str) -> Response[str]:
    """The next section: in place for htmx, by its address for a plain form."""
    if visit.request.headers.get("hx-request") != "true":
        return visit.go(f"/checkout?step={step}")
    return await answer(visit, key, cart, step, push=True)


async def answer(
    visit: CheckoutVisit,
    key: BagKey,
    cart: Cart,
    step: str,
    *,
    typed: dict[str, str] | None = None,
    errors: Errors | None = None,
    held_until: datetime | None = None,
    push: bool = False,
) -> Response[str]:
    request, ctx, carts = visit.request, visit.ctx, visit.carts
    found = checkout.sections(cart, step)
    shown = checkout.open_section(found)
    has_address = cart.shipping_address is not None
    channel, methods, providers, credit, base = await asyncio.gather(
        visit.catalog.channel(ctx, code=ctx.channel),
        _methods(ctx, carts, key) if has_address and shown == checkout.DELIVERY else _none(),
        visit.payments.providers(ctx) if shown == checkout.PAYMENT else _none(),
        usable_credit(ctx, visit.payments, cart) if shown == checkout.PAYMENT else _none(),
        visit.frame(count=0),
    )
    home = home_country(channel.countries, ctx.locale)
    typed = typed_of(cart.email or "", cart.shipping_address, cart.tax_id) | (typed or {})
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
        "can_edit": cart.status is CartStatus.OPEN,
        "held_until": held_until,
        "time_zone": channel.time_zone,
        "problems": [each for each in cart.problems if each.code != "price_changed"],
        "robots": "noindex",
    }
    headers = {"Cache-Control": "no-store"}
    if push:
        headers["HX-Push-Url"] = f"/checkout?step={shown}"
    status = 422 if errors and request.method == "POST" else 200
    return visit.page("checkout.html", context, block="checkout", status=status, headers=headers)


def typed_of(email: str, address: Address | None, tax_id: str | None) -> dict[str, str]:
    values = {name: getattr(address, name) or "" if address else "" for name in ADDRESS_FIELDS}
    return {"email": email, "tax_id": tax_id or "", **values}


async def _methods(ctx: Context, carts: Carts, key: BagKey) -> list[Any]:
    return list(await carts.delivery_methods(ctx, cart_id=key.cart_id, token=key.token))


async def _none() -> list[Any]:
    return []
