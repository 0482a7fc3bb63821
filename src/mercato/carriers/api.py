"""REST routes of carriers: signed webhooks, what there is, where parcels leave from."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post, put

from mercato.contracts.carriers import CarrierInfo, Carriers, Sender, TrackingNumber, TrackingStatus
from mercato.contracts.shared import Address, Page, ShortText, Version
from mercato.kernel.context import Context
from mercato.kernel.web import PUBLIC

PDF = "application/pdf"
_WEBHOOK_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


class SenderBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where parcels leave from; `version` is the one that was read, 1 for the first."""

    address: Address
    version: Version = 1


class ScanInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    status: TrackingStatus


class FaultInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fault: ShortText


@post(
    "/webhooks/carriers/{carrier:str}",
    permission=PUBLIC,
    csrf=False,
    any_query=True,
    status_code=200,
    include_in_schema=False,
)
async def receive_webhook(
    ctx: Context, carriers: Carriers, carrier: str, request: Request[Any, Any, Any]
) -> dict[str, bool]:
    """Take a signed message of a carrier."""
    headers = {
        name: value
        for name, value in request.headers.items()
        if name in _WEBHOOK_HEADERS or name.startswith("x-")
    }
    await carriers.receive_webhook(ctx, carrier=carrier, headers=headers, body=await request.body())
    return {"received": True}


@get("/admin/carriers", permission="read_fulfillments")
async def list_carriers(ctx: Context, carriers: Carriers) -> Page[CarrierInfo]:
    """The carriers of this shop, and whether they answer."""
    found = await carriers.carriers(ctx)
    return Page(found, None, len(found))


@get("/admin/labels/{label_id:uuid}", permission="read_fulfillments", media_type=PDF)
async def get_label(ctx: Context, carriers: Carriers, label_id: UUID) -> Response[bytes]:
    """A bought label as PDF."""
    file = await carriers.label_file(ctx, label_id=label_id)
    headers = {"Content-Disposition": f'inline; filename="{file.name}"', "Cache-Control": "private, no-store"}
    return Response(file.content, media_type=PDF, headers=headers)


@get("/admin/senders", permission="read_settings")
async def list_senders(ctx: Context, carriers: Carriers) -> Page[Sender]:
    """Where the parcels of each channel leave from."""
    found = await carriers.senders(ctx)
    return Page(found, None, len(found))


@put("/admin/senders/{channel:str}", permission="write_settings")
async def save_sender(ctx: Context, carriers: Carriers, channel: ShortText, data: SenderBody) -> Sender:
    """Say where the parcels of a channel leave from; 409 `version_conflict`."""
    return await carriers.save_sender(ctx, sender=Sender(channel[:120], data.address, data.version))


@post("/simulator/parcels/{number:str}/scans", permission=PUBLIC, include_in_schema=False, status_code=200)
async def scan(ctx: Context, carriers: Carriers, number: TrackingNumber, data: ScanInput) -> dict[str, bool]:
    """The simulated carrier sees a parcel."""
    await carriers.scan_simulated_parcel(ctx, tracking_number=number, status=data.status)
    return {"seen": True}


@put("/simulator/carrier", permission=PUBLIC, include_in_schema=False)
async def set_fault(ctx: Context, carriers: Carriers, data: FaultInput) -> dict[str, str]:
    """How the simulated carrier answers from now on."""
    await carriers.set_simulated_fault(ctx, fault=data.fault)
    return {"fault": data.fault}


routes = [
    receive_webhook, list_carriers, get_label, list_senders, save_sender, scan, set_fault,
]  # fmt: skip
