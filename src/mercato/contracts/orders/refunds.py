"""Refunds: granted, with what is owed back and why, and executed against the payments of the order."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from mercato.contracts.shared import MinorUnits, Quantity, ShortText
from mercato.kernel.money import Money

MAX_REFUND_LINES = 100


class RefundStatus(StrEnum):
    """How one try to send money back stands."""

    OPEN = "open"
    SENT = "sent"
    FAILED = "failed"


class RefundLine(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What is granted for a line. Without `amount`, the share of so many units in what is left of it."""

    line_id: UUID
    quantity: Quantity
    amount: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000_000)] | None = None
    """Minor units of the order's currency, tax included."""


class RefundGrant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A refund that staff grants: for lines, for delivery, or for neither; amounts in minor units."""

    lines: Annotated[list[RefundLine], msgspec.Meta(max_length=MAX_REFUND_LINES)] = []
    delivery: MinorUnits = 0
    other: MinorUnits = 0
    """For no line in particular, for example for the trouble."""
    reason: ShortText = ""
    execute: bool = True
    """Send the money now; else it is granted, and sent when somebody says so."""


class GrantedLine(msgspec.Struct, frozen=True, gc=False):
    line_id: UUID
    name: str
    quantity: int
    amount: Money


class RefundExecution(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One try to send money of a granted refund back. `code` says why it failed."""

    id: UUID
    status: RefundStatus
    amount: Money
    created_at: datetime
    created_by: str
    finished_at: datetime | None = None
    code: str | None = None
    detail: str | None = None


class GrantedRefund(msgspec.Struct, frozen=True, kw_only=True):
    """What was promised back, for what, and how far it has been sent. Negative: a promise taken back."""

    id: UUID
    amount: Money
    lines: list[GrantedLine]
    delivery: Money
    reason: str
    granted_at: datetime
    granted_by: str
    change_id: UUID | None = None
    """The return, exchange or claim that it came with."""
    executions: list[RefundExecution] = []
    may_execute: bool = False
    """Something of it is still to be sent, and nothing of it is on its way."""
    may_withdraw: bool = False
    """Nothing of it was sent or is on its way: it can be taken back."""
    withdraws: UUID | None = None
    """The refund that this one takes back."""
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None


class Refundable(msgspec.Struct, frozen=True, kw_only=True):
    """What may still be granted of an order: of each line units and amount, of delivery, and of all of it."""

    lines: list[GrantedLine]
    delivery: Money
    total: Money
    sendable: Money
    """What of it could be sent at once: paid, and more than is still owed after the grant of all of it."""
