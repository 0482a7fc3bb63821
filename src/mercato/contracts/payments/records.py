"""What payments keeps and answers: attempts, payments, their events, the books."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from mercato.kernel.money import Money


class SessionStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"


class PaymentStatus(StrEnum):
    """Derived from the amounts of a payment, never set."""

    PENDING = "pending"
    AUTHORIZED = "authorized"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    VOIDED = "voided"
    FAILED = "failed"


class ProviderKind(StrEnum):
    """How the shopper pays there: on the provider's own page, in its form beside ours, or outside."""

    REDIRECT = "redirect"
    CARD = "card"
    MANUAL = "manual"


class PaymentToken(msgspec.Struct, frozen=True, gc=False):
    """A token that may be paid with as it is, and what it stands for."""

    token: str
    label: str


class PaymentProvider(msgspec.Struct, frozen=True):
    """A way to pay that this shop offers; `code` is the provider of a payment choice."""

    code: str
    name: str
    note: str
    """One sentence for shoppers."""
    kind: ProviderKind
    is_test: bool = False
    """No money moves."""
    tokens: list[PaymentToken] = []
    """What to choose from, where the provider has no form of its own: the cards of a test."""
    public_key: str = ""
    """For pages that embed the provider's own form; no secret."""


class NextAction(msgspec.Struct, frozen=True):
    """What the shopper's browser has to do: `redirect` to `url`."""

    type: str
    url: str


class PayResult(msgspec.Struct, frozen=True):
    """How one attempt stands. A decline is a result: status failed with `decline_code`."""

    session_id: UUID
    status: SessionStatus
    payment_id: UUID | None = None
    authorized: Money | None = None
    captured: Money | None = None
    next_action: NextAction | None = None
    decline_code: str | None = None
    credits: list["Payment"] = []
    """What was paid from gift cards and store credit."""


class Payment(msgspec.Struct, frozen=True):
    id: UUID
    order_id: UUID
    provider: str
    status: PaymentStatus
    authorized: Money
    captured: Money
    refunded: Money
    voided: Money
    reference: str
    created_at: datetime
    disputed: Money | None = None
    """What a bank holds of it until a dispute is decided, or has given back to the shopper: no refund of
    this is possible."""


class PaymentEvent(msgspec.Struct, frozen=True):
    id: UUID
    payment_id: UUID | None
    order_id: UUID | None
    type: str
    reference: str
    amount: Money
    at: datetime
    reason: str | None = None


class LedgerEntry(msgspec.Struct, frozen=True):
    """One side of a double entry: debit or credit in minor units, the other is 0."""

    id: int
    event_id: UUID
    order_id: UUID | None
    account: str
    debit: int
    credit: int
    currency: str
    at: datetime


class OrderMoney(msgspec.Struct, frozen=True, gc=False):
    """Sums over all payments of an order, in minor units."""

    order_id: UUID
    currency: str
    authorized: int
    captured: int
    refunded: int
    voided: int
    disputed: int = 0
    """What a bank holds of it until a dispute is decided, or has given back to the shopper."""
