"""The notifications service: it hears events, sends, and lets staff look and send again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from mercato.contracts.notifications import Message, MessageRow, MessageStatus, Template
from mercato.contracts.orders import OrderPaid, OrderPlaced
from mercato.contracts.shared import DEFAULT_LIMIT, Page
from mercato.kernel import clock
from mercato.kernel.acts import acted
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.pages import decode_cursor, encode_cursor
from mercato.kernel.personal import KeepsPersonalData, PersonalRows
from mercato.kernel.runtime import Runtime
from mercato.notifications import domain, personal_store, store
from mercato.notifications.delivery import Delivery
from mercato.notifications.events import HeardEvent, messages_for
from mercato.notifications.letters import Letters
from mercato.notifications.providers import Provider
from mercato.notifications.providers.mailbox import MailboxProvider
from mercato.notifications.providers.smtp import SmtpProvider
from mercato.notifications.stock_alerts import StockAlerts


class NotificationsService(KeepsPersonalData):
    """Implements `contracts.notifications.Notifications`."""

    def __init__(self, runtime: Runtime) -> None:
        settings = runtime.settings
        self.database = runtime.database("notifications")
        self.personal = PersonalRows(
            runtime, "notifications", personal_store.TABLES, matters=personal_store.MATTERS,
            kept=personal_store.kept(mails_days=settings.keep_mails_days),
        )  # fmt: skip
        self.outbox = runtime.outbox("notifications")
        relaxed = runtime.database("notifications", relaxed=True)
        self.is_production = settings.is_production
        self.alerts_to = settings.alerts_email or settings.owner_email
        self.letters = Letters(public_url=settings.public_url, mail_from=settings.mail_from)
        provider: Provider = (
            SmtpProvider(settings.smtp_url, mail_from=settings.mail_from)
            if settings.smtp_url
            else MailboxProvider(relaxed, is_production=settings.is_production)
        )
        self.delivery = Delivery(
            self.database, relaxed, letters=self.letters, provider=provider, metrics=runtime.metrics
        )

        self.alerts = StockAlerts(self.database, settings.secret_key, self.delivery.ring)

    async def start(self) -> None:
        self.delivery.start()

    async def stop(self) -> None:
        await self.delivery.stop()

    async def sweep(self) -> None:
        """Forget secrets whose links have expired, and old mails of the mailbox."""
        now = clock.now()
        await store.sweep(
            self.database, secret=domain.SECRET, hidden=domain.HIDDEN,
            templates=[kind.code for kind in domain.KINDS.values() if kind.expires],
            secrets_before=now - domain.KEEP_SECRETS, mailbox_before=now - domain.KEEP_MAILBOX,
        )  # fmt: skip
        await self.alerts.sweep()

    async def queue(self, tx: Tx, events: Sequence[HeardEvent]) -> None:
        """Queue the messages of `events`: the effect of the subscription."""
        told_here = {event.order_id for event in events if isinstance(event, OrderPlaced) and event.is_paid}
        paid = {event.order_id for event in events if isinstance(event, OrderPaid)} - told_here
        told = await store.paid_when_placed(tx, order_ids=list(paid)) if paid else set()
        messages = messages_for(events, paid_when_placed=told, alerts_to=self.alerts_to)
        if messages and await store.insert_messages(tx, messages=messages, now=clock.now()):
            tx.after_commit(self.delivery.ring)

    async def messages(
        self,
        ctx: Context,
        *,
        status: MessageStatus | None = None,
        recipient: str | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[MessageRow]:
        ctx.principal.require("read_notifications")
        rows, total = await store.list_messages(
            self.database, status=status, recipient=recipient, before=_position(cursor), limit=limit + 1
        )
        items = [self._row(row) for row in rows[:limit]]
        more = len(rows) > limit
        return Page(items, encode_cursor((items[-1].created_at, items[-1].id)) if more else None, total)

    async def message(self, ctx: Context, *, message_id: UUID) -> Message:
        ctx.principal.require("read_notifications")
        row = await store.message(self.database, message_id=message_id)
        if row is None:
            raise _message_not_found()
        short, copy = self._row(row), self._copy(row)
        html, text = row["html"] or copy.html, row["text"] or copy.text
        return Message(**msgspec.structs.asdict(short), html=html, text=text)

    async def resend(self, ctx: Context, *, message_id: UUID) -> MessageRow:
        ctx.principal.require("write_notifications")
        async with self.database.transaction() as tx:
            row = await store.message(tx, message_id=message_id)
            if row is None:
                raise _message_not_found()
            kind = domain.KINDS[row["template"]]
            secret = msgspec.json.decode(row["data"]).get(domain.SECRET, domain.HIDDEN)
            if kind.expires and secret == domain.HIDDEN:
                raise Conflict(
                    "not_resendable",
                    "The link of this message is used up: its recipient may ask for a new one.",
                )
            again = await store.requeue(tx, message_id=message_id, now=clock.now())
            about = ("message", message_id)
            await self.outbox.add(tx, acted(ctx, "message.resent", *about, label=kind.name))
            tx.after_commit(self.delivery.ring)
        return self._row(again)

    async def templates(self, ctx: Context) -> list[Template]:
        ctx.principal.require("read_notifications")
        return [
            Template(code=kind.code, name=kind.name, variables=list(kind.variables))
            for kind in domain.KINDS.values()
        ]

    async def watch_stock(self, ctx: Context, *, variant_id: UUID, email: str, name: str, path: str) -> None:
        await self.alerts.watch(ctx, variant_id=variant_id, email=email, name=name, path=path)

    async def unwatch_stock(self, ctx: Context, *, token: str) -> None:
        await self.alerts.unwatch(token=token)

    async def mailbox(
        self,
        ctx: Context,
        *,
        recipient: str | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Message]:
        self._refuse_in_production()
        rows, total = await store.mailbox(
            self.database, recipient=recipient, before=_position(cursor), limit=limit + 1
        )
        items = [_mail(row) for row in rows[:limit]]
        more = len(rows) > limit
        return Page(items, encode_cursor((items[-1].created_at, items[-1].id)) if more else None, total)

    async def mail(self, ctx: Context, *, mail_id: UUID) -> Message:
        self._refuse_in_production()
        row = await store.mail(self.database, mail_id=mail_id)
        if row is None:
            raise NotFound("mail_not_found", "There is no such mail.")
        return _mail(row)

    def _refuse_in_production(self) -> None:
        if self.is_production:
            raise NotFound(detail="The mailbox is for development.")

    def _row(self, row: Any) -> MessageRow:
        return MessageRow(
            id=row["id"], template=row["template"], recipient=row["recipient"],
            subject=row["subject"] or self._copy(row).subject, status=MessageStatus(row["status"]),
            tries=row["tries"], created_at=row["created_at"], sent_at=row["sent_at"], error=row["error"],
        )  # fmt: skip

    def _copy(self, row: Any) -> Any:
        """A message as staff may see it."""
        return self.letters.write(
            message_id=row["id"], template=row["template"], recipient=row["recipient"], locale=row["locale"],
            data=msgspec.json.decode(row["data"]), show_secrets=False,
        )  # fmt: skip


def _mail(row: Any) -> Message:
    return Message(
        id=row["id"], template=row["template"], recipient=row["recipient"], subject=row["subject"],
        html=row["html"], text=row["text"], status=MessageStatus.SENT, tries=1,
        created_at=row["received_at"], sent_at=row["received_at"],
    )  # fmt: skip


def _position(cursor: str | None) -> tuple[datetime, UUID] | None:
    return decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None


def _message_not_found() -> NotFound:
    return NotFound("message_not_found", "There is no such message.")
