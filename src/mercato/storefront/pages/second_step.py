"""The second step of a sign-in, signing in with a passkey, and setting up a factor that a role asks for."""

from urllib.parse import quote

import msgspec
from litestar import Response, get, post

from mercato.contracts.carts import Carts
from mercato.contracts.users import SignIn, SignInChallenge, Users
from mercato.kernel.errors import MercatoError, Throttled
from mercato.kernel.web import PUBLIC, SIGNED_IN, local_path
from mercato.storefront.coming_in import begin_session, later, proof_of
from mercato.storefront.forms import Form, text_of
from mercato.storefront.visit import Visit
from mercato.ui.second_step import door_of, second_step

ASKED_MOST = 20_000


async def ask_second_step(visit: Visit, asked: SignInChallenge, target: str) -> Response[str]:
    """The page that asks for the second factor, after the password was right."""
    return await _ask(visit, asked, target)


@post("/sign-in/second-step", permission=PUBLIC, include_in_schema=False, status_code=200, replay=False)
async def finish(visit: Visit, carts: Carts, users: Users, data: Form) -> Response[str]:
    """Check the code or the passkey; whoever took too long begins anew."""
    target = local_path(data.get("next", ""), "/account")
    try:
        asked = msgspec.json.decode(data.get("asked", "")[:ASKED_MOST].encode(), type=SignInChallenge)
    except (msgspec.DecodeError, UnicodeError):
        return visit.go("/sign-in")
    try:
        passkey = proof_of(data) if data.get("credential") else None
        done = await users.finish_sign_in(
            visit.ctx, challenge=asked.token[:100], code=text_of(data, "code", 40), passkey=passkey
        )
    except Throttled as throttled:
        return await _ask(visit, asked, target, error=later(throttled), status=429)
    except MercatoError as refused:
        if refused.code in ("challenge_invalid", "sign_in_failed"):
            return visit.go(door_of(target))
        return await _ask(visit, asked, target, error=refused.detail, status=422)
    return await begin_session(visit, carts, users, done, target)


@post("/sign-in/passkey", permission=PUBLIC, include_in_schema=False, status_code=200, replay=False)
async def passkey_sign_in(visit: Visit, carts: Carts, users: Users, data: Form) -> Response[str]:
    """Sign in with a passkey alone."""
    target = local_path(data.get("next", ""), "/account")
    try:
        done: SignIn = await users.sign_in_with_passkey(
            visit.ctx, challenge=text_of(data, "challenge", 100) or "-", passkey=proof_of(data), browser=True
        )
    except MercatoError as refused:
        said = later(refused) if isinstance(refused, Throttled) else refused.detail
        context = {"title": "That did not work", "text": said, "url": door_of(target), "label": "Sign in"}
        return await visit.guard_page("note", context, status=422)
    return await begin_session(visit, carts, users, done, target)


@get("/account/mfa", permission=SIGNED_IN, include_in_schema=False)
async def required(visit: Visit, users: Users, next: str = "") -> Response[str]:
    """Whose role asks for a second factor sets one up here before anything else."""
    target = local_path(next, "/account")
    found = await users.factors(visit.ctx)
    if not visit.ctx.principal.needs_mfa:
        return visit.go(target)
    if found.is_on:
        return visit.go(f"/account/verify?next={quote(target, safe='')}")
    return await visit.guard_page("required", {"back": target})


async def _ask(
    visit: Visit, asked: SignInChallenge, target: str, *, error: str = "", status: int = 200
) -> Response[str]:
    context = {**second_step(asked, target), "error": error}
    return await visit.guard_page("second_step", context, status=status)


routes = [finish, passkey_sign_in, required]
