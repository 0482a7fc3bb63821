"""Proving again who one is before a sensitive act, and going on with the act where it was stopped."""

from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import msgspec
from litestar import Response, get, post

from mercato.contracts.users import Users
from mercato.kernel.errors import MercatoError, Throttled
from mercato.kernel.web import SESSION_COOKIE, SIGNED_IN, cookie, csrf_token, local_path
from mercato.storefront.coming_in import later, proof_of
from mercato.storefront.forms import Form, text_of
from mercato.storefront.visit import Visit
from mercato.ui.rendering import AnyRequest

BODY_MOST = 8_000
NEVER_CARRIED = frozenset({"password", "current", "new", "code", "credential"})
"""Secrets are typed again rather than sent back to the browser."""


@get("/account/verify", permission=SIGNED_IN, include_in_schema=False)
async def ask(visit: Visit, users: Users, next: str = "") -> Response[str]:
    """Ask for the proof; a page that was refused is opened afterwards."""
    return await _ask(visit, users, {"next": local_path(next, "/account")})


@post("/account/verify/act", permission=SIGNED_IN, include_in_schema=False, status_code=200, replay=False)
async def stop(visit: Visit, users: Users, to: str = "") -> Response[str]:
    """A form was sent that needs a proof: it waits in the page, and is sent on afterwards."""
    act, body = local_path(to, "/account"), (await visit.request.body()).decode("utf-8", "replace")
    pairs = parse_qsl(body, keep_blank_values=True)
    if len(body) > BODY_MOST or NEVER_CARRIED.intersection(name for name, _ in pairs):
        return visit.go(f"/account/verify?next={quote(_page_before(visit.request, act), safe='')}")
    waiting = {"act": act, "body": urlencode(pairs), "next": _page_before(visit.request, act)}
    return await _ask(visit, users, waiting)


@post("/account/verify", permission=SIGNED_IN, include_in_schema=False, status_code=200, replay=False)
async def prove(visit: Visit, users: Users, data: Form) -> Response[str]:
    """Check the proof, then open the page that was refused, or offer to send the form that waits."""
    waiting = {
        "next": local_path(data.get("next", ""), "/account"),
        "act": local_path(data.get("act", ""), ""),
        "body": data.get("body", "")[: 2 * BODY_MOST],
    }
    try:
        passkey = proof_of(data) if data.get("credential") else None
        done = await users.prove(
            visit.ctx, password=data.get("password", "")[:256], code=text_of(data, "code", 40),
            challenge=text_of(data, "challenge", 100), passkey=passkey,
        )  # fmt: skip
    except MercatoError as refused:
        said = later(refused) if isinstance(refused, Throttled) else refused.detail
        status = 429 if isinstance(refused, Throttled) else 422
        return await _ask(visit, users, waiting, error=said, status=status)
    token = done.session_token or ""
    if waiting["act"]:
        context = {
            "act": waiting["act"], "fields": parse_qsl(waiting["body"], keep_blank_values=True),
            "back": waiting["next"], "csrf": csrf_token(visit.request, session=token),
        }  # fmt: skip
        response = await visit.guard_page("go_on", context)
    else:
        response = visit.go(waiting["next"])
    response.set_cookie(cookie(SESSION_COOKIE, token, max_age_s=done.expires_in))
    return response


async def _ask(
    visit: Visit, users: Users, waiting: dict[str, str], *, error: str = "", status: int = 200
) -> Response[str]:
    found = await users.factors(visit.ctx)
    asked = await users.ask_passkey(visit.ctx) if found.passkeys else None
    context = {
        "act": "", "body": "", **waiting, "found": found, "error": error,
        "email": visit.ctx.principal.email,
        "challenge": asked.challenge if asked else "",
        "options": msgspec.json.encode(asked.options).decode() if asked else "",
    }  # fmt: skip
    return await visit.guard_page("verify", context, status=status)


def _page_before(request: AnyRequest, act: str) -> str:
    """The page whose form was sent; the admin's or the account's first page when nothing says so."""
    fallback = "/admin" if act.startswith("/admin") else "/account"
    before = urlsplit(request.headers.get("referer", ""))
    if before.netloc != request.headers.get("host", "") or before.path.startswith("/account/verify"):
        return fallback
    return local_path(before.path + (f"?{before.query}" if before.query else ""), fallback)


routes = [ask, stop, prove]
