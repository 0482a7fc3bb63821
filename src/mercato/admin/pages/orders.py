"""The list of orders: views, search, filters, sort; all of it in the address."""

from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response, get

from mercato.admin import words
from mercato.admin.forms import one_of
from mercato.admin.shell import shell_of
from mercato.contracts.orders import FulfillmentStatus, OrderPaymentStatus, Orders, OrderStatus
from mercato.kernel.context import Context
from mercato.ui.rendering import page

LIMIT = 50
SORTS = ("-placed_at", "placed_at", "-total", "total", "-number", "number")
VIEWS: tuple[tuple[str, dict[str, str]], ...] = (
    ("All", {}),
    ("To ship", {"fulfillment": "unfulfilled", "status": "placed"}),
    ("Unpaid", {"payment": "authorized"}),
    ("Canceled", {"status": "canceled"}),
)

AnyRequest = Request[Any, Any, Any]


@get("/admin/orders", permission="read_orders")
async def list_orders(
    ctx: Context,
    request: AnyRequest,
    orders: Orders,
    q: str = "",
    status: str = "",
    payment: str = "",
    fulfillment: str = "",
    sort: str = "-placed_at",
    cursor: str | None = None,
) -> Response[str]:
    """Orders by number, e-mail, name or SKU, narrowed by status; the newest first."""
    chosen = {"q": q[:200], "status": status, "payment": payment, "fulfillment": fulfillment}
    sort = sort if sort in SORTS else "-placed_at"
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
    return page(
        request,
        "admin/orders.html",
        {
            "shell": await shell_of(ctx, orders, "/admin/orders"),
            "locale": ctx.locale,
            "found": found,
            "chosen": chosen,
            "sort": sort,
            "label": words.label,
            "views": [(name, address(**view), _is_view(chosen, view)) for name, view in VIEWS],
            "sort_url": address(**chosen, sort="{sort}").replace("%7Bsort%7D", "{sort}"),
            "first_url": address(**chosen, sort=sort) if cursor else "",
            "next_url": address(**chosen, sort=sort, cursor=found.next_cursor) if found.next_cursor else "",
            "payment_options": _options(OrderPaymentStatus),
            "fulfillment_options": _options(FulfillmentStatus),
            "status_options": _options(OrderStatus),
        },
    )


def address(**values: str | None) -> str:
    """The address of the list with these choices; empty ones are left out."""
    query = urlencode({name: value for name, value in values.items() if value})
    return f"/admin/orders?{query}" if query else "/admin/orders"


def _is_view(chosen: dict[str, str], view: dict[str, str]) -> bool:
    return {name: value for name, value in chosen.items() if value and name != "q"} == view


def _options(kinds: Any) -> list[tuple[str, str]]:
    return [("", "Any"), *((kind.value, words.label(kind.value)[0]) for kind in kinds)]


routes = [list_orders]
