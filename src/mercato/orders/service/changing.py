"""Order changes: edits, returns, exchanges, claims; what is owed after them."""

from datetime import datetime
from uuid import UUID

import msgspec

from mercato.contracts.orders import (
    ChangeInput,
    ChangeStatus,
    Order,
    OrderChange,
    PaymentChoice,
    Placement,
    PlaceStatus,
    ReturnLine,
    ReturnReceipt,
    ReturnRow,
)
from mercato.contracts.shared import DEFAULT_LIMIT, Page
from mercato.kernel.context import Context
from mercato.kernel.money import Money
from mercato.kernel.pages import decode_cursor, encode_cursor
from mercato.orders.actions import amend, pay_balance, returns
from mercato.orders.change_rows import ChangeRow
from mercato.orders.service.part import Part
from mercato.orders.store import changes


class ChangingPart(Part):
    """Implements `contracts.orders.changing`."""

    async def preview_change(
        self, ctx: Context, *, order_id: UUID, change: ChangeInput, version: int | None = None
    ) -> OrderChange:
        await self._reach(ctx, "write_orders", order_id=order_id)
        row = await amend.preview(self._parts, ctx, order_id=order_id, wish=change, version=version)
        return row.shown(await changes.currency_of(self._parts.db, change_id=row.id))

    async def change(self, ctx: Context, *, change_id: UUID) -> OrderChange:
        row = await self._reach_change(ctx, "read_orders", change_id)
        return row.shown(await changes.currency_of(self._parts.db, change_id=change_id))

    async def confirm_change(self, ctx: Context, *, change_id: UUID) -> Order:
        await self._reach_change(ctx, "write_orders", change_id)
        return await self._staff_view(ctx, await amend.confirm(self._parts, ctx, change_id=change_id))

    async def cancel_change(self, ctx: Context, *, change_id: UUID, reason: str = "") -> Order:
        await self._reach_change(ctx, "write_orders", change_id)
        order_id = await returns.cancel(self._parts, ctx, change_id=change_id, reason=reason)
        return await self._staff_view(ctx, order_id)

    async def approve_return(self, ctx: Context, *, change_id: UUID) -> Order:
        await self._reach_change(ctx, "write_orders", change_id)
        return await self._staff_view(ctx, await returns.approve(self._parts, ctx, change_id=change_id))

    async def receive_return(self, ctx: Context, *, change_id: UUID, receipt: ReturnReceipt) -> Order:
        await self._reach_change(ctx, "write_orders", change_id)
        order_id = await returns.receive(self._parts, ctx, change_id=change_id, receipt=receipt)
        return await self._staff_view(ctx, order_id)

    async def refund_return(self, ctx: Context, *, change_id: UUID) -> Order:
        await self._reach_change(ctx, "write_refunds", change_id)
        return await self._staff_view(ctx, await returns.refund(self._parts, ctx, change_id=change_id))

    async def list_returns(
        self,
        ctx: Context,
        *,
        status: ChangeStatus | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[ReturnRow]:
        ctx.principal.require_somewhere("read_orders")
        reach = ctx.principal.channels_of("read_orders")
        channels = None if reach is None else sorted(reach)
        before = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        rows = await changes.list_returns(
            self._parts.db, status=status, channels=channels, before=before, limit=limit + 1
        )
        last = rows[limit - 1] if len(rows) > limit else None
        total = await changes.count_returns(self._parts.db, status=status, channels=channels)
        return Page(rows[:limit], encode_cursor((last.created_at, last.id)) if last else None, total)

    async def request_return(
        self,
        ctx: Context,
        *,
        number: str,
        token: str | None = None,
        lines: list[ReturnLine],
        reason: str = "",
    ) -> Order:
        order_id = await self._id_for_buyer(ctx, number=number, email=None, token=token)
        await returns.request(self._parts, ctx, order_id=order_id, lines=lines, reason=reason)
        return await self._buyer_view(order_id)

    async def withdraw_return(
        self, ctx: Context, *, number: str, change_id: UUID, token: str | None = None
    ) -> Order:
        order_id = await self._id_for_buyer(ctx, number=number, email=None, token=token)
        await returns.withdraw(self._parts, ctx, change_id=change_id, order_id=order_id)
        return await self._buyer_view(order_id)

    async def pay_balance(
        self,
        ctx: Context,
        *,
        number: str,
        token: str | None = None,
        expected: Money,
        payment: PaymentChoice,
    ) -> Placement:
        order_id = await self._id_for_buyer(ctx, number=number, email=None, token=token)
        placement = await pay_balance.pay_balance(
            self._parts, ctx, order_id=order_id, expected=expected, choice=payment
        )
        return await self._with_order(order_id, placement)

    async def balance_payment(
        self, ctx: Context, *, number: str, token: str | None = None
    ) -> Placement | None:
        order_id = await self._id_for_buyer(ctx, number=number, email=None, token=token)
        placement = await pay_balance.standing_of(self._parts, order_id=order_id)
        return None if placement is None else await self._with_order(order_id, placement)

    async def _reach_change(self, ctx: Context, permission: str, change_id: UUID) -> ChangeRow:
        """The change, for whoever has the right in its order's channel. Raises Denied, NotFound."""
        ctx.principal.require_somewhere(permission)
        row = await amend.known(self._parts, change_id)
        await self._reach(ctx, permission, order_id=row.order_id)
        return row

    async def _with_order(self, order_id: UUID, placement: Placement) -> Placement:
        order = await self._buyer_view(order_id)
        is_paid = placement.status is PlaceStatus.PLACED
        return msgspec.structs.replace(
            placement, order=order if is_paid else None, order_number=order.number, order_token=order.token
        )
