"""Draft orders: staff takes an order by phone, sends the link or marks it as paid."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post

from mercato.admin import words
from mercato.admin.forms import FormData, done, errors_by_field, money, one_of, status_of, text
from mercato.admin.lists import address
from mercato.admin.pages.order_changes import LIMIT, NEW_LINES, new_lines
from mercato.admin.shell import shell_of
from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import DraftInput, DraftOrder, DraftStatus, Orders
from mercato.contracts.shared import Address
from mercato.contracts.stock import Stock
from mercato.kernel.context import Context
from mercato.kernel.errors import Invalid, MercatoError
from mercato.settings import Settings
from mercato.ui.rendering import page, see_other

PATH = "/admin/drafts"
VIEWS = (("All", ""), ("Open", "open"), ("Sent", "sent"), ("Placed", "placed"), ("Expired", "expired"))
ADDRESS = ("name", "street1", "street2", "postal_code", "city", "region", "country", "phone")
AnyRequest = Request[Any, Any, Any]


@get(PATH, permission="read_orders")
async def list_drafts(
    ctx: Context,
    request: AnyRequest,
    orders: Orders,
    catalog: Catalog,
    status: str = "",
    cursor: str | None = None,
) -> Response[str]:
    """Draft orders by status, the newest first."""
    found = await orders.drafts(ctx, status=one_of(DraftStatus, status), limit=LIMIT, cursor=cursor)
    context = {
        "shell": await shell_of(ctx, orders, catalog, "/admin/orders"),
        "locale": ctx.locale,
        "found": found,
        "status": status,
        "label": words.label,
        "views": [(name, address(PATH, status=value), value == status) for name, value in VIEWS],
        "first_url": address(PATH, status=status) if cursor else "",
        "next_url": address(PATH, status=status, cursor=found.next_cursor) if found.next_cursor else "",
        "may_write": ctx.principal.may_somewhere("write_orders"),
    }
    return page(request, "admin/drafts.html", context)


@get(f"{PATH}/new", permission="write_orders")
async def new_draft(ctx: Context, request: AnyRequest, orders: Orders, catalog: Catalog) -> Response[str]:
    """The form for an order by phone."""
    return await _form(ctx, request, orders, catalog)


@post(PATH, permission="write_orders")
async def create(
    ctx: Context, request: AnyRequest, orders: Orders, catalog: Catalog, stock: Stock, data: FormData
) -> Response[str]:
    """Prepare it; nothing is held or taken yet."""
    try:
        draft = await orders.create_draft(ctx, draft=await _wish(ctx, stock, catalog, data))
    except MercatoError as error:
        return await _form(ctx, request, orders, catalog, typed=data, error=error)
    return see_other(request, f"{PATH}/{draft.id}")


@get(f"{PATH}/{{draft_id:uuid}}", permission="read_orders")
async def show(
    ctx: Context,
    request: AnyRequest,
    orders: Orders,
    catalog: Catalog,
    settings: Settings,
    draft_id: UUID,
    done: str = "",
) -> Response[str]:
    """What it holds and costs, and what may be done with it."""
    draft = await orders.draft(ctx, draft_id=draft_id)
    return await _page(ctx, request, orders, catalog, settings, draft, said=done)


@post(f"{PATH}/{{draft_id:uuid}}/delivery", permission="write_orders")
async def set_delivery(
    ctx: Context,
    request: AnyRequest,
    orders: Orders,
    catalog: Catalog,
    settings: Settings,
    draft_id: UUID,
    data: FormData,
) -> Response[str]:
    """Choose how it is delivered."""

    async def act() -> object:
        try:
            method_id = UUID(text(data, "delivery_method_id"))
        except ValueError:
            raise Invalid(detail="Choose how it is delivered.") from None
        return await orders.set_draft_delivery(ctx, draft_id=draft_id, delivery_method_id=method_id)

    return await _act(ctx, request, orders, catalog, settings, draft_id, act, "saved")


@post(f"{PATH}/{{draft_id:uuid}}/invitation", permission="write_orders")
async def send(
    ctx: Context, request: AnyRequest, orders: Orders, catalog: Catalog, settings: Settings, draft_id: UUID
) -> Response[str]:
    """Mail the link."""

    async def act() -> object:
        return await orders.send_draft(ctx, draft_id=draft_id)

    return await _act(ctx, request, orders, catalog, settings, draft_id, act, "draft_sent")


@post(f"{PATH}/{{draft_id:uuid}}/placement", permission="write_orders")
async def place(
    ctx: Context,
    request: AnyRequest,
    orders: Orders,
    catalog: Catalog,
    settings: Settings,
    draft_id: UUID,
    data: FormData,
) -> Response[str]:
    """Place it; the money has come already, or is awaited."""
    try:
        order = await orders.place_draft(ctx, draft_id=draft_id, is_paid=bool(text(data, "is_paid")))
    except MercatoError as error:
        draft = await orders.draft(ctx, draft_id=draft_id)
        return await _page(ctx, request, orders, catalog, settings, draft, error=error)
    return see_other(request, done(f"/admin/orders/{order.id}", "draft_placed"))


@post(f"{PATH}/{{draft_id:uuid}}/cancellation", permission="write_orders")
async def cancel(
    ctx: Context, request: AnyRequest, orders: Orders, catalog: Catalog, settings: Settings, draft_id: UUID
) -> Response[str]:
    """Drop it; the link stops working."""

    async def act() -> object:
        return await orders.cancel_draft(ctx, draft_id=draft_id)

    return await _act(ctx, request, orders, catalog, settings, draft_id, act, "change_canceled")


async def _wish(ctx: Context, stock: Stock, catalog: Catalog, data: dict[str, Any]) -> DraftInput:
    """What the form asks for. Raises Invalid."""
    lines = await new_lines(ctx, stock, data)
    if not lines:
        raise Invalid(detail="Add at least one SKU.")
    channel = await catalog.channel(ctx, code=ctx.channel)
    discount = money(data, "discount", channel.currency)
    texts = {name: text(data, name) for name in ADDRESS}
    try:
        return DraftInput(
            email=msgspec.convert(text(data, "email"), str),
            lines=lines,
            shipping_address=msgspec.convert({k: v for k, v in texts.items() if v}, Address),
            discount=discount.amount if discount and discount.amount else None,
            discount_label=text(data, "discount_label")[:100] or "Discount",
            note=text(data, "note")[:200],
            channel=ctx.channel,
        )
    except msgspec.ValidationError:
        raise Invalid(detail="Fill in name, street, city and country; the country has two letters.") from None


async def _act(
    ctx: Context,
    request: AnyRequest,
    orders: Orders,
    catalog: Catalog,
    settings: Settings,
    draft_id: UUID,
    act: Callable[[], Awaitable[object]],
    code: str,
) -> Response[str]:
    """Do it and show the draft; a refusal shows it as it stands, with the reason."""
    try:
        await act()
    except MercatoError as error:
        draft = await orders.draft(ctx, draft_id=draft_id)
        return await _page(ctx, request, orders, catalog, settings, draft, error=error)
    return see_other(request, done(f"{PATH}/{draft_id}", code))


async def _form(
    ctx: Context,
    request: AnyRequest,
    orders: Orders,
    catalog: Catalog,
    *,
    typed: dict[str, Any] | None = None,
    error: MercatoError | None = None,
) -> Response[str]:
    channel = await catalog.channel(ctx, code=ctx.channel)
    context = {
        "shell": await shell_of(ctx, orders, catalog, "/admin/orders"),
        "locale": ctx.locale,
        "typed": typed or {},
        "wrong": errors_by_field(error) if error else {},
        "currency": channel.currency,
        "home": channel.countries[0] if channel.countries else "",
        "new_lines": range(NEW_LINES),
        "label": words.label,
        "error": (error.detail or str(error)) if error else "",
    }
    return page(request, "admin/draft_form.html", context, status=status_of(error) if error else 200)


async def _page(
    ctx: Context,
    request: AnyRequest,
    orders: Orders,
    catalog: Catalog,
    settings: Settings,
    draft: DraftOrder,
    *,
    said: str = "",
    error: MercatoError | None = None,
) -> Response[str]:
    is_live = draft.cart is not None
    may_write = ctx.principal.may_somewhere("write_orders")
    context = {
        "shell": await shell_of(ctx, orders, catalog, "/admin/orders"),
        "locale": ctx.locale,
        "draft": draft,
        "cart": draft.cart,
        "methods": await orders.draft_delivery(ctx, draft_id=draft.id) if is_live and may_write else [],
        "link": f"{settings.public_url}/draft/{draft.id}?token={draft.token}",
        "label": words.label,
        "said": words.said(said),
        "error": (error.detail or str(error)) if error else "",
        "may_write": is_live and may_write,
        "may_pay": ctx.principal.may_somewhere("write_payments"),
    }
    return page(request, "admin/draft.html", context, status=status_of(error) if error else 200)


routes = [list_drafts, new_draft, create, show, set_delivery, send, place, cancel]
