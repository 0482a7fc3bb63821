"""What payments publishes."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from mercato.contracts.payments.records import SessionStatus
from mercato.kernel.events import Event
from mercato.kernel.money import Money


class PaymentChanged(Event, frozen=True):
    """A session or a payment of an order moved on; orders derive their payment status from it.

    `kind` is the event's type, for example `authorization_succeeded`, `capture_succeeded`,
    `session_failed`, `refund_succeeded`, `void_succeeded`.
    """

    subject: ClassVar[str] = "payments.changed"
    order_id: UUID
    session_id: UUID | None
    payment_id: UUID | None
    kind: str
    amount: Money
    reference: str
    session_status: SessionStatus | None = None
    decline_code: str | None = None
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    voided: int = 0
    reason: str | None = None
    provider: str = ""

    @property
    def key(self) -> UUID:
        return self.order_id


class GiftCardIssued(Event, frozen=True):
    """A gift card is on its way to `email`; the mail is the one place where its code stands."""

    subject: ClassVar[str] = "payments.gift_card_issued"
    card_id: UUID
    email: str
    locale: str
    code: str
    value: int
    currency: str
    expires_at: datetime | None = None

    @property
    def key(self) -> UUID:
        return self.card_id
