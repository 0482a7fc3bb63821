"""Sending: by a real mail server that fails in every way, once per message, never silently lost."""

import asyncio
from datetime import timedelta

import pytest

from mercato.contracts.notifications import MessageStatus
from mercato.contracts.orders import OrderPlaced, OrderShipped
from mercato.contracts.users import PasswordResetRequested, UserRegistered
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT, Context, Principal, PrincipalKind
from mercato.kernel.errors import Conflict, Denied, NotFound, Unauthenticated
from mercato.kernel.ids import new_id
from mercato.notifications import domain, store
from mercato.notifications.providers.smtp import smtp_address
from mercato.settings import SettingsError
from support.notifications import MailServer, NotificationsShop, account, notifications_shop, order
from support.waiting import eventually


class TestSmtp:
    async def test_a_mail_arrives_with_both_parts_and_all_headers(
        self, mailing: NotificationsShop, server: MailServer
    ) -> None:
        await mailing.hear(order(OrderPlaced))
        assert await mailing.deliver() == 1
        (mail,) = server.received
        assert mail["From"] == "Lamps & Co <shop@lamps.example>" and mail["To"] == "ann@example.org"
        assert mail["Subject"] == "Your order M-4711" and mail["Auto-Submitted"] == "auto-generated"
        (row,) = (await mailing.notifications.messages(SYSTEM_CONTEXT)).items
        assert mail["Message-ID"] == f"<{row.id}@lamps.example>"
        assert mail.get_content_type() == "multipart/alternative"
        text, html = mail.iter_parts()
        assert "2 × Lamp & shade" in text.get_content() and "Lamp &amp; shade" in html.get_content()
        assert (row.status, row.tries, row.error) == (MessageStatus.SENT, 1, None) and row.sent_at

    async def test_a_server_that_is_down_delays_the_mail_and_loses_none(
        self, mailing: NotificationsShop, server: MailServer, later
    ) -> None:
        await server.stop()
        await mailing.hear(order(OrderPlaced), order(OrderShipped))
        assert await mailing.deliver() == 2
        assert await mailing.statuses() == [("order_placed", "queued", 1), ("order_shipped", "queued", 1)]
        assert await mailing.deliver() == 0
        await server.start()
        later(timedelta(seconds=11))
        assert await mailing.deliver() == 2
        assert sorted(server.subjects()) == ["Order M-4711 is on its way", "Your order M-4711"]
        assert [status for _, status, _ in await mailing.statuses()] == ["sent", "sent"]

    async def test_a_temporary_refusal_is_tried_again_with_growing_waits_and_then_fails(
        self, mailing: NotificationsShop, server: MailServer, later
    ) -> None:
        await mailing.hear(order(OrderPlaced))
        passed = timedelta(0)
        for tries, wait_s in enumerate((*domain.RETRY_WAITS_S, None), start=1):
            server.script = ["451 busy, try again"]
            assert await mailing.deliver() == 1
            expected = "failed" if wait_s is None else "queued"
            assert await mailing.statuses() == [("order_placed", expected, tries)]
            if wait_s is not None:
                later(passed + timedelta(seconds=wait_s - 5))
                assert await mailing.deliver() == 0
                passed += timedelta(seconds=wait_s + 1)
                later(passed)
        later(passed + timedelta(days=1))
        assert await mailing.deliver() == 0 and server.received == []
        (row,) = (await mailing.notifications.messages(SYSTEM_CONTEXT, status=MessageStatus.FAILED)).items
        assert row.error == "451 busy, try again"

    async def test_a_final_refusal_fails_at_once_and_the_others_go(
        self, mailing: NotificationsShop, server: MailServer
    ) -> None:
        server.script = ["550 no such user"]
        await mailing.hear(order(OrderPlaced, email="gone@example.org"))
        await mailing.hear(order(OrderPlaced), order(OrderShipped))
        assert await mailing.deliver() == 3
        assert await mailing.statuses() == [
            ("order_placed", "failed", 1), ("order_placed", "sent", 1), ("order_shipped", "sent", 1),
        ]  # fmt: skip
        assert len(server.received) == 2

    async def test_a_connection_that_breaks_costs_one_mail_a_retry(
        self, mailing: NotificationsShop, server: MailServer, later
    ) -> None:
        server.hangs_up = 1
        await mailing.hear(*(order(OrderShipped) for _ in range(3)))
        await mailing.deliver()
        assert sorted(status for _, status, _ in await mailing.statuses()) == ["queued", "sent", "sent"]
        later(timedelta(seconds=11))
        await mailing.deliver()
        assert len(server.received) == 3

    async def test_an_address_that_cannot_be_written_to_fails_alone(
        self, mailing: NotificationsShop, server: MailServer
    ) -> None:
        await mailing.hear(order(OrderPlaced, email="no address\nBcc: x@example.org"), order(OrderShipped))
        await mailing.deliver()
        assert [status for _, status, _ in await mailing.statuses()] == ["failed", "sent"]
        assert server.subjects() == ["Order M-4711 is on its way"]

    async def test_two_processes_never_send_one_message_twice(
        self, mailing: NotificationsShop, server: MailServer, database_url: str
    ) -> None:
        await mailing.hear(*(order(OrderShipped) for _ in range(50)))
        async with notifications_shop(database_url, smtp_url=server.url) as other:
            tried = await asyncio.gather(mailing.deliver(), other.deliver())
        assert sum(tried) == 50
        assert len({mail["Message-ID"].split("@")[0] for mail in server.received}) == 50
        assert len(server.received) == 50

    async def test_what_a_dead_process_was_sending_is_sent_after_its_lease(
        self, mailing: NotificationsShop, server: MailServer, later
    ) -> None:
        await mailing.hear(order(OrderPlaced))
        await store.claim_due(mailing.database, now=clock.now(), lease=domain.LEASE, limit=20)
        assert await mailing.deliver() == 0
        later(domain.LEASE + timedelta(seconds=1))
        assert await mailing.deliver() == 1
        assert len(server.received) == 1

    @pytest.mark.parametrize("url", ["mail.example.org", "http://mail.example.org", "smtp://"])
    async def test_an_address_of_a_server_that_makes_no_sense_is_refused_at_start(self, url: str) -> None:
        with pytest.raises(SettingsError, match="MERCATO_SMTP_URL"):
            smtp_address(url)

    async def test_reads_user_password_and_port_from_the_address(self) -> None:
        found = smtp_address("smtps://me%40x:p%2Fw@mail.example.org")
        assert (found.hostname, found.port, found.use_tls) == ("mail.example.org", 465, True)
        assert (found.username, found.password) == ("me@x", "p/w")
        assert smtp_address("smtp://mail.example.org").port == 587


