"""Routes of order changes: returns by buyers, edits, exchanges and claims by staff, paying the rest."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.params import QueryParameter

from mercato.contracts.orders import (
    BulkAct,
    BulkOutcome,
    ChangeInput,
    ChangeStatus,
    Order,
    OrderChange,
    Orders,
    PaymentChoice,
    ReturnLine,
    ReturnReceipt,
    ReturnRow,
    Tag,
    Tags,
)
from mercato.contracts.orders.changes import MAX_CHANGE_LINES
from mercato.contracts.shared import DEFAULT_LIMIT, Page, ShortText, Version
from mercato.kernel.context import Context
from mercato.kernel.money import Money
from mercato.kernel.web import PUBLIC, ListCursor, ListLimit
from mercato.orders.api.shop import OrderNumber, OrderToken, PendingOrder, answer_of

ReturnStatusFilter = Annotated[ChangeStatus | None, QueryParameter(name="status")]
CHANGE_PATH = "/admin/changes/{change_id:uuid}"


class ReturnInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    lines: Annotated[list[ReturnLine], msgspec.Meta(min_length=1, max_length=MAX_CHANGE_LINES)]
    reason: ShortText = ""


class BalanceInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    expected: Money
    """The balance that the buyer saw; another one is refused with 409 `balance_changed`."""
    payment: PaymentChoice


class PreviewInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    change: ChangeInput
    version: Version | None = None


class ReasonInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: ShortText = ""


class TagsInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tags: Tags


class BulkInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    act: BulkAct
    order_ids: Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=100)]
    tag: Tag | None = None
    """For `tag` and `untag`."""


@post("/orders/{number:str}/returns", permission=PUBLIC)
async def request_return(
    ctx: Context, orders: Orders, number: OrderNumber, data: ReturnInput, order_token: OrderToken = None
) -> Order:
    """Ask to send goods back, within 30 days of the last parcel; 409 `not_returnable`, `return_too_late`."""
    return await orders.request_return(
        ctx, number=number, token=order_token, lines=data.lines, reason=data.reason
    )


@post("/orders/{number:str}/returns/{change_id:uuid}/cancellation", permission=PUBLIC)
async def withdraw_return(
    ctx: Context, orders: Orders, number: OrderNumber, change_id: UUID, order_token: OrderToken = None
) -> Order:
    """Keep the goods after all, until they have arrived."""
    return await orders.withdraw_return(ctx, number=number, change_id=change_id, token=order_token)


@post(
    "/orders/{number:str}/payments",
    permission=PUBLIC,
    answers={
        202: PendingOrder,
        402: "The payment was declined; `decline_code` says why. Nothing was charged.",
        409: "`balance_changed` with the balance, `nothing_owed`.",
    },
)
async def pay_balance(
    ctx: Context, orders: Orders, number: OrderNumber, data: BalanceInput, order_token: OrderToken = None
) -> Order | Response[PendingOrder]:
    """Pay what an order still costs after a change. Asked again meanwhile, it tells how it stands."""
    placement = await orders.pay_balance(
        ctx, number=number, token=order_token, expected=data.expected, payment=data.payment
    )
    return answer_of(placement)


@post("/admin/orders/{order_id:uuid}/changes", permission="write_orders")
async def preview_change(ctx: Context, orders: Orders, order_id: UUID, data: PreviewInput) -> OrderChange:
    """Preview a change: its new total, and what is owed either way. Nothing happens until it is confirmed."""
    return await orders.preview_change(ctx, order_id=order_id, change=data.change, version=data.version)


@get("/admin/returns", permission="read_orders")
async def list_returns(
    ctx: Context,
    orders: Orders,
    status: ReturnStatusFilter = None,
    limit: ListLimit = DEFAULT_LIMIT,
    cursor: ListCursor = None,
) -> Page[ReturnRow]:
    """Returns and exchanges, newest first."""
    return await orders.list_returns(ctx, status=status, limit=limit, cursor=cursor)


@get(CHANGE_PATH, permission="read_orders")
async def get_change(ctx: Context, orders: Orders, change_id: UUID) -> OrderChange:
    """A change of an order, previewed or confirmed."""
    return await orders.change(ctx, change_id=change_id)


@post(f"{CHANGE_PATH}/confirmation", permission="write_orders")
async def confirm_change(ctx: Context, orders: Orders, change_id: UUID) -> Order:
    """Make a previewed change true; 409 `change_outdated`, `insufficient_stock`. A replay changes nothing."""
    return await orders.confirm_change(ctx, change_id=change_id)


@post(f"{CHANGE_PATH}/cancellation", permission="write_orders")
async def cancel_change(ctx: Context, orders: Orders, change_id: UUID, data: ReasonInput) -> Order:
    """Drop a preview, refuse a requested return, or give up one that never arrived."""
    return await orders.cancel_change(ctx, change_id=change_id, reason=data.reason)


@post(f"{CHANGE_PATH}/approval", permission="write_orders")
async def approve_return(ctx: Context, orders: Orders, change_id: UUID) -> Order:
    """The buyer may send the goods."""
    return await orders.approve_return(ctx, change_id=change_id)


@post(f"{CHANGE_PATH}/receipt", permission="write_orders")
async def receive_return(ctx: Context, orders: Orders, change_id: UUID, data: ReturnReceipt) -> Order:
    """What has arrived is restocked or written off, and the refund is sent; 409 `received_too_much`."""
    return await orders.receive_return(ctx, change_id=change_id, receipt=data)


@post(f"{CHANGE_PATH}/refund", permission="write_refunds")
async def refund_return(ctx: Context, orders: Orders, change_id: UUID) -> Order:
    """Send the refund of a received return once more, after it was refused."""
    return await orders.refund_return(ctx, change_id=change_id)


@put("/admin/orders/{order_id:uuid}/tags", permission="write_orders")
async def set_tags(ctx: Context, orders: Orders, order_id: UUID, data: TagsInput) -> Order:
    """The tags of an order, all of them; lists filter by `tag`."""
    return await orders.set_tags(ctx, order_id=order_id, tags=data.tags)


@post("/admin/orders/bulk", permission="read_orders", status_code=200)
async def act_on_many(ctx: Context, orders: Orders, data: BulkInput) -> Page[BulkOutcome]:
    """Do the same to many orders, each by itself: says of each what became of it. Needs the act's right."""
    done = await orders.act_on_many(ctx, act=data.act, order_ids=data.order_ids, tag=data.tag)
    return Page(done, None, len(done))


routes = [
    request_return, withdraw_return, pay_balance, preview_change, list_returns, get_change, confirm_change,
    cancel_change, approve_return, receive_return, refund_return, set_tags, act_on_many,
]  # fmt: skip
