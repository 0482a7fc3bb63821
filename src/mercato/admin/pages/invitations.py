"""Invitations to the staff: who was invited to which role, by whom, and what came of it."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post

from mercato.admin.desk import Desk
from mercato.admin.forms import FormData, text, texts
from mercato.admin.lists import turns
from mercato.contracts.users import Users
from mercato.kernel.errors import Conflict, Denied, Invalid, MercatoError

PATH = "/admin/invitations"
LIMIT = 50
STATUSES = {"open": "warn", "accepted": "ok", "revoked": "danger", "expired": "neutral"}


@get(PATH, permission="read_staff")
async def list_invitations(desk: Desk, users: Users, cursor: str | None = None) -> Response[str]:
    """Everyone invited, newest first, and the form for one more."""
    return await _list(desk, users, cursor=cursor)


@post(PATH, permission="write_staff")
async def invite(desk: Desk, users: Users, data: FormData) -> Response[str]:
    """Mail a link."""
    try:
        await users.invite_staff(
            desk.ctx,
            email=text(data, "email")[:254] or "-@-",
            name=text(data, "name")[:200],
            roles=texts(data, "roles")[:20],
        )
    except (Invalid, Denied, Conflict) as error:
        if error.code == "step_up_required":
            raise
        return await _list(desk, users, typed=data, error=error)
    return desk.done(PATH, "invited")


@post(PATH + "/{invitation_id:uuid}/revoke", permission="write_staff")
async def revoke_invitation(desk: Desk, users: Users, invitation_id: UUID) -> Response[str]:
    """Make the link useless."""
    try:
        await users.revoke_invitation(desk.ctx, invitation_id=invitation_id)
    except Conflict:
        return desk.go(PATH)
    return desk.done(PATH, "invitation_revoked")


async def _list(
    desk: Desk,
    users: Users,
    *,
    cursor: str | None = None,
    typed: dict[str, Any] | None = None,
    error: MercatoError | None = None,
) -> Response[str]:
    found = await users.invitations(desk.ctx, limit=LIMIT, cursor=cursor)
    typed = typed or {}
    return await desk.page(
        "admin/invitations.html",
        PATH,
        {
            "found": found,
            "statuses": STATUSES,
            "roles": await users.roles(desk.ctx),
            "typed": {name: text(typed, name) for name in ("email", "name")},
            "chosen": frozenset(texts(typed, "roles")),
            "may_write": desk.ctx.principal.may("write_staff"),
            **turns(PATH, found, cursor),
        },
        error=error,
    )


routes = [list_invitations, invite, revoke_invitation]
