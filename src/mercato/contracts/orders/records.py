"""What an order is made of, how lists show it, and the figures of sales."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec

from mercato.contracts.carts import CartTotals, Discount, TaxLine
from mercato.contracts.orders.changes import OrderChange
from mercato.contracts.orders.refunds import GrantedRefund
from mercato.contracts.payments import NextAction, PaymentStatus
from mercato.contracts.shared import (
    Address,
    Quantity,
)
from mercato.kernel.money import Money


class OrderStatus(StrEnum):
    DRAFT = "draft"
    PLACED = "placed"
    COMPLETED = "completed"
    CANCELED = "canceled"
    EXPIRED = "expired"


class OrderPaymentStatus(StrEnum):
    NONE = "none"
    AUTHORIZED = "authorized"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    VOIDED = "voided"
    OVERPAID = "overpaid"
    """More was paid than the order costs."""
    REFUND_DUE = "refund_due"
    """Something of what was paid is promised back, and not sent yet."""


class FulfillmentStatus(StrEnum):
    UNFULFILLED = "unfulfilled"
    PARTIAL = "partial"
    FULFILLED = "fulfilled"
    DELIVERED = "delivered"


class ReturnStatus(StrEnum):
    NONE = "none"
    REQUESTED = "requested"
    PARTIAL = "partial"
    RETURNED = "returned"


class ParcelStatus(StrEnum):
    """Status of one fulfillment."""

    PENDING = "pending"
    PACKED = "packed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELED = "canceled"


class PaymentChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the shopper wants to pay; `token` comes from the provider's own form, never a card number."""

    provider: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    token: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[A-Za-z][A-Za-z0-9_.:-]*$")] | None = None
    """Begins with a letter: a card number sent by mistake is refused before anything is stored."""
    return_url: Annotated[str, msgspec.Meta(max_length=500)] | None = None
    expected_due: Money | None = None
    """What the shopper saw is left to pay after gift cards and store credit; None does not compare."""


class OrderLine(msgspec.Struct, frozen=True, gc=False):
    """A sold variant with its snapshot; `total` is after discounts, with tax when tax_included."""

    id: UUID
    variant_id: UUID
    product_id: UUID
    slug: str
    name: str
    options: dict[str, str]
    sku: str
    image: str | None
    quantity: int
    quantity_fulfilled: int
    unit_price: Money
    list_price: Money
    discounts: list[Discount]
    tax: Money
    total: Money
    quantity_open: int = 0
    """Units that are in no fulfillment yet."""
    quantity_returned: int = 0
    """Units that have come back."""
    quantity_returnable: int = 0
    """Units that were sent, and neither came back nor are coming back."""
    is_gift_card: bool = False
    """Issued and mailed when the order is paid; it has neither stock nor parcel."""
    recipient: str | None = None
    """Of gift cards: the e-mail address they go to, the order's when missing."""
    message: str = ""
    """Of gift cards: what the buyer writes to whoever gets them."""


class OrderDelivery(msgspec.Struct, frozen=True, gc=False):
    method: str
    code: str
    promised_date: date | None
    place: str = ""
    """Where it is picked up, and when that is open; empty when it is sent."""


class OrderPayment(msgspec.Struct, frozen=True, gc=False):
    id: UUID
    provider: str
    status: PaymentStatus
    authorized: Money
    captured: Money
    refunded: Money


