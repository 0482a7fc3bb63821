"""The provider port: all that Mercato asks of a payment provider.

Every call is idempotent on the key that Mercato derives from its own ids, is made without any transaction
or lock held, and is bounded by `CALL_TIMEOUT_S`. A decline is a result. A provider that does not answer
raises `kernel.errors.Unavailable`: Mercato asks again later with the same key.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from mercato.contracts.payments import DisputeStatus, NextAction, PaymentProvider, SessionStatus
from mercato.contracts.shared import Page
from mercato.kernel.db import Database
from mercato.kernel.money import Money
from mercato.settings import Settings

CALL_TIMEOUT_S = 8.0


class SessionRequest(msgspec.Struct, frozen=True):
    """One attempt to collect `amount` for an order."""

    key: str
    """`<order id>:<attempt>`: the provider's idempotency key and the metadata its webhooks carry back."""
    amount: Money
    token: str | None
    return_url: str | None
    captures: bool
    """Take the money at once; otherwise only hold it."""


class ProviderRefund(msgspec.Struct, frozen=True):
    """One refund in the provider's books, whoever asked for it."""

    reference: str
    amount: int
    key: str | None = None
    """The key that Mercato asked with; None when it began at the provider."""
    is_failed: bool = False
    """It was on its way and came back."""


class ProviderDispute(msgspec.Struct, frozen=True):
    """A chargeback in the provider's books; an inquiry that has moved no money is none."""

    reference: str
    amount: int
    status: DisputeStatus
    reason: str = ""
    evidence_due_at: datetime | None = None


class ProviderCharge(msgspec.Struct, frozen=True):
    """A payment in the provider's list, for comparing: sums in minor units."""

    reference: str
    currency: str
    authorized: int
    captured: int
    refunded: int
    voided: int | None = None
    """None: this provider does not say."""


class ProviderSession(msgspec.Struct, frozen=True):
    """What the provider says of one attempt, in its current state. Amounts in minor units."""

    key: str
    reference: str
    status: SessionStatus
    amount: Money
    authorized: int = 0
    captured: int = 0
    next_action: NextAction | None = None
    decline_code: str | None = None
    voided: int = 0
    """What is held no more because it was dropped or ran out; 0 where the provider does not say."""
    refunds: list[ProviderRefund] = []
    disputes: list[ProviderDispute] = []


class OperationResult(msgspec.Struct, frozen=True):
    """The provider's answer to a capture, void or refund; `failure` is its reason when it refused."""

    failure: str | None = None


class WebhookEvent(msgspec.Struct, frozen=True):
    """A verified message of the provider: only a hint to look, the provider is asked for the state."""

    event_id: str
    reference: str


class Provider(Protocol):
    """What `mercato.payments` needs of a provider."""

    code: str
    offer: PaymentProvider
    """What shoppers are told of it."""

    async def create_session(self, request: SessionRequest) -> ProviderSession:
        """Begin, and where possible finish, an attempt; the same key gives the same attempt."""

    async def fetch(self, reference: str) -> ProviderSession | None:
        """The attempt as it stands now; None when the provider does not know it."""

    async def capture(self, *, reference: str, amount: Money, key: str) -> OperationResult: ...

    async def void(self, *, reference: str, amount: Money, key: str) -> OperationResult: ...

    async def refund(self, *, reference: str, amount: Money, key: str) -> OperationResult: ...

    async def charges(self, *, cursor: str | None) -> Page[ProviderCharge]:
        """The payments of this shop that hold or took money, oldest or newest first, page by page."""

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        """Check signature and age. Raises Invalid("signature_invalid")."""


class Surroundings(msgspec.Struct, frozen=True):
    """What a provider is made from. It keeps its own settings in the environment."""

    settings: Settings
    database: Database
    """Of the payments service: for the simulator, which keeps its books there."""


class ProviderFactory(Protocol):
    """What an entry point of the group `mercato.payment_providers` names.

    Called once while the process starts, without I/O. Raises SettingsError when a setting is missing.
    """

    def __call__(self, surroundings: Surroundings) -> Provider: ...


def session_key(order_id: UUID, attempt: int) -> str:
    return f"{order_id}:{attempt}"


def parse_session_key(key: str) -> tuple[UUID, int]:
    """The (order id, attempt) of a key made by `session_key`. Raises ValueError."""
    order_id, _, attempt = key.rpartition(":")
    return UUID(order_id), int(attempt)
