"""Staff: who works here, with which roles, what each may do in the end; new colleagues, switching off."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post

from mercato.admin.desk import Desk
from mercato.admin.forms import FormData, text, texts, whole, why
from mercato.admin.lists import address, pushed, turns
from mercato.admin.rights import rights_of
from mercato.admin.shell import NAVIGATION
from mercato.contracts.users import User, Users
from mercato.contracts.users.roles import Grant
from mercato.kernel.errors import FieldError, Invalid, MercatoError

PATH = "/admin/staff"
LIMIT = 50


@get(PATH, permission="read_staff")
async def list_staff(desk: Desk, users: Users, q: str = "", cursor: str | None = None) -> Response[str]:
    """Everybody with a role, and the form for a new colleague."""
    return await _list(desk, users, q=q[:100], cursor=cursor)


@post(PATH, permission="write_staff", recent=True, replay=False)
async def create_colleague(desk: Desk, users: Users, data: FormData) -> Response[str]:
    """Make an account with roles; nobody gives a role whose rights they lack."""
    email, password = text(data, "email")[:254], str(data.get("password", ""))[:256]
    try:
        _refuse_missing(email, password)
        made = await users.create_user(
            desk.ctx,
            email=email,
            name=text(data, "name")[:200],
            password=password,
            roles=texts(data, "roles")[:20],
        )
    except MercatoError as error:
        return await _list(desk, users, typed=data, error=error)
    return desk.done(f"{PATH}/{made.id}", "colleague_added")


@get(PATH + "/{user_id:uuid}", permission="read_staff")
async def show_colleague(desk: Desk, users: Users, user_id: UUID) -> Response[str]:
    """One person: roles, and what they may do in the end."""
    return await _one(desk, users, user_id)


@post(PATH + "/{user_id:uuid}/roles", permission="write_staff", recent=True)
async def set_roles(desk: Desk, users: Users, user_id: UUID, data: FormData) -> Response[str]:
    """Give and take roles; the person signs in again."""
    try:
        version = whole(data, "version", least=1) or 1
        await users.set_roles(desk.ctx, user_id=user_id, roles=texts(data, "roles")[:20], version=version)
    except MercatoError as error:
        return await _one(desk, users, user_id, error=error)
    return desk.done(f"{PATH}/{user_id}", "saved")


@post(PATH + "/{user_id:uuid}/active", permission="write_staff")
async def set_active(desk: Desk, users: Users, user_id: UUID, data: FormData) -> Response[str]:
    """Switch an account on or off; off ends its sessions."""
    is_active = text(data, "is_active") == "1"
    try:
        version = whole(data, "version", least=1) or 1
        await users.set_active(desk.ctx, user_id=user_id, is_active=is_active, version=version)
    except MercatoError as error:
        return await _one(desk, users, user_id, error=error)
    return desk.done(f"{PATH}/{user_id}", "switched_on" if is_active else "switched_off")


@post(PATH + "/{user_id:uuid}/factors/reset", permission="write_staff", recent=True)
async def reset_factors(desk: Desk, users: Users, user_id: UUID) -> Response[str]:
    """Take the second factors of a colleague who has lost them."""
    try:
        await users.reset_factors(desk.ctx, user_id=user_id)
    except MercatoError as error:
        return await _one(desk, users, user_id, error=error)
    return desk.done(f"{PATH}/{user_id}", "factors_reset")


def _refuse_missing(email: str, password: str) -> None:
    """Raises Invalid with every field that a new colleague cannot be without."""
    errors = []
    if len(email) < 3:
        errors.append(FieldError("email", "invalid", "Write an e-mail address, like name@example.com."))
    if not password:
        errors.append(FieldError("password", "required", "Give a first password."))
    if errors:
        raise Invalid(detail="Some fields need another look.", errors=errors)


async def _list(
    desk: Desk,
    users: Users,
    *,
    q: str = "",
    cursor: str | None = None,
    typed: dict[str, Any] | None = None,
    error: MercatoError | None = None,
) -> Response[str]:
    found = await users.list_users(desk.ctx, query=q, staff=True, limit=LIMIT, cursor=cursor)
    roles, typed = await users.roles(desk.ctx), typed or {}
    return await desk.page(
        "admin/staff.html",
        PATH,
        {
            "found": found,
            "q": q,
            "roles": roles,
            "names": {role.code: role.name for role in roles},
            "typed": {name: text(typed, name) for name in ("email", "name")},
            "chosen": frozenset(texts(typed, "roles")),
            "may_write": desk.ctx.principal.may("write_staff"),
            **turns(PATH, found, cursor, q=q),
        },
        error=error,
        headers=pushed(desk.request, address(PATH, q=q)),
    )


async def _one(
    desk: Desk, users: Users, user_id: UUID, *, error: MercatoError | None = None
) -> Response[str]:
    user: User = await users.get_user(desk.ctx, user_id=user_id)
    grants, roles = await users.grants(desk.ctx, user_id=user_id), await users.roles(desk.ctx)
    return await desk.page(
        "admin/colleague.html",
        PATH,
        {
            "user": user,
            "roles": roles,
            "names": {role.code: role.name for role in roles},
            "rights": rights_of(grants),
            "has_all": any(each.permission == "*" for each in grants),
            "pages": _pages(grants),
            "error": why(error),
            "may_write": desk.ctx.principal.may("write_staff"),
            "sees_audit": desk.ctx.principal.may("read_audit"),
        },
        error=error,
    )


def _pages(grants: list[Grant]) -> list[str]:
    """The pages of the admin that somebody with these rights may open."""
    held = {each.permission for each in grants}
    return [entry.label for entry in NAVIGATION if entry.permission in held or "*" in held]


routes = [list_staff, create_colleague, show_colleague, set_roles, set_active, reset_factors]
