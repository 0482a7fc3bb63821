"""Payments: sessions with a provider, payments made of append-only events, refunds, the books."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.shared import DEFAULT_LIMIT, Limit, Page, Verification
from mercato.kernel.context import Context
from mercato.kernel.events import Event
from mercato.kernel.money import Money
from mercato.kernel.rpc import idempotent


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


class PaymentEvent(msgspec.Struct, frozen=True):
    id: UUID
    payment_id: UUID | None
    order_id: UUID
    type: str
    reference: str
    amount: Money
    at: datetime
    reason: str | None = None


class LedgerEntry(msgspec.Struct, frozen=True):
    """One side of a double entry: debit or credit in minor units, the other is 0."""

    id: int
    event_id: UUID
    order_id: UUID
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


class SimulatorEntry(msgspec.Struct, frozen=True):
    """A row of the simulated provider's own books."""

    reference: str
    key: str
    status: str
    currency: str
    authorized: int
    captured: int
    refunded: int
    voided: int
    at: datetime


class SimulatorSession(msgspec.Struct, frozen=True):
    """What the simulator's confirmation page shows."""

    reference: str
    amount: Money
    status: str
    return_url: str


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

    @property
    def key(self) -> UUID:
        return self.order_id


class Payments(Protocol):
    """The payments service. Every call that moves money is idempotent on the id given by the caller."""

    @idempotent
    async def providers(self, ctx: Context) -> list[PaymentProvider]:
        """The ways to pay, the first one preset; anybody may ask."""

    @idempotent
    async def pay(
        self,
        ctx: Context,
        *,
        order_id: UUID,
        attempt: int,
        amount: Money,
        provider: str,
        token: str | None,
        return_url: str | None,
        capture: bool,
    ) -> PayResult:
        """Try to collect `amount`; the same (order, attempt) gives the same session and never charges twice.
        Raises Invalid("unknown_provider"), Unavailable when the provider does not answer: ask again."""

    @idempotent
    async def result(self, ctx: Context, *, order_id: UUID, attempt: int) -> PayResult | None:
        """How an attempt stands now, asking the provider when it is still open; None when it never began."""

    @idempotent
    async def capture(
        self, ctx: Context, *, order_id: UUID, key: str, amount: Money | None = None
    ) -> list[Payment]:
        """Take held funds, all when `amount` is None, once per `key`. Raises Conflict."""

    @idempotent
    async def void(self, ctx: Context, *, order_id: UUID, key: str) -> list[Payment]:
        """Drop what is authorized and not captured, once per `key`."""

    @idempotent
    async def refund(
        self, ctx: Context, *, order_id: UUID, key: str, amount: Money, reason: str
    ) -> list[Payment]:
        """Send money back, once per `key`, never more than captured. Raises Conflict("refund_too_large")."""

    @idempotent
    async def payments_of_order(self, ctx: Context, *, order_id: UUID) -> list[Payment]: ...

    @idempotent
    async def money_of_orders(self, ctx: Context, *, order_ids: list[UUID]) -> list[OrderMoney]: ...

    async def receive_webhook(
        self, ctx: Context, *, provider: str, headers: dict[str, str], body: bytes
    ) -> None:
        """Check the signature and its age, store once, process. Raises Invalid("signature_invalid")."""

    @idempotent
    async def list_payments(
        self,
        ctx: Context,
        *,
        order_id: UUID | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Payment]: ...

    @idempotent
    async def payment_events(
        self,
        ctx: Context,
        *,
        order_id: UUID | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[PaymentEvent]: ...

    @idempotent
    async def ledger(
        self,
        ctx: Context,
        *,
        order_id: UUID | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[LedgerEntry]: ...

    @idempotent
    async def simulator_ledger(
        self, ctx: Context, *, limit: int = 1000, cursor: str | None = None
    ) -> Page[SimulatorEntry]:
        """The simulator's own books; refused in production."""

    @idempotent
    async def simulator_session(self, ctx: Context, *, reference: str) -> SimulatorSession: ...

    async def decide_simulator_session(
        self, ctx: Context, *, reference: str, approve: bool
    ) -> SimulatorSession:
        """The shopper's answer on the simulator's page; its webhook follows."""

    @idempotent
    async def verify(self, ctx: Context) -> Verification:
        """Ledger balanced, payments = their events, payments = the simulator's own books."""
