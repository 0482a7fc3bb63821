"""Disputes: a shopper's bank takes the money back, and the merchant may answer."""

from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import msgspec

from mercato.contracts.shared import DEFAULT_LIMIT, Limit, Page
from mercato.kernel.context import Context
from mercato.kernel.money import Money
from mercato.kernel.rpc import idempotent


class DisputeStatus(StrEnum):
    NEEDS_RESPONSE = "needs_response"
    """The bank waits for evidence until `evidence_due_at`."""
    UNDER_REVIEW = "under_review"
    WON = "won"
    """The money came back to the shop."""
    LOST = "lost"
    """The money stays with the shopper."""


class Dispute(msgspec.Struct, frozen=True):
    """A chargeback. Evidence is handed in at the provider."""

    id: UUID
    order_id: UUID
    payment_id: UUID
    provider: str
    reference: str
    status: DisputeStatus
    amount: Money
    reason: str
    evidence_due_at: datetime | None
    opened_at: datetime
    closed_at: datetime | None


class Disputing(Protocol):
    """What staff reads of disputes; the provider tells of them by webhook."""

    @idempotent
    async def disputes(
        self,
        ctx: Context,
        *,
        order_id: UUID | None = None,
        status: DisputeStatus | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Dispute]:
        """Needs `read_payments`, newest first."""
