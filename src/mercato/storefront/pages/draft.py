"""An order that staff prepared: whoever has its link looks at it and pays."""

from urllib.parse import quote
from uuid import UUID

from litestar import Response, get, post

from mercato.contracts.orders import DraftOrder, Orders, Placement, PlaceStatus
from mercato.contracts.payments import Payments
from mercato.kernel.errors import Conflict, Invalid
from mercato.kernel.web import PUBLIC
from mercato.settings import Settings
from mercato.storefront import checkout
from mercato.storefront.forms import Errors, Form, one_error, payment_of, seen_amount, text_of
from mercato.storefront.visit import Visit

REFUSALS = {
    "cart_changed": "The total changed meanwhile. Check it and pay again.",
    "insufficient_stock": "Not everything is in stock any more. Write to us.",
    "draft_closed": "This order is not open any more. Write to us.",
}


@get("/draft/{draft_id:uuid}", permission=PUBLIC, include_in_schema=False)
async def show(visit: Visit, orders: Orders, payments: Payments, draft_id: UUID) -> Response[str]:
    """The order and how to pay; also where the bank sends the buyer back to."""
    token = visit.request.query_params.get("token", "")
    draft = await orders.buyer_draft(visit.ctx, draft_id=draft_id, token=token)
    standing = await orders.draft_placement(visit.ctx, draft_id=draft_id, token=token)
    if standing is not None and standing.status in (PlaceStatus.PLACED, PlaceStatus.PROCESSING):
        return await _lead_on(visit, standing, draft_id, token)
    declined = visit.request.query_params.get("declined", "")
    errors = one_error("", checkout.decline_text(declined)) if declined else None
    return await _answer(visit, payments, draft, token, errors=errors)


@post("/draft/{draft_id:uuid}", permission=PUBLIC, include_in_schema=False, status_code=200)
async def pay(
    visit: Visit, orders: Orders, payments: Payments, settings: Settings, draft_id: UUID, data: Form
) -> Response[str]:
    """Place it with the total that was shown; a second click gives the same order."""
    token = text_of(data, "token")
    draft = await orders.buyer_draft(visit.ctx, draft_id=draft_id, token=token)
    seen = seen_amount(data, "expected", draft.cart.currency if draft.cart else "EUR")
    if seen is None:
        return await _answer(visit, payments, draft, token, errors=one_error("", "Check the total."))
    choice = payment_of(data, settings.public_url + _address(draft_id, token))
    try:
        placement = await orders.pay_draft(
            visit.ctx, draft_id=draft_id, token=token, expected_total=seen, payment=choice
        )
    except (Conflict, Invalid) as refused:
        draft = await orders.buyer_draft(visit.ctx, draft_id=draft_id, token=token)
        errors = one_error("", REFUSALS.get(refused.code, refused.detail or checkout.DECLINED))
        return await _answer(visit, payments, draft, token, errors=errors)
    return await _lead_on(visit, placement, draft_id, token)


def _address(draft_id: UUID, token: str) -> str:
    return f"/draft/{draft_id}?token={quote(token)}"


async def _lead_on(visit: Visit, placement: Placement, draft_id: UUID, token: str) -> Response[str]:
    """To the order, the bank's page, the page that waits, or back with the reason."""
    if placement.status is PlaceStatus.PLACED and placement.order_number:
        number = quote(placement.order_number)
        return visit.go(f"/order/{number}?token={quote(placement.order_token or '')}&placed=1")
    base = await visit.frame()
    headers = {"Cache-Control": "no-store"}
    if placement.status is PlaceStatus.REQUIRES_ACTION and placement.next_action:
        context = {**base, "url": placement.next_action.url, "robots": "noindex"}
        return visit.page("leaving.html", context, headers=headers)
    if placement.status is PlaceStatus.DECLINED:
        code = quote(placement.decline_code or "declined")
        return visit.go(f"{_address(draft_id, token)}&declined={code}")
    context = {**base, "robots": "noindex", "waiting_url": _address(draft_id, token)}
    return visit.page("order_waiting.html", context, headers=headers)


async def _answer(
    visit: Visit, payments: Payments, draft: DraftOrder, token: str, *, errors: Errors | None = None
) -> Response[str]:
    base = await visit.frame()
    context = {
        **base,
        "draft": draft,
        "cart": draft.cart,
        "token": token,
        "payment_methods": await payments.providers(visit.ctx) if draft.cart else [],
        "errors": errors or Errors(),
        "robots": "noindex",
    }
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    status = 422 if errors is not None and visit.request.method == "POST" else 200
    return visit.page("draft.html", context, status=status, headers=headers)


routes = [show, pay]
