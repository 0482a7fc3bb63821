"""The notifications contract: every method, the same in one process and between two."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from mercato.contracts.notifications import MessageStatus, Notifications
from mercato.contracts.orders import OrderPlaced, OrderShipped
from mercato.contracts.users import PasswordResetRequested
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Conflict, NotFound, Unauthenticated
from mercato.kernel.ids import new_id
from mercato.kernel.rpc import remote, serve
from mercato.kernel.telemetry.metrics import Metrics
from mercato.notifications.domain import KINDS
from mercato.settings import Settings
from support.broker import connected
from support.notifications import NotificationsShop, account, notifications_shop, order


@pytest.fixture(params=["local", "remote"])
async def shop(
    request: Any, database_url: str, nats_url: str, namespace: str
) -> AsyncIterator[NotificationsShop]:
    async with notifications_shop(database_url) as shop:
        if request.param == "local":
            yield shop
            return
        settings = Settings(environment="test", namespace=namespace, secret_key="s" * 32)
        ends = [await connected(nats_url) for _ in range(2)]
        server = await serve(Notifications, shop.service, ends[0], settings, Metrics())
        shop.notifications = remote(Notifications, ends[1], settings, Metrics())
        yield shop
        await server.stop()
        for end in ends:
            await end.close()


class TestNotificationsContract:
    async def test_messages_wait_are_sent_and_can_be_sent_again(self, shop: NotificationsShop) -> None:
        await shop.hear(order(OrderPlaced), order(OrderShipped))
        waiting = await shop.notifications.messages(SYSTEM_CONTEXT, status=MessageStatus.QUEUED, limit=1)
        assert waiting.total == 2 and waiting.next_cursor is not None
        await shop.deliver()
        sent = await shop.notifications.messages(SYSTEM_CONTEXT, recipient="ann@example.org")
        assert [row.status for row in sent.items] == [MessageStatus.SENT] * 2
        message = await shop.notifications.message(SYSTEM_CONTEXT, message_id=sent.items[0].id)
        assert (message.subject, message.tries) == (sent.items[0].subject, 1) and message.sent_at
        again = await shop.notifications.resend(SYSTEM_CONTEXT, message_id=message.id)
        assert (again.status, again.tries) == (MessageStatus.QUEUED, 0)
        await shop.deliver()
        assert (await shop.notifications.mailbox(SYSTEM_CONTEXT)).total == 3

    async def test_the_mailbox_shows_what_recipients_see(self, shop: NotificationsShop) -> None:
        await shop.hear(account(PasswordResetRequested))
        await shop.deliver()
        page = await shop.notifications.mailbox(Context(), recipient="ANN@example.org")
        (mail,) = page.items
        assert (mail.template, mail.recipient) == ("password_reset", "ann@example.org")
        assert "token=secret-token" in mail.text and "token=secret-token" in mail.html
        assert await shop.notifications.mail(Context(), mail_id=mail.id) == mail
        assert (await shop.notifications.mailbox(Context(), recipient="ben@example.org")).items == []

    async def test_templates_name_their_variables(self, shop: NotificationsShop) -> None:
        templates = {one.code: one for one in await shop.notifications.templates(SYSTEM_CONTEXT)}
        assert set(templates) == set(KINDS)
        assert {"number", "order_url", "tracking_number"} <= set(templates["order_shipped"].variables)

    async def test_refusals_keep_their_class_and_code(self, shop: NotificationsShop) -> None:
        await shop.hear(account(PasswordResetRequested))
        await shop.deliver()
        (row,) = (await shop.notifications.messages(SYSTEM_CONTEXT)).items
        with pytest.raises(Conflict, match="not_resendable"):
            await shop.notifications.resend(SYSTEM_CONTEXT, message_id=row.id)
        with pytest.raises(NotFound, match="message_not_found"):
            await shop.notifications.message(SYSTEM_CONTEXT, message_id=new_id())
        with pytest.raises(NotFound, match="mail_not_found"):
            await shop.notifications.mail(Context(), mail_id=new_id())
        for refused in (
            shop.notifications.messages(Context()), shop.notifications.templates(Context()),
            shop.notifications.message(Context(), message_id=row.id),
            shop.notifications.resend(Context(), message_id=row.id),
        ):  # fmt: skip
            with pytest.raises(Unauthenticated):
                await refused
