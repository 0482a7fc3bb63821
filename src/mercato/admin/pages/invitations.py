"""Invitations to the staff: who was invited to which role, by whom, and what came of it."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from mercato.admin import words
from mercato.admin.forms import FormData, done, errors_by_field, status_of, text, texts
from mercato.admin.lists import address
from mercato.admin.shell import shell_of
from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import Orders
from mercato.contracts.users import Users
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, Denied, Invalid, MercatoError
from mercato.ui.rendering import page, see_other

PATH = "/admin/invitations"
LIMIT = 50
STATUSES = {"open": "warn", "accepted": "ok", "revoked": "danger", "expired": "neutral"}

AnyRequest = Request[Any, Any, Any]


@get(PATH, permission="read_staff")
async def list_invitations(
    ctx: Context,
    request: AnyRequest,
    users: Users,
    orders: Orders,
    catalog: Catalog,
    cursor: str | None = None,
    done: str = "",
) -> Response[str]:
    """Everyone invited, newest first, and the form for one more."""
    return await _list(ctx, request, users, orders, catalog, cursor=cursor, said=words.said(done))


@post(PATH, permission="write_staff")
async def invite(
    ctx: Context, request: AnyRequest, users: Users, orders: Orders, catalog: Catalog, data: FormData
) -> Response[str]:
    """Mail a link."""
    try:
        await users.invite_staff(
            ctx,
            email=text(data, "email")[:254] or "-@-",
            name=text(data, "name")[:200],
            roles=texts(data, "roles")[:20],
        )
    except (Invalid, Denied, Conflict) as error:
        if error.code == "step_up_required":
            raise
        return await _list(ctx, request, users, orders, catalog, typed=data, error=error)
    return see_other(request, done(PATH, "invited"))


@post(PATH + "/{invitation_id:uuid}/revoke", permission="write_staff")
async def revoke_invitation(
    ctx: Context, request: AnyRequest, users: Users, invitation_id: UUID
) -> Response[str]:
    """The link works no more."""
    try:
        await users.revoke_invitation(ctx, invitation_id=invitation_id)
    except Conflict:
        return see_other(request, PATH)
    return see_other(request, done(PATH, "invitation_revoked"))


async def _list(
    ctx: Context,
    request: AnyRequest,
    users: Users,
    orders: Orders,
    catalog: Catalog,
    *,
    cursor: str | None = None,
    said: str = "",
    typed: dict[str, Any] | None = None,
    error: MercatoError | None = None,
) -> Response[str]:
    found = await users.invitations(ctx, limit=LIMIT, cursor=cursor)
    typed = typed or {}
    return page(
        request,
        "admin/invitations.html",
        {
            "shell": await shell_of(ctx, orders, catalog, PATH),
            "locale": ctx.locale,
            "found": found,
            "statuses": STATUSES,
            "roles": await users.roles(ctx),
            "said": said,
            "error": error.detail if error is not None and not error.errors else "",
            "errors": errors_by_field(error) if error is not None else {},
            "typed": {name: text(typed, name) for name in ("email", "name")},
            "chosen": frozenset(texts(typed, "roles")),
            "may_write": ctx.principal.may("write_staff"),
            "first_url": PATH if cursor else "",
            "next_url": address(PATH, cursor=found.next_cursor) if found.next_cursor else "",
        },
        status=status_of(error) if error is not None else 200,
    )


routes = [list_invitations, invite, revoke_invitation]
