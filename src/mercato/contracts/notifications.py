"""Notifications: what people are told, by which template and provider, and whether it arrived."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.personal import PersonalRecords
from mercato.contracts.shared import DEFAULT_LIMIT, Code, Email, Limit, Page, ShortText
from mercato.kernel.context import Context
from mercato.kernel.messaging.events import Event
from mercato.kernel.rpc import idempotent

Path = Annotated[str, msgspec.Meta(max_length=500, pattern="^/")]
"""An address within the shop."""


class MessageStatus(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


class MessageRow(msgspec.Struct, frozen=True):
    id: UUID
    template: str
    recipient: str
    subject: str
    status: MessageStatus
    tries: int
    created_at: datetime
    sent_at: datetime | None
    error: str | None = None


class Message(msgspec.Struct, frozen=True):
    """A message as it was sent, both parts."""

    id: UUID
    template: str
    recipient: str
    subject: str
    html: str
    text: str
    status: MessageStatus
    tries: int
    created_at: datetime
    sent_at: datetime | None
    error: str | None = None


class Template(msgspec.Struct, frozen=True):
    """A kind of message: which event sends it and which variables it may use."""

    code: str
    name: str
    variables: list[str]


class SentMessage(msgspec.Struct, frozen=True, gc=False):
    """A mail about an order that has left. `recipient` shows only its first letter and its host."""

    order_id: UUID
    template: str
    title: str
    """What the template is about, for people: "Order shipped"."""
    recipient: str
    sent_at: datetime


class MessagesSent(Event, frozen=True):
    """Mails about orders have left; those of a moment are told together."""

    subject: ClassVar[str] = "notifications.sent"
    batch_id: UUID
    messages: list[SentMessage]

    @property
    def key(self) -> UUID:
        return self.batch_id


class Notifications(PersonalRecords, Protocol):
    """The notifications service: it listens to events and sends; callers only look and resend."""

    @idempotent
    async def messages(
        self,
        ctx: Context,
        *,
        status: MessageStatus | None = None,
        recipient: str | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[MessageRow]:
        """Needs `read_notifications`."""

    @idempotent
    async def message(self, ctx: Context, *, message_id: UUID) -> Message: ...

    async def resend(self, ctx: Context, *, message_id: UUID) -> MessageRow: ...

    @idempotent
    async def templates(self, ctx: Context) -> list[Template]: ...

    async def watch_stock(
        self, ctx: Context, *, variant_id: UUID, email: Email, name: ShortText, path: Path
    ) -> None:
        """Mail `email` once when the variant is back; the goods are called `name` and shown at `path` of
        the shop. For the shop's own pages and routes: system only. Raises Invalid, Throttled."""

    async def unwatch_stock(self, ctx: Context, *, token: Code) -> None:
        """End all waiting of the address that the token was mailed to. Raises NotFound."""

    @idempotent
    async def mailbox(
        self,
        ctx: Context,
        *,
        recipient: str | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Message]:
        """Every mail kept by the development mailbox, newest first; NotFound in production."""

    @idempotent
    async def mail(self, ctx: Context, *, mail_id: UUID) -> Message:
        """One mail of the development mailbox, by the id it has there; NotFound in production."""