class TestSecrets:
    async def test_staff_never_see_the_token_of_a_link(self, shop: NotificationsShop) -> None:
        await shop.hear(account(PasswordResetRequested), order(OrderPlaced))
        for _ in range(2):  # while they wait, and after they were sent
            for row in (await shop.notifications.messages(SYSTEM_CONTEXT)).items:
                message = await shop.notifications.message(SYSTEM_CONTEXT, message_id=row.id)
                assert "-token" not in message.html + message.text
                assert "token=hidden" in message.html and "token=hidden" in message.text
            await shop.deliver()
        assert all("-token" in mail.html for mail in await shop.mails())

    async def test_the_token_of_an_account_is_forgotten_once_it_was_sent(
        self, shop: NotificationsShop
    ) -> None:
        await shop.hear(account(PasswordResetRequested), account(UserRegistered), order(OrderPlaced))
        await shop.deliver()
        rows = await shop.database.fetch(
            "select template, data ->> 'token' <> 'hidden' as kept from notifications.messages"
        )
        assert {row["template"]: row["kept"] for row in rows} == {
            "password_reset": False, "account_confirm": False, "order_placed": True,
        }  # fmt: skip

    async def test_the_token_of_a_mail_that_never_left_is_forgotten_after_a_day(
        self, mailing: NotificationsShop, server: MailServer, later
    ) -> None:
        server.script = ["550 no"]
        await mailing.hear(account(PasswordResetRequested))
        await mailing.deliver()
        await mailing.service.sweep()
        assert await mailing.database.fetchval(
            "select data ->> 'token' <> 'hidden' from notifications.messages"
        )
        later(timedelta(days=1, minutes=1))
        await mailing.service.sweep()
        assert not await mailing.database.fetchval(
            "select data ->> 'token' <> 'hidden' from notifications.messages"
        )


