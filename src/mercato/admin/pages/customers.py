"""Customers: who has an account, what they bought, where they live."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get

from mercato.admin import words
from mercato.admin.lists import address, pushed
from mercato.admin.shell import shell_of
from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import CustomerFigures, OrderRow, Orders
from mercato.contracts.users import Users
from mercato.kernel.context import Context
from mercato.kernel.errors import MercatoError
from mercato.ui.rendering import page

PATH = "/admin/customers"
LIMIT = 50
SHOWN_ORDERS = 20

AnyRequest = Request[Any, Any, Any]


@get(PATH, permission="read_customers")
async def list_customers(
    ctx: Context,
    request: AnyRequest,
    users: Users,
    orders: Orders,
    catalog: Catalog,
    q: str = "",
    cursor: str | None = None,
) -> Response[str]:
    """Accounts by e-mail or name, with what each has bought."""
    found = await users.list_users(ctx, query=q[:200], limit=LIMIT, cursor=cursor)
    return page(
        request,
        "admin/customers.html",
        {
            "shell": await shell_of(ctx, orders, catalog, PATH),
            "locale": ctx.locale,
            "found": found,
            "q": q,
            "figures": await _figures(ctx, orders, [user.email for user in found.items]),
            "first_url": address(PATH, q=q) if cursor else "",
            "next_url": address(PATH, q=q, cursor=found.next_cursor) if found.next_cursor else "",
        },
        headers=pushed(request, address(PATH, q=q)),
    )


@get("/admin/customers/{user_id:uuid}", permission="read_customers")
async def show_customer(
    ctx: Context,
    request: AnyRequest,
    users: Users,
    orders: Orders,
    catalog: Catalog,
    user_id: UUID,
    done: str = "",
) -> Response[str]:
    """One account with its latest orders."""
    user = await users.get_user(ctx, user_id=user_id)
    return page(
        request,
        "admin/customer.html",
        {
            "shell": await shell_of(ctx, orders, catalog, PATH),
            "locale": ctx.locale,
            "user": user,
            "said": words.said(done),
            "consents": await users.consents_of(ctx, user_id=user_id),
            "may_write": ctx.principal.may("write_customers"),
            "may_reset": ctx.principal.may("write_staff"),
            "may_act": ctx.principal.may("write_customers")
            and user.is_active
            and user.is_confirmed
            and user.id != ctx.principal.id,
            "figures": (await _figures(ctx, orders, [user.email])).get(user.email),
            "orders": await _orders(ctx, orders, user.email),
            "sees_orders": ctx.principal.may_somewhere("read_orders"),
            "label": words.label,
            "fulfillment_label": words.fulfillment_label,
        },
    )


async def _orders(ctx: Context, orders: Orders, email: str) -> list[OrderRow] | None:
    """The latest orders; None when this person may not see them, or orders does not answer."""
    if not ctx.principal.may_somewhere("read_orders"):
        return None
    try:
        return (await orders.list_orders(ctx, email=email, limit=SHOWN_ORDERS)).items
    except MercatoError:
        return None


async def _figures(ctx: Context, orders: Orders, emails: list[str]) -> dict[str, CustomerFigures]:
    if not emails or not ctx.principal.may_somewhere("read_orders"):
        return {}
    try:
        found = await orders.customer_figures(ctx, emails=emails)
    except MercatoError:
        return {}
    return {each.email: each for each in found}


routes = [list_customers, show_customer]