class FulfillmentLine(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    line_id: UUID
    quantity: Quantity


class Fulfillment(msgspec.Struct, frozen=True):
    id: UUID
    status: ParcelStatus
    carrier: str | None
    tracking_number: str | None
    tracking_url: str | None
    lines: list[FulfillmentLine]
    created_at: datetime
    shipped_at: datetime | None
    delivered_at: datetime | None
    location_id: UUID | None = None
    """The stock location that it leaves from."""


class TimelineEntry(msgspec.Struct, frozen=True, gc=False):
    at: datetime
    kind: str
    actor: str
    text: str
    data: dict[str, Any]


class StuckWork(msgspec.Struct, frozen=True, gc=False):
    """Work on an order that failed so often that a person has to look. `kind` is placing, or of which intent:
    capture, refund, return_money, free_stock, ship, check_money."""

    kind: str
    order_id: UUID
    number: str
    error: str
    since: datetime


class Order(msgspec.Struct, frozen=True):
    id: UUID
    number: str
    status: OrderStatus
    payment_status: OrderPaymentStatus
    fulfillment_status: FulfillmentStatus
    return_status: ReturnStatus
    placed_at: datetime | None
    created_at: datetime
    email: str
    customer_id: UUID | None
    channel: str
    currency: str
    lines: list[OrderLine]
    totals: CartTotals
    tax_lines: list[TaxLine]
    shipping_address: Address
    billing_address: Address
    delivery: OrderDelivery
    payments: list[OrderPayment]
    fulfillments: list[Fulfillment]
    timeline: list[TimelineEntry]
    version: int
    coupons: list[str] = []
    note: str | None = None
    canceled_at: datetime | None = None
    cancel_reason: str | None = None
    allowed_actions: list[str] = []
    """What may be done next by the one who asks: capture, refund, grant_refund, fulfill, cancel, note,
    edit, return, exchange, claim, tag, pay."""
    token: str | None = None
    """Opens the order without an account; only for its buyer."""
    stuck: list[StuckWork] = []
    """What was given up after many tries, for staff: `retry` tries it again."""
    balance: Money | None = None
    """What the buyer still owes; negative: what is to go back to them. Held money counts as paid."""
    credited: Money | None = None
    """What was promised back without changing what was sold."""
    cart_id: UUID | None = None
    """The cart that it was placed from: its price can be explained while the cart is kept."""
    changes: list[OrderChange] = []
    """Edits, returns, exchanges and claims, oldest first."""
    tags: list[str] = []
    """For staff."""
    refunds: list[GrantedRefund] = []
    """What was promised back and how far it was sent, oldest first; for staff."""
    tax_id: str | None = None
    """VAT number of the buying business."""


class OrderRow(msgspec.Struct, frozen=True):
    """An order in a list."""

    id: UUID
    number: str
    status: OrderStatus
    payment_status: OrderPaymentStatus
    fulfillment_status: FulfillmentStatus
    placed_at: datetime | None
    email: str
    name: str
    total: Money
    item_count: int
    version: int
    token: str | None = None
    return_status: ReturnStatus = ReturnStatus.NONE
    tags: list[str] = []


class PlaceStatus(StrEnum):
    PLACED = "placed"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    DECLINED = "declined"


class Placement(msgspec.Struct, frozen=True):
    """The answer of placing: an order, something the shopper must do, a wait, or a decline."""

    status: PlaceStatus
    order: Order | None = None
    order_number: str | None = None
    order_token: str | None = None
    session_id: UUID | None = None
    next_action: NextAction | None = None
    decline_code: str | None = None
    held_until: datetime | None = None
    """Until then the units are kept for a shopper who still has something to do."""


class SalesPoint(msgspec.Struct, frozen=True, gc=False):
    """One day (or hour) of sales: gross sales less refunds, in minor units of `currency`."""

    at: datetime
    orders: int
    units: int
    gross: int
    refunded: int
    net: int


class TopProduct(msgspec.Struct, frozen=True, gc=False):
    product_id: UUID
    name: str
    slug: str
    units: int
    revenue: int


class SalesReport(msgspec.Struct, frozen=True):
    currency: str
    points: list[SalesPoint]
    previous: list[SalesPoint]
    top_products: list[TopProduct]
    time_zone: str = "UTC"
    """Of the channel: days begin at its midnight."""


class OrderCounts(msgspec.Struct, frozen=True):
    """How many placed orders wait for someone."""

    unfulfilled: int
    unpaid: int
    stale_drafts: int


class CustomerFigures(msgspec.Struct, frozen=True):
    email: str
    orders: int
    spent: Money
    last_order_at: datetime | None
