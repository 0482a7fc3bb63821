"""The bank's page of the simulated provider: the shopper approves or refuses. Outside production only."""

from typing import Any

from litestar import Request, Response, get, post

from mercato.contracts.carts import Carts
from mercato.contracts.catalog import Catalog
from mercato.contracts.payments import Payments
from mercato.kernel.context import Context
from mercato.kernel.web import PUBLIC
from mercato.settings import Settings
from mercato.storefront.forms import Form
from mercato.storefront.frame import frame
from mercato.ui.rendering import page, see_other


@get("/simulator/3ds/{reference:str}", permission=PUBLIC, include_in_schema=False)
async def ask(
    request: Request[Any, Any, Any],
    reference: str,
    ctx: Context,
    catalog: Catalog,
    carts: Carts,
    payments: Payments,
    settings: Settings,
) -> Response[str]:
    """What is to be approved, and two buttons."""
    session = await payments.simulator_session(ctx, reference=reference)
    base = await frame(request, ctx, catalog, carts, settings, count=0)
    context = {**base, "session": session, "robots": "noindex"}
    return page(request, "bank.html", context, headers={"Cache-Control": "no-store"})


@post("/simulator/3ds/{reference:str}", permission=PUBLIC, include_in_schema=False, status_code=200)
async def decide(
    request: Request[Any, Any, Any], reference: str, data: Form, ctx: Context, payments: Payments
) -> Response[str]:
    """Decide, and go back to the shop."""
    approve = data.get("decision") == "approve"
    session = await payments.decide_simulator_session(ctx, reference=reference, approve=approve)
    return see_other(request, session.return_url or "/checkout/return")


routes = [ask, decide]
