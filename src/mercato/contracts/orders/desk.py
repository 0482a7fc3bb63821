"""What staff do with an order: find it, take and send back money, cancel, note, try again."""

from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.orders.changes import BulkAct, BulkOutcome, Tag, Tags
from mercato.contracts.orders.records import (
    FulfillmentStatus,
    Order,
    OrderPaymentStatus,
    OrderRow,
    OrderStatus,
    StuckWork,
)
from mercato.contracts.shared import (
    DEFAULT_LIMIT,
    Limit,
    Page,
    ShortText,
)
from mercato.kernel.context import Context
from mercato.kernel.money import Money
from mercato.kernel.rpc import idempotent


class Desk(Protocol):
    """What staff do with an order: find it, take and send back money, cancel, note, try again."""

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
        tag: str | None = None,
        sort: str = "-placed_at",
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[OrderRow]:
        """Needs `read_orders`. `query` finds number, e-mail, name, SKU, product, tracking number. Drafts only
        when asked for."""

    @idempotent
    async def get_order(self, ctx: Context, *, order_id: UUID) -> Order:
        """Needs `read_orders`."""

    async def capture(self, ctx: Context, *, order_id: UUID, amount: Money | None = None) -> Order:
        """Needs `write_payments`; what is held and owed when `amount` is None. Raises Conflict, Invalid."""

    async def refund(
        self, ctx: Context, *, order_id: UUID, amount: Money | None = None, reason: ShortText = ""
    ) -> Order:
        """Needs `write_refunds`; all that is left when `amount` is None. Raises Conflict."""

    async def cancel(
        self, ctx: Context, *, order_id: UUID, reason: ShortText = "", version: int | None = None
    ) -> Order:
        """Needs `write_orders`: voids or refunds, gives stock back. Raises Conflict("illegal_transition")."""

    async def add_note(
        self,
        ctx: Context,
        *,
        order_id: UUID,
        text: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)],
    ) -> Order: ...

    async def set_tags(self, ctx: Context, *, order_id: UUID, tags: Tags) -> Order:
        """Needs `write_orders`: the order has these tags and no others."""

    async def act_on_many(
        self,
        ctx: Context,
        *,
        act: BulkAct,
        order_ids: Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=100)],
        tag: Tag | None = None,
    ) -> list[BulkOutcome]:
        """The same to many orders, each with the right it needs and by itself: a refusal of one is told, and
        the others go on. Raises Invalid when a tag is needed and missing."""

    async def retry(self, ctx: Context, *, order_id: UUID) -> Order:
        """Needs `write_orders`: what was given up after many tries is tried again, soon.
        Raises Conflict("nothing_stuck")."""

    @idempotent
    async def stuck(self, ctx: Context, *, limit: Limit = DEFAULT_LIMIT) -> list[StuckWork]:
        """Needs `read_orders`: what was given up after many tries, longest first."""
