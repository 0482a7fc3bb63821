"""Pages of the development mailbox: every mail as its recipient would see it. Not in production."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, get
from litestar.enums import MediaType
from litestar.params import QueryParameter

from mercato.contracts.notifications import Notifications
from mercato.contracts.shared import DEFAULT_LIMIT
from mercato.kernel.context import Context
from mercato.kernel.web import PUBLIC, ListCursor
from mercato.ui.rendering import page

LETTER_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
"""A letter may have inline styles and nothing else: no script, no form, no origin."""

RecipientFilter = Annotated[str, QueryParameter(name="recipient", max_length=254)]


@get("/dev/mailbox", permission=PUBLIC, include_in_schema=False)
async def mailbox(
    ctx: Context,
    request: Request[Any, Any, Any],
    notifications: Notifications,
    recipient: RecipientFilter = "",
    cursor: ListCursor = None,
) -> Response[str]:
    """All mails, newest first, or those of one recipient."""
    found = await notifications.mailbox(
        ctx, recipient=recipient.strip() or None, limit=DEFAULT_LIMIT, cursor=cursor
    )
    return page(
        request, "mailbox/list.html", {"mails": found, "recipient": recipient.strip(), "locale": ctx.locale}
    )


@get("/dev/mailbox/{mail_id:uuid}", permission=PUBLIC, include_in_schema=False)
async def mail(
    ctx: Context, request: Request[Any, Any, Any], notifications: Notifications, mail_id: UUID
) -> Response[str]:
    """One mail: how it looks, and its text part."""
    found = await notifications.mail(ctx, mail_id=mail_id)
    return page(request, "mailbox/mail.html", {"mail": found, "locale": ctx.locale})


@get("/dev/mailbox/{mail_id:uuid}/html", permission=PUBLIC, include_in_schema=False)
async def letter(ctx: Context, notifications: Notifications, mail_id: UUID) -> Response[str]:
    """The HTML part alone, under a policy of its own; its links open beside the mailbox."""
    found = await notifications.mail(ctx, mail_id=mail_id)
    html = found.html.replace("<head>", '<head><base target="_blank">', 1)
    return Response(html, media_type=MediaType.HTML, headers={"Content-Security-Policy": LETTER_POLICY})


routes = [mailbox, mail, letter]
