"""Acting for a customer: the staff's own session waits in a cookie of its own until they come back."""

from uuid import UUID

from litestar import Response, post

from mercato.admin.desk import Desk
from mercato.admin.forms import FormData, text
from mercato.contracts.users import Users
from mercato.kernel.errors import Conflict, Denied, Invalid
from mercato.kernel.web import (
    BACK_COOKIE,
    CART_COOKIE,
    PUBLIC,
    SESSION_COOKIE,
    cookie,
    expired_cookie,
)

CUSTOMERS = "/admin/customers"
BACK_AGE_S = 60 * 60


@post(CUSTOMERS + "/{user_id:uuid}/impersonate", permission="write_customers", replay=False)
async def impersonate(desk: Desk, users: Users, user_id: UUID, data: FormData) -> Response[str]:
    """Look at the shop as this customer; every page says so."""
    reason = text(data, "reason")[:200]
    try:
        if not reason:
            raise Invalid(detail="Say why.")
        begun = await users.impersonate(desk.ctx, user_id=user_id, reason=reason)
    except (Invalid, Conflict):
        return desk.done(f"{CUSTOMERS}/{user_id}", "not_impersonable")
    except Denied as refused:
        if refused.code != "rights_exceeded":
            raise
        return desk.done(f"{CUSTOMERS}/{user_id}", "rights_exceeded")
    response = desk.go("/account")
    response.set_cookie(
        cookie(BACK_COOKIE, desk.request.cookies.get(SESSION_COOKIE, ""), max_age_s=BACK_AGE_S)
    )
    response.set_cookie(cookie(SESSION_COOKIE, begun.session_token))
    response.set_cookie(expired_cookie(CART_COOKIE))
    return response


@post("/account/end-acting", permission=PUBLIC, replay=False)
async def end(desk: Desk, users: Users) -> Response[str]:
    """Stop acting, and be oneself again when one's own session is still alive."""
    actor_id = desk.ctx.principal.acting_id
    user_id = await users.end_impersonation(desk.ctx)
    own = desk.request.cookies.get(BACK_COOKIE, "")
    is_back = False
    if own and actor_id is not None:
        is_back = (await users.resolve(desk.ctx, credential=own)).id == actor_id
    response = desk.go(f"{CUSTOMERS}/{user_id}" if is_back and user_id else "/admin")
    response.set_cookie(cookie(SESSION_COOKIE, own) if is_back else expired_cookie(SESSION_COOKIE))
    response.set_cookie(expired_cookie(BACK_COOKIE))
    response.set_cookie(expired_cookie(CART_COOKIE))
    return response


@post(CUSTOMERS + "/{user_id:uuid}/merge", permission="write_customers")
async def merge(desk: Desk, users: Users, user_id: UUID, data: FormData) -> Response[str]:
    """Take another account of the same person into this one."""
    email = text(data, "email")[:254]
    here = f"{CUSTOMERS}/{user_id}"
    found = await users.list_users(desk.ctx, query=email, limit=5) if "@" in email else None
    other = next(
        (each for each in found.items if each.email.casefold() == email.casefold()) if found else iter(()),
        None,
    )
    if other is None:
        return desk.done(here, "merge_unknown")
    try:
        await users.merge_users(desk.ctx, keep_id=user_id, drop_id=other.id)
    except Conflict:
        return desk.done(here, "merge_refused")
    return desk.done(here, "merged")


@post(CUSTOMERS + "/{user_id:uuid}/factors/reset", permission="write_staff", recent=True)
async def reset_factors(desk: Desk, users: Users, user_id: UUID) -> Response[str]:
    """Take the second factors of a customer who has lost them."""
    here = f"{CUSTOMERS}/{user_id}"
    try:
        await users.reset_factors(desk.ctx, user_id=user_id)
    except Conflict:
        return desk.done(here, "no_factor")
    return desk.done(here, "factors_reset")


routes = [impersonate, end, merge, reset_factors]
