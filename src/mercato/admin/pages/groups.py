"""Customer groups and who is in them."""

from uuid import UUID

import msgspec
from litestar import Response, get, post

from mercato.admin.desk import Desk
from mercato.admin.forms import FormData
from mercato.admin.lists import turns
from mercato.admin.shell import price_tabs
from mercato.admin.typed import Typed
from mercato.contracts.carts import Carts, CustomerGroup
from mercato.contracts.users import User, Users
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, FieldError, Invalid, MercatoError, NotFound

PATH = "/admin/customer-groups"
SHOWN_MEMBERS = 25


@get(PATH, permission="read_customers")
async def list_groups(desk: Desk, carts: Carts) -> Response[str]:
    """All groups, and the form for another one."""
    return await _list(desk, carts)


@post(PATH, permission="write_customers")
async def create_group(desk: Desk, carts: Carts, data: FormData) -> Response[str]:
    """A new group, without members."""
    typed = Typed(data)
    group = CustomerGroup(name=typed.text("name"), is_tax_exempt=typed.has("is_tax_exempt"))
    try:
        saved = await carts.save_customer_group(desk.ctx, group=group)
    except (Invalid, Conflict) as error:
        return await _list(desk, carts, error=error)
    return desk.done(f"{PATH}/{saved.id}", "saved")


@get(PATH + "/{group_id:uuid}", permission="read_customers")
async def show_group(
    desk: Desk, carts: Carts, users: Users, group_id: UUID, cursor: str | None = None
) -> Response[str]:
    """One group with its members."""
    group = await _group(desk.ctx, carts, group_id)
    return await _form(desk, carts, users, group, cursor=cursor)


@post(PATH + "/{group_id:uuid}", permission="write_customers")
async def save_group(desk: Desk, carts: Carts, users: Users, group_id: UUID, data: FormData) -> Response[str]:
    """Store the next version."""
    typed = Typed(data)
    group = msgspec.structs.replace(
        await _group(desk.ctx, carts, group_id),
        name=typed.text("name"),
        is_tax_exempt=typed.has("is_tax_exempt"),
    )
    try:
        await carts.save_customer_group(desk.ctx, group=group)
    except (Invalid, Conflict) as error:
        return await _form(desk, carts, users, group, error=error)
    return desk.done(f"{PATH}/{group_id}", "saved")


@post(PATH + "/{group_id:uuid}/members", permission="write_customers")
async def add_member(desk: Desk, carts: Carts, users: Users, group_id: UUID, data: FormData) -> Response[str]:
    """Let the account of an e-mail address join."""
    email = Typed(data).text("email", 254)
    found = await users.list_users(desk.ctx, query=email, limit=10) if email else None
    user = next((one for one in found.items if one.email.lower() == email.lower()), None) if found else None
    if user is None:
        message = "Nobody has an account with this address."
        error = Invalid(detail=message, errors=[FieldError("email", "unknown", message)])
        group = await _group(desk.ctx, carts, group_id)
        return await _form(desk, carts, users, group, error=error, email=email)
    await carts.set_members(desk.ctx, group_id=group_id, add=[user.id], remove=[])
    return desk.done(f"{PATH}/{group_id}", "saved")


@post(PATH + "/{group_id:uuid}/members/{user_id:uuid}/removal", permission="write_customers")
async def remove_member(desk: Desk, carts: Carts, group_id: UUID, user_id: UUID) -> Response[str]:
    """Let an account leave."""
    await carts.set_members(desk.ctx, group_id=group_id, add=[], remove=[user_id])
    return desk.done(f"{PATH}/{group_id}", "saved")


@post(PATH + "/{group_id:uuid}/deletion", permission="write_customers")
async def delete_group(desk: Desk, carts: Carts, users: Users, group_id: UUID) -> Response[str]:
    """Delete a group that no rule is for."""
    try:
        await carts.delete_customer_group(desk.ctx, group_id=group_id)
    except Conflict as error:
        group = await _group(desk.ctx, carts, group_id)
        return await _form(desk, carts, users, group, error=error)
    return desk.done(PATH, "group_deleted")


async def _list(desk: Desk, carts: Carts, *, error: MercatoError | None = None) -> Response[str]:
    return await desk.page(
        "admin/groups.html",
        "/admin/promotions",
        {
            "tabs": price_tabs(desk.ctx, PATH),
            "groups": await carts.customer_groups(desk.ctx),
            "may_write": desk.ctx.principal.may("write_customers"),
        },
        error=error,
    )


async def _form(
    desk: Desk,
    carts: Carts,
    users: Users,
    group: CustomerGroup,
    *,
    cursor: str | None = None,
    error: MercatoError | None = None,
    email: str = "",
) -> Response[str]:
    assert group.id is not None
    members = await carts.group_members(desk.ctx, group_id=group.id, limit=SHOWN_MEMBERS, cursor=cursor)
    here = f"{PATH}/{group.id}"
    return await desk.page(
        "admin/group.html",
        "/admin/promotions",
        {
            "group": group,
            "members": [(member, await _user(desk.ctx, users, member)) for member in members.items],
            "email": email,
            **turns(here, members, cursor),
            "may_write": desk.ctx.principal.may("write_customers"),
        },
        error=error,
    )


async def _user(ctx: Context, users: Users, user_id: UUID) -> User | None:
    """The account; None when it was deleted since."""
    try:
        return await users.get_user(ctx, user_id=user_id)
    except NotFound:
        return None


async def _group(ctx: Context, carts: Carts, group_id: UUID) -> CustomerGroup:
    found = next((one for one in await carts.customer_groups(ctx) if one.id == group_id), None)
    if found is None:
        raise NotFound(detail="There is no such customer group.")
    return found


routes = [list_groups, create_group, show_group, save_group, add_member, remove_member, delete_group]
