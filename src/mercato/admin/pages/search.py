"""One field for everything: orders, products, customers."""

from typing import Any

from litestar import Request, Response, get

from mercato.admin import words
from mercato.admin.shell import shell_of
from mercato.contracts.catalog import AdminProductRow, Catalog
from mercato.contracts.orders import OrderRow, Orders
from mercato.contracts.shared import Page
from mercato.contracts.users import User, Users
from mercato.kernel.context import Context
from mercato.kernel.web import STAFF
from mercato.ui.rendering import page

LIMIT = 10

AnyRequest = Request[Any, Any, Any]


@get("/admin/search", permission=STAFF)
async def search(
    ctx: Context, request: AnyRequest, orders: Orders, catalog: Catalog, users: Users, q: str = ""
) -> Response[str]:
    """The first matches of each kind that this person may see."""
    query, may = q.strip()[:200], ctx.principal.may
    nothing: Page[Any] = Page([])
    found_orders: Page[OrderRow] = nothing
    found_products: Page[AdminProductRow] = nothing
    found_users: Page[User] = nothing
    if query and may("read_orders"):
        found_orders = await orders.list_orders(ctx, query=query, limit=LIMIT)
    if query and may("read_products"):
        found_products = await catalog.admin_products(ctx, query=query, limit=LIMIT)
    if query and may("read_customers"):
        found_users = await users.list_users(ctx, query=query, limit=LIMIT)
    return page(
        request,
        "admin/search.html",
        {
            "shell": await shell_of(ctx, orders, "/admin/search"),
            "locale": ctx.locale,
            "q": query,
            "orders": found_orders.items,
            "products": found_products.items,
            "users": found_users.items,
            "label": words.label,
        },
    )


routes = [search]
