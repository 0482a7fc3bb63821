"""Routes of labels: what a parcel would cost, buying its label."""

from uuid import UUID

import msgspec
from litestar import get, post

from mercato.contracts.carriers import CarrierCode, RateAnswer, ServiceCode
from mercato.contracts.orders import Order, Orders, ParcelTracking
from mercato.contracts.shared import Page
from mercato.kernel.context import Context
from mercato.kernel.web import PUBLIC
from mercato.orders.api.shop import OrderNumber, OrderToken


class LabelInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    carrier: CarrierCode
    service: ServiceCode


@get("/admin/fulfillments/{fulfillment_id:uuid}/rates", permission="read_fulfillments")
async def list_rates(ctx: Context, orders: Orders, fulfillment_id: UUID) -> RateAnswer:
    """What the carriers ask for this parcel, cheapest first; `away` are those that do not answer."""
    return await orders.label_rates(ctx, fulfillment_id=fulfillment_id)


@post("/admin/fulfillments/{fulfillment_id:uuid}/label", permission="write_fulfillments", status_code=200)
async def buy_label(ctx: Context, orders: Orders, fulfillment_id: UUID, data: LabelInput) -> Order:
    """Buy the label of a parcel, once; 409 `label_exists`, `sender_unknown`, 422 `address_refused`."""
    return await orders.buy_label(
        ctx, fulfillment_id=fulfillment_id, carrier=data.carrier, service=data.service
    )


@get("/orders/{number:str}/tracking", permission=PUBLIC)
async def list_tracking(
    ctx: Context, orders: Orders, number: OrderNumber, order_token: OrderToken = None
) -> Page[ParcelTracking]:
    """What the carriers saw of the parcels of one's own order."""
    found = await orders.buyer_tracking(ctx, number=number, token=order_token)
    return Page(found, None, len(found))


routes = [list_rates, buy_label, list_tracking]
