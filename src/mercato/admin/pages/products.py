"""The list of products: search, status, category, sort; all of it in the address."""

from litestar import Response, get

from mercato.admin import words
from mercato.admin.desk import Desk
from mercato.admin.forms import one_of
from mercato.admin.lists import address, pushed, sort_address, turns
from mercato.contracts.catalog import Catalog, ProductStatus

PATH = "/admin/products"
LIMIT = 50
SORTS = ("-updated_at", "updated_at", "name", "-name")


@get(PATH, permission="read_products")
async def list_products(
    desk: Desk,
    catalog: Catalog,
    q: str = "",
    status: str = "",
    category: str = "",
    sort: str = SORTS[0],
    cursor: str | None = None,
) -> Response[str]:
    """Products by name or SKU, narrowed by status and category; the last changed first."""
    chosen = {"q": q[:200], "status": status, "category": category}
    sort = sort if sort in SORTS else SORTS[0]
    found = await catalog.admin_products(
        desk.ctx,
        query=chosen["q"],
        status=one_of(ProductStatus, status),
        category=category or None,
        sort=sort,
        limit=LIMIT,
        cursor=cursor,
    )
    categories = await catalog.categories(desk.ctx)
    sorting = {"sort": sort} if sort != SORTS[0] else {}
    here = address(PATH, **chosen, **sorting)
    return await desk.page(
        "admin/products.html",
        PATH,
        {
            "found": found,
            "chosen": chosen,
            "sort": sort,
            "may_write": desk.ctx.principal.may("write_products"),
            "sort_url": sort_address(PATH, **chosen),
            **turns(PATH, found, cursor, **chosen, **sorting),
            "status_options": words.options(ProductStatus, "Any"),
            "category_options": [("", "Any"), *((each.slug, each.name) for each in categories)],
        },
        headers=pushed(desk.request, here),
    )


routes = [list_products]
