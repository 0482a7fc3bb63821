"""The rules of payments: which moves a session may make, what a payment's amounts mean, what is booked."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from mercato.contracts.payments import CreditKind, DisputeStatus, GiftCardStatus, PaymentStatus, SessionStatus
from mercato.kernel.errors import Conflict

OPEN_SESSIONS = frozenset({SessionStatus.PENDING, SessionStatus.PROCESSING, SessionStatus.REQUIRES_ACTION})

SESSION_MOVES: dict[SessionStatus, frozenset[SessionStatus]] = {
    SessionStatus.PENDING: frozenset(SessionStatus) - {SessionStatus.PENDING},
    SessionStatus.PROCESSING: frozenset(
        {SessionStatus.COMPLETED, SessionStatus.FAILED, SessionStatus.CANCELED, SessionStatus.EXPIRED}
    ),
    SessionStatus.REQUIRES_ACTION: frozenset(
        {
            SessionStatus.PROCESSING,
            SessionStatus.COMPLETED,
            SessionStatus.FAILED,
            SessionStatus.CANCELED,
            SessionStatus.EXPIRED,
        }
    ),
    SessionStatus.COMPLETED: frozenset(),
    SessionStatus.FAILED: frozenset(),
    SessionStatus.CANCELED: frozenset(),
    SessionStatus.EXPIRED: frozenset(),
}
"""Which status may follow which; a session that has ended stays as it is."""

RECEIVABLE = "provider_receivable"
CUSTOMERS = "customer_payments"

GRANTED = "credit_granted"
"""What the shop gives away: cards and credit that nobody paid for."""
BREAKAGE = "credit_expired"

DISPUTED = "disputed"
LOSSES = "dispute_losses"

BOOKED_AS: dict[str, tuple[str, str]] = {
    "capture_succeeded": (RECEIVABLE, CUSTOMERS),
    "refund_succeeded": (CUSTOMERS, RECEIVABLE),
    "refund_reversed": (RECEIVABLE, CUSTOMERS),
    "dispute_requested": (DISPUTED, RECEIVABLE),
    "dispute_failed": (RECEIVABLE, DISPUTED),
    "dispute_succeeded": (LOSSES, DISPUTED),
}
"""Event type → (account debited, account credited). An authorization or a void moves no money."""

CREDIT_BOOKED_AS: dict[str, tuple[str, str]] = {
    "credit_issued": (GRANTED, "{kind}_liability"),
    "credit_sold": (CUSTOMERS, "{kind}_liability"),
    "credit_added": (GRANTED, "{kind}_liability"),
    "credit_removed": ("{kind}_liability", GRANTED),
    "credit_expired": ("{kind}_liability", BREAKAGE),
    "credit_unsold": ("{kind}_liability", CUSTOMERS),
    "credit_blocked": ("{kind}_liability", "{kind}_blocked"),
    "credit_unblocked": ("{kind}_blocked", "{kind}_liability"),
    "capture_succeeded": ("{kind}_liability", CUSTOMERS),
    "refund_succeeded": (CUSTOMERS, "{kind}_liability"),
}
"""The same for gift cards and store credit: what is on them is owed to whoever holds them, also while a card
cannot be used: then on an account of its own, since nobody can ask for it."""

MOVES_MONEY = tuple(sorted(BOOKED_AS.keys() | CREDIT_BOOKED_AS.keys()))


def accounts_of(event: str, provider: str) -> tuple[str, str] | None:
    """(debited, credited) for an event of this type; None when it moves no money."""
    if provider not in frozenset(CreditKind):
        return BOOKED_AS.get(event)
    found = CREDIT_BOOKED_AS.get(event)
    return None if found is None else (found[0].format(kind=provider), found[1].format(kind=provider))


def refusal_of(is_active: bool, expires_at: datetime | None, now: datetime) -> str | None:
    """Why a balance cannot be paid with, whatever is on it."""
    if not is_active:
        return "disabled"
    return "expired" if expires_at is not None and expires_at <= now else None


def card_status(
    balance: int, *, is_active: bool, expires_at: datetime | None, now: datetime
) -> GiftCardStatus:
    if not is_active:
        return GiftCardStatus.DISABLED
    if balance == 0:
        return GiftCardStatus.USED_UP
    is_over = expires_at is not None and expires_at <= now
    return GiftCardStatus.EXPIRED if is_over else GiftCardStatus.ACTIVE


class Amounts(msgspec.Struct, frozen=True):
    """What has happened to one payment, in minor units of its currency."""

    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    voided: int = 0

    @property
    def capturable(self) -> int:
        return self.authorized - self.captured - self.voided

    @property
    def refundable(self) -> int:
        return self.captured - self.refunded


def status_of(amounts: Amounts) -> PaymentStatus:
    """The status that follows from the amounts; it is never stored."""
    if amounts.captured:
        if amounts.refunded >= amounts.captured:
            return PaymentStatus.REFUNDED
        if amounts.refunded:
            return PaymentStatus.PARTIALLY_REFUNDED
        return PaymentStatus.PAID if amounts.capturable == 0 else PaymentStatus.PARTIALLY_PAID
    if amounts.voided:
        return PaymentStatus.VOIDED
    return PaymentStatus.AUTHORIZED if amounts.authorized else PaymentStatus.PENDING


def dispute_steps(before: DisputeStatus | None, now: DisputeStatus) -> list[str]:
    """The events that lead from what we know of a dispute to what the bank says; a decided one stays."""
    steps = ["dispute_requested"] if before is None else []
    if before in (DisputeStatus.WON, DisputeStatus.LOST):
        return []
    if now is DisputeStatus.WON:
        steps.append("dispute_failed")
    elif now is DisputeStatus.LOST:
        steps.append("dispute_succeeded")
    return steps


def split_over(asked: int | None, limits: Iterable[int], *, refusal: str) -> list[int]:
    """Spread `asked` over payments, each taking at most its limit, first come first served.

    None asks for everything. Raises Conflict(refusal) when the limits together do not reach.
    """
    limits = list(limits)
    available = sum(limits)
    wanted = available if asked is None else asked
    if wanted <= 0 or wanted > available:
        raise Conflict(refusal, f"At most {available} can be taken here.", data={"available": available})
    parts = []
    for limit in limits:
        part = min(limit, wanted)
        parts.append(part)
        wanted -= part
    return parts
