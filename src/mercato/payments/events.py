"""What payments publishes: every step of a session or a payment, as `PaymentChanged`."""

from uuid import UUID

from mercato.contracts.payments import PaymentChanged, SessionStatus
from mercato.kernel.db import Row
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.payments.domain import accounts_of
from mercato.payments.providers.port import ProviderSession
from mercato.payments.store.sessions import NewEvent

_SESSION_KINDS = {
    SessionStatus.PROCESSING: "authorization_requested",
    SessionStatus.REQUIRES_ACTION: "authorization_action_required",
    SessionStatus.FAILED: "authorization_failed",
    SessionStatus.CANCELED: "authorization_failed",
    SessionStatus.EXPIRED: "authorization_failed",
}


def events_of_session(said: ProviderSession) -> list[NewEvent]:
    """The rows that follow from what the provider said of an attempt."""
    if said.status is not SessionStatus.COMPLETED:
        kind = _SESSION_KINDS.get(said.status)
        return [event_of(kind, said.reference, said.amount.amount)] if kind else []
    events = [event_of("authorization_succeeded", said.reference, said.authorized)]
    if said.captured:
        events.append(event_of("capture_succeeded", said.reference, said.captured))
    return events


def event_of_operation(operation: Row, *, provider: str, failure: str | None) -> NewEvent:
    """The row of a capture, void or refund that the provider has answered."""
    outcome = "succeeded" if failure is None else "failed"
    kind = f"{operation['kind']}_{outcome}"
    return event_of(kind, str(operation["id"]), operation["amount"], provider=provider)


def session_changed(
    order_id: UUID, said: ProviderSession, *, provider: str, ids: tuple[UUID, UUID]
) -> PaymentChanged:
    """The news of an attempt, with the amounts it brought; `ids` are of its session and its payment."""
    session_id, payment_id = ids
    kind = events_of_session(said)[-1].type if events_of_session(said) else "authorization_requested"
    return PaymentChanged(
        order_id=order_id,
        session_id=session_id,
        payment_id=payment_id if said.authorized else None,
        kind=kind,
        amount=Money(said.captured or said.authorized or said.amount.amount, said.amount.currency),
        reference=said.reference,
        session_status=said.status,
        decline_code=said.decline_code,
        authorized=said.authorized,
        captured=said.captured,
        provider=provider,
    )


def payment_changed(payment: Row, event: NewEvent, *, reason: str | None) -> PaymentChanged:
    """The news of a capture, void or refund, with the payment's amounts after it."""
    return PaymentChanged(
        order_id=payment["order_id"],
        session_id=payment["session_id"],
        payment_id=payment["id"],
        kind=event.type,
        amount=Money(event.amount, payment["currency"]),
        reference=event.reference,
        authorized=payment["authorized"],
        captured=payment["captured"],
        refunded=payment["refunded"],
        voided=payment["voided"],
        reason=reason,
        provider=payment["provider"],
    )


def event_of(kind: str, reference: str, amount: int, *, provider: str = "") -> NewEvent:
    """A new event, with the accounts it is booked to."""
    return NewEvent(new_id(), kind, reference, amount, accounts_of(kind, provider))
