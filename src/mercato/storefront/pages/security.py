"""What guards an account: app, passkeys, recovery codes. Staff reach the same forms from the admin."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler

from mercato.contracts.carts import Carts
from mercato.contracts.catalog import Catalog
from mercato.contracts.users import Users
from mercato.kernel.context import Context
from mercato.kernel.errors import Denied, MercatoError, NotFound, Throttled
from mercato.kernel.web import SIGNED_IN, local_path
from mercato.settings import Settings
from mercato.storefront.coming_in import customer_ways, guard_page, later, new_passkey_of
from mercato.storefront.forms import Form, text_of
from mercato.storefront.pages.account import PRIVATE, Around
from mercato.ui.qr import qr_image
from mercato.ui.rendering import AnyRequest, page, see_other

HOME = "/account/security"


@get(HOME, permission=SIGNED_IN, include_in_schema=False)
async def security(
    request: Request[Any, Any, Any],
    ctx: Context,
    catalog: Catalog,
    carts: Carts,
    users: Users,
    settings: Settings,
    problem: str = "",
) -> Response[str]:
    """What guards the account, and the ways to add and to remove."""
    base = await Around(request, ctx, catalog, carts, settings).base("Your security", HOME)
    context = {
        **base, "found": await users.factors(ctx), "back": HOME, "problem": problem[:300],
        "identities": await users.identities(ctx),
        "providers": await customer_ways(ctx, users),
    }  # fmt: skip
    return page(request, "account/security.html", context, headers=PRIVATE)


def _act(path: str, *, recent: bool = True) -> Callable[[Callable[..., Any]], HTTPRouteHandler]:
    return post(
        f"{HOME}{path}", permission=SIGNED_IN, recent=recent, include_in_schema=False, status_code=200,
        replay=False,
    )  # fmt: skip


@_act("/app")
async def begin_app(
    request: Request[Any, Any, Any], data: Form, ctx: Context, catalog: Catalog, users: Users
) -> Response[str]:
    """Show the code to scan."""
    try:
        setup = await users.begin_app(ctx)
    except MercatoError as refused:
        return _back(request, data, refused)
    return await _app_page(request, ctx, catalog, _home_of(data), setup.secret, setup.uri)


@_act("/app/confirm")
async def confirm_app(
    request: Request[Any, Any, Any], data: Form, ctx: Context, catalog: Catalog, users: Users
) -> Response[str]:
    """Switch the app on with its first code; then the recovery codes are shown."""
    try:
        codes = await users.confirm_app(ctx, code=text_of(data, "code", 40))
    except MercatoError as refused:
        if refused.code not in ("code_wrong", "too_many_tries"):
            return _back(request, data, refused)
        said = later(refused) if isinstance(refused, Throttled) else refused.detail
        secret, uri = text_of(data, "secret", 100), text_of(data, "uri", 1000)
        return await _app_page(request, ctx, catalog, _home_of(data), secret, uri, error=said, status=422)
    return await _codes_page(request, ctx, catalog, _home_of(data), codes)


@_act("/app/remove")
async def remove_app(
    request: Request[Any, Any, Any], data: Form, ctx: Context, users: Users
) -> Response[str]:
    """Take the app away."""
    try:
        await users.remove_app(ctx)
    except MercatoError as refused:
        return _back(request, data, refused)
    return _back(request, data)


@_act("/recovery-codes")
async def renew_codes(
    request: Request[Any, Any, Any], data: Form, ctx: Context, catalog: Catalog, users: Users
) -> Response[str]:
    """Ten new recovery codes."""
    try:
        codes = await users.renew_recovery_codes(ctx)
    except MercatoError as refused:
        return _back(request, data, refused)
    return await _codes_page(request, ctx, catalog, _home_of(data), codes)


@_act("/passkeys")
async def begin_passkey(
    request: Request[Any, Any, Any], data: Form, ctx: Context, catalog: Catalog, users: Users
) -> Response[str]:
    """The page on which the browser makes a passkey."""
    try:
        asked = await users.begin_passkey(ctx)
    except MercatoError as refused:
        return _back(request, data, refused)
    options = msgspec.json.encode(asked.options).decode()
    context = {"challenge": asked.challenge, "options": options, "back": _home_of(data)}
    return await guard_page(request, ctx, catalog, "passkey", context)


@_act("/passkeys/add")
async def add_passkey(
    request: Request[Any, Any, Any], data: Form, ctx: Context, catalog: Catalog, users: Users
) -> Response[str]:
    """Keep what the browser has made; with the first factor come recovery codes."""
    try:
        added = await users.add_passkey(
            ctx, challenge=text_of(data, "challenge", 100) or "-", credential=new_passkey_of(data),
            name=text_of(data, "name", 60),
        )  # fmt: skip
    except MercatoError as refused:
        return _back(request, data, refused)
    if not added.recovery_codes:
        return _back(request, data)
    return await _codes_page(request, ctx, catalog, _home_of(data), added.recovery_codes)


@_act("/passkeys/{passkey_id:uuid}/rename", recent=False)
async def rename_passkey(
    request: Request[Any, Any, Any], data: Form, passkey_id: UUID, ctx: Context, users: Users
) -> Response[str]:
    try:
        await users.rename_passkey(ctx, passkey_id=passkey_id, name=text_of(data, "name", 60))
    except MercatoError as refused:
        return _back(request, data, refused)
    return _back(request, data)


@_act("/passkeys/{passkey_id:uuid}/remove")
async def remove_passkey(
    request: Request[Any, Any, Any], data: Form, passkey_id: UUID, ctx: Context, users: Users
) -> Response[str]:
    try:
        await users.remove_passkey(ctx, passkey_id=passkey_id)
    except MercatoError as refused:
        return _back(request, data, refused)
    return _back(request, data)


async def _app_page(
    request: AnyRequest,
    ctx: Context,
    catalog: Catalog,
    back: str,
    secret: str,
    uri: str,
    *,
    error: str = "",
    status: int = 200,
) -> Response[str]:
    context = {"secret": secret, "uri": uri, "qr": qr_image(uri), "back": back, "error": error}
    return await guard_page(request, ctx, catalog, "app", context, status=status)


async def _codes_page(
    request: AnyRequest, ctx: Context, catalog: Catalog, back: str, codes: list[str]
) -> Response[str]:
    if not codes:
        return see_other(request, f"{back}?saved=1")
    return await guard_page(request, ctx, catalog, "codes", {"codes": codes, "back": back})


def _home_of(data: dict[str, str]) -> str:
    """The page that the form was on, the storefront's or the admin's; or where a sign-in wanted to go."""
    return local_path(data.get("back", ""), HOME)


def _back(request: AnyRequest, data: dict[str, str], refused: MercatoError | None = None) -> Response[str]:
    if isinstance(refused, (Denied, NotFound)):
        raise refused
    query = {"saved": "1"} if refused is None else {"problem": refused.detail}
    return see_other(request, f"{_home_of(data).partition('?')[0]}?{urlencode(query)}")


routes = [
    security, begin_app, confirm_app, remove_app, renew_codes, begin_passkey, add_passkey, rename_passkey,
    remove_passkey,
]  # fmt: skip
