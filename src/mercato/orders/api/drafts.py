"""Routes of draft orders: prepared by staff, paid by whoever has the link."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.params import HeaderParameter, QueryParameter

from mercato.contracts.carts import DeliveryMethod
from mercato.contracts.orders import (
    DraftInput,
    DraftOrder,
    DraftRow,
    DraftStatus,
    Order,
    Orders,
    PaymentChoice,
)
from mercato.contracts.shared import DEFAULT_LIMIT, Page, Version
from mercato.kernel.context import Context
from mercato.kernel.money import Money
from mercato.kernel.web import PUBLIC, ListCursor, ListLimit
from mercato.orders.api.shop import PendingOrder, answer_of

DRAFT_PATH = "/admin/draft-orders/{draft_id:uuid}"
StatusFilter = Annotated[DraftStatus | None, QueryParameter(name="status")]
DraftToken = Annotated[
    str, HeaderParameter(name="X-Order-Token", max_length=100, description="Came with the link of the draft.")
]


class DeliveryInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    delivery_method_id: UUID


class DraftChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    draft: DraftInput
    version: Version


class PlaceInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    is_paid: bool = False
    """The money has come already, outside Mercato."""


class PayDraftInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    expected_total: Money
    payment: PaymentChoice


@post("/admin/orders", permission="write_orders")
async def create_draft(ctx: Context, orders: Orders, data: DraftInput) -> DraftOrder:
    """Prepare an order for a customer; nothing is held or taken before it is placed."""
    return await orders.create_draft(ctx, draft=data)


@get("/admin/draft-orders", permission="read_orders")
async def list_drafts(
    ctx: Context,
    orders: Orders,
    status: StatusFilter = None,
    limit: ListLimit = DEFAULT_LIMIT,
    cursor: ListCursor = None,
) -> Page[DraftRow]:
    """Draft orders, newest first."""
    return await orders.drafts(ctx, status=status, limit=limit, cursor=cursor)


@get(DRAFT_PATH, permission="read_orders")
async def get_draft(ctx: Context, orders: Orders, draft_id: UUID) -> DraftOrder:
    """A draft order at today's prices."""
    return await orders.draft(ctx, draft_id=draft_id)


@get(f"{DRAFT_PATH}/delivery-methods", permission="read_orders")
async def get_draft_delivery(ctx: Context, orders: Orders, draft_id: UUID) -> Page[DeliveryMethod]:
    """How it may be delivered."""
    return Page(await orders.draft_delivery(ctx, draft_id=draft_id))


@put(f"{DRAFT_PATH}/delivery-method", permission="write_orders")
async def set_draft_delivery(ctx: Context, orders: Orders, draft_id: UUID, data: DeliveryInput) -> DraftOrder:
    """Choose how it is delivered."""
    return await orders.set_draft_delivery(ctx, draft_id=draft_id, delivery_method_id=data.delivery_method_id)


@put(DRAFT_PATH, permission="write_orders")
async def change_draft(ctx: Context, orders: Orders, draft_id: UUID, data: DraftChange) -> DraftOrder:
    """Put other lines, addresses, delivery, discount or customer in the place of all that it held; 409
    `version_conflict`, `draft_closed`, `cart_not_open`. Its link asks for the new total."""
    return await orders.change_draft(ctx, draft_id=draft_id, draft=data.draft, version=data.version)


@post(f"{DRAFT_PATH}/invitation", permission="write_orders")
async def send_draft(ctx: Context, orders: Orders, draft_id: UUID) -> DraftOrder:
    """Mail the customer a link on which they pay; 409 `draft_closed`."""
    return await orders.send_draft(ctx, draft_id=draft_id)


@post(f"{DRAFT_PATH}/placement", permission="write_orders")
async def place_draft(ctx: Context, orders: Orders, draft_id: UUID, data: PlaceInput) -> Order:
    """Place it with a payment outside Mercato, which has come already or is awaited."""
    return await orders.place_draft(ctx, draft_id=draft_id, is_paid=data.is_paid)


@post(f"{DRAFT_PATH}/cancellation", permission="write_orders")
async def cancel_draft(ctx: Context, orders: Orders, draft_id: UUID) -> DraftOrder:
    """Drop a draft that is not paid; its link stops working."""
    return await orders.cancel_draft(ctx, draft_id=draft_id)


@get("/draft-orders/{draft_id:uuid}", permission=PUBLIC)
async def get_buyer_draft(
    ctx: Context, orders: Orders, draft_id: UUID, order_token: DraftToken = ""
) -> DraftOrder:
    """The draft for whoever has its link."""
    return await orders.buyer_draft(ctx, draft_id=draft_id, token=order_token)


@post(
    "/draft-orders/{draft_id:uuid}/payment",
    permission=PUBLIC,
    answers={
        202: PendingOrder,
        402: "The payment was declined; `decline_code` says why. The draft may be paid in another way.",
        409: "`draft_closed`, `cart_changed` with the new totals, `insufficient_stock` and others.",
    },
)
async def pay_draft(
    ctx: Context, orders: Orders, draft_id: UUID, data: PayDraftInput, order_token: DraftToken = ""
) -> Order | Response[PendingOrder]:
    """Place the draft and pay for it. A replay answers with the same order."""
    placement = await orders.pay_draft(
        ctx,
        draft_id=draft_id,
        token=order_token,
        expected_total=data.expected_total,
        payment=data.payment,
    )
    return answer_of(placement)


routes = [
    create_draft, list_drafts, get_draft, get_draft_delivery, set_draft_delivery, change_draft, send_draft,
    place_draft, cancel_draft, get_buyer_draft, pay_draft,
]  # fmt: skip
