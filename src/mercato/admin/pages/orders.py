"""The list of orders: views, search, filters, sort; all of it in the address."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post

from mercato.admin import words
from mercato.admin.desk import Desk
from mercato.admin.forms import FormData, one_of, text, texts
from mercato.admin.lists import address, pushed, sort_address, turns
from mercato.contracts.orders import (
    BulkAct,
    BulkOutcome,
    FulfillmentStatus,
    OrderPaymentStatus,
    Orders,
    OrderStatus,
)
from mercato.kernel.context import Context, Principal
from mercato.kernel.errors import Invalid, MercatoError

PATH = "/admin/orders"
LIMIT = 50
SORTS = ("-placed_at", "placed_at", "-total", "total", "-number", "number")
VIEWS: tuple[tuple[str, dict[str, str]], ...] = (
    ("All", {}),
    ("To ship", {"fulfillment": "unfulfilled", "status": "placed"}),
    ("To capture", {"payment": "authorized"}),
    ("Canceled", {"status": "canceled"}),
)


@get(PATH, permission="read_orders")
async def list_orders(
    desk: Desk,
    orders: Orders,
    q: str = "",
    status: str = "",
    payment: str = "",
    fulfillment: str = "",
    tag: str = "",
    sort: str = SORTS[0],
    cursor: str | None = None,
) -> Response[str]:
    """Orders by number, e-mail, name, SKU or tracking, narrowed by status and tag; the newest first."""
    chosen = {"q": q[:200], "status": status, "payment": payment, "fulfillment": fulfillment, "tag": tag[:40]}
    return await _list(desk, orders, chosen, sort, cursor)


@post(f"{PATH}/bulk", permission="read_orders", status_code=200)
async def act_on_many(desk: Desk, orders: Orders, data: FormData) -> Response[str]:
    """Do the same to the selected orders, and say of each what became of it."""
    chosen = {name: text(data, name)[:200] for name in ("q", "status", "payment", "fulfillment", "tag")}
    error, outcomes = "", []
    try:
        outcomes = await _act(desk.ctx, orders, data)
    except MercatoError as refused:
        error = refused.errors[0].message if refused.errors else refused.detail or str(refused)
    return await _list(desk, orders, chosen, SORTS[0], None, outcomes=outcomes, error=error)


async def _act(ctx: Context, orders: Orders, data: dict[str, Any]) -> list[BulkOutcome]:
    """Raises Invalid when nothing is selected, or a tag is missing."""
    act = one_of(BulkAct, text(data, "act"))
    try:
        ids = [UUID(value) for value in texts(data, "order_ids")][:LIMIT]
    except ValueError:
        ids = []
    if act is None or not ids:
        raise Invalid("nothing_chosen", "Select at least one order.")
    return await orders.act_on_many(ctx, act=act, order_ids=ids, tag=text(data, "bulk_tag")[:40] or None)


async def _list(
    desk: Desk,
    orders: Orders,
    chosen: dict[str, str],
    sort: str,
    cursor: str | None,
    *,
    outcomes: list[BulkOutcome] | None = None,
    error: str = "",
) -> Response[str]:
    sort = sort if sort in SORTS else SORTS[0]
    found = await orders.list_orders(
        desk.ctx,
        query=chosen["q"],
        status=one_of(OrderStatus, chosen["status"]),
        payment_status=one_of(OrderPaymentStatus, chosen["payment"]),
        fulfillment_status=one_of(FulfillmentStatus, chosen["fulfillment"]),
        tag=chosen["tag"] or None,
        sort=sort,
        limit=LIMIT,
        cursor=cursor,
    )
    sorting = {"sort": sort} if sort != SORTS[0] else {}
    here = address(PATH, **chosen, **sorting)
    return await desk.page(
        "admin/orders.html",
        PATH,
        {
            "found": found,
            "chosen": chosen,
            "sort": sort,
            "views": [(name, address(PATH, **view), _is_view(chosen, view)) for name, view in VIEWS],
            "sort_url": sort_address(PATH, **chosen),
            **turns(PATH, found, cursor, **chosen, **sorting),
            "payment_options": words.options(OrderPaymentStatus, "Any"),
            "fulfillment_options": words.options(FulfillmentStatus, "Any"),
            "status_options": words.options(OrderStatus, "Any"),
            "bulk_acts": _bulk_acts(desk.ctx.principal),
            "outcomes": outcomes or [],
            "error": error,
        },
        headers=pushed(desk.request, here),
        status=422 if error else 200,
    )


def _bulk_acts(principal: Principal) -> list[tuple[str, str]]:
    """What this person may do to many orders."""
    found = []
    if principal.may_somewhere("write_fulfillments"):
        found += [(BulkAct.SHIP.value, "Mark as shipped"), (BulkAct.FULFILL.value, "Prepare parcels")]
    if principal.may_somewhere("write_orders"):
        found += [(BulkAct.TAG.value, "Add the tag"), (BulkAct.UNTAG.value, "Take the tag off")]
    return found


def _is_view(chosen: dict[str, str], view: dict[str, str]) -> bool:
    return {name: value for name, value in chosen.items() if value and name != "q"} == view


routes = [list_orders, act_on_many]
