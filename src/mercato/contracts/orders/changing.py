"""Order changes: edits, returns, exchanges, claims; what is owed after them."""

from typing import Protocol
from uuid import UUID

from mercato.contracts.orders.changes import (
    ChangeInput,
    ChangeStatus,
    OrderChange,
    ReturnLines,
    ReturnReceipt,
    ReturnRow,
)
from mercato.contracts.orders.records import Order, PaymentChoice, Placement
from mercato.contracts.shared import DEFAULT_LIMIT, Limit, Page, ShortText
from mercato.kernel.context import Context
from mercato.kernel.money import Money
from mercato.kernel.rpc import idempotent


class Changing(Protocol):
    """Order changes: edits, returns, exchanges, claims; what is owed after them."""

    async def preview_change(
        self, ctx: Context, *, order_id: UUID, change: ChangeInput, version: int | None = None
    ) -> OrderChange:
        """What the change would do; nothing happens until it is confirmed. Needs `write_orders`.
        Raises Conflict: illegal_transition, not_open, not_returnable, nothing_changed, version_conflict."""

    @idempotent
    async def change(self, ctx: Context, *, change_id: UUID) -> OrderChange:
        """Needs `read_orders`."""

    @idempotent
    async def confirm_change(self, ctx: Context, *, change_id: UUID) -> Order:
        """Make a previewed change true, once. Needs `write_orders`.
        Raises Conflict: insufficient_stock, change_outdated (preview it again), illegal_transition."""

    async def cancel_change(self, ctx: Context, *, change_id: UUID, reason: ShortText = "") -> Order:
        """Drop a preview, refuse a requested return, or give up one that never arrived.
        Needs `write_orders`."""

    async def approve_return(self, ctx: Context, *, change_id: UUID) -> Order:
        """requested → approved: the buyer may send the goods. Needs `write_orders`."""

    async def receive_return(self, ctx: Context, *, change_id: UUID, receipt: ReturnReceipt) -> Order:
        """approved → received: units are restocked or written off, the refund is granted and sent.
        Needs `write_orders`. Raises Conflict: illegal_transition, received_too_much."""

    async def refund_return(self, ctx: Context, *, change_id: UUID) -> Order:
        """received → refunded, when the refund that came with the receipt was refused.
        Needs `write_refunds`."""

    @idempotent
    async def list_returns(
        self,
        ctx: Context,
        *,
        status: ChangeStatus | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[ReturnRow]:
        """Returns and exchanges, newest first. Needs `read_orders`."""

    async def request_return(
        self,
        ctx: Context,
        *,
        number: str,
        token: str | None = None,
        lines: ReturnLines,
        reason: ShortText = "",
    ) -> Order:
        """The buyer wants to send goods back. Raises Conflict: not_returnable, return_too_late."""

    async def withdraw_return(
        self, ctx: Context, *, number: str, change_id: UUID, token: str | None = None
    ) -> Order:
        """The buyer keeps the goods after all: requested or approved → canceled."""

    @idempotent
    async def pay_balance(
        self,
        ctx: Context,
        *,
        number: str,
        token: str | None = None,
        expected: Money,
        payment: PaymentChoice,
    ) -> Placement:
        """The buyer pays what an order still costs after a change. One payment is in flight at a time; asking
        again tells how it stands. Raises Conflict: balance_changed (the balance in data), nothing_owed."""

    @idempotent
    async def balance_payment(
        self, ctx: Context, *, number: str, token: str | None = None
    ) -> Placement | None:
        """How the payment of the balance that is in flight stands, for a buyer who comes back from their
        bank; None when none is."""
