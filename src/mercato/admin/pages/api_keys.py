"""Keys of programs: who has one, what it opens, when it was last used; make, rotate, revoke."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Response, get, post

from mercato.admin.desk import Desk
from mercato.admin.forms import FormData, status_of, text, texts, whole
from mercato.admin.lists import turns
from mercato.contracts.catalog import Catalog
from mercato.contracts.users import RESOURCES, ApiKey, IssuedApiKey, Users
from mercato.kernel import clock
from mercato.kernel.context import ALL_PERMISSIONS, Context, Principal
from mercato.kernel.errors import Conflict, Denied, Invalid, MercatoError

PATH = "/admin/api-keys"
LIMIT = 50
LIVES = (("30", "30 days"), ("90", "90 days"), ("365", "One year"), ("", "Until it is revoked"))
GRACES = (("0", "at once"), ("1", "in an hour"), ("24", "in a day"), ("168", "in a week"))


@get(PATH, permission="read_api_keys")
async def list_api_keys(
    desk: Desk, users: Users, catalog: Catalog, cursor: str | None = None
) -> Response[str]:
    """All keys, newest first, and the form for another one."""
    return await _list(desk, users, catalog, cursor=cursor)


@post(PATH, permission="write_api_keys", recent=True, replay=False)
async def create_api_key(desk: Desk, users: Users, catalog: Catalog, data: FormData) -> Response[str]:
    """Make a key and show its secret, this once."""
    try:
        days = whole(data, "days", least=1, most=3650)
        issued = await users.create_api_key(
            desk.ctx,
            name=text(data, "name")[:200],
            permissions=texts(data, "permissions"),
            channel=text(data, "channel")[:60] or None,
            expires_at=clock.now() + timedelta(days=days) if days else None,
        )
    except (Invalid, Denied, Conflict) as error:
        if error.code == "step_up_required":
            raise
        return await _list(desk, users, catalog, typed=data, error=error)
    return await _list(desk, users, catalog, issued=issued)


@post(PATH + "/{key_id:uuid}/rotate", permission="write_api_keys", recent=True, replay=False)
async def rotate_api_key(
    desk: Desk, users: Users, catalog: Catalog, key_id: UUID, data: FormData
) -> Response[str]:
    """Give a key another secret and show it, this once."""
    try:
        issued = await users.rotate_api_key(
            desk.ctx, key_id=key_id, version=whole(data, "version", least=1) or 1,
            grace_hours=whole(data, "grace_hours", most=168) or 0,
        )  # fmt: skip
    except (Invalid, Denied, Conflict) as error:
        if error.code == "step_up_required":
            raise
        return await _list(desk, users, catalog, error=error)
    return await _list(desk, users, catalog, issued=issued)


@post(PATH + "/{key_id:uuid}/revoke", permission="write_api_keys")
async def revoke_api_key(desk: Desk, users: Users, key_id: UUID) -> Response[str]:
    """End a key."""
    await users.revoke_api_key(desk.ctx, key_id=key_id)
    return desk.done(PATH, "key_revoked")


async def _list(
    desk: Desk,
    users: Users,
    catalog: Catalog,
    *,
    cursor: str | None = None,
    issued: IssuedApiKey | None = None,
    typed: dict[str, Any] | None = None,
    error: MercatoError | None = None,
) -> Response[str]:
    found = await users.api_keys(desk.ctx, limit=LIMIT, cursor=cursor)
    typed = typed or {}
    chosen = frozenset(texts(typed, "permissions"))
    return await desk.page(
        "admin/api_keys.html",
        PATH,
        {
            "found": found,
            "status_of": _status_of,
            "issued": issued,
            "typed": {name: text(typed, name) for name in ("name", "channel", "days")},
            "chosen": chosen,
            "rights": _grantable(desk.ctx.principal),
            "grants_all": desk.ctx.principal.may(ALL_PERMISSIONS),
            "channels": [("", "Every channel"), *await _channels(desk.ctx, catalog)],
            "lives": LIVES,
            "graces": GRACES,
            "may_write": desk.ctx.principal.may("write_api_keys"),
            **turns(PATH, found, cursor),
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
