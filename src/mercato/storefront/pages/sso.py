"""Signing in with an account elsewhere: there and back, linking it, the proof of the mailbox."""

from uuid import UUID

from litestar import Response, get, post

from mercato.contracts.carts import Carts
from mercato.contracts.users import Users
from mercato.contracts.users.external import ExternalOutcome
from mercato.kernel.errors import MercatoError, NotFound, Throttled
from mercato.kernel.web import PUBLIC, SIGNED_IN, cookie, expired_cookie, local_path
from mercato.storefront.coming_in import begin_session, later
from mercato.storefront.forms import Form, text_of
from mercato.storefront.pages.second_step import ask_second_step
from mercato.storefront.visit import Visit
from mercato.ui.second_step import door_of

COOKIE = "sso"
COOKIE_LIFE_S = 900
CODE_MOST = 4000


@get("/sso/{provider:str}/start", permission=PUBLIC, include_in_schema=False)
async def start(visit: Visit, users: Users, provider: str, next: str = "") -> Response[str]:
    """Off to the provider. A link rather than a form: forms may lead to our own pages only."""
    return await _leave(visit, users, provider, local_path(next, "/account"), link=False)


@get("/account/security/link/{provider:str}", permission=SIGNED_IN, recent=True, include_in_schema=False)
async def link(visit: Visit, users: Users, provider: str, back: str = "") -> Response[str]:
    """Off to the provider, to let its account sign in to this one."""
    target = local_path(back, "/account/security")
    return await _leave(visit, users, provider, target, link=True)


@get("/sso/{provider:str}/callback", permission=PUBLIC, include_in_schema=False, timeout_s=30)
async def callback(visit: Visit, carts: Carts, users: Users, provider: str) -> Response[str]:
    """Back from the provider, with a code or with a refusal."""
    query, token = visit.request.query_params, visit.request.cookies.get(COOKIE, "")
    if query.get("error") or not token:
        text = "You were not signed in there. Nothing has changed."
        return await _note(visit, "That did not work", text)
    try:
        done = await users.finish_external(
            visit.ctx, provider=provider[:40], token=token[:100], state=query.get("state", "")[:CODE_MOST],
            code=query.get("code", "")[:CODE_MOST],
        )  # fmt: skip
    except MercatoError as refused:
        return await _note(visit, "That did not work", _said(refused))
    target = local_path(done.next, "/account")
    if done.outcome is ExternalOutcome.MAILED:
        text = (
            f"We sent a mail to the address that {done.provider} gave us. Open the link in it, and that "
            "account signs you in. Without it nothing changes."
        )
        response = await _note(visit, "One look into your mail", text, status=200)
    elif done.sign_in is None:
        response = visit.go(f"{target}?saved=1")
    elif done.sign_in.challenge is not None:
        response = await ask_second_step(visit, done.sign_in.challenge, target)
    else:
        response = await begin_session(visit, carts, users, done.sign_in, target)
    response.set_cookie(expired_cookie(COOKIE))
    return response


@get("/sso/confirm", permission=PUBLIC, include_in_schema=False)
async def confirm_form(visit: Visit, token: str = "") -> Response[str]:
    """One button: mail scanners open links, so that opening alone links nothing."""
    return await visit.guard_page("identity", {"token": token[:200]})


@post("/sso/confirm", permission=PUBLIC, include_in_schema=False, status_code=200, replay=False)
async def confirm(visit: Visit, users: Users, data: Form) -> Response[str]:
    """The mailbox is proved: the account elsewhere signs in from now on."""
    try:
        name = await users.confirm_external(visit.ctx, token=text_of(data, "token", 200) or "-")
    except MercatoError as refused:
        return await _note(visit, "That did not work", _said(refused))
    text = f"From now on your account at {name} signs you in."
    return await _note(visit, "It is confirmed", text, status=200)


@post(
    "/account/security/identities/{identity_id:uuid}/unlink",
    permission=SIGNED_IN, recent=True, include_in_schema=False, status_code=200, replay=False,
)  # fmt: skip
async def unlink(visit: Visit, users: Users, identity_id: UUID, data: Form) -> Response[str]:
    """Take the way in away."""
    back = local_path(data.get("back", ""), "/account/security")
    try:
        await users.unlink_identity(visit.ctx, identity_id=identity_id)
    except NotFound:
        raise
    except MercatoError as refused:
        context = {"title": "That did not work", "text": refused.detail, "url": back, "label": "Back"}
        return await visit.guard_page("note", context, status=409)
    return visit.go(f"{back}?saved=1")


async def _leave(visit: Visit, users: Users, provider: str, target: str, *, link: bool) -> Response[str]:
    try:
        begun = await users.begin_external(visit.ctx, provider=provider[:40], next=target, link=link)
    except MercatoError as refused:
        if refused.code == "step_up_required":
            raise
        return await _note(visit, "That did not work", _said(refused), door=door_of(target))
    response = visit.go(begun.url, headers={"Cache-Control": "no-store"})
    response.set_cookie(cookie(COOKIE, begun.token, max_age_s=COOKIE_LIFE_S))
    return response


async def _note(
    visit: Visit, title: str, text: str, *, status: int = 422, door: str = "/sign-in"
) -> Response[str]:
    context = {"title": title, "text": text, "url": door, "label": "To the sign-in"}
    return await visit.guard_page("note", context, status=status)


def _said(refused: MercatoError) -> str:
    return later(refused) if isinstance(refused, Throttled) else refused.detail


routes = [start, link, callback, confirm_form, confirm, unlink]
