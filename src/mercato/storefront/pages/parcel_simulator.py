"""The tracking page of the simulated carrier: another company's page, where anybody moves the parcel on."""

from litestar import Response, get, post

from mercato.contracts.carriers import Carriers, TrackingNumber, TrackingStatus
from mercato.kernel.errors import NotFound
from mercato.kernel.web import PUBLIC
from mercato.storefront.forms import Form, text_of
from mercato.storefront.visit import Visit

NEXT = (
    (TrackingStatus.IN_TRANSIT, "Picked up"),
    (TrackingStatus.OUT_FOR_DELIVERY, "Out for delivery"),
    (TrackingStatus.FAILED, "Nobody at home"),
    (TrackingStatus.DELIVERED, "Delivered"),
    (TrackingStatus.RETURNED, "Returned"),
)


@get("/simulator/parcels/{number:str}", permission=PUBLIC, include_in_schema=False)
async def show(visit: Visit, carriers: Carriers, number: TrackingNumber) -> Response[str]:
    """Where the parcel is, and what the carrier may see next."""
    seen = await carriers.simulated_parcel(visit.ctx, tracking_number=number)
    known = {event.status for event in seen}
    is_over = bool(known & {TrackingStatus.DELIVERED, TrackingStatus.RETURNED})
    actions = [] if is_over else [(status.value, label) for status, label in NEXT if status not in known]
    context = {
        "number": number,
        "seen": list(reversed(seen)),
        "actions": actions,
        "locale": visit.ctx.locale,
        "robots": "noindex",
    }
    return visit.page("parcel.html", context, headers={"Cache-Control": "no-store"})


@post("/simulator/parcels/{number:str}", permission=PUBLIC, include_in_schema=False, status_code=200)
async def scan(visit: Visit, carriers: Carriers, number: TrackingNumber, data: Form) -> Response[str]:
    """The carrier sees the parcel; its webhook follows."""
    typed = text_of(data, "status")
    if typed not in [status.value for status, _ in NEXT]:
        raise NotFound(detail="The carrier knows no such scan.")
    await carriers.scan_simulated_parcel(visit.ctx, tracking_number=number, status=TrackingStatus(typed))
    return visit.go(f"/simulator/parcels/{number}")


routes = [show, scan]
