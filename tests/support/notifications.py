"""The notifications service on a real database, events for it to hear, and a real mail server."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP

from mercato.contracts.notifications import Message, Notifications
from mercato.contracts.orders import (
    DraftSent,
    OrderChanged,
    OrderPaid,
    OrderPlaced,
    OrderShipped,
    ReturnApproved,
    ReturnCanceled,
    ReturnReceived,
    ReturnRequested,
    SoldLine,
)
from mercato.contracts.users import (
    EmailChangeOffered,
    EmailChangeRequested,
    PasswordResetRequested,
    StaffInvited,
    UserRegistered,
)
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.db import Database
from mercato.kernel.ids import new_id
from mercato.kernel.messaging.events import Event
from mercato.kernel.rpc import local
from mercato.kernel.runtime import Runtime
from mercato.notifications import build
from mercato.notifications.service import NotificationsService
from mercato.settings import Settings

ORDER_ID = new_id()
LAMP = SoldLine(
    variant_id=new_id(), product_id=new_id(), name="Lamp & shade", sku="L-1", quantity=2, total=4980
)


def order(kind: type[Event], **changes: Any) -> Any:
    """An order event with everything that a test does not care about."""
    base: dict[str, Any] = {
        "order_id": ORDER_ID, "number": "M-4711", "email": "ann@example.org", "locale": "en",
        "currency": "EUR", "total": 4980, "token": "order-token",
    }  # fmt: skip
    own: dict[type[Event], dict[str, Any]] = {
        OrderPlaced: {"cart_id": new_id(), "name": "Ann", "lines": [LAMP], "is_paid": False},
        OrderShipped: {
            "fulfillment_id": new_id(), "carrier": "DHL", "tracking_number": "JD014",
            "tracking_url": "https://dhl.example/JD014", "lines": [LAMP],
        },
        OrderPaid: {},
        DraftSent: {"lines": [LAMP]},
        OrderChanged: {
            "change_id": new_id(), "kind": "edit", "difference": 0, "owed": 0, "reason": "",
            "lines": [LAMP], "removed": [],
        },
    }  # fmt: skip
    if kind in (ReturnRequested, ReturnApproved, ReturnReceived, ReturnCanceled):
        own[kind] = {"change_id": new_id(), "lines": [LAMP], "reason": ""}
    return kind(**(base | own.get(kind, {}) | changes))


WITH_TOKEN = (
    UserRegistered,
    PasswordResetRequested,
    EmailChangeRequested,
    EmailChangeOffered,
    StaffInvited,
)


def account(kind: type[Event], **changes: Any) -> Any:
    """An account event with everything that a test does not care about."""
    base: dict[str, Any] = {"user_id": new_id(), "email": "ann@example.org", "name": "Ann", "locale": "en"}
    if kind in WITH_TOKEN:
        base["token"] = "secret-token"
    return kind(**(base | changes))


class NotificationsShop:
    """One notifications service behind its contract; nothing is sent before `deliver`."""

    def __init__(self, runtime: Runtime) -> None:
        service = build(runtime)
        self.service: NotificationsService = service.impl
        self.subscription, self.stock_back = service.subscriptions
        self.schedules = service.schedules
        self.notifications: Notifications = local(Notifications, service.impl, runtime.metrics, strict=True)
        self.database: Database = runtime.database("notifications")

    async def hear(self, *events: Event) -> None:
        """What the consumer does with a batch of events."""
        async with self.database.transaction() as tx:
            await self.subscription.handle(tx, events)

    async def deliver(self) -> int:
        return await self.service.delivery.deliver_due()

    async def mails(self, recipient: str | None = None) -> list[Message]:
        return (await self.notifications.mailbox(SYSTEM_CONTEXT, recipient=recipient, limit=100)).items

    async def statuses(self) -> list[tuple[str, str, int]]:
        """(template, status, tries) of all messages, oldest first."""
        rows = await self.notifications.messages(SYSTEM_CONTEXT, limit=100)
        return [(row.template, row.status.value, row.tries) for row in reversed(rows.items)]


@asynccontextmanager
async def notifications_shop(database_url: str, **settings: Any) -> AsyncIterator[NotificationsShop]:
    values: dict[str, Any] = {"environment": "test", "base_url": "https://shop.example"} | settings
    runtime = Runtime(Settings(database_url=database_url, secret_key="s" * 32, **values))
    yield NotificationsShop(runtime)
    await runtime.close()


class MailServer:
    """A real SMTP server on this machine; `script` holds its replies to the next recipients."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []
        self.script: list[str] = []
        self.hangs_up = 0
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: SMTP(self, loop=loop), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.received]

    async def handle_RCPT(
        self, server: SMTP, session: Any, envelope: Any, address: str, options: Sequence[str]
    ) -> str:
        if self.hangs_up:
            self.hangs_up -= 1
            assert server.transport is not None
            server.transport.close()
            return "421 bye"
        reply = self.script.pop(0) if self.script else "250 OK"
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.received.append(mail)
        return "250 taken"
