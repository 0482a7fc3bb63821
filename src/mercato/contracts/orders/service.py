"""The orders contract."""

from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.orders.records import (
    CustomerFigures,
    FulfillmentLine,
    FulfillmentStatus,
    Order,
    OrderCounts,
    OrderPaymentStatus,
    OrderRow,
    OrderStatus,
    PaymentChoice,
    Placement,
    SalesReport,
    StuckWork,
)
from mercato.contracts.shared import (
    DEFAULT_LIMIT,
    Email,
    Limit,
    Page,
    ShortText,
    Verification,
)
from mercato.kernel.context import Context
from mercato.kernel.money import Money
from mercato.kernel.rpc import idempotent


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
        """The buyer cancels before anything is shipped; money goes back. Raises Conflict."""

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
        """Needs `write_refunds`; all that is left when `amount` is None. Raises Conflict."""

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

    async def retry(self, ctx: Context, *, order_id: UUID) -> Order:
        """Needs `write_orders`: what was given up after many tries is tried again, soon.
        Raises Conflict("nothing_stuck")."""

    @idempotent
    async def stuck(self, ctx: Context, *, limit: Limit = DEFAULT_LIMIT) -> list[StuckWork]:
        """Needs `read_orders`: what was given up after many tries, longest first."""

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
