"""The mails that were sent, and those that were not."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from mercato.admin import words
from mercato.admin.forms import done, one_of
from mercato.admin.lists import address, pushed
from mercato.admin.shell import shell_of
from mercato.contracts.catalog import Catalog
from mercato.contracts.notifications import MessageStatus, Notifications
from mercato.contracts.orders import Orders
from mercato.kernel.context import Context
from mercato.ui.rendering import page, see_other

PATH = "/admin/messages"
LIMIT = 50

AnyRequest = Request[Any, Any, Any]


@get(PATH, permission="read_notifications")
async def list_messages(
    ctx: Context,
    request: AnyRequest,
    notifications: Notifications,
    orders: Orders,
    catalog: Catalog,
    q: str = "",
    status: str = "",
    cursor: str | None = None,
    done: str = "",
) -> Response[str]:
    """Mails, newest first, of one recipient or with one status."""
    found = await notifications.messages(
        ctx, status=one_of(MessageStatus, status), recipient=q[:254] or None, limit=LIMIT, cursor=cursor
    )
    here = address(PATH, q=q, status=status)
    return page(
        request,
        "admin/messages.html",
        {
            "shell": await shell_of(ctx, orders, catalog, PATH),
            "locale": ctx.locale,
            "found": found,
            "q": q,
            "status": status,
            "label": words.label,
            "said": words.said(done),
            "may_write": ctx.principal.may("write_notifications"),
            "status_options": [
                ("", "Any"),
                *((each.value, words.label(each.value)[0]) for each in MessageStatus),
            ],
            "first_url": here if cursor else "",
            "next_url": address(PATH, q=q, status=status, cursor=found.next_cursor)
            if found.next_cursor
            else "",
        },
        headers=pushed(request, here),
    )


@post("/admin/messages/{message_id:uuid}/resend", permission="write_notifications")
async def resend_message(
    ctx: Context, request: AnyRequest, notifications: Notifications, message_id: UUID
) -> Response[str]:
    """Send it once more."""
    await notifications.resend(ctx, message_id=message_id)
    return see_other(request, done(PATH, "resent"))


routes = [list_messages, resend_message]
