"""What guards an account: app, passkeys, recovery codes. Staff reach the same forms from the admin."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from mercato.contracts.users import Users
from mercato.kernel.errors import Denied, MercatoError, NotFound, Throttled
from mercato.kernel.web import SIGNED_IN, local_path
from mercato.storefront.coming_in import customer_ways, later, new_passkey_of
from mercato.storefront.forms import Form, text_of
from mercato.storefront.pages.account import PRIVATE, AccountVisit
from mercato.storefront.visit import Visit
from mercato.ui.qr import qr_image

HOME = "/account/security"


@get(HOME, permission=SIGNED_IN, include_in_schema=False)
async def security(visit: AccountVisit, users: Users, problem: str = "") -> Response[str]:
    """What guards the account, and the ways to add and to remove."""
    base = await visit.base("Your security", HOME)
    context = {
        **base, "found": await users.factors(visit.ctx), "back": HOME, "problem": problem[:300],
        "identities": await users.identities(visit.ctx),
        "providers": await customer_ways(visit.ctx, users),
    }  # fmt: skip
    return visit.page("account/security.html", context, headers=PRIVATE)


def _act(path: str, *, recent: bool = True) -> Callable[[Callable[..., Any]], HTTPRouteHandler]:
    return post(
        f"{HOME}{path}", permission=SIGNED_IN, recent=recent, include_in_schema=False, status_code=200,
        replay=False,
    )  # fmt: skip


@_act("/app")
async def begin_app(visit: Visit, users: Users, data: Form) -> Response[str]:
    """Show the code to scan."""
    try:
        setup = await users.begin_app(visit.ctx)
    except MercatoError as refused:
        return _back(visit, data, refused)
    return await _app_page(visit, _home_of(data), setup.secret, setup.uri)


@_act("/app/confirm")
async def confirm_app(visit: Visit, users: Users, data: Form) -> Response[str]:
    """Switch the app on with its first code; then the recovery codes are shown."""
    try:
        codes = await users.confirm_app(visit.ctx, code=text_of(data, "code", 40))
    except MercatoError as refused:
        if refused.code not in ("code_wrong", "too_many_tries"):
            return _back(visit, data, refused)
        said = later(refused) if isinstance(refused, Throttled) else refused.detail
        secret, uri = text_of(data, "secret", 100), text_of(data, "uri", 1000)
        return await _app_page(visit, _home_of(data), secret, uri, error=said, status=422)
    return await _codes_page(visit, _home_of(data), codes)


@_act("/app/remove")
async def remove_app(visit: Visit, users: Users, data: Form) -> Response[str]:
    """Take the app away."""
    try:
        await users.remove_app(visit.ctx)
    except MercatoError as refused:
        return _back(visit, data, refused)
    return _back(visit, data)


@_act("/recovery-codes")
async def renew_codes(visit: Visit, users: Users, data: Form) -> Response[str]:
    """Ten new recovery codes."""
    try:
        codes = await users.renew_recovery_codes(visit.ctx)
    except MercatoError as refused:
        return _back(visit, data, refused)
    return await _codes_page(visit, _home_of(data), codes)


@_act("/passkeys")
async def begin_passkey(visit: Visit, users: Users, data: Form) -> Response[str]:
    """The page on which the browser makes a passkey."""
    try:
        asked = await users.begin_passkey(visit.ctx)
    except MercatoError as refused:
        return _back(visit, data, refused)
    options = msgspec.json.encode(asked.options).decode()
    context = {"challenge": asked.challenge, "options": options, "back": _home_of(data)}
    return await visit.guard_page("passkey", context)


@_act("/passkeys/add")
async def add_passkey(visit: Visit, users: Users, data: Form) -> Response[str]:
    """Keep what the browser has made; with the first factor come recovery codes."""
    try:
        added = await users.add_passkey(
            visit.ctx, challenge=text_of(data, "challenge", 100) or "-", credential=new_passkey_of(data),
            name=text_of(data, "name", 60),
        )  # fmt: skip
    except MercatoError as refused:
        return _back(visit, data, refused)
    if not added.recovery_codes:
        return _back(visit, data)
    return await _codes_page(visit, _home_of(data), added.recovery_codes)


@_act("/passkeys/{passkey_id:uuid}/rename", recent=False)
async def rename_passkey(visit: Visit, users: Users, passkey_id: UUID, data: Form) -> Response[str]:
    try:
        await users.rename_passkey(visit.ctx, passkey_id=passkey_id, name=text_of(data, "name", 60))
    except MercatoError as refused:
        return _back(visit, data, refused)
    return _back(visit, data)


@_act("/passkeys/{passkey_id:uuid}/remove")
async def remove_passkey(visit: Visit, users: Users, passkey_id: UUID, data: Form) -> Response[str]:
    try:
        await users.remove_passkey(visit.ctx, passkey_id=passkey_id)
    except MercatoError as refused:
        return _back(visit, data, refused)
    return _back(visit, data)


async def _app_page(
    visit: Visit, back: str, secret: str, uri: str, *, error: str = "", status: int = 200
) -> Response[str]:
    context = {"secret": secret, "uri": uri, "qr": qr_image(uri), "back": back, "error": error}
    return await visit.guard_page("app", context, status=status)


async def _codes_page(visit: Visit, back: str, codes: list[str]) -> Response[str]:
    if not codes:
        return visit.go(f"{back}?saved=1")
    return await visit.guard_page("codes", {"codes": codes, "back": back})


def _home_of(data: dict[str, str]) -> str:
    """The page that the form was on, the storefront's or the admin's; or where a sign-in wanted to go."""
    return local_path(data.get("back", ""), HOME)


def _back(visit: Visit, data: dict[str, str], refused: MercatoError | None = None) -> Response[str]:
    if isinstance(refused, (Denied, NotFound)):
        raise refused
    query = {"saved": "1"} if refused is None else {"problem": refused.detail}
    return visit.go(f"{_home_of(data).partition('?')[0]}?{urlencode(query)}")


routes = [
    security, begin_app, confirm_app, remove_app, renew_codes, begin_passkey, add_passkey, rename_passkey,
    remove_passkey,
]  # fmt: skip
