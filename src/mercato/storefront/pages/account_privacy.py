"""What people decide about their account: another address, what they agree to, a copy of it all, its end."""

import asyncio
import contextlib
from typing import Any

from litestar import Response, get, post

from mercato.contracts.privacy import Export, Privacy
from mercato.contracts.users import Purpose, Users
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, Invalid, Throttled
from mercato.kernel.web import CART_COOKIE, SESSION_COOKIE, SIGNED_IN, expired_cookie
from mercato.storefront.forms import Errors, Form, errors_of, one_error, text_of
from mercato.storefront.pages.account import PRIVATE, AccountVisit
from mercato.storefront.visit import Visit

PATH = "/account/privacy"
LABELS = {
    Purpose.MARKETING_EMAIL: "Mails about new things and offers",
    Purpose.MARKETING_SMS: "Text messages about offers",
    Purpose.PERSONALIZATION: "Suggestions from what I looked at and bought",
}
SOURCES = {
    "registration": "when you registered",
    "account": "in your account",
    "api": "by an app",
    "staff": "by our staff for you",
    "merge": "from your other account",
}


@get(PATH, permission=SIGNED_IN, include_in_schema=False)
async def show(visit: AccountVisit, users: Users, privacy: Privacy) -> Response[str]:
    """Consents with their history, another address, the end of the account."""
    return await _privacy(visit, users, privacy)


@post(PATH, permission=SIGNED_IN, include_in_schema=False, status_code=200)
async def save_consents(visit: Visit, users: Users, data: Form) -> Response[str]:
    """Note what is agreed to and what is not."""
    for purpose in Purpose:
        await users.set_consent(visit.ctx, purpose=purpose, is_given=purpose.value in data)
    return visit.go(f"{PATH}?saved=1")


@post("/account/email", permission=SIGNED_IN, include_in_schema=False, status_code=200, replay=False)
async def change_email(visit: AccountVisit, users: Users, privacy: Privacy, data: Form) -> Response[str]:
    """Ask for another address; both mailboxes confirm it."""
    email = text_of(data, "email", 254)
    try:
        await users.request_email_change(visit.ctx, email=email or "-@-", password=_password(data))
    except (Invalid, Throttled) as refused:
        return await _privacy(visit, users, privacy, typed=email, email_errors=errors_of(refused))
    return await _privacy(visit, users, privacy, sent_to=email)


@post("/account/export", permission=SIGNED_IN, recent=True, include_in_schema=False, status_code=200)
async def request_copy(visit: Visit, privacy: Privacy) -> Response[str]:
    """Gather everything that is known about whoever asks; the page says when it is there, or to wait."""
    with contextlib.suppress(Throttled):  # the latest copies are listed there
        await privacy.request_export(visit.ctx)
    return visit.go(f"{PATH}#export")


@post("/account/delete", permission=SIGNED_IN, include_in_schema=False, status_code=200, replay=False)
async def delete_account(visit: AccountVisit, users: Users, privacy: Privacy, data: Form) -> Response[str]:
    """Erase the account and sign out."""
    try:
        if "sure" not in data:
            raise Invalid(errors=one_error("sure", "Say that you are sure").all)
        await privacy.erase_me(visit.ctx, password=_password(data) if "password" in data else "")
    except (Invalid, Throttled, Conflict) as refused:
        errors = errors_of(refused)
        moved = tuple(_moved(error) for error in errors.all)
        return await _privacy(visit, users, privacy, delete_errors=Errors(moved))
    response = visit.go("/")
    response.set_cookie(expired_cookie(SESSION_COOKIE))
    response.set_cookie(expired_cookie(CART_COOKIE))
    return response


@post("/account/sessions/revoke-others", permission=SIGNED_IN, include_in_schema=False, status_code=200)
async def revoke_others(visit: Visit, users: Users) -> Response[str]:
    """Sign every other device out."""
    await users.revoke_other_sessions(visit.ctx)
    return visit.go("/account/profile?saved=1")


async def _privacy(
    visit: AccountVisit,
    users: Users,
    privacy: Privacy,
    *,
    typed: str = "",
    sent_to: str = "",
    email_errors: Errors | None = None,
    delete_errors: Errors | None = None,
) -> Response[str]:
    base, me, consents = await asyncio.gather(
        visit.base("Privacy", PATH), users.me(visit.ctx), users.consents(visit.ctx)
    )
    context = {
        **base,
        "me": me,
        "purposes": [(purpose.value, label, purpose in consents.given) for purpose, label in LABELS.items()],
        "history": [
            (each.at, LABELS[each.purpose], each.is_given, SOURCES.get(each.source, each.source))
            for each in consents.history
        ],
        "copies": await _copies(visit.ctx, privacy),
        "has_password": visit.ctx.principal.acting_id is not None
        or (await users.factors(visit.ctx)).has_password,
        "typed": typed,
        "sent_to": sent_to,
        "email_errors": email_errors or Errors(),
        "delete_errors": delete_errors or Errors(),
    }
    status = 422 if email_errors or delete_errors else 200
    return visit.page("account/privacy.html", context, status=status, headers=PRIVATE)


async def _copies(ctx: Context, privacy: Privacy) -> list[Export]:
    """The copies of this person; none for staff who act for them."""
    return [] if ctx.principal.acting_id is not None else await privacy.exports(ctx)


def _password(data: dict[str, str]) -> str:
    password = data.get("password", "")
    if not password:
        raise Invalid(errors=one_error("password", "Enter your password").all)
    return password[:256]


def _moved(error: Any) -> Any:
    """The password of the form for leaving has an id of its own: there are two on the page."""
    field = "delete-password" if error.field == "password" else error.field
    return type(error)(field, error.code, error.message)


routes = [
    show, save_consents, change_email, request_copy, delete_account, revoke_others,
]  # fmt: skip
