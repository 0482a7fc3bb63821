"""Coming in: sign in and out, register, confirm the address, set a new password."""

from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Response, get, post

from mercato.contracts.carts import Carts
from mercato.contracts.users import Users
from mercato.kernel.errors import Invalid, Throttled, Unauthenticated
from mercato.kernel.web import CART_COOKIE, PUBLIC, SESSION_COOKIE, expired_cookie, local_path
from mercato.storefront.coming_in import begin_session, customer_ways, later
from mercato.storefront.forms import Errors, Form, errors_of, one_error, text_of
from mercato.storefront.pages.second_step import ask_second_step
from mercato.storefront.visit import Visit

PASSWORD_MOST = 256
FAILED = "E-mail and password do not fit together. Check both, or set a new password."


class Door(msgspec.Struct, frozen=True):
    """One of the forms by which people come in. `done` replaces the form by a message."""

    title: str
    form: str
    done: str = ""


SIGN_IN = Door("Sign in", "sign_in")
REGISTER = Door("Create an account", "register")
ASK_RESET = Door("Set a new password", "ask_reset")
RESET = Door("Choose a new password", "reset")
CONFIRM = Door("Confirm your address", "confirm")


@get("/sign-in", permission=PUBLIC, include_in_schema=False)
async def sign_in_form(visit: Visit, users: Users) -> Response[str]:
    """The form; who is signed in already goes on."""
    target = local_path(visit.request.query_params.get("next", ""), "/account")
    if visit.ctx.principal.is_signed_in:
        return visit.go(target)
    base = await visit.frame() | {"providers": await customer_ways(visit.ctx, users)}
    return _door(visit, base, SIGN_IN, {"next": target})


@post("/sign-in", permission=PUBLIC, include_in_schema=False, status_code=200, replay=False)
async def sign_in(visit: Visit, carts: Carts, users: Users, data: Form) -> Response[str]:
    """Sign in; the guest's bag joins the customer's. One text for every reason to refuse."""
    target = local_path(data.get("next", ""), "/account")
    email, password = text_of(data, "email", 254), data.get("password", "")[:PASSWORD_MOST]
    try:
        if not email or not password:
            raise Unauthenticated("sign_in_failed")
        done = await users.sign_in(visit.ctx, email=email, password=password, browser=True)
    except (Unauthenticated, Invalid):
        errors, status = one_error("", FAILED), 422
    except Throttled as throttled:
        errors, status = one_error("", later(throttled)), 429
    else:
        if done.challenge is not None:
            return await ask_second_step(visit, done.challenge, target)
        return await begin_session(visit, carts, users, done, target)
    base = await visit.frame() | {"providers": await customer_ways(visit.ctx, users)}
    return _door(visit, base, SIGN_IN, {"next": target, "email": email}, errors, status)


@post("/sign-out", permission=PUBLIC, include_in_schema=False, status_code=200, replay=False)
async def sign_out(visit: Visit, users: Users) -> Response[str]:
    """End the session; the bag of the customer stays theirs."""
    if visit.ctx.principal.is_signed_in:
        await users.sign_out(visit.ctx)
    response = visit.go("/")
    response.set_cookie(expired_cookie(SESSION_COOKIE))
    response.set_cookie(expired_cookie(CART_COOKIE))
    return response


@get("/register", permission=PUBLIC, include_in_schema=False)
async def register_form(visit: Visit) -> Response[str]:
    """The form for a new account."""
    base = await visit.frame()
    return _door(visit, base, REGISTER, {})


