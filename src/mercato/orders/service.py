"""The orders contract: checks who asks, runs one action, reads the answer."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from mercato.contracts.orders import (
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
from mercato.contracts.shared import DEFAULT_LIMIT, Page, Verification
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, FieldError, Invalid, NotFound
from mercato.kernel.money import Money
from mercato.kernel.pages import decode_cursor, encode_cursor
from mercato.orders.actions import cancel, collect, note, parcels, report, retry, settle, verify
from mercato.orders.actions.carry_out import carry_out
from mercato.orders.actions.place import Wish, place, stand_by_cart
from mercato.orders.numbers import normal_number, opens
from mercato.orders.parts import Parts
from mercato.orders.store import after, figures, placing, reading, stuck
from mercato.orders.store.reading import ListFilter
from mercato.orders.views import order_for_buyer, order_for_staff

SHIP_LEASE_S = 20
STALE_AFTER_S = 60


class OrdersService:
    """Implements `contracts.orders.Orders`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    # Buyers

    async def place(
        self,
        ctx: Context,
        *,
        cart_id: UUID,
        cart_token: str | None,
        expected_total: Money,
        payment: PaymentChoice,
    ) -> Placement:
        wish = Wish(cart_id=cart_id, cart_token=cart_token, expected_total=expected_total, payment=payment)
        try:
            return await place(self._parts, ctx, wish)
        except Conflict as error:
            # Another request has placed the order since we looked.
            if error.code != "cart_completed":
                raise
            return await stand_by_cart(self._parts, ctx, wish)

    async def placement(self, ctx: Context, *, cart_id: UUID, cart_token: str | None) -> Placement:
        draft = await placing.draft_of_cart(self._parts.db, cart_id=cart_id)
        if draft is None or not settle.is_owner(ctx, draft, cart_token):
            raise NotFound(detail="There is no such checkout.")
        if draft.status is OrderStatus.DRAFT:
            return await settle.move_on(self._parts, draft)
        return await settle.standing(self._parts, draft)

    async def order(
        self, ctx: Context, *, number: str, email: str | None = None, token: str | None = None
    ) -> Order:
        order_id = await self._id_for_buyer(ctx, number=number, email=email, token=token)
        return await self._buyer_view(order_id)

    async def my_orders(
        self, ctx: Context, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[OrderRow]:
        where = ListFilter(customer_id=ctx.principal.require_user_id())
        return await self._page(where, "-placed_at", limit, cursor)

    async def request_cancellation(
        self, ctx: Context, *, number: str, token: str | None = None, reason: str = ""
    ) -> Order:
        order_id = await self._id_for_buyer(ctx, number=number, email=None, token=token)
        await cancel.cancel(self._parts, ctx, order_id=order_id, reason=reason, version=None)
        return await self._buyer_view(order_id)

    # Staff

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
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[OrderRow]:
        ctx.principal.require("read_orders")
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
        )
        return await self._page(where, sort, limit, cursor)

    async def get_order(self, ctx: Context, *, order_id: UUID) -> Order:
        ctx.principal.require("read_orders")
        return await self._staff_view(ctx, order_id)

    async def capture(self, ctx: Context, *, order_id: UUID, amount: Money | None = None) -> Order:
        ctx.principal.require("write_payments")
        await collect.capture(self._parts, ctx, order_id=order_id, amount=amount)
        return await self._staff_view(ctx, order_id)

    async def refund(
        self, ctx: Context, *, order_id: UUID, amount: Money | None = None, reason: str = ""
    ) -> Order:
        ctx.principal.require("write_refunds")
        await collect.refund(self._parts, ctx, order_id=order_id, amount=amount, reason=reason)
        return await self._staff_view(ctx, order_id)

    async def cancel(
        self, ctx: Context, *, order_id: UUID, reason: str = "", version: int | None = None
    ) -> Order:
        ctx.principal.require("write_orders")
        await cancel.cancel(self._parts, ctx, order_id=order_id, reason=reason, version=version)
        return await self._staff_view(ctx, order_id)

    async def create_fulfillment(
        self, ctx: Context, *, order_id: UUID, lines: list[FulfillmentLine] | None = None
    ) -> Order:
        ctx.principal.require("write_fulfillments")
        await parcels.create(self._parts, ctx, order_id=order_id, lines=lines)
        return await self._staff_view(ctx, order_id)

    async def ship(
        self,
        ctx: Context,
        *,
        fulfillment_id: UUID,
        carrier: str | None = None,
        tracking_number: str | None = None,
        tracking_url: str | None = None,
    ) -> Order:
        ctx.principal.require("write_fulfillments")
        intent = await parcels.begin_shipment(
            self._parts,
            ctx,
            fulfillment_id=fulfillment_id,
            carrier=carrier,
            tracking_number=tracking_number,
            tracking_url=tracking_url,
            due=clock.now() + timedelta(seconds=SHIP_LEASE_S),
        )
        if intent is not None:
            await carry_out(self._parts, intent)
        return await self._view_of_parcel(ctx, fulfillment_id)

    async def deliver(self, ctx: Context, *, fulfillment_id: UUID) -> Order:
        ctx.principal.require("write_fulfillments")
        return await self._staff_view(
            ctx, await parcels.deliver(self._parts, ctx, fulfillment_id=fulfillment_id)
        )

    async def cancel_fulfillment(self, ctx: Context, *, fulfillment_id: UUID) -> Order:
        ctx.principal.require("write_fulfillments")
        return await self._staff_view(
            ctx, await parcels.cancel(self._parts, ctx, fulfillment_id=fulfillment_id)
        )

    async def add_note(self, ctx: Context, *, order_id: UUID, text: str) -> Order:
        ctx.principal.require("write_orders")
        await note.add_note(self._parts, ctx, order_id=order_id, text=text)
        return await self._staff_view(ctx, order_id)

    async def retry(self, ctx: Context, *, order_id: UUID) -> Order:
        ctx.principal.require("write_orders")
        await retry.retry(self._parts, ctx, order_id=order_id)
        return await self._staff_view(ctx, order_id)

    async def stuck(self, ctx: Context, *, limit: int = DEFAULT_LIMIT) -> list[StuckWork]:
        ctx.principal.require("read_orders")
        return await stuck.everything(self._parts.db, limit=limit)

    # Figures

    async def sales(self, ctx: Context, *, days: int = 28, interval: str = "day") -> SalesReport:
        ctx.principal.require("read_analytics")
        return await report.sales(self._parts, ctx, days=days, interval=interval)

    async def counts(self, ctx: Context) -> OrderCounts:
        ctx.principal.require("read_orders")
        stale_before = clock.now() - timedelta(seconds=STALE_AFTER_S)
        return await figures.counts(self._parts.db, stale_before=stale_before)

    async def customer_figures(self, ctx: Context, *, emails: list[str]) -> list[CustomerFigures]:
        ctx.principal.require("read_orders")
        return await report.customer_figures(self._parts, ctx, emails=emails)

    async def verify(self, ctx: Context) -> Verification:
        ctx.principal.require("read_system")
        return await verify.verify(self._parts)

    async def _id_for_buyer(self, ctx: Context, *, number: str, email: str | None, token: str | None) -> UUID:
        """The order of the signed-in customer with this number, or the one whose token is shown."""
        number = normal_number(number)
        if ctx.principal.id is not None:
            mine = await reading.id_of_customer(self._parts.db, number=number, customer_id=ctx.principal.id)
            if mine is not None:
                return mine
        found = await reading.id_of_number(self._parts.db, number=number) if token else None
        if found is None or token is None or not opens(token, found[0], self._parts.secret):
            raise NotFound(detail="There is no such order, or the link is not complete.")
        if email is not None and email.strip().lower() != found[1].lower():
            raise NotFound(detail="There is no such order, or the link is not complete.")
        return found[0]

    async def _buyer_view(self, order_id: UUID) -> Order:
        view = await reading.view(self._parts.db, order_id=order_id)
        if view is None:
            raise NotFound(detail="There is no such order.")
        return order_for_buyer(view, self._parts.token_of(order_id))

    async def _staff_view(self, ctx: Context, order_id: UUID) -> Order:
        view = await reading.view(self._parts.db, order_id=order_id, for_staff=True)
        if view is None:
            raise NotFound(detail="There is no such order.")
        return order_for_staff(view, ctx.principal)

    async def _view_of_parcel(self, ctx: Context, fulfillment_id: UUID) -> Order:
        order_id = await after.order_of_parcel(self._parts.db, fulfillment_id=fulfillment_id)
        if order_id is None:
            raise NotFound(detail="There is no such fulfillment.")
        return await self._staff_view(ctx, order_id)

    async def _page(self, where: ListFilter, sort: str, limit: int, cursor: str | None) -> Page[OrderRow]:
        position = decode_cursor(cursor, reading.position_of(where, sort)) if cursor else None
        rows = await reading.list_rows(
            self._parts.db, where=where, sort=sort, limit=limit + 1, after=position
        )
        total = await reading.count_rows(self._parts.db, where=where)
        shown, is_more = rows[:limit], len(rows) > limit
        last = encode_cursor(reading.cursor_of(where, sort, shown[-1])) if is_more else None
        if where.customer_id is not None:
            shown = [msgspec.structs.replace(row, token=self._parts.token_of(row.id)) for row in shown]
        return Page(shown, last, total)
