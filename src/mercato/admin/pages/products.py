"""The list of products: search, status, category, sort; all of it in the address."""

from typing import Any

from litestar import Request, Response, get

from mercato.admin import words
from mercato.admin.forms import one_of
from mercato.admin.lists import address, pushed, sort_address
from mercato.admin.shell import shell_of
from mercato.contracts.catalog import Catalog, ProductStatus
from mercato.contracts.orders import Orders
from mercato.kernel.context import Context
from mercato.ui.rendering import page

PATH = "/admin/products"
LIMIT = 50
SORTS = ("-updated_at", "updated_at", "name", "-name")

AnyRequest = Request[Any, Any, Any]


@get(PATH, permission="read_products")
async def list_products(
    ctx: Context,
    request: AnyRequest,
    catalog: Catalog,
    orders: Orders,
    q: str = "",
    status: str = "",
    category: str = "",
    sort: str = SORTS[0],
    cursor: str | None = None,
    done: str = "",
) -> Response[str]:
    """Products by name or SKU, narrowed by status and category; the last changed first."""
    chosen = {"q": q[:200], "status": status, "category": category}
    sort = sort if sort in SORTS else SORTS[0]
    found = await catalog.admin_products(
        ctx,
        query=chosen["q"],
        status=one_of(ProductStatus, status),
        category=category or None,
        sort=sort,
        limit=LIMIT,
        cursor=cursor,
    )
    categories = await catalog.categories(ctx)
    sorting = {"sort": sort} if sort != SORTS[0] else {}
    here = address(PATH, **chosen, **sorting)
    return page(
        request,
        "admin/products.html",
        {
            "shell": await shell_of(ctx, orders, catalog, PATH),
            "locale": ctx.locale,
            "found": found,
            "chosen": chosen,
            "sort": sort,
            "label": words.label,
            "said": words.said(done),
            "may_write": ctx.principal.may("write_products"),
            "sort_url": sort_address(PATH, **chosen),
            "first_url": here if cursor else "",
            "next_url": address(PATH, **chosen, **sorting, cursor=found.next_cursor)
            if found.next_cursor
            else "",
            "status_options": [
                ("", "Any"),
                *((each.value, words.label(each.value)[0]) for each in ProductStatus),
            ],
            "category_options": [("", "Any"), *((each.slug, each.name) for each in categories)],
        },
        headers=pushed(request, here),
    )


routes = [list_products]