class TestStaff:
    async def test_sends_a_message_again(self, mailing: NotificationsShop, server: MailServer) -> None:
        server.script = ["550 no such user"]
        await mailing.hear(order(OrderPlaced))
        await mailing.deliver()
        (row,) = (await mailing.notifications.messages(SYSTEM_CONTEXT)).items
        again = await mailing.notifications.resend(SYSTEM_CONTEXT, message_id=row.id)
        assert (again.status, again.tries, again.error) == (MessageStatus.QUEUED, 0, None)
        await mailing.deliver()
        assert server.subjects() == ["Your order M-4711"]
        await mailing.notifications.resend(SYSTEM_CONTEXT, message_id=row.id)
        await mailing.deliver()
        assert len(server.received) == 2 and len(await mailing.statuses()) == 1

    async def test_cannot_send_a_link_again_that_was_used_up(self, shop: NotificationsShop) -> None:
        await shop.hear(account(PasswordResetRequested))
        await shop.deliver()
        (row,) = (await shop.notifications.messages(SYSTEM_CONTEXT)).items
        with pytest.raises(Conflict, match="not_resendable"):
            await shop.notifications.resend(SYSTEM_CONTEXT, message_id=row.id)
        assert await shop.deliver() == 0 and len(await shop.mails()) == 1

    async def test_finds_messages_by_recipient_and_status_page_by_page(self, shop: NotificationsShop) -> None:
        for index in range(5):
            await shop.hear(order(OrderShipped, email=f"c{index % 2}@example.org"))
        first = await shop.notifications.messages(SYSTEM_CONTEXT, recipient="C0@example.org", limit=2)
        assert (len(first.items), first.total) == (2, 3)
        rest = await shop.notifications.messages(
            SYSTEM_CONTEXT, recipient="c0@example.org", limit=2, cursor=first.next_cursor
        )
        assert len(rest.items) == 1 and rest.next_cursor is None
        assert {row.recipient for row in (*first.items, *rest.items)} == {"c0@example.org"}
        sent = await shop.notifications.messages(SYSTEM_CONTEXT, status=MessageStatus.SENT)
        assert sent.items == [] and sent.total == 0

    async def test_only_staff_with_the_right_may_look_or_resend(self, shop: NotificationsShop) -> None:
        await shop.hear(order(OrderPlaced))
        (row,) = (await shop.notifications.messages(SYSTEM_CONTEXT)).items
        reader = Context(
            principal=Principal(
                kind=PrincipalKind.USER, id=new_id(), permissions=frozenset({"read_notifications"})
            )
        )
        with pytest.raises(Denied, match="write_notifications"):
            await shop.notifications.resend(reader, message_id=row.id)
        with pytest.raises(NotFound):
            await shop.notifications.message(reader, message_id=new_id())
        with pytest.raises(Unauthenticated):
            await shop.notifications.messages(Context())
        with pytest.raises(Unauthenticated):
            await shop.notifications.templates(Context())
        assert await shop.statuses() == [("order_placed", "queued", 0)]


class TestMailbox:
    async def test_is_closed_in_production_and_sends_nothing(self, database_url: str) -> None:
        async with notifications_shop(
            database_url, environment="production", base_url="https://shop.example"
        ) as shop:
            await shop.hear(order(OrderPlaced))
            await shop.deliver()
            with pytest.raises(NotFound):
                await shop.notifications.mailbox(SYSTEM_CONTEXT)
            with pytest.raises(NotFound):
                await shop.notifications.mail(SYSTEM_CONTEXT, mail_id=new_id())
            (row,) = (await shop.notifications.messages(SYSTEM_CONTEXT)).items
            assert row.status is MessageStatus.QUEUED
            assert row.error == "No mail server: set MERCATO_SMTP_URL."

    async def test_forgets_mails_after_a_month(self, shop: NotificationsShop, later) -> None:
        await shop.hear(order(OrderPlaced))
        await shop.deliver()
        await shop.service.sweep()
        assert len(await shop.mails()) == 1
        later(timedelta(days=31))
        await shop.service.sweep()
        assert await shop.mails() == [] and len(await shop.statuses()) == 1


class TestLoop:
    async def test_sends_as_soon_as_an_event_was_heard(self, shop: NotificationsShop) -> None:
        await shop.service.start()
        try:
            await shop.hear(order(OrderPlaced))
            await eventually(lambda: shop.mails(), timeout_s=2)
        finally:
            await shop.service.stop()
