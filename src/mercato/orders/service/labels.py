"""Labels of fulfillments."""

from uuid import UUID

from mercato.contracts.carriers import RateAnswer
from mercato.contracts.orders import Order, ParcelLabel, ParcelTracking
from mercato.kernel.context import Context
from mercato.kernel.errors import NotFound
from mercato.orders.actions import labels
from mercato.orders.service.part import Part
from mercato.orders.store import after


class LabelsPart(Part):
    """Implements `contracts.orders.labels`."""

    async def parcel_labels(self, ctx: Context, *, order_id: UUID) -> list[ParcelLabel]:
        await self._reach(ctx, "read_fulfillments", order_id=order_id)
        may_buy = ctx.principal.may_somewhere("write_fulfillments")
        return await labels.of_order(self._parts, order_id=order_id, with_offers=may_buy)

    async def buyer_tracking(
        self, ctx: Context, *, number: str, token: str | None = None
    ) -> list[ParcelTracking]:
        order_id = await self._id_for_buyer(ctx, number=number, email=None, token=token)
        found = await labels.of_order(self._parts, order_id=order_id, with_offers=False)
        return [
            ParcelTracking(each.fulfillment_id, each.label.tracking)
            for each in found
            if each.label is not None and each.label.tracking
        ]

    async def label_rates(self, ctx: Context, *, fulfillment_id: UUID) -> RateAnswer:
        await self._reach_parcel(ctx, "read_fulfillments", fulfillment_id=fulfillment_id)
        return await labels.rates(self._parts, fulfillment_id=fulfillment_id)

    async def buy_label(self, ctx: Context, *, fulfillment_id: UUID, carrier: str, service: str) -> Order:
        await self._reach_parcel(ctx, "write_fulfillments", fulfillment_id=fulfillment_id)
        await labels.buy(self._parts, ctx, fulfillment_id=fulfillment_id, carrier=carrier, service=service)
        order_id = await after.order_of_parcel(self._parts.db, fulfillment_id=fulfillment_id)
        if order_id is None:
            raise NotFound(detail="There is no such fulfillment.")
        return await self._staff_view(ctx, order_id)
