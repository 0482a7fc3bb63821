"""Keys of programs: who has one, what it opens, when it was last used; make, rotate, revoke."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from mercato.admin import words
from mercato.admin.forms import FormData, done, errors_by_field, status_of, text, texts, whole
from mercato.admin.lists import address
from mercato.admin.shell import shell_of
from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import Orders
from mercato.contracts.users import RESOURCES, ApiKey, IssuedApiKey, Users
from mercato.kernel import clock
from mercato.kernel.context import ALL_PERMISSIONS, Context, Principal
from mercato.kernel.errors import Conflict, Denied, Invalid, MercatoError
from mercato.ui.rendering import page, see_other

PATH = "/admin/api-keys"
LIMIT = 50
LIVES = (("30", "30 days"), ("90", "90 days"), ("365", "One year"), ("", "Until it is revoked"))
GRACES = (("0", "at once"), ("1", "in an hour"), ("24", "in a day"), ("168", "in a week"))

AnyRequest = Request[Any, Any, Any]


@get(PATH, permission="read_api_keys")
async def list_api_keys(
    ctx: Context,
    request: AnyRequest,
    users: Users,
    orders: Orders,
    catalog: Catalog,
    cursor: str | None = None,
    done: str = "",
) -> Response[str]:
    """All keys, newest first, and the form for another one."""
    return await _list(ctx, request, users, orders, catalog, cursor=cursor, said=words.said(done))


@post(PATH, permission="write_api_keys", recent=True, replay=False)
async def create_api_key(
    ctx: Context, request: AnyRequest, users: Users, orders: Orders, catalog: Catalog, data: FormData
) -> Response[str]:
    """Make a key and show its secret, this once."""
    try:
        days = whole(data, "days", least=1, most=3650)
        issued = await users.create_api_key(
            ctx,
            name=text(data, "name")[:200],
            permissions=texts(data, "permissions"),
            channel=text(data, "channel")[:60] or None,
            expires_at=clock.now() + timedelta(days=days) if days else None,
        )
    except (Invalid, Denied, Conflict) as error:
        if error.code == "step_up_required":
            raise
        return await _list(ctx, request, users, orders, catalog, typed=data, error=error)
    return await _list(ctx, request, users, orders, catalog, issued=issued)


@post(PATH + "/{key_id:uuid}/rotate", permission="write_api_keys", recent=True, replay=False)
async def rotate_api_key(
    ctx: Context,
    request: AnyRequest,
    users: Users,
    orders: Orders,
    catalog: Catalog,
    key_id: UUID,
    data: FormData,
) -> Response[str]:
    """Give a key another secret and show it, this once."""
    try:
        issued = await users.rotate_api_key(
            ctx, key_id=key_id, version=whole(data, "version", least=1) or 1,
            grace_hours=whole(data, "grace_hours", most=168) or 0,
        )  # fmt: skip
    except (Invalid, Denied, Conflict) as error:
        if error.code == "step_up_required":
            raise
        return await _list(ctx, request, users, orders, catalog, error=error)
    return await _list(ctx, request, users, orders, catalog, issued=issued)


@post(PATH + "/{key_id:uuid}/revoke", permission="write_api_keys")
async def revoke_api_key(ctx: Context, request: AnyRequest, users: Users, key_id: UUID) -> Response[str]:
    """End a key."""
    await users.revoke_api_key(ctx, key_id=key_id)
    return see_other(request, done(PATH, "key_revoked"))


async def _list(
    ctx: Context,
    request: AnyRequest,
    users: Users,
    orders: Orders,
    catalog: Catalog,
    *,
    cursor: str | None = None,
    said: str = "",
    issued: IssuedApiKey | None = None,
    typed: dict[str, Any] | None = None,
    error: MercatoError | None = None,
) -> Response[str]:
    found = await users.api_keys(ctx, limit=LIMIT, cursor=cursor)
    typed = typed or {}
    chosen = frozenset(texts(typed, "permissions"))
    return page(
        request,
        "admin/api_keys.html",
        {
            "shell": await shell_of(ctx, orders, catalog, PATH),
            "locale": ctx.locale,
            "found": found,
            "status_of": _status_of,
            "issued": issued,
            "said": said,
            "error": error.detail if error is not None and not error.errors else "",
            "errors": errors_by_field(error) if error is not None else {},
            "typed": {name: text(typed, name) for name in ("name", "channel", "days")},
            "chosen": chosen,
            "rights": _grantable(ctx.principal),
            "grants_all": ctx.principal.may(ALL_PERMISSIONS),
            "channels": [("", "Every channel"), *await _channels(ctx, catalog)],
            "lives": LIVES,
            "graces": GRACES,
            "may_write": ctx.principal.may("write_api_keys"),
            "first_url": PATH if cursor else "",
            "next_url": address(PATH, cursor=found.next_cursor) if found.next_cursor else "",
        },
        status=status_of(error) if error is not None else 201 if issued is not None else 200,
        headers={"Cache-Control": "no-store"},
    )


async def _channels(ctx: Context, catalog: Catalog) -> list[tuple[str, str]]:
    try:
        channel = await catalog.channel(ctx, code=ctx.channel)
    except MercatoError:
        return []
    return [(channel.code, channel.name)]


def _grantable(principal: Principal) -> list[tuple[str, bool, bool]]:
    """(resource, may give reading, may give writing) for what this person holds any right of."""
    rights = [
        (resource, principal.may(f"read_{resource}"), principal.may(f"write_{resource}"))
        for resource in RESOURCES
    ]
    return [each for each in rights if each[1] or each[2]]


def _status_of(key: ApiKey) -> tuple[str, str]:
    """(words, kind of badge)."""
    if key.revoked_at is not None:
        return "Revoked", "danger"
    if key.expires_at is not None and key.expires_at <= clock.now():
        return "Expired", "neutral"
    return "Works", "ok"


routes = [list_api_keys, create_api_key, rotate_api_key, revoke_api_key]
