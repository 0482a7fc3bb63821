"""What orders publishes."""

from typing import ClassVar
from uuid import UUID

import msgspec

from mercato.kernel.messaging.events import Event


class _OrderEvent(Event, frozen=True):
    order_id: UUID
    number: str
    email: str
    locale: str
    currency: str
    total: int
    token: str
    """Opens the order for its buyer: for links in mails."""

    @property
    def key(self) -> UUID:
        return self.order_id


class SoldLine(msgspec.Struct, frozen=True, gc=False):
    variant_id: UUID
    product_id: UUID
    name: str
    sku: str
    quantity: int
    total: int


class OrderPlaced(_OrderEvent, frozen=True):
    """The cart became an order; its money is taken, held or promised."""

    subject: ClassVar[str] = "orders.placed"
    cart_id: UUID
    name: str
    lines: list[SoldLine]
    is_paid: bool
    tax_id: str | None = None
    """VAT number of the buying business."""


class OrderPaid(_OrderEvent, frozen=True):
    """Captured in full, at once with placing or later."""

    subject: ClassVar[str] = "orders.paid"


class OrderCanceled(_OrderEvent, frozen=True):
    """Nothing will be sent; units are freed, and money that was taken goes back."""

    subject: ClassVar[str] = "orders.canceled"
    reason: str
    cart_id: UUID | None = None
    was_paid: bool = True
    """Whether any money had been taken: what was used up for an unpaid order is given back."""


class OrderRefunded(_OrderEvent, frozen=True):
    """`amount` minor units went back to the buyer."""

    subject: ClassVar[str] = "orders.refunded"
    amount: int
    reason: str


class OrderShipped(_OrderEvent, frozen=True):
    """A parcel left; `lines` are what is in it."""

    subject: ClassVar[str] = "orders.shipped"
    fulfillment_id: UUID
    carrier: str | None
    tracking_number: str | None
    tracking_url: str | None
    lines: list[SoldLine]


class DraftSent(_OrderEvent, frozen=True):
    """Staff has prepared an order and asks its customer to pay: `order_id` is the draft, `token` opens it.
    It has no number yet."""

    subject: ClassVar[str] = "orders.draft_sent"
    lines: list[SoldLine]


class OrderChanged(_OrderEvent, frozen=True):
    """Something was added or taken off; `difference` is what the buyer owes more through it, `owed` all that
    is still to be paid."""

    subject: ClassVar[str] = "orders.changed"
    change_id: UUID
    kind: str
    difference: int
    owed: int
    reason: str
    lines: list[SoldLine]
    """What was added."""
    removed: list[SoldLine]


class _ReturnEvent(_OrderEvent, frozen=True):
    change_id: UUID
    lines: list[SoldLine]
    """What is to come back, or has; `total` is what it is worth."""
    reason: str


class ReturnRequested(_ReturnEvent, frozen=True):
    subject: ClassVar[str] = "orders.return_requested"


class ReturnApproved(_ReturnEvent, frozen=True):
    """The buyer may send the goods."""

    subject: ClassVar[str] = "orders.return_approved"


class ReturnReceived(_ReturnEvent, frozen=True):
    """The goods are here; `amount` minor units are promised back."""

    subject: ClassVar[str] = "orders.return_received"
    amount: int


class ReturnCanceled(_ReturnEvent, frozen=True):
    """Refused, or given up."""

    subject: ClassVar[str] = "orders.return_canceled"


class OrderDelivered(_OrderEvent, frozen=True):
    """A parcel arrived."""

    subject: ClassVar[str] = "orders.delivered"
    fulfillment_id: UUID


class DocumentIssued(_OrderEvent, frozen=True):
    """An invoice or a credit note was issued: `paper` says which."""

    subject: ClassVar[str] = "orders.document_issued"
    document_id: UUID
    paper: str
    document_number: str


class LatePayment(_OrderEvent, frozen=True):
    """`amount` minor units came in for an order that had been given up and cannot be placed: it goes back."""

    subject: ClassVar[str] = "orders.late_payment"
    amount: int
