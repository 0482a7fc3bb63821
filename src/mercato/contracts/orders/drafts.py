"""Draft orders: staff prepares an order for a customer, who pays by a link, or has paid otherwise."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.carts import Cart, DeliveryMethod, NewLine
from mercato.contracts.orders.records import Order, PaymentChoice, Placement
from mercato.contracts.shared import DEFAULT_LIMIT, Address, Code, Email, Limit, Page, ShortText, Version
from mercato.kernel.context import Context
from mercato.kernel.money import Money
from mercato.kernel.rpc import idempotent

DEFAULT_DAYS = 7


class DraftStatus(StrEnum):
    OPEN = "open"
    SENT = "sent"
    """The customer has the link."""
    PLACED = "placed"
    CANCELED = "canceled"
    EXPIRED = "expired"


class DraftInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order as staff takes it by phone or mail."""

    email: Email
    customer_id: UUID | None = None
    """The account it will belong to."""
    lines: Annotated[list[NewLine], msgspec.Meta(min_length=1, max_length=250)]
    shipping_address: Address
    billing_address: Address | None = None
    delivery_method_id: UUID | None = None
    """The cheapest when missing."""
    discount: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000_000)] | None = None
    """Minor units of the channel's currency, taken off the whole order."""
    discount_percent: Annotated[str, msgspec.Meta(pattern=r"^\d{1,2}(\.\d{1,2})?$")] | None = None
    discount_label: ShortText = "Discount"
    note: ShortText = ""
    channel: Code = "default"
    expires_in_days: Annotated[int, msgspec.Meta(ge=1, le=28)] = DEFAULT_DAYS


class DraftOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A draft with what it costs today. `cart` is missing once it is over."""

    id: UUID
    status: DraftStatus
    email: str
    customer_id: UUID | None
    channel: str
    cart: Cart | None
    note: str
    created_at: datetime
    created_by: str
    sent_at: datetime | None
    expires_at: datetime
    token: str | None = None
    """Opens the page on which the customer pays."""
    order_id: UUID | None = None
    order_number: str | None = None
    version: int = 1
    """Goes up with every change: whoever changes it names the one they have seen."""
    wish: DraftInput | None = None
    """What staff asked for, to begin a change with; for staff."""


class DraftRow(msgspec.Struct, frozen=True, kw_only=True):
    """A draft in a list."""

    id: UUID
    status: DraftStatus
    email: str
    created_at: datetime
    created_by: str
    expires_at: datetime
    order_id: UUID | None = None
    order_number: str | None = None


class Drafting(Protocol):
    """Draft orders: prepared by staff, placed when they are paid or marked as paid."""

    async def create_draft(self, ctx: Context, *, draft: DraftInput) -> DraftOrder:
        """Needs `write_orders` in the channel. Raises Invalid as the cart does."""

    @idempotent
    async def draft(self, ctx: Context, *, draft_id: UUID) -> DraftOrder:
        """Needs `read_orders`."""

    @idempotent
    async def drafts(
        self,
        ctx: Context,
        *,
        status: DraftStatus | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[DraftRow]:
        """Newest first. Needs `read_orders`."""

    @idempotent
    async def draft_delivery(self, ctx: Context, *, draft_id: UUID) -> list[DeliveryMethod]:
        """How a draft may be delivered. Needs `read_orders`."""

    async def set_draft_delivery(
        self, ctx: Context, *, draft_id: UUID, delivery_method_id: UUID
    ) -> DraftOrder:
        """Needs `write_orders`. Raises Conflict("draft_closed")."""

    async def change_draft(
        self, ctx: Context, *, draft_id: UUID, draft: DraftInput, version: Version
    ) -> DraftOrder:
        """The draft holds what is given instead of what it held; its link asks for the new total. Needs
        `write_orders`. Raises Conflict: draft_closed, version_conflict, cart_not_open (it is being paid);
        Invalid as creating does."""

    async def send_draft(self, ctx: Context, *, draft_id: UUID) -> DraftOrder:
        """Mail the customer a link to pay. Needs `write_orders`. Raises Conflict("draft_closed")."""

    async def place_draft(self, ctx: Context, *, draft_id: UUID, is_paid: bool) -> Order:
        """Place it without the customer: with `is_paid` the money has come already, else it is awaited.
        Needs `write_orders`, and `write_payments` when paid. Raises Conflict as placing does."""

    async def cancel_draft(self, ctx: Context, *, draft_id: UUID) -> DraftOrder:
        """Needs `write_orders`. Raises Conflict("draft_closed")."""

    @idempotent
    async def buyer_draft(self, ctx: Context, *, draft_id: UUID, token: str) -> DraftOrder:
        """The draft for whoever has its link. Else NotFound."""

    @idempotent
    async def pay_draft(
        self, ctx: Context, *, draft_id: UUID, token: str, expected_total: Money, payment: PaymentChoice
    ) -> Placement:
        """Whoever has the link places and pays; a replay gives the same order. Raises as placing does."""

    @idempotent
    async def draft_placement(self, ctx: Context, *, draft_id: UUID, token: str) -> Placement | None:
        """How the placing stands, for a buyer who comes back from their bank; None before it began."""
