"""Signing in with an account elsewhere: there and back, linking it, the proof of the mailbox."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from mercato.contracts.carts import Carts
from mercato.contracts.catalog import Catalog
from mercato.contracts.users import Users
from mercato.contracts.users.external import ExternalOutcome
from mercato.kernel.context import Context
from mercato.kernel.errors import MercatoError, NotFound, Throttled
from mercato.kernel.web import PUBLIC, SIGNED_IN, cookie, expired_cookie, local_path
from mercato.storefront.coming_in import begin_session, guard_page, later
from mercato.storefront.forms import Form, text_of
from mercato.storefront.pages.second_step import ask_second_step
from mercato.ui.rendering import AnyRequest, see_other
from mercato.ui.second_step import door_of

COOKIE = "sso"
COOKIE_LIFE_S = 900
CODE_MOST = 4000


@get("/sso/{provider:str}/start", permission=PUBLIC, include_in_schema=False)
async def start(
    request: Request[Any, Any, Any],
    provider: str,
    ctx: Context,
    catalog: Catalog,
    users: Users,
    next: str = "",
) -> Response[str]:
    """Off to the provider. A link rather than a form: forms may lead to our own pages only."""
    return await _leave(request, ctx, catalog, users, provider, local_path(next, "/account"), link=False)


@get("/account/security/link/{provider:str}", permission=SIGNED_IN, recent=True, include_in_schema=False)
async def link(
    request: Request[Any, Any, Any],
    provider: str,
    ctx: Context,
    catalog: Catalog,
    users: Users,
    back: str = "",
) -> Response[str]:
    """Off to the provider, to let its account sign in to this one."""
    target = local_path(back, "/account/security")
    return await _leave(request, ctx, catalog, users, provider, target, link=True)


@get("/sso/{provider:str}/callback", permission=PUBLIC, include_in_schema=False, timeout_s=30)
async def callback(
    request: Request[Any, Any, Any], provider: str, ctx: Context, catalog: Catalog, carts: Carts, users: Users
) -> Response[str]:
    """Back from the provider, with a code or with a refusal."""
    query, token = request.query_params, request.cookies.get(COOKIE, "")
    if query.get("error") or not token:
        text = "You were not signed in there. Nothing has changed."
        return await _note(request, ctx, catalog, "That did not work", text)
    try:
        done = await users.finish_external(
            ctx, provider=provider[:40], token=token[:100], state=query.get("state", "")[:CODE_MOST],
            code=query.get("code", "")[:CODE_MOST],
        )  # fmt: skip
    except MercatoError as refused:
        return await _note(request, ctx, catalog, "That did not work", _said(refused))
    target = local_path(done.next, "/account")
    if done.outcome is ExternalOutcome.MAILED:
        text = (
            f"We sent a mail to the address that {done.provider} gave us. Open the link in it, and that "
            "account signs you in. Without it nothing changes."
        )
        response = await _note(request, ctx, catalog, "One look into your mail", text, status=200)
    elif done.sign_in is None:
        response = see_other(request, f"{target}?saved=1")
    elif done.sign_in.challenge is not None:
        response = await ask_second_step(request, ctx, catalog, done.sign_in.challenge, target)
    else:
        response = await begin_session(request, ctx, carts, users, done.sign_in, target)
    response.set_cookie(expired_cookie(COOKIE))
    return response


@get("/sso/confirm", permission=PUBLIC, include_in_schema=False)
async def confirm_form(
    request: Request[Any, Any, Any], ctx: Context, catalog: Catalog, token: str = ""
) -> Response[str]:
    """One button: mail scanners open links, so that opening alone links nothing."""
    return await guard_page(request, ctx, catalog, "identity", {"token": token[:200]})


@post("/sso/confirm", permission=PUBLIC, include_in_schema=False, status_code=200, replay=False)
async def confirm(
    request: Request[Any, Any, Any], data: Form, ctx: Context, catalog: Catalog, users: Users
) -> Response[str]:
    """The mailbox is proved: the account elsewhere signs in from now on."""
    try:
        name = await users.confirm_external(ctx, token=text_of(data, "token", 200) or "-")
    except MercatoError as refused:
        return await _note(request, ctx, catalog, "That did not work", _said(refused))
    text = f"From now on your account at {name} signs you in."
    return await _note(request, ctx, catalog, "It is confirmed", text, status=200)


@post(
    "/account/security/identities/{identity_id:uuid}/unlink",
    permission=SIGNED_IN, recent=True, include_in_schema=False, status_code=200, replay=False,
)  # fmt: skip
async def unlink(
    request: Request[Any, Any, Any],
    data: Form,
    identity_id: UUID,
    ctx: Context,
    catalog: Catalog,
    users: Users,
) -> Response[str]:
    """Take the way in away."""
    back = local_path(data.get("back", ""), "/account/security")
    try:
        await users.unlink_identity(ctx, identity_id=identity_id)
    except NotFound:
        raise
    except MercatoError as refused:
        context = {"title": "That did not work", "text": refused.detail, "url": back, "label": "Back"}
        return await guard_page(request, ctx, catalog, "note", context, status=409)
    return see_other(request, f"{back}?saved=1")


async def _leave(
    request: AnyRequest,
    ctx: Context,
    catalog: Catalog,
    users: Users,
    provider: str,
    target: str,
    *,
    link: bool,
) -> Response[str]:
    try:
        begun = await users.begin_external(ctx, provider=provider[:40], next=target, link=link)
    except MercatoError as refused:
        if refused.code == "step_up_required":
            raise
        return await _note(request, ctx, catalog, "That did not work", _said(refused), door=door_of(target))
    response = see_other(request, begun.url, headers={"Cache-Control": "no-store"})
    response.set_cookie(cookie(COOKIE, begun.token, max_age_s=COOKIE_LIFE_S))
    return response


async def _note(
    request: AnyRequest,
    ctx: Context,
    catalog: Catalog,
    title: str,
    text: str,
    *,
    status: int = 422,
    door: str = "/sign-in",
) -> Response[str]:
    context = {"title": title, "text": text, "url": door, "label": "To the sign-in"}
    return await guard_page(request, ctx, catalog, "note", context, status=status)


def _said(refused: MercatoError) -> str:
    return later(refused) if isinstance(refused, Throttled) else refused.detail


routes = [start, link, callback, confirm_form, confirm, unlink]
