"""Draft orders: staff takes an order by phone, sends the link or marks it as paid."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Response, get, post

from mercato.admin.desk import Desk
from mercato.admin.draft_wish import named_lines, typed_of, wish_of
from mercato.admin.forms import FormData, errors_by_field, one_of, text, whole, why
from mercato.admin.lists import address, turns
from mercato.admin.new_lines import NEW_LINES
from mercato.admin.pages.order_changes import LIMIT
from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import DraftOrder, DraftStatus, Orders
from mercato.contracts.stock import Stock
from mercato.kernel.errors import Invalid, MercatoError
from mercato.settings import Settings

PATH = "/admin/drafts"
VIEWS = (("All", ""), ("Open", "open"), ("Sent", "sent"), ("Placed", "placed"), ("Expired", "expired"))


@get(PATH, permission="read_orders")
async def list_drafts(
    desk: Desk, orders: Orders, status: str = "", cursor: str | None = None
) -> Response[str]:
    """Draft orders by status, the newest first."""
    found = await orders.drafts(desk.ctx, status=one_of(DraftStatus, status), limit=LIMIT, cursor=cursor)
    context = {
        "found": found,
        "status": status,
        "views": [(name, address(PATH, status=value), value == status) for name, value in VIEWS],
        **turns(PATH, found, cursor, status=status),
        "may_write": desk.ctx.principal.may_somewhere("write_orders"),
    }
    return await desk.page("admin/drafts.html", "/admin/orders", context)


@get(f"{PATH}/new", permission="write_orders")
async def new_draft(desk: Desk, catalog: Catalog) -> Response[str]:
    """The form for an order by phone."""
    return await _form(desk, catalog)


@post(PATH, permission="write_orders")
async def create(desk: Desk, orders: Orders, catalog: Catalog, stock: Stock, data: FormData) -> Response[str]:
    """Prepare it; nothing is held or taken yet."""
    try:
        draft = await orders.create_draft(desk.ctx, draft=await wish_of(desk.ctx, stock, catalog, data))
    except MercatoError as error:
        return await _form(desk, catalog, typed=data, error=error)
    return desk.go(f"{PATH}/{draft.id}")


@get(f"{PATH}/{{draft_id:uuid}}", permission="read_orders")
async def show(desk: Desk, orders: Orders, settings: Settings, draft_id: UUID) -> Response[str]:
    """What it holds and costs, and what may be done with it."""
    draft = await orders.draft(desk.ctx, draft_id=draft_id)
    return await _page(desk, orders, settings, draft)


@get(f"{PATH}/{{draft_id:uuid}}/edit", permission="write_orders")
async def edit_form(desk: Desk, orders: Orders, catalog: Catalog, draft_id: UUID) -> Response[str]:
    """The form with what it holds."""
    draft = await orders.draft(desk.ctx, draft_id=draft_id)
    if draft.cart is None:
        return desk.go(f"{PATH}/{draft_id}")
    return await _form(desk, catalog, draft=draft, typed=typed_of(draft))


@post(f"{PATH}/{{draft_id:uuid}}", permission="write_orders")
async def change(
    desk: Desk, orders: Orders, catalog: Catalog, stock: Stock, draft_id: UUID, data: FormData
) -> Response[str]:
    """Put what was typed in the place of what it held."""
    draft = await orders.draft(desk.ctx, draft_id=draft_id)
    try:
        wish = await wish_of(desk.ctx, stock, catalog, data, draft)
        version = whole(data, "version", least=1) or 1
        await orders.change_draft(desk.ctx, draft_id=draft_id, draft=wish, version=version)
    except MercatoError as error:
        return await _form(desk, catalog, draft=draft, typed=data, error=error)
    return desk.done(f"{PATH}/{draft_id}", "saved")


@post(f"{PATH}/{{draft_id:uuid}}/delivery", permission="write_orders")
async def set_delivery(
    desk: Desk, orders: Orders, settings: Settings, draft_id: UUID, data: FormData
) -> Response[str]:
    """Choose how it is delivered."""

    async def act() -> object:
        try:
            method_id = UUID(text(data, "delivery_method_id"))
        except ValueError:
            raise Invalid(detail="Choose how it is delivered.") from None
        return await orders.set_draft_delivery(desk.ctx, draft_id=draft_id, delivery_method_id=method_id)

    return await _act(desk, orders, settings, draft_id, act, "saved")


@post(f"{PATH}/{{draft_id:uuid}}/invitation", permission="write_orders")
async def send(desk: Desk, orders: Orders, settings: Settings, draft_id: UUID) -> Response[str]:
    """Mail the link."""

    async def act() -> object:
        return await orders.send_draft(desk.ctx, draft_id=draft_id)

    return await _act(desk, orders, settings, draft_id, act, "draft_sent")


@post(f"{PATH}/{{draft_id:uuid}}/placement", permission="write_orders")
async def place(
    desk: Desk, orders: Orders, settings: Settings, draft_id: UUID, data: FormData
) -> Response[str]:
    """Place it; the money has come already, or is awaited."""
    try:
        order = await orders.place_draft(desk.ctx, draft_id=draft_id, is_paid=bool(text(data, "is_paid")))
    except MercatoError as error:
        draft = await orders.draft(desk.ctx, draft_id=draft_id)
        return await _page(desk, orders, settings, draft, error=error)
    return desk.done(f"/admin/orders/{order.id}", "draft_placed")


@post(f"{PATH}/{{draft_id:uuid}}/cancellation", permission="write_orders")
async def cancel(desk: Desk, orders: Orders, settings: Settings, draft_id: UUID) -> Response[str]:
    """Drop it; the link stops working."""

    async def act() -> object:
        return await orders.cancel_draft(desk.ctx, draft_id=draft_id)

    return await _act(desk, orders, settings, draft_id, act, "change_canceled")


async def _act(
    desk: Desk,
    orders: Orders,
    settings: Settings,
    draft_id: UUID,
    act: Callable[[], Awaitable[object]],
    code: str,
) -> Response[str]:
    """Do it and show the draft; a refusal shows it as it stands, with the reason."""
    try:
        await act()
    except MercatoError as error:
        draft = await orders.draft(desk.ctx, draft_id=draft_id)
        return await _page(desk, orders, settings, draft, error=error)
    return desk.done(f"{PATH}/{draft_id}", code)


async def _form(
    desk: Desk,
    catalog: Catalog,
    *,
    draft: DraftOrder | None = None,
    typed: dict[str, Any] | None = None,
    error: MercatoError | None = None,
) -> Response[str]:
    channel = await catalog.channel(desk.ctx, code=draft.channel if draft else desk.ctx.channel)
    context = {
        "draft": draft,
        "lines": named_lines(draft),
        "typed": typed or {},
        "wrong": errors_by_field(error),
        "currency": channel.currency,
        "home": channel.countries[0] if channel.countries else "",
        "new_lines": range(NEW_LINES),
        "error": why(error),
    }
    return await desk.page("admin/draft_form.html", "/admin/orders", context, error=error)


async def _page(
    desk: Desk, orders: Orders, settings: Settings, draft: DraftOrder, *, error: MercatoError | None = None
) -> Response[str]:
    is_live = draft.cart is not None
    may_write = desk.ctx.principal.may_somewhere("write_orders")
    context = {
        "draft": draft,
        "cart": draft.cart,
        "methods": await orders.draft_delivery(desk.ctx, draft_id=draft.id) if is_live and may_write else [],
        "link": f"{settings.public_url}/draft/{draft.id}?token={draft.token}",
        "error": why(error),
        "may_write": is_live and may_write,
        "may_pay": desk.ctx.principal.may_somewhere("write_payments"),
    }
    return await desk.page("admin/draft.html", "/admin/orders", context, error=error)


routes = [list_drafts, new_draft, create, show, edit_form, change, set_delivery, send, place, cancel]
