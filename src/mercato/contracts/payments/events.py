"""What payments publishes."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from mercato.contracts.payments.records import SessionStatus
from mercato.kernel.messaging.events import Event
from mercato.kernel.money import Money


class PaymentChanged(Event, frozen=True):
    """A session or a payment of an order moved on; orders derive their payment status from it.

    What `pay` answers in time is not told once more: the answer is the news.

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
    token: str
    """The code of the card; copies for staff hide it."""
    value: int
    currency: str
    expires_at: datetime | None = None
    message: str = ""
    """What its buyer writes to whoever gets it."""

    @property
    def key(self) -> UUID:
        return self.card_id


class MoneyAlert(Event, frozen=True):
    """Something happened to money that staff should look at: `dispute_opened`, `dispute_won`,
    `dispute_lost`, `refund_at_provider`, `refund_came_back`, `unknown_charge`."""

    subject: ClassVar[str] = "payments.alert"
    kind: str
    order_id: UUID
    provider: str
    reference: str
    amount: Money
    reason: str = ""
    due_at: datetime | None = None
    """Until when somebody has to answer."""

    @property
    def key(self) -> UUID:
        return self.order_id
