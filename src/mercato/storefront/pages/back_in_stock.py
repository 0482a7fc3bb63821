"""Waiting for what is sold out: one mail when it is back, and an end to such mails."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from mercato.contracts.catalog import Catalog, SaleVariant
from mercato.contracts.notifications import Notifications
from mercato.kernel.errors import Conflict, Invalid, NotFound, Throttled
from mercato.kernel.web import PUBLIC
from mercato.storefront.forms import Errors, Form, errors_of, one_error, text_of
from mercato.storefront.pages.links import TOKEN_MOST, LinkPage, answer
from mercato.storefront.visit import Visit

WAIT = "/back-in-stock"
STOP = "/back-in-stock/unsubscribe"
EMAIL_MOST = 254

STOP_PAGE = LinkPage(
    "No more such mails", STOP, "Send me no such mails",
    "You get no mail about goods that are back in stock, whatever you asked for before.",
)  # fmt: skip


@get(f"{WAIT}/{{variant_id:uuid}}", permission=PUBLIC, include_in_schema=False)
async def waiting_form(visit: Visit, catalog: Catalog, variant_id: UUID) -> Response[str]:
    """A form for the e-mail address; to the product when it can be bought."""
    base = await visit.frame()
    try:
        found = await catalog.waitable(visit.ctx, variant_id=variant_id)
    except Conflict as refused:
        return visit.go(refused.data["path"])
    return _show(visit, base, found)


@post(f"{WAIT}/{{variant_id:uuid}}", permission=PUBLIC, include_in_schema=False, status_code=200)
async def wait(
    visit: Visit, catalog: Catalog, notifications: Notifications, variant_id: UUID, data: Form
) -> Response[str]:
    """Note the address; the answer is the same whether it was noted before."""
    base = await visit.frame()
    email = text_of(data, "email", EMAIL_MOST)
    try:
        found = await catalog.waitable(visit.ctx, variant_id=variant_id)
    except Conflict as refused:
        return visit.go(refused.data["path"])
    if len(email) < 3:
        errors = one_error("email", "Enter an e-mail address such as name@example.com.")
        return _show(visit, base, found, email=email, errors=errors, status=422)
    try:
        await notifications.watch_stock(
            visit.ctx.as_system(), variant_id=variant_id, email=email, name=found.title, path=found.path
        )
    except (Invalid, Throttled) as refused:
        status = 429 if isinstance(refused, Throttled) else 422
        return _show(visit, base, found, email=email, errors=errors_of(refused), status=status)
    return _show(visit, base, found, email=email, is_done=True)


@get(STOP, permission=PUBLIC, include_in_schema=False)
async def stop_form(visit: Visit) -> Response[str]:
    """One button: mail scanners open links, and must not end anything."""
    base = await visit.frame()
    return answer(visit, base, STOP_PAGE, visit.request.query_params.get("token", "")[:TOKEN_MOST])


@post(STOP, permission=PUBLIC, include_in_schema=False, status_code=200)
async def stop(visit: Visit, notifications: Notifications, data: Form) -> Response[str]:
    """End all waiting of the address that the link was mailed to."""
    base = await visit.frame()
    try:
        await notifications.unwatch_stock(visit.ctx, token=text_of(data, "token", 120))
    except NotFound as refused:
        return answer(visit, base, STOP_PAGE, "", one_error("", refused.detail), 404)
    done = "Done: you get no mail about goods that are back in stock."
    return answer(visit, base, msgspec.structs.replace(STOP_PAGE, done=done))


def _show(
    visit: Visit,
    base: dict[str, Any],
    variant: SaleVariant,
    *,
    email: str = "",
    errors: Errors | None = None,
    is_done: bool = False,
    status: int = 200,
) -> Response[str]:
    context = {
        **base, "variant": variant, "email": email, "errors": errors or Errors(), "is_done": is_done,
        "robots": "noindex",
    }  # fmt: skip
    headers = {"Cache-Control": "no-store"}
    return visit.page("back_in_stock.html", context, status=status, headers=headers)


routes = [waiting_form, wait, stop_form, stop]
