"""What buyers may do with a cart and with their orders."""

from uuid import UUID

from mercato.contracts.orders import (
    Order,
    OrderRow,
    OrderStatus,
    PaymentChoice,
    Placement,
)
from mercato.contracts.shared import DEFAULT_LIMIT, Page
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.money import Money
from mercato.orders.actions import cancel, settle
from mercato.orders.actions.place import Wish, place, stand_by_cart
from mercato.orders.service.part import Part
from mercato.orders.store import placing
from mercato.orders.store.reading import ListFilter


class BuyingPart(Part):
    """Implements `contracts.orders.buying`."""

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
