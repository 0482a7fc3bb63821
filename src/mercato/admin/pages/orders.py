"""The list of orders: views, search, filters, sort; all of it in the address."""

from typing import Any

from litestar import Request, Response, get

from mercato.admin import words
from mercato.admin.forms import one_of
from mercato.admin.lists import address, pushed, sort_address
from mercato.admin.shell import shell_of
from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import FulfillmentStatus, OrderPaymentStatus, Orders, OrderStatus
from mercato.kernel.context import Context
from mercato.ui.rendering import page

PATH = "/admin/orders"
LIMIT = 50
SORTS = ("-placed_at", "placed_at", "-total", "total", "-number", "number")
VIEWS: tuple[tuple[str, dict[str, str]], ...] = (
    ("All", {}),
    ("To ship", {"fulfillment": "unfulfilled", "status": "placed"}),
    ("To capture", {"payment": "authorized"}),
    ("Canceled", {"status": "canceled"}),
)

AnyRequest = Request[Any, Any, Any]


@get(PATH, permission="read_orders")
async def list_orders(
    ctx: Context,
    request: AnyRequest,
    orders: Orders,
    catalog: Catalog,
    q: str = "",
    status: str = "",
    payment: str = "",
    fulfillment: str = "",
    sort: str = SORTS[0],
    cursor: str | None = None,
) -> Response[str]:
    """Orders by number, e-mail, name or SKU, narrowed by status; the newest first."""
    chosen = {"q": q[:200], "status": status, "payment": payment, "fulfillment": fulfillment}
    sort = sort if sort in SORTS else SORTS[0]
    found = await orders.list_orders(
        ctx,
        query=chosen["q"],
        status=one_of(OrderStatus, status),
        payment_status=one_of(OrderPaymentStatus, payment),
        fulfillment_status=one_of(FulfillmentStatus, fulfillment),
        sort=sort,
        limit=LIMIT,
        cursor=cursor,
    )
    sorting = {"sort": sort} if sort != SORTS[0] else {}
    here = address(PATH, **chosen, **sorting)
    return page(
        request,
        "admin/orders.html",
        {
            "shell": await shell_of(ctx, orders, catalog, PATH),
            "locale": ctx.locale,
            "found": found,
            "chosen": chosen,
            "sort": sort,
            "label": words.label,
            "fulfillment_label": words.fulfillment_label,
            "views": [(name, address(PATH, **view), _is_view(chosen, view)) for name, view in VIEWS],
            "sort_url": sort_address(PATH, **chosen),
            "first_url": here if cursor else "",
            "next_url": address(PATH, **chosen, **sorting, cursor=found.next_cursor)
            if found.next_cursor
            else "",
            "payment_options": _options(OrderPaymentStatus),
            "fulfillment_options": _options(FulfillmentStatus),
            "status_options": _options(OrderStatus),
        },
        headers=pushed(request, here),
    )


def _is_view(chosen: dict[str, str], view: dict[str, str]) -> bool:
    return {name: value for name, value in chosen.items() if value and name != "q"} == view


def _options(kinds: Any) -> list[tuple[str, str]]:
    return [("", "Any"), *((kind.value, words.label(kind.value)[0]) for kind in kinds)]


routes = [list_orders]
