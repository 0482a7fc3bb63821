"""Routes of papers: invoices, credit notes, packing slips; who sells."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post, put
from litestar.params import Parameter

from mercato.contracts.orders import Document, DocumentFile, DocumentList, Orders, Seller
from mercato.contracts.shared import Page
from mercato.kernel.context import Context
from mercato.kernel.web import PUBLIC
from mercato.orders.api.shop import OrderNumber, OrderToken

PDF = "application/pdf"


class SellerBody(Seller, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A seller as staff sends it; `version` is the one that was read, 1 for the first."""


@get("/admin/orders/{order_id:uuid}/documents", permission="read_orders")
async def list_documents(ctx: Context, orders: Orders, order_id: UUID) -> DocumentList:
    """Invoice and credit notes of an order, oldest first."""
    return await orders.documents(ctx, order_id=order_id)


@post("/admin/orders/{order_id:uuid}/invoice", permission="write_orders", status_code=200)
async def issue_invoice(ctx: Context, orders: Orders, order_id: UUID) -> Document:
    """The invoice, issued now unless it was before; 409 `seller_unknown`, `illegal_transition`."""
    return await orders.issue_invoice(ctx, order_id=order_id)


@get("/admin/documents/{document_id:uuid}", permission="read_orders", media_type=PDF)
async def get_document(ctx: Context, orders: Orders, document_id: UUID) -> Response[bytes]:
    """An issued document as PDF, the same bytes each time."""
    return pdf(await orders.document_file(ctx, document_id=document_id))


@get("/admin/fulfillments/{fulfillment_id:uuid}/packing-slip", permission="read_fulfillments", media_type=PDF)
async def get_packing_slip(ctx: Context, orders: Orders, fulfillment_id: UUID) -> Response[bytes]:
    """What is in a parcel, as PDF without prices."""
    return pdf(await orders.packing_slip(ctx, fulfillment_id=fulfillment_id))


@get("/admin/sellers", permission="read_settings")
async def list_sellers(ctx: Context, orders: Orders) -> Page[Seller]:
    """Who sells in each channel, as it stands on invoices."""
    found = await orders.sellers(ctx)
    return Page(found, None, len(found))


@put("/admin/sellers/{channel:str}", permission="write_settings")
async def save_seller(
    ctx: Context, orders: Orders, channel: Annotated[str, Parameter(max_length=60)], data: SellerBody
) -> Seller:
    """Say who sells in a channel; 409 `version_conflict` when someone changed it meanwhile."""
    values = {name: getattr(data, name) for name in Seller.__struct_fields__} | {"channel": channel}
    return await orders.save_seller(ctx, seller=Seller(**values))


@get("/orders/{number:str}/documents", permission=PUBLIC)
async def list_own_documents(
    ctx: Context, orders: Orders, number: OrderNumber, order_token: OrderToken = None
) -> DocumentList:
    """The papers of an order, for its customer or with its token."""
    return await orders.buyer_documents(ctx, number=number, token=order_token)


@post("/orders/{number:str}/invoice", permission=PUBLIC, status_code=200)
async def request_invoice(
    ctx: Context, orders: Orders, number: OrderNumber, order_token: OrderToken = None
) -> Document:
    """The invoice of a paid order, issued now unless it was before."""
    return await orders.request_invoice(ctx, number=number, token=order_token)


@get("/orders/{number:str}/documents/{document_id:uuid}", permission=PUBLIC, media_type=PDF)
async def get_own_document(
    ctx: Context, orders: Orders, number: OrderNumber, document_id: UUID, order_token: OrderToken = None
) -> Response[bytes]:
    """A document of one's own order as PDF."""
    found = await orders.buyer_document_file(ctx, number=number, document_id=document_id, token=order_token)
    return pdf(found)


def pdf(file: DocumentFile) -> Response[bytes]:
    """The answer that a browser shows or saves under the file's name."""
    headers = {
        "Content-Disposition": f'inline; filename="{file.name}"',
        "Cache-Control": "private, no-store",
    }
    return Response(file.content, media_type=PDF, headers=headers)


routes = [
    list_documents, issue_invoice, get_document, get_packing_slip, list_sellers, save_seller,
    list_own_documents, request_invoice, get_own_document,
]  # fmt: skip
