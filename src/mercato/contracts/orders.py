"""Orders: the record of a sale, how it is placed, paid, shipped, canceled and refunded."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.carts import CartTotals, Discount, TaxLine
from mercato.contracts.payments import NextAction, PaymentStatus
from mercato.contracts.shared import (
    DEFAULT_LIMIT,
    Address,
    Email,
    Limit,
    Page,
    Quantity,
    ShortText,
    Verification,
)
from mercato.kernel.context import Context
from mercato.kernel.events import Event
from mercato.kernel.money import Money
from mercato.kernel.rpc import idempotent


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
    token: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    return_url: Annotated[str, msgspec.Meta(max_length=500)] | None = None


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


class OrderDelivery(msgspec.Struct, frozen=True, gc=False):
    method: str
    code: str
    promised_date: date | None


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


class TimelineEntry(msgspec.Struct, frozen=True, gc=False):
    at: datetime
    kind: str
    actor: str
    text: str
    data: dict[str, Any]


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
    """What may be done next by the one who asks: capture, refund, fulfill, cancel, note."""
    token: str | None = None
    """Opens the order without an account; only for its buyer."""


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


class _OrderEvent(Event):
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


class OrderPlaced(_OrderEvent):
    subject: ClassVar[str] = "orders.placed"
    cart_id: UUID
    name: str
    lines: list[SoldLine]
    is_paid: bool


class OrderPaid(_OrderEvent):
    """Captured in full, at once with placing or later."""

    subject: ClassVar[str] = "orders.paid"


class OrderCanceled(_OrderEvent):
    subject: ClassVar[str] = "orders.canceled"
    reason: str


class OrderRefunded(_OrderEvent):
    subject: ClassVar[str] = "orders.refunded"
    amount: int
    reason: str


class OrderShipped(_OrderEvent):
    subject: ClassVar[str] = "orders.shipped"
    fulfillment_id: UUID
    carrier: str | None
    tracking_number: str | None
    tracking_url: str | None
    lines: list[SoldLine]


class OrderDelivered(_OrderEvent):
    subject: ClassVar[str] = "orders.delivered"
    fulfillment_id: UUID


class Orders(Protocol):
    """The orders service."""

    @idempotent
    async def place(
        self,
        ctx: Context,
        *,
        cart_id: UUID,
        cart_token: str | None,
        expected_total: Money,
        payment: PaymentChoice,
    ) -> Placement:
        """Turn a cart into an order. A replay gives the same order; after a decline it may be tried again.
        Raises Conflict: cart_changed (new totals in data), insufficient_stock (short in data),
        requirements_missing; NotFound."""

    @idempotent
    async def placement(self, ctx: Context, *, cart_id: UUID, cart_token: str | None) -> Placement:
        """How the placing of this cart stands, moving it on when the payment has been decided meanwhile."""

    @idempotent
    async def order(
        self, ctx: Context, *, number: str, email: str | None = None, token: str | None = None
    ) -> Order:
        """For its customer, or for a guest with the order's token (and e-mail when given). Else NotFound."""

    @idempotent
    async def my_orders(
        self, ctx: Context, *, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[OrderRow]: ...

    async def request_cancellation(
        self, ctx: Context, *, number: str, token: str | None = None, reason: ShortText = ""
    ) -> Order:
        """The buyer cancels before anything is shipped; money goes back. Raises Conflict("illegal_transition")."""

    @idempotent
    async def list_orders(
        self,
        ctx: Context,
        *,
        query: str = "",
        status: OrderStatus | None = None,
        payment_status: OrderPaymentStatus | None = None,
        fulfillment_status: FulfillmentStatus | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        email: str | None = None,
        sort: str = "-placed_at",
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[OrderRow]:
        """Needs `read_orders`. `query` finds number, e-mail, name, SKU. Drafts only when asked for."""

    @idempotent
    async def get_order(self, ctx: Context, *, order_id: UUID) -> Order:
        """Needs `read_orders`."""

    async def capture(self, ctx: Context, *, order_id: UUID, amount: Money | None = None) -> Order:
        """Needs `write_payments`."""

    async def refund(
        self, ctx: Context, *, order_id: UUID, amount: Money | None = None, reason: ShortText = ""
    ) -> Order:
        """Needs `write_refunds`; all that is left when `amount` is None. Raises Conflict("refund_too_large")."""

    async def cancel(
        self, ctx: Context, *, order_id: UUID, reason: ShortText = "", version: int | None = None
    ) -> Order:
        """Needs `write_orders`: voids or refunds, gives stock back. Raises Conflict("illegal_transition")."""

    async def create_fulfillment(
        self, ctx: Context, *, order_id: UUID, lines: list[FulfillmentLine] | None = None
    ) -> Order:
        """Needs `write_fulfillments`; all that is open when `lines` is None. Raises Conflict."""

    async def ship(
        self,
        ctx: Context,
        *,
        fulfillment_id: UUID,
        carrier: ShortText | None = None,
        tracking_number: ShortText | None = None,
        tracking_url: ShortText | None = None,
    ) -> Order:
        """Needs `write_fulfillments`: goods leave, the buyer is told."""

    async def deliver(self, ctx: Context, *, fulfillment_id: UUID) -> Order: ...

    async def cancel_fulfillment(self, ctx: Context, *, fulfillment_id: UUID) -> Order: ...

    async def add_note(
        self,
        ctx: Context,
        *,
        order_id: UUID,
        text: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)],
    ) -> Order: ...

    @idempotent
    async def sales(self, ctx: Context, *, days: int = 28, interval: str = "day") -> SalesReport:
        """Needs `read_analytics`. The period and the one before it, from the event log."""

    @idempotent
    async def counts(self, ctx: Context) -> OrderCounts: ...

    @idempotent
    async def customer_figures(self, ctx: Context, *, emails: list[Email]) -> list[CustomerFigures]: ...

    @idempotent
    async def verify(self, ctx: Context) -> Verification:
        """Totals = lines, statuses = payments' amounts, no stuck draft, allocations of placed orders."""
