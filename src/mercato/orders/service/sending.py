"""The part of the orders service about fulfillments: parcels are made, sent and delivered."""

from datetime import timedelta
from uuid import UUID

from mercato.contracts.orders import (
    FulfillmentLine,
    Order,
)
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import NotFound
from mercato.orders.actions import parcels
from mercato.orders.actions.carry_out import carry_out
from mercato.orders.service.part import Part
from mercato.orders.store import after

SHIP_LEASE_S = 20


class SendingPart(Part):
    """Implements `contracts.orders.sending`."""

    async def create_fulfillment(
        self, ctx: Context, *, order_id: UUID, lines: list[FulfillmentLine] | None = None
    ) -> Order:
        await self._reach(ctx, "write_fulfillments", order_id=order_id)
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
        await self._reach_parcel(ctx, "write_fulfillments", fulfillment_id=fulfillment_id)
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
        await self._reach_parcel(ctx, "write_fulfillments", fulfillment_id=fulfillment_id)
        return await self._staff_view(
            ctx, await parcels.deliver(self._parts, ctx, fulfillment_id=fulfillment_id)
        )

    async def cancel_fulfillment(self, ctx: Context, *, fulfillment_id: UUID) -> Order:
        await self._reach_parcel(ctx, "write_fulfillments", fulfillment_id=fulfillment_id)
        return await self._staff_view(
            ctx, await parcels.cancel(self._parts, ctx, fulfillment_id=fulfillment_id)
        )

    async def _view_of_parcel(self, ctx: Context, fulfillment_id: UUID) -> Order:
        order_id = await after.order_of_parcel(self._parts.db, fulfillment_id=fulfillment_id)
        if order_id is None:
            raise NotFound(detail="There is no such fulfillment.")
        return await self._staff_view(ctx, order_id)
