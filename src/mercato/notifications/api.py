"""REST routes of notifications: the staff's log of messages, and the development mailbox for tests."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import QueryParameter

from mercato.contracts.catalog import Catalog
from mercato.contracts.notifications import Message, MessageRow, MessageStatus, Notifications, Template
from mercato.contracts.shared import DEFAULT_LIMIT, Code, Email, Page
from mercato.kernel.context import Context
from mercato.kernel.web import PUBLIC, ListCursor, ListLimit

StatusFilter = Annotated[
    MessageStatus | None, QueryParameter(name="status", description="Only of this status.")
]
RecipientFilter = Annotated[
    str | None, QueryParameter(name="recipient", max_length=254, description="Only to this address.")
]


@get("/admin/messages", permission="read_notifications")
async def list_messages(
    ctx: Context,
    notifications: Notifications,
    status: StatusFilter = None,
    recipient: RecipientFilter = None,
    limit: ListLimit = DEFAULT_LIMIT,
    cursor: ListCursor = None,
) -> Page[MessageRow]:
    """What was sent or waits, newest first."""
    return await notifications.messages(ctx, status=status, recipient=recipient, limit=limit, cursor=cursor)


@get("/admin/messages/{message_id:uuid}", permission="read_notifications")
async def get_message(ctx: Context, notifications: Notifications, message_id: UUID) -> Message:
    """A message with both parts; secrets in its links are hidden."""
    return await notifications.message(ctx, message_id=message_id)


@post("/admin/messages/{message_id:uuid}/resend", permission="write_notifications", status_code=202)
async def resend_message(ctx: Context, notifications: Notifications, message_id: UUID) -> MessageRow:
    """Send a message again; 409 when its link has been used up."""
    return await notifications.resend(ctx, message_id=message_id)


@get("/admin/templates", permission="read_notifications")
async def list_templates(ctx: Context, notifications: Notifications) -> Page[Template]:
    """Every kind of message with the variables it may use."""
    found = await notifications.templates(ctx)
    return Page(found, None, len(found))


class StockAlert(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    variant_id: UUID
    email: Email


class Unsubscription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: Code


@post("/stock-alerts", permission=PUBLIC, status_code=202, answers={409: "`in_stock`: it can be bought now."})
async def add_stock_alert(
    ctx: Context, notifications: Notifications, catalog: Catalog, data: StockAlert
) -> None:
    """One mail when the variant is back in stock. The answer is the same whether it was asked for before."""
    found = await catalog.waitable(ctx, variant_id=data.variant_id)
    await notifications.watch_stock(
        ctx.as_system(), variant_id=found.id, email=data.email, name=found.title, path=found.path
    )


@post("/stock-alerts/unsubscription", permission=PUBLIC, status_code=204)
async def end_stock_alerts(ctx: Context, notifications: Notifications, data: Unsubscription) -> None:
    """No more such mails to the address that the token was mailed to."""
    await notifications.unwatch_stock(ctx, token=data.token)


@get("/dev/mailbox", permission=PUBLIC)
async def mailbox(
    ctx: Context,
    notifications: Notifications,
    recipient: RecipientFilter = None,
    limit: ListLimit = DEFAULT_LIMIT,
    cursor: ListCursor = None,
) -> Page[Message]:
    """Every mail of the development mailbox, newest first; 404 in production."""
    return await notifications.mailbox(ctx, recipient=recipient, limit=limit, cursor=cursor)


routes = [
    list_messages,
    get_message,
    resend_message,
    list_templates,
    mailbox,
    add_stock_alert,
    end_stock_alerts,
]
