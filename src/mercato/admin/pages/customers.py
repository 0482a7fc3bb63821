"""Customers: who has an account, what they bought, where they live."""

from uuid import UUID

from litestar import Response, get

from mercato.admin.desk import Desk
from mercato.admin.lists import address, pushed, turns
from mercato.contracts.orders import CustomerFigures, OrderRow, Orders
from mercato.contracts.users import Users
from mercato.kernel.context import Context
from mercato.kernel.errors import MercatoError

PATH = "/admin/customers"
LIMIT = 50
SHOWN_ORDERS = 20


@get(PATH, permission="read_customers")
async def list_customers(
    desk: Desk, users: Users, orders: Orders, q: str = "", cursor: str | None = None
) -> Response[str]:
    """Accounts by e-mail or name, with what each has bought."""
    found = await users.list_users(desk.ctx, query=q[:200], limit=LIMIT, cursor=cursor)
    return await desk.page(
        "admin/customers.html",
        PATH,
        {
            "found": found,
            "q": q,
            "figures": await _figures(desk.ctx, orders, [user.email for user in found.items]),
            **turns(PATH, found, cursor, q=q),
        },
        headers=pushed(desk.request, address(PATH, q=q)),
    )


@get("/admin/customers/{user_id:uuid}", permission="read_customers")
async def show_customer(desk: Desk, users: Users, orders: Orders, user_id: UUID) -> Response[str]:
    """One account with its latest orders."""
    user = await users.get_user(desk.ctx, user_id=user_id)
    return await desk.page(
        "admin/customer.html",
        PATH,
        {
            "user": user,
            "consents": await users.consents_of(desk.ctx, user_id=user_id),
            "may_write": desk.ctx.principal.may("write_customers"),
            "may_reset": desk.ctx.principal.may("write_staff"),
            "may_act": desk.ctx.principal.may("write_customers")
            and user.is_active
            and user.is_confirmed
            and user.id != desk.ctx.principal.id,
            "figures": (await _figures(desk.ctx, orders, [user.email])).get(user.email),
            "orders": await _orders(desk.ctx, orders, user.email),
            "sees_orders": desk.ctx.principal.may_somewhere("read_orders"),
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
