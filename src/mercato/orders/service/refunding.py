"""Granting refunds by line, and executing them."""

from uuid import UUID

from mercato.contracts.orders import GrantedRefund, Order, Refundable, RefundGrant
from mercato.kernel.context import Context
from mercato.kernel.errors import NotFound
from mercato.kernel.money import Money
from mercato.orders.actions import grant as actions
from mercato.orders.actions.amend import stand
from mercato.orders.actions.withdraw import withdraw_refund
from mercato.orders.refund_views import left_lines
from mercato.orders.service.part import Part
from mercato.orders.store import grants


class RefundingPart(Part):
    """Implements `contracts.orders.refunding`."""

    async def refundable(self, ctx: Context, *, order_id: UUID) -> Refundable:
        await self._reach(ctx, "read_orders", order_id=order_id)
        async with self._parts.db.transaction() as tx:
            standing = await stand(tx, order_id)
            left = actions.left_to_grant(standing)
            order = standing.order
            sendable = await actions.sendable(tx, order, credited=order.credited + left.total)
        currency = order.currency
        return Refundable(
            lines=left_lines(left, standing.lines, currency),
            delivery=Money(left.delivery, currency),
            total=Money(left.total, currency),
            sendable=Money(sendable, currency),
        )

    async def granted_refunds(self, ctx: Context, *, order_id: UUID) -> list[GrantedRefund]:
        await self._reach(ctx, "read_orders", order_id=order_id)
        return (await self._staff_view(ctx, order_id)).refunds

    async def grant_refund(self, ctx: Context, *, order_id: UUID, grant: RefundGrant) -> Order:
        await self._reach(ctx, "write_refunds", order_id=order_id)
        await actions.grant_refund(self._parts, ctx, order_id=order_id, wish=grant)
        return await self._staff_view(ctx, order_id)

    async def execute_refund(self, ctx: Context, *, refund_id: UUID) -> Order:
        await self._reach_refund(ctx, refund_id)
        return await self._staff_view(
            ctx, await actions.execute_refund(self._parts, ctx, refund_id=refund_id)
        )

    async def withdraw_refund(self, ctx: Context, *, refund_id: UUID) -> Order:
        await self._reach_refund(ctx, refund_id)
        return await self._staff_view(ctx, await withdraw_refund(self._parts, ctx, refund_id=refund_id))

    async def _reach_refund(self, ctx: Context, refund_id: UUID) -> None:
        """Raise Denied without the right to refund, NotFound when there is no such refund within reach."""
        ctx.principal.require_somewhere("write_refunds")
        found = await grants.get(self._parts.db, grant_id=refund_id)
        if found is None:
            raise NotFound(detail="There is no such refund.")
        await self._reach(ctx, "write_refunds", order_id=found.order_id)
