"""One field for everything: orders, products, customers."""

from collections.abc import Awaitable
from typing import Any, TypeVar

from litestar import Response, get

from mercato.admin.desk import Desk
from mercato.contracts.catalog import AdminProductRow, Catalog
from mercato.contracts.orders import OrderRow, Orders
from mercato.contracts.shared import Page
from mercato.contracts.users import User, Users
from mercato.kernel.errors import MercatoError
from mercato.kernel.web import STAFF

LIMIT = 10

T = TypeVar("T")


@get("/admin/search", permission=STAFF)
async def search(desk: Desk, orders: Orders, catalog: Catalog, users: Users, q: str = "") -> Response[str]:
    """The first matches of each kind that this person may see."""
    query, may = q.strip()[:200], desk.ctx.principal.may
    nothing: Page[Any] = Page([])
    found_orders: Page[OrderRow] = nothing
    found_products: Page[AdminProductRow] = nothing
    found_users: Page[User] = nothing
    failed: list[str] = []
    if query and desk.ctx.principal.may_somewhere("read_orders"):
        found_orders = await _or_nothing(
            orders.list_orders(desk.ctx, query=query, limit=LIMIT), failed, "Orders"
        )
    if query and may("read_products"):
        asked = catalog.admin_products(desk.ctx, query=query, limit=LIMIT)
        found_products = await _or_nothing(asked, failed, "Products")
    if query and may("read_customers"):
        found_users = await _or_nothing(
            users.list_users(desk.ctx, query=query, limit=LIMIT), failed, "Customers"
        )
    return await desk.page(
        "admin/search.html",
        "/admin/search",
        {
            "q": query,
            "failed": failed,
            "orders": found_orders.items,
            "products": found_products.items,
            "users": found_users.items,
        },
    )


async def _or_nothing(asked: Awaitable[Page[T]], failed: list[str], name: str) -> Page[T]:
    """What was found; nothing, and the name among the `failed`, when the service does not answer."""
    try:
        return await asked
    except MercatoError:
        failed.append(name)
        return Page([])


routes = [search]
