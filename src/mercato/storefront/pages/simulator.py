"""The bank's page of the simulated provider: the shopper approves or refuses. Outside production only."""

from litestar import Response, get, post

from mercato.contracts.payments import Payments
from mercato.kernel.web import PUBLIC
from mercato.storefront.forms import Form
from mercato.storefront.visit import Visit


@get("/simulator/3ds/{reference:str}", permission=PUBLIC, include_in_schema=False)
async def ask(visit: Visit, payments: Payments, reference: str) -> Response[str]:
    """What is to be approved, and two buttons."""
    session = await payments.simulator_session(visit.ctx, reference=reference)
    base = await visit.frame(count=0)
    context = {**base, "session": session, "robots": "noindex"}
    return visit.page("bank.html", context, headers={"Cache-Control": "no-store"})


@post("/simulator/3ds/{reference:str}", permission=PUBLIC, include_in_schema=False, status_code=200)
async def decide(visit: Visit, payments: Payments, reference: str, data: Form) -> Response[str]:
    """Decide, and go back to the shop."""
    approve = data.get("decision") == "approve"
    session = await payments.decide_simulator_session(visit.ctx, reference=reference, approve=approve)
    return visit.go(session.return_url or "/checkout/return")


routes = [ask, decide]
