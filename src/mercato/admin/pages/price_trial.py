"""Why a price is what it is: of a made-up cart, and of a shopper's."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get

from mercato.admin.forms import refusal_shown, status_of
from mercato.admin.shell import price_tabs, shell_of
from mercato.admin.typed import Typed
from mercato.contracts.carts import Carts, Explanation, Trial, TrialLine
from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import Orders
from mercato.kernel.context import Context
from mercato.kernel.errors import Invalid, MercatoError, NotFound
from mercato.ui.rendering import page

PATH = "/admin/price-trial"
MAX_LINES = 50

STEPS = {
    "list_price": "List price",
    "line_discounts": "Discounts on unit prices",
    "order_discounts": "Discounts on the cart",
    "delivery": "Delivery",
    "tax": "Tax",
    "credit": "Gift cards and store credit",
}

AnyRequest = Request[Any, Any, Any]


@get(PATH, permission="read_promotions")
async def try_prices(
    ctx: Context, request: AnyRequest, carts: Carts, orders: Orders, catalog: Catalog
) -> Response[str]:
    """A hypothetical cart in the address, so that it can be passed on; its price step by step."""
    query: dict[str, Any] = {name: request.query_params.getall(name) for name in request.query_params}
    explanation: Explanation | None = None
    error: MercatoError | None = None
    if Typed(query).has("lines"):
        try:
            explanation = await carts.try_prices(ctx, trial=await _trial(ctx, catalog, query))
        except (Invalid, NotFound) as refused:
            error = refused
    typed = Typed(query)
    return page(
        request,
        "admin/price_trial.html",
        {
            "shell": await shell_of(ctx, orders, catalog, "/admin/promotions"),
            "locale": ctx.locale,
            "tabs": price_tabs(ctx, PATH),
            "typed": typed,
            "explanation": explanation,
            "steps": STEPS,
            "groups": await carts.customer_groups(ctx) if ctx.principal.may("read_customers") else [],
            "chosen": typed.texts("groups"),
            "methods": await carts.list_delivery_methods(ctx) if ctx.principal.may("read_settings") else [],
            **refusal_shown(error),
        },
        status=status_of(error) if error is not None else 200,
    )


@get("/admin/carts/{cart_id:uuid}/price", permission="read_orders")
async def explain_cart(
    ctx: Context, request: AnyRequest, carts: Carts, orders: Orders, catalog: Catalog, cart_id: UUID
) -> Response[str]:
    """A shopper's cart, or what became an order, priced step by step."""
    return page(
        request,
        "admin/cart_price.html",
        {
            "shell": await shell_of(ctx, orders, catalog, "/admin/orders"),
            "locale": ctx.locale,
            "explanation": await carts.explain_cart(ctx, cart_id=cart_id),
            "steps": STEPS,
            "sees_promotions": ctx.principal.may_somewhere("read_promotions"),
        },
    )


async def _trial(ctx: Context, catalog: Catalog, query: dict[str, Any]) -> Trial:
    """What was typed. Lines are "SKU quantity", one below the other. Raises Invalid."""
    typed = Typed(query, time_zone=(await catalog.channel(ctx, code=ctx.channel)).time_zone)
    rows = [row.split() for row in typed.text("lines", 10_000).splitlines() if row.strip()][:MAX_LINES]
    known = await catalog.variants_by_code(ctx, codes=[row[0] for row in rows])
    lines = []
    for sku, *rest in rows:
        amount = rest[0].lstrip("×x") if rest else "1"
        if sku not in known:
            typed.wrong("lines", f"There is no SKU “{sku[:60]}”.")
        elif not amount.isdecimal() or not 1 <= int(amount[:6]) <= 10_000 or len(rest) > 1:
            typed.wrong("lines", f"Write “{sku[:60]} 2”: the SKU, then how many.")
        else:
            lines.append(TrialLine(known[sku], int(amount)))
    values: dict[str, Any] = {
        "lines": lines,
        "channel": ctx.channel,
        "group_ids": typed.ids("groups"),
        "is_first_order": typed.has("first"),
        "country": typed.text("country", 2).upper() or None,
        "region": typed.text("region", 80) or None,
        "postal_code": typed.text("postal_code", 20) or None,
        "tax_id": typed.text("tax_id", 20) or None,
        "delivery_method_id": next(iter(typed.ids("method")), None),
        "coupons": typed.words("coupons")[:5],
        "at": typed.moment("at"),
    }
    typed.refuse()
    return msgspec.convert(values, Trial)


routes = [try_prices, explain_cart]
