"""Why a price is what it is: of a made-up cart, and of a shopper's."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get

from mercato.admin.desk import Desk
from mercato.admin.shell import price_tabs
from mercato.admin.typed import Typed
from mercato.contracts.carts import Carts, Explanation, Trial, TrialLine
from mercato.contracts.catalog import Catalog
from mercato.kernel.context import Context
from mercato.kernel.errors import Invalid, MercatoError, NotFound

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


@get(PATH, permission="read_promotions")
async def try_prices(desk: Desk, carts: Carts, catalog: Catalog) -> Response[str]:
    """A hypothetical cart in the address, so that it can be passed on; its price step by step."""
    query: dict[str, Any] = {
        name: desk.request.query_params.getall(name) for name in desk.request.query_params
    }
    explanation: Explanation | None = None
    error: MercatoError | None = None
    if Typed(query).has("lines"):
        try:
            explanation = await carts.try_prices(desk.ctx, trial=await _trial(desk.ctx, catalog, query))
        except (Invalid, NotFound) as refused:
            error = refused
    typed = Typed(query)
    return await desk.page(
        "admin/price_trial.html",
        "/admin/promotions",
        {
            "tabs": price_tabs(desk.ctx, PATH),
            "typed": typed,
            "explanation": explanation,
            "steps": STEPS,
            "groups": await carts.customer_groups(desk.ctx)
            if desk.ctx.principal.may("read_customers")
            else [],
            "chosen": typed.texts("groups"),
            "methods": [
                one for one in await carts.list_delivery_methods(desk.ctx) if one.channel == desk.ctx.channel
            ]
            if desk.ctx.principal.may("read_settings")
            else [],
        },
        error=error,
    )


@get("/admin/carts/{cart_id:uuid}/price", permission="read_orders")
async def explain_cart(desk: Desk, carts: Carts, cart_id: UUID) -> Response[str]:
    """A shopper's cart, or what became an order, priced step by step."""
    return await desk.page(
        "admin/cart_price.html",
        "/admin/orders",
        {
            "explanation": await carts.explain_cart(desk.ctx, cart_id=cart_id),
            "steps": STEPS,
            "sees_promotions": desk.ctx.principal.may_somewhere("read_promotions"),
        },
    )


async def _trial(ctx: Context, catalog: Catalog, query: dict[str, Any]) -> Trial:
    """What was typed. Lines are "SKU quantity", one below the other. Raises Invalid."""
    typed = Typed(query, time_zone=(await catalog.channel(ctx, code=ctx.channel)).time_zone)
    rows = [
        row.replace(",", " ").replace(";", " ").split()
        for row in typed.text("lines", 10_000).splitlines()
        if row.strip()
    ][:MAX_LINES]
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
