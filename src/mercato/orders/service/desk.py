"""What staff do with an order."""

from datetime import datetime
from uuid import UUID

from mercato.contracts.orders import (
    FulfillmentStatus,
    Order,
    OrderPaymentStatus,
    OrderRow,
    OrderStatus,
    StuckWork,
)
from mercato.contracts.shared import DEFAULT_LIMIT, Page
from mercato.kernel.context import Context
from mercato.kernel.errors import FieldError, Invalid
from mercato.kernel.money import Money
from mercato.orders.actions import cancel, collect, note, retry
from mercato.orders.actions.tags import tag_order
from mercato.orders.service.part import Part
from mercato.orders.store import reading, stuck
from mercato.orders.store.reading import ListFilter


class DeskPart(Part):
    """Implements `contracts.orders.desk`."""

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
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[OrderRow]:
        ctx.principal.require_somewhere("read_orders")
        channels = ctx.principal.channels_of("read_orders")
        if sort not in reading.ORDER_SORTS:
            error = FieldError("sort", "unknown_value", f"Choose one of: {', '.join(reading.ORDER_SORTS)}.")
            raise Invalid(detail="Some values are refused.", errors=[error])
        where = ListFilter(
            terms=query.replace("#", " ").split()[: reading.MAX_WORDS],
            status=status,
            payment_status=payment_status,
            fulfillment_status=fulfillment_status,
            created_after=created_after,
            created_before=created_before,
            email=email,
            tag=tag,
            channels=None if channels is None else sorted(channels),
        )
        return await self._page(where, sort, limit, cursor)

    async def get_order(self, ctx: Context, *, order_id: UUID) -> Order:
        await self._reach(ctx, "read_orders", order_id=order_id)
        return await self._staff_view(ctx, order_id)

    async def capture(self, ctx: Context, *, order_id: UUID, amount: Money | None = None) -> Order:
        await self._reach(ctx, "write_payments", order_id=order_id)
        await collect.capture(self._parts, ctx, order_id=order_id, amount=amount)
        return await self._staff_view(ctx, order_id)

    async def refund(
        self, ctx: Context, *, order_id: UUID, amount: Money | None = None, reason: str = ""
    ) -> Order:
        await self._reach(ctx, "write_refunds", order_id=order_id)
        await collect.refund(self._parts, ctx, order_id=order_id, amount=amount, reason=reason)
        return await self._staff_view(ctx, order_id)

    async def cancel(
        self, ctx: Context, *, order_id: UUID, reason: str = "", version: int | None = None
    ) -> Order:
        await self._reach(ctx, "write_orders", order_id=order_id)
        await cancel.cancel(self._parts, ctx, order_id=order_id, reason=reason, version=version)
        return await self._staff_view(ctx, order_id)

    async def add_note(self, ctx: Context, *, order_id: UUID, text: str) -> Order:
        await self._reach(ctx, "write_orders", order_id=order_id)
        await note.add_note(self._parts, ctx, order_id=order_id, text=text)
        return await self._staff_view(ctx, order_id)

    async def set_tags(self, ctx: Context, *, order_id: UUID, tags: list[str]) -> Order:
        await self._reach(ctx, "write_orders", order_id=order_id)
        await tag_order(self._parts, ctx, order_id=order_id, tags=tags)
        return await self._staff_view(ctx, order_id)

    async def retry(self, ctx: Context, *, order_id: UUID) -> Order:
        await self._reach(ctx, "write_orders", order_id=order_id)
        await retry.retry(self._parts, ctx, order_id=order_id)
        return await self._staff_view(ctx, order_id)

    async def stuck(self, ctx: Context, *, limit: int = DEFAULT_LIMIT) -> list[StuckWork]:
        ctx.principal.require("read_orders")
        return await stuck.everything(self._parts.db, limit=limit)
