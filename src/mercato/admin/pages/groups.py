"""Customer groups and who is in them."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post

from mercato.admin import words
from mercato.admin.forms import FormData, done, refusal_shown, status_of
from mercato.admin.lists import address
from mercato.admin.shell import price_tabs, shell_of
from mercato.admin.typed import Typed
from mercato.contracts.carts import Carts, CustomerGroup
from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import Orders
from mercato.contracts.users import User, Users
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, FieldError, Invalid, MercatoError, NotFound
from mercato.ui.rendering import page, see_other

PATH = "/admin/customer-groups"
SHOWN_MEMBERS = 25

AnyRequest = Request[Any, Any, Any]


@get(PATH, permission="read_customers")
async def list_groups(
    ctx: Context, request: AnyRequest, carts: Carts, orders: Orders, catalog: Catalog, done: str = ""
) -> Response[str]:
    """All groups, and the form for another one."""
    return await _list(ctx, request, carts, orders, catalog, said=words.said(done))


@post(PATH, permission="write_customers")
async def create_group(
    ctx: Context, request: AnyRequest, carts: Carts, orders: Orders, catalog: Catalog, data: FormData
) -> Response[str]:
    """A new group, without members."""
    typed = Typed(data)
    group = CustomerGroup(name=typed.text("name"), is_tax_exempt=typed.has("is_tax_exempt"))
    try:
        saved = await carts.save_customer_group(ctx, group=group)
    except (Invalid, Conflict) as error:
        return await _list(ctx, request, carts, orders, catalog, error=error)
    return see_other(request, done(f"{PATH}/{saved.id}", "saved"))


@get(PATH + "/{group_id:uuid}", permission="read_customers")
async def show_group(
    ctx: Context,
    request: AnyRequest,
    carts: Carts,
    users: Users,
    orders: Orders,
    catalog: Catalog,
    group_id: UUID,
    cursor: str | None = None,
    done: str = "",
) -> Response[str]:
    """One group with its members."""
    group = await _group(ctx, carts, group_id)
    return await _form(
        ctx, request, carts, users, orders, catalog, group, cursor=cursor, said=words.said(done)
    )


@post(PATH + "/{group_id:uuid}", permission="write_customers")
async def save_group(
    ctx: Context,
    request: AnyRequest,
    carts: Carts,
    users: Users,
    orders: Orders,
    catalog: Catalog,
    group_id: UUID,
    data: FormData,
) -> Response[str]:
    """Store the next version."""
    typed = Typed(data)
    group = msgspec.structs.replace(
        await _group(ctx, carts, group_id), name=typed.text("name"), is_tax_exempt=typed.has("is_tax_exempt")
    )
    try:
        await carts.save_customer_group(ctx, group=group)
    except (Invalid, Conflict) as error:
        return await _form(ctx, request, carts, users, orders, catalog, group, error=error)
    return see_other(request, done(f"{PATH}/{group_id}", "saved"))


@post(PATH + "/{group_id:uuid}/members", permission="write_customers")
async def add_member(
    ctx: Context,
    request: AnyRequest,
    carts: Carts,
    users: Users,
    orders: Orders,
    catalog: Catalog,
    group_id: UUID,
    data: FormData,
) -> Response[str]:
    """Let the account of an e-mail address join."""
    email = Typed(data).text("email", 254)
    found = await users.list_users(ctx, query=email, limit=10) if email else None
    user = next((one for one in found.items if one.email.lower() == email.lower()), None) if found else None
    if user is None:
        message = "Nobody has an account with this address."
        error = Invalid(detail=message, errors=[FieldError("email", "unknown", message)])
        group = await _group(ctx, carts, group_id)
        return await _form(ctx, request, carts, users, orders, catalog, group, error=error, email=email)
    await carts.set_members(ctx, group_id=group_id, add=[user.id], remove=[])
    return see_other(request, done(f"{PATH}/{group_id}", "saved"))


@post(PATH + "/{group_id:uuid}/members/{user_id:uuid}/removal", permission="write_customers")
async def remove_member(
    ctx: Context, request: AnyRequest, carts: Carts, group_id: UUID, user_id: UUID
) -> Response[str]:
    """Let an account leave."""
    await carts.set_members(ctx, group_id=group_id, add=[], remove=[user_id])
    return see_other(request, done(f"{PATH}/{group_id}", "saved"))


@post(PATH + "/{group_id:uuid}/deletion", permission="write_customers")
async def delete_group(
    ctx: Context,
    request: AnyRequest,
    carts: Carts,
    users: Users,
    orders: Orders,
    catalog: Catalog,
    group_id: UUID,
) -> Response[str]:
    """Delete a group that no rule is for."""
    try:
        await carts.delete_customer_group(ctx, group_id=group_id)
    except Conflict as error:
        group = await _group(ctx, carts, group_id)
        return await _form(ctx, request, carts, users, orders, catalog, group, error=error)
    return see_other(request, done(PATH, "group_deleted"))


async def _list(
    ctx: Context,
    request: AnyRequest,
    carts: Carts,
    orders: Orders,
    catalog: Catalog,
    *,
    said: str = "",
    error: MercatoError | None = None,
) -> Response[str]:
    return page(
        request,
        "admin/groups.html",
        {
            "shell": await shell_of(ctx, orders, catalog, "/admin/promotions"),
            "locale": ctx.locale,
            "tabs": price_tabs(ctx, PATH),
            "groups": await carts.customer_groups(ctx),
            "said": said,
            **refusal_shown(error),
            "may_write": ctx.principal.may("write_customers"),
        },
        status=status_of(error) if error is not None else 200,
    )


async def _form(
    ctx: Context,
    request: AnyRequest,
    carts: Carts,
    users: Users,
    orders: Orders,
    catalog: Catalog,
    group: CustomerGroup,
    *,
    cursor: str | None = None,
    said: str = "",
    error: MercatoError | None = None,
    email: str = "",
) -> Response[str]:
    assert group.id is not None
    members = await carts.group_members(ctx, group_id=group.id, limit=SHOWN_MEMBERS, cursor=cursor)
    here = f"{PATH}/{group.id}"
    return page(
        request,
        "admin/group.html",
        {
            "shell": await shell_of(ctx, orders, catalog, "/admin/promotions"),
            "locale": ctx.locale,
            "group": group,
            "members": [(member, await _user(ctx, users, member)) for member in members.items],
            "email": email,
            "first_url": here if cursor else "",
            "next_url": address(here, cursor=members.next_cursor) if members.next_cursor else "",
            "said": said,
            **refusal_shown(error),
            "may_write": ctx.principal.may("write_customers"),
        },
        status=status_of(error) if error is not None else 200,
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
