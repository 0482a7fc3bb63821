"""What notifications hears, and the messages that follow from it."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from mercato.contracts.orders import (
    DocumentIssued,
    DraftSent,
    LatePayment,
    OrderCanceled,
    OrderChanged,
    OrderDelivered,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    OrderShipped,
    ReturnApproved,
    ReturnCanceled,
    ReturnReceived,
    ReturnRequested,
)
from mercato.contracts.payments import GiftCardIssued, MoneyAlert
from mercato.contracts.privacy import ExportReady
from mercato.contracts.users import (
    AccountDeleted,
    AccountFact,
    EmailChanged,
    EmailChangeOffered,
    EmailChangeRequested,
    FactorsChanged,
    PasswordChanged,
    PasswordResetRequested,
    RegistrationRepeated,
    SignedInFromNewDevice,
    StaffInvited,
    UserRegistered,
)
from mercato.contracts.users.external import IdentityProofRequested

OrderEvent = (
    OrderPlaced
    | OrderPaid
    | OrderShipped
    | OrderDelivered
    | OrderCanceled
    | OrderRefunded
    | DocumentIssued
    | DraftSent
    | OrderChanged
    | ReturnRequested
    | ReturnApproved
    | ReturnReceived
    | ReturnCanceled
)
AccountEvent = UserRegistered | RegistrationRepeated | PasswordResetRequested | FactorsChanged | AccountFact
MoneyEvent = GiftCardIssued | MoneyAlert | LatePayment
HeardEvent = OrderEvent | AccountEvent | IdentityProofRequested | MoneyEvent

TEMPLATE_OF: dict[type[HeardEvent], str] = {
    OrderPlaced: "order_placed",
    OrderPaid: "order_paid",
    OrderShipped: "order_shipped",
    OrderDelivered: "order_delivered",
    OrderCanceled: "order_canceled",
    OrderRefunded: "order_refunded",
    OrderChanged: "order_changed",
    DraftSent: "draft_order",
    ReturnRequested: "order_return_requested",
    ReturnApproved: "order_return_approved",
    ReturnReceived: "order_return_received",
    ReturnCanceled: "order_return_canceled",
    DocumentIssued: "order_document",
    UserRegistered: "account_confirm",
    RegistrationRepeated: "registration_repeated",
    PasswordResetRequested: "password_reset",
    AccountDeleted: "account_deleted",
    EmailChangeOffered: "email_change_offered",
    EmailChangeRequested: "email_change_requested",
    EmailChanged: "email_changed",
    FactorsChanged: "factors_changed",
    IdentityProofRequested: "identity_proof",
    PasswordChanged: "password_changed",
    SignedInFromNewDevice: "new_sign_in",
    StaffInvited: "staff_invited",
    ExportReady: "export_ready",
    GiftCardIssued: "gift_card_issued",
    MoneyAlert: "money_alert",
    LatePayment: "money_alert",
}
HEARD: tuple[type[HeardEvent], ...] = tuple(TEMPLATE_OF)


class NewMessage(msgspec.Struct, frozen=True):
    """A message that an event asks for; `data` is the event as JSON."""

    event_id: UUID
    about: UUID
    recipient: str
    template: str
    locale: str
    data: str


def messages_for(
    events: Sequence[HeardEvent], *, paid_when_placed: set[UUID], alerts_to: str
) -> list[NewMessage]:
    """One message per event, but none about a payment that the mail about the order has told already.

    `paid_when_placed` are the orders whose mail said so before this batch; alerts go to `alerts_to`, and
    nowhere when that is empty.
    """
    told = paid_when_placed | {e.order_id for e in events if isinstance(e, OrderPlaced) and e.is_paid}
    messages = []
    for event in events:
        reader = _reader_of(event, alerts_to)
        if reader is None or (isinstance(event, OrderPaid) and event.order_id in told):
            continue
        messages.append(
            NewMessage(
                event_id=event.event_id, about=event.key, recipient=reader[0],
                template=TEMPLATE_OF[type(event)], locale=reader[1],
                data=msgspec.json.encode(event).decode(),
            )
        )  # fmt: skip
    return messages


def _reader_of(event: HeardEvent, alerts_to: str) -> tuple[str, str] | None:
    """(address, locale) of whom the event is for; None when there is nobody."""
    if isinstance(event, MoneyAlert | LatePayment):
        return (alerts_to, "en") if alerts_to else None
    return event.email, event.locale
