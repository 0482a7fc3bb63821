"""Draft orders: prepared by staff, placed when they are paid or marked as paid."""

from datetime import datetime
from uuid import UUID

from mercato.contracts.carts import DeliveryMethod
from mercato.contracts.orders import (
    DraftInput,
    DraftOrder,
    DraftRow,
    DraftStatus,
    Order,
    PaymentChoice,
    Placement,
)
from mercato.contracts.shared import DEFAULT_LIMIT, Page
from mercato.kernel.context import Context
from mercato.kernel.errors import NotFound
from mercato.kernel.money import Money
from mercato.kernel.pages import decode_cursor, encode_cursor
from mercato.orders.actions import drafts, edit_draft
from mercato.orders.numbers import opens
from mercato.orders.service.part import Part
from mercato.orders.store import drafts as store
from mercato.orders.store.drafts import DraftOrderRow


class DraftingPart(Part):
    """Implements `contracts.orders.drafts`."""

    async def create_draft(self, ctx: Context, *, draft: DraftInput) -> DraftOrder:
        ctx.principal.require_in("write_orders", draft.channel)
        row = await drafts.create(self._parts, ctx, draft)
        return await drafts.shown(self._parts, row, for_staff=True)

    async def draft(self, ctx: Context, *, draft_id: UUID) -> DraftOrder:
        row = await self._reach_draft(ctx, "read_orders", draft_id)
        return await drafts.shown(self._parts, row, for_staff=True)

    async def drafts(
        self,
        ctx: Context,
        *,
        status: DraftStatus | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[DraftRow]:
        ctx.principal.require_somewhere("read_orders")
        reach = ctx.principal.channels_of("read_orders")
        rows = await store.page(
            self._parts.db,
            status=status,
            channels=None if reach is None else sorted(reach),
            before=decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None,
            limit=limit + 1,
        )
        last = rows[limit - 1] if len(rows) > limit else None
        return Page(rows[:limit], encode_cursor((last.created_at, last.id)) if last else None)

    async def draft_delivery(self, ctx: Context, *, draft_id: UUID) -> list[DeliveryMethod]:
        row = await self._reach_draft(ctx, "read_orders", draft_id)
        return await drafts.delivery_methods(self._parts, row)

    async def set_draft_delivery(
        self, ctx: Context, *, draft_id: UUID, delivery_method_id: UUID
    ) -> DraftOrder:
        row = await self._reach_draft(ctx, "write_orders", draft_id)
        await drafts.set_delivery(self._parts, row, delivery_method_id)
        return await self._shown_again(draft_id)

    async def change_draft(
        self, ctx: Context, *, draft_id: UUID, draft: DraftInput, version: int
    ) -> DraftOrder:
        row = await self._reach_draft(ctx, "write_orders", draft_id)
        await edit_draft.change(self._parts, ctx, row, draft, version=version)
        return await self._shown_again(draft_id)

    async def send_draft(self, ctx: Context, *, draft_id: UUID) -> DraftOrder:
        row = await self._reach_draft(ctx, "write_orders", draft_id)
        await drafts.send(self._parts, ctx, row)
        return await self._shown_again(draft_id)

    async def place_draft(self, ctx: Context, *, draft_id: UUID, is_paid: bool) -> Order:
        row = await self._reach_draft(ctx, "write_orders", draft_id)
        if is_paid:
            ctx.principal.require_in("write_payments", row.channel)
        order_id = await drafts.place_by_staff(self._parts, ctx, row, is_paid=is_paid)
        return await self._staff_view(ctx, order_id)

    async def cancel_draft(self, ctx: Context, *, draft_id: UUID) -> DraftOrder:
        row = await self._reach_draft(ctx, "write_orders", draft_id)
        await drafts.cancel(self._parts, ctx, row)
        return await self._shown_again(draft_id)

    async def buyer_draft(self, ctx: Context, *, draft_id: UUID, token: str) -> DraftOrder:
        row = await self._opened(draft_id, token)
        return await drafts.shown(self._parts, row, for_staff=False)

    async def pay_draft(
        self, ctx: Context, *, draft_id: UUID, token: str, expected_total: Money, payment: PaymentChoice
    ) -> Placement:
        row = await self._opened(draft_id, token)
        return await drafts.pay(self._parts, row, expected_total, payment)

    async def draft_placement(self, ctx: Context, *, draft_id: UUID, token: str) -> Placement | None:
        return await drafts.placement_of(self._parts, await self._opened(draft_id, token))

    async def _opened(self, draft_id: UUID, token: str) -> DraftOrderRow:
        """The draft whose link is shown. Raises NotFound."""
        if not opens(token, draft_id, self._parts.secret):
            raise NotFound(detail="There is no such order, or the link is not complete.")
        return await drafts.known(self._parts, draft_id)

    async def _reach_draft(self, ctx: Context, permission: str, draft_id: UUID) -> DraftOrderRow:
        """The draft, for whoever has the right in its channel. Raises Denied, NotFound."""
        ctx.principal.require_somewhere(permission)
        row = await drafts.known(self._parts, draft_id)
        if not ctx.principal.may_in(permission, row.channel):
            raise NotFound(detail="There is no such draft order.")
        return row

    async def _shown_again(self, draft_id: UUID) -> DraftOrder:
        row = await drafts.known(self._parts, draft_id)
        return await drafts.shown(self._parts, row, for_staff=True)
