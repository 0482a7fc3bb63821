"""Staff: who works here, with which roles, what each may do in the end; new colleagues, switching off."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from mercato.admin import words
from mercato.admin.forms import FormData, done, errors_by_field, status_of, text, texts, whole
from mercato.admin.lists import address, pushed
from mercato.admin.rights import rights_of
from mercato.admin.shell import NAVIGATION, shell_of
from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import Orders
from mercato.contracts.users import User, Users
from mercato.contracts.users.roles import Grant
from mercato.kernel.context import Context
from mercato.kernel.errors import FieldError, Invalid, MercatoError
from mercato.ui.rendering import page, see_other

PATH = "/admin/staff"
LIMIT = 50

AnyRequest = Request[Any, Any, Any]


@get(PATH, permission="read_staff")
async def list_staff(
    ctx: Context,
    request: AnyRequest,
    users: Users,
    orders: Orders,
    catalog: Catalog,
    q: str = "",
    cursor: str | None = None,
    done: str = "",
) -> Response[str]:
    """Everybody with a role, and the form for a new colleague."""
    return await _list(ctx, request, users, orders, catalog, q=q[:100], cursor=cursor, said=words.said(done))


@post(PATH, permission="write_staff", recent=True, replay=False)
async def create_colleague(
    ctx: Context, request: AnyRequest, users: Users, orders: Orders, catalog: Catalog, data: FormData
) -> Response[str]:
    """Make an account with roles; nobody gives a role whose rights they lack."""
    email, password = text(data, "email")[:254], str(data.get("password", ""))[:256]
    try:
        _refuse_missing(email, password)
        made = await users.create_user(
            ctx,
            email=email,
            name=text(data, "name")[:200],
            password=password,
            roles=texts(data, "roles")[:20],
        )
    except MercatoError as error:
        return await _list(ctx, request, users, orders, catalog, typed=data, error=error)
    return see_other(request, done(f"{PATH}/{made.id}", "colleague_added"))


@get(PATH + "/{user_id:uuid}", permission="read_staff")
async def show_colleague(
    ctx: Context,
    request: AnyRequest,
    users: Users,
    orders: Orders,
    catalog: Catalog,
    user_id: UUID,
    done: str = "",
) -> Response[str]:
    """One person: roles, and what they may do in the end."""
    return await _one(ctx, request, users, orders, catalog, user_id, said=words.said(done))


@post(PATH + "/{user_id:uuid}/roles", permission="write_staff", recent=True)
async def set_roles(
    ctx: Context,
    request: AnyRequest,
    users: Users,
    orders: Orders,
    catalog: Catalog,
    user_id: UUID,
    data: FormData,
) -> Response[str]:
    """Give and take roles; the person signs in again."""
    try:
        version = whole(data, "version", least=1) or 1
        await users.set_roles(ctx, user_id=user_id, roles=texts(data, "roles")[:20], version=version)
    except MercatoError as error:
        return await _one(ctx, request, users, orders, catalog, user_id, error=error)
    return see_other(request, done(f"{PATH}/{user_id}", "saved"))


@post(PATH + "/{user_id:uuid}/active", permission="write_staff")
async def set_active(
    ctx: Context,
    request: AnyRequest,
    users: Users,
    orders: Orders,
    catalog: Catalog,
    user_id: UUID,
    data: FormData,
) -> Response[str]:
    """Switch an account on or off; off ends its sessions."""
    is_active = text(data, "is_active") == "1"
    try:
        version = whole(data, "version", least=1) or 1
        await users.set_active(ctx, user_id=user_id, is_active=is_active, version=version)
    except MercatoError as error:
        return await _one(ctx, request, users, orders, catalog, user_id, error=error)
    return see_other(request, done(f"{PATH}/{user_id}", "switched_on" if is_active else "switched_off"))


@post(PATH + "/{user_id:uuid}/factors/reset", permission="write_staff", recent=True)
async def reset_factors(
    ctx: Context, request: AnyRequest, users: Users, orders: Orders, catalog: Catalog, user_id: UUID
) -> Response[str]:
    """Take the second factors of a colleague who has lost them."""
    try:
        await users.reset_factors(ctx, user_id=user_id)
    except MercatoError as error:
        return await _one(ctx, request, users, orders, catalog, user_id, error=error)
    return see_other(request, done(f"{PATH}/{user_id}", "factors_reset"))


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
    ctx: Context,
    request: AnyRequest,
    users: Users,
    orders: Orders,
    catalog: Catalog,
    *,
    q: str = "",
    cursor: str | None = None,
    said: str = "",
    typed: dict[str, Any] | None = None,
    error: MercatoError | None = None,
) -> Response[str]:
    found = await users.list_users(ctx, query=q, staff=True, limit=LIMIT, cursor=cursor)
    roles, typed = await users.roles(ctx), typed or {}
    return page(
        request,
        "admin/staff.html",
        {
            "shell": await shell_of(ctx, orders, catalog, PATH),
            "locale": ctx.locale,
            "found": found,
            "q": q,
            "roles": roles,
            "names": {role.code: role.name for role in roles},
            "said": said,
            "error": error.detail if error is not None and not error.errors else "",
            "errors": errors_by_field(error) if error is not None else {},
            "typed": {name: text(typed, name) for name in ("email", "name")},
            "chosen": frozenset(texts(typed, "roles")),
            "may_write": ctx.principal.may("write_staff"),
            "first_url": address(PATH, q=q) if cursor else "",
            "next_url": address(PATH, q=q, cursor=found.next_cursor) if found.next_cursor else "",
        },
        status=status_of(error) if error is not None else 200,
        headers=pushed(request, address(PATH, q=q)),
    )


async def _one(
    ctx: Context,
    request: AnyRequest,
    users: Users,
    orders: Orders,
    catalog: Catalog,
    user_id: UUID,
    *,
    said: str = "",
    error: MercatoError | None = None,
) -> Response[str]:
    user: User = await users.get_user(ctx, user_id=user_id)
    grants, roles = await users.grants(ctx, user_id=user_id), await users.roles(ctx)
    return page(
        request,
        "admin/colleague.html",
        {
            "shell": await shell_of(ctx, orders, catalog, PATH),
            "locale": ctx.locale,
            "user": user,
            "roles": roles,
            "names": {role.code: role.name for role in roles},
            "rights": rights_of(grants),
            "has_all": any(each.permission == "*" for each in grants),
            "pages": _pages(grants),
            "said": said,
            "error": (error.detail or str(error)) if error is not None else "",
            "may_write": ctx.principal.may("write_staff"),
            "sees_audit": ctx.principal.may("read_audit"),
        },
        status=status_of(error) if error is not None else 200,
    )


def _pages(grants: list[Grant]) -> list[str]:
    """The pages of the admin that somebody with these rights may open."""
    held = {each.permission for each in grants}
    return [entry.label for entry in NAVIGATION if entry.permission in held or "*" in held]


routes = [list_staff, create_colleague, show_colleague, set_roles, set_active, reset_factors]
