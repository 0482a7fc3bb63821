"""The mails that were sent, and those that were not."""

from uuid import UUID

from litestar import Response, get, post

from mercato.admin import words
from mercato.admin.desk import Desk
from mercato.admin.forms import one_of
from mercato.admin.lists import address, pushed, turns
from mercato.contracts.notifications import MessageStatus, Notifications

PATH = "/admin/messages"
LIMIT = 50


@get(PATH, permission="read_notifications")
async def list_messages(
    desk: Desk, notifications: Notifications, q: str = "", status: str = "", cursor: str | None = None
) -> Response[str]:
    """Mails, newest first, of one recipient or with one status."""
    found = await notifications.messages(
        desk.ctx, status=one_of(MessageStatus, status), recipient=q[:254] or None, limit=LIMIT, cursor=cursor
    )
    here = address(PATH, q=q, status=status)
    return await desk.page(
        "admin/messages.html",
        PATH,
        {
            "found": found,
            "q": q,
            "status": status,
            "may_write": desk.ctx.principal.may("write_notifications"),
            "status_options": words.options(MessageStatus, "Any"),
            **turns(PATH, found, cursor, q=q, status=status),
        },
        headers=pushed(desk.request, here),
    )


@post("/admin/messages/{message_id:uuid}/resend", permission="write_notifications")
async def resend_message(desk: Desk, notifications: Notifications, message_id: UUID) -> Response[str]:
    """Send it once more."""
    await notifications.resend(desk.ctx, message_id=message_id)
    return desk.done(PATH, "resent")


routes = [list_messages, resend_message]
