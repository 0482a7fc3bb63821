"""Where links of mails lead: one button each, as mail scanners open links and must not confirm anything."""

from typing import Any

import msgspec
from litestar import Response, get, post

from mercato.contracts.users import Users
from mercato.kernel.errors import Conflict, Invalid
from mercato.kernel.web import PUBLIC
from mercato.storefront.forms import Errors, Form, errors_of, one_error, text_of
from mercato.storefront.visit import Visit

TOKEN_MOST = 200
EMAIL_CHANGE = "/account/email-change"
INVITATION = "/account/invitation"
TOO_OLD = "This link was used before or is too old."


class LinkPage(msgspec.Struct, frozen=True):
    """What one of these pages says. `done` replaces the form by a message."""

    title: str
    action: str
    button: str
    text: str = ""
    done: str = ""
    next_url: str = "/"
    next_label: str = "Go on looking"
    asks_password: bool = False


CHANGE = LinkPage(
    "Another e-mail address", EMAIL_CHANGE, "Confirm the change",
    "The address of your account changes when both mailboxes have confirmed it.",
)  # fmt: skip


JOIN = LinkPage(
    "Join the staff", INVITATION, "Join", "Choose a password; then the admin is open to you.",
    asks_password=True,
)  # fmt: skip


@get(EMAIL_CHANGE, permission=PUBLIC, include_in_schema=False)
async def email_change_form(visit: Visit) -> Response[str]:
    """One button that confirms this end."""
    base = await visit.frame()
    return answer(visit, base, CHANGE, visit.request.query_params.get("token", "")[:TOKEN_MOST])


@post(EMAIL_CHANGE, permission=PUBLIC, include_in_schema=False, status_code=200, replay=False)
async def email_change(visit: Visit, users: Users, data: Form) -> Response[str]:
    """Confirm this end; the second end makes the change."""
    base = await visit.frame()
    try:
        change = await users.confirm_email_change(visit.ctx, token=text_of(data, "token", TOKEN_MOST))
    except Invalid:
        return answer(visit, base, CHANGE, "", one_error("", f"{TOO_OLD} Ask for the change again."), 422)
    except Conflict as refused:
        return answer(visit, base, CHANGE, "", one_error("", refused.detail), 409)
    if not change.is_done:
        text = f"Confirmed. Now open the link in the mail to your {change.waits_for} address."
        return answer(visit, base, msgspec.structs.replace(CHANGE, done=text))
    done = msgspec.structs.replace(
        CHANGE, done="Your address was changed. Sign in with the new one from now on.",
        next_url="/sign-in", next_label="Sign in",
    )  # fmt: skip
    return answer(visit, base, done)


@get(INVITATION, permission=PUBLIC, include_in_schema=False)
async def invitation_form(visit: Visit) -> Response[str]:
    """Choose a password and join."""
    base = await visit.frame()
    return answer(visit, base, JOIN, visit.request.query_params.get("token", "")[:TOKEN_MOST])


@post(INVITATION, permission=PUBLIC, include_in_schema=False, status_code=200, replay=False)
async def accept_invitation(visit: Visit, users: Users, data: Form) -> Response[str]:
    """Join the staff."""
    base = await visit.frame()
    token, password = text_of(data, "token", TOKEN_MOST), data.get("password", "")[:256]
    try:
        if not password:
            raise Invalid(errors=one_error("password", "Enter a password").all)
        joined = await users.accept_invitation(visit.ctx, token=token, password=password)
    except Invalid as refused:
        if refused.errors:
            return answer(visit, base, JOIN, token, errors_of(refused), 422)
        text = f"{TOO_OLD} Ask whoever invited you for a new one."
        return answer(visit, base, JOIN, "", one_error("", text), 422)
    done = msgspec.structs.replace(
        JOIN, done=f"Welcome, {joined.name}. Sign in with {joined.email} and your password.",
        next_url="/admin/sign-in", next_label="Open the admin",
    )  # fmt: skip
    return answer(visit, base, done)


def answer(
    visit: Visit,
    base: dict[str, Any],
    link: LinkPage,
    token: str = "",
    errors: Errors | None = None,
    status: int = 200,
) -> Response[str]:
    """The page; it is kept nowhere and tells no other site its address."""
    context = {**base, "link": link, "token": token, "errors": errors or Errors(), "robots": "noindex"}
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return visit.page("link.html", context, status=status, headers=headers)


routes = [email_change_form, email_change, invitation_form, accept_invitation]
