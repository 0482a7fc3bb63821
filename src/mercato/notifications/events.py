"""What notifications hears, and the messages that follow from it."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from mercato.contracts.orders import (
    DocumentIssued,
    OrderCanceled,
    OrderDelivered,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    OrderShipped,
)
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

OrderEvent = (
    OrderPlaced | OrderPaid | OrderShipped | OrderDelivered | OrderCanceled | OrderRefunded | DocumentIssued
)
AccountEvent = UserRegistered | RegistrationRepeated | PasswordResetRequested | FactorsChanged | AccountFact
HeardEvent = OrderEvent | AccountEvent

TEMPLATE_OF: dict[type[HeardEvent], str] = {
    OrderPlaced: "order_placed",
    OrderPaid: "order_paid",
    OrderShipped: "order_shipped",
    OrderDelivered: "order_delivered",
    OrderCanceled: "order_canceled",
    OrderRefunded: "order_refunded",
    DocumentIssued: "order_document",
    UserRegistered: "account_confirm",
    RegistrationRepeated: "registration_repeated",
    PasswordResetRequested: "password_reset",
    AccountDeleted: "account_deleted",
    EmailChangeOffered: "email_change_offered",
    EmailChangeRequested: "email_change_requested",
    EmailChanged: "email_changed",
    FactorsChanged: "factors_changed",
    PasswordChanged: "password_changed",
    SignedInFromNewDevice: "new_sign_in",
    StaffInvited: "staff_invited",
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


def messages_for(events: Sequence[HeardEvent], *, paid_when_placed: set[UUID]) -> list[NewMessage]:
    """One message per event, but none about a payment that the mail about the order has told already.

    `paid_when_placed` are the orders whose mail said so before this batch.
    """
    told = paid_when_placed | {e.order_id for e in events if isinstance(e, OrderPlaced) and e.is_paid}
    return [
        NewMessage(
            event_id=event.event_id, about=event.key, recipient=event.email,
            template=TEMPLATE_OF[type(event)], locale=event.locale,
            data=msgspec.json.encode(event).decode(),
        )
        for event in events
        if not (isinstance(event, OrderPaid) and event.order_id in told)
    ]  # fmt: skip
