"""Granting refunds by line, and executing them."""

from typing import Protocol
from uuid import UUID

from mercato.contracts.orders.records import Order
from mercato.contracts.orders.refunds import GrantedRefund, Refundable, RefundGrant
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent


class Refunding(Protocol):
    """Granting refunds by line, and executing them."""

    @idempotent
    async def refundable(self, ctx: Context, *, order_id: UUID) -> Refundable:
        """What may still be granted. Needs `read_orders`."""

    @idempotent
    async def granted_refunds(self, ctx: Context, *, order_id: UUID) -> list[GrantedRefund]:
        """Oldest first. Needs `read_orders`."""

    async def grant_refund(self, ctx: Context, *, order_id: UUID, grant: RefundGrant) -> Order:
        """Promise money back, and send it when the grant says so. Needs `write_refunds`.
        Raises Conflict: illegal_transition, refund_too_large (what may be granted or sent in data)."""

    async def execute_refund(self, ctx: Context, *, refund_id: UUID) -> Order:
        """Send what was granted, or what failed, once. Needs `write_refunds`. Raises Conflict:
        nothing_to_send, refund_too_large, and what the provider refuses: it stays visible, to be retried."""

    @idempotent
    async def withdraw_refund(self, ctx: Context, *, refund_id: UUID) -> Order:
        """Take back what was granted and not sent: it is owed again, and its gift cards are valid again.
        Once, however often it is asked. Needs `write_refunds`. Raises Conflict: refund_sent, refund_counted
        (its goods were taken off or came back), gift_cards_apart (being issued, or a part of it was sent in
        another way), illegal_transition; NotFound."""