@post("/register", permission=PUBLIC, include_in_schema=False, status_code=200, replay=False)
async def register(visit: Visit, users: Users, data: Form) -> Response[str]:
    """Create the account; the answer is the same whether the address was known or not."""
    marketing = "marketing" in data
    typed = {
        "email": text_of(data, "email", 254),
        "name": text_of(data, "name"),
        "marketing": "1" if marketing else "",
    }
    base = await visit.frame()
    try:
        password = _password(data)
        await users.register(
            visit.ctx, email=typed["email"] or "-", password=password, name=typed["name"], marketing=marketing
        )
    except Invalid as refused:
        return _door(visit, base, REGISTER, typed, errors_of(refused), 422)
    except Throttled as throttled:
        return _door(visit, base, REGISTER, typed, one_error("", later(throttled)), 429)
    text = f"We sent a mail to {typed['email']}. Open the link in it, and your account is ready."
    return _door(visit, base, msgspec.structs.replace(REGISTER, done=text), typed)


@get("/account/confirm", permission=PUBLIC, include_in_schema=False)
async def confirm_form(visit: Visit) -> Response[str]:
    """One button: mail scanners open links, so that opening alone confirms nothing."""
    base = await visit.frame()
    return _door(visit, base, CONFIRM, {"token": visit.request.query_params.get("token", "")})


@post("/account/confirm", permission=PUBLIC, include_in_schema=False, status_code=200, replay=False)
async def confirm(visit: Visit, users: Users, data: Form) -> Response[str]:
    """Confirm the address of a token."""
    base = await visit.frame()
    try:
        user = await users.confirm(visit.ctx, token=text_of(data, "token", 500))
    except Invalid:
        errors = one_error("", "This link was used before or is too old. Register again for a new one.")
        return _door(visit, base, CONFIRM, {}, errors, 422)
    door = msgspec.structs.replace(SIGN_IN, title="Your account is ready")
    return _door(visit, base, door, {"email": user.email, "next": "/account"})


@get("/account/reset", permission=PUBLIC, include_in_schema=False)
async def reset_form(visit: Visit) -> Response[str]:
    """Ask for a link, or with its token choose the new password."""
    token = visit.request.query_params.get("token", "")
    base = await visit.frame()
    return _door(visit, base, RESET if token else ASK_RESET, {"token": token})


@post("/account/reset", permission=PUBLIC, include_in_schema=False, status_code=200, replay=False)
async def reset(visit: Visit, users: Users, data: Form) -> Response[str]:
    """Mail a link, or set the password that came with a token. Same answer for unknown addresses."""
    base = await visit.frame()
    token = text_of(data, "token", 500)
    door, typed = (RESET, {"token": token}) if token else (ASK_RESET, {"email": text_of(data, "email", 254)})
    try:
        if token:
            await users.reset_password(visit.ctx, token=token, password=_password(data))
        else:
            await users.request_password_reset(visit.ctx, email=typed["email"] or "-")
    except Invalid as refused:
        return _door(visit, base, door, typed, errors_of(refused), 422)
    except Throttled as throttled:
        return _door(visit, base, door, typed, one_error("", later(throttled)), 429)
    if token:
        return _door(visit, base, msgspec.structs.replace(SIGN_IN, title="Password changed"), {})
    text = f"If {typed['email']} has an account, a mail with a link is on its way. It works for one hour."
    return _door(visit, base, msgspec.structs.replace(ASK_RESET, done=text), typed)


def _password(data: dict[str, str]) -> str:
    password = data.get("password", "")
    if not password:
        raise Invalid(errors=one_error("password", "Enter a password").all)
    return password[:PASSWORD_MOST]


def _door(
    visit: Visit,
    base: dict[str, Any],
    door: Door,
    typed: dict[str, str],
    errors: Errors | None = None,
    status: int = 200,
) -> Response[str]:
    blank = {"email": "", "name": "", "token": "", "next": "", "marketing": ""}
    context = {
        **base,
        "door": door,
        "typed": {**blank, **typed},
        "next_query": f"?next={quote(typed.get('next', ''))}" if typed.get("next") else "",
        "errors": errors or Errors(),
        "robots": "noindex",
    }
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return visit.page("door.html", context, status=status, headers=headers)


routes = [
    sign_in_form, sign_in, sign_out, register_form, register, confirm_form, confirm, reset_form, reset
]  # fmt: skip
