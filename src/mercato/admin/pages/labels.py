"""Labels of parcels: buy, print; where parcels leave from."""

from uuid import UUID

from litestar import Response, get, post

from mercato.admin.desk import Desk
from mercato.admin.forms import FormData, text
from mercato.contracts.carriers import Carriers
from mercato.contracts.orders import Orders
from mercato.kernel.context import Context
from mercato.kernel.errors import Invalid


@post(
    "/admin/orders/{order_id:uuid}/fulfillments/{fulfillment_id:uuid}/label",
    permission="write_fulfillments",
)
async def buy_label(
    desk: Desk, orders: Orders, order_id: UUID, fulfillment_id: UUID, data: FormData
) -> Response[str]:
    """Buy the offered label for a parcel."""
    carrier, _, service = text(data, "offer").partition(":")
    if not (carrier and service and len(carrier) <= 40 and len(service) <= 40):
        raise Invalid("unknown_carrier", "Choose a label.")
    await orders.buy_label(desk.ctx, fulfillment_id=fulfillment_id, carrier=carrier, service=service)
    return desk.done(f"/admin/orders/{order_id}", "label_bought")


@get("/admin/labels/{label_id:uuid}", permission="read_fulfillments")
async def show_label(ctx: Context, carriers: Carriers, label_id: UUID) -> Response[bytes]:
    """The label as PDF."""
    file = await carriers.label_file(ctx, label_id=label_id)
    headers = {"Content-Disposition": f'inline; filename="{file.name}"', "Cache-Control": "private, no-store"}
    return Response(file.content, media_type="application/pdf", headers=headers)


routes = [buy_label, show_label]
