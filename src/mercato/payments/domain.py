"""The rules of payments: which moves a session may make, what a payment's amounts mean, what is booked."""

from collections.abc import Iterable

import msgspec

from mercato.contracts.payments import PaymentStatus, SessionStatus
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

BOOKED_AS: dict[str, tuple[str, str]] = {
    "capture_succeeded": (RECEIVABLE, CUSTOMERS),
    "refund_succeeded": (CUSTOMERS, RECEIVABLE),
}
"""Event type → (account debited, account credited). An authorization or a void moves no money."""


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
