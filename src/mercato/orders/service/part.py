"""What the parts of the service share: whose order it is, and how it is shown."""

from uuid import UUID

import msgspec

from mercato.contracts.orders import (
    Order,
    OrderRow,
)
from mercato.contracts.shared import Page
from mercato.kernel.context import Context
from mercato.kernel.errors import NotFound
from mercato.kernel.pages import decode_cursor, encode_cursor
from mercato.orders.numbers import normal_number, opens
from mercato.orders.parts import Parts
from mercato.orders.store import after, reading
from mercato.orders.store.reading import ListFilter
from mercato.orders.views import order_for_buyer, order_for_staff


class Part:
    """A part of the orders service."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def _reach(self, ctx: Context, permission: str, *, order_id: UUID) -> None:
        """Raise Denied without the right, NotFound when it is limited to other channels than the order's."""
        if ctx.principal.may(permission):
            return
        ctx.principal.require_somewhere(permission)
        channel = await reading.channel_of(self._parts.db, order_id=order_id)
        if channel is None or not ctx.principal.may_in(permission, channel):
            raise NotFound(detail="There is no such order.")

    async def _reach_parcel(self, ctx: Context, permission: str, *, fulfillment_id: UUID) -> None:
        """The same for the order of a fulfillment."""
        if ctx.principal.may(permission):
            return
        order_id = await after.order_of_parcel(self._parts.db, fulfillment_id=fulfillment_id)
        if order_id is None:
            ctx.principal.require_somewhere(permission)
            raise NotFound(detail="There is no such fulfillment.")
        await self._reach(ctx, permission, order_id=order_id)

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
