"""The papers of an order for its buyer: ask for the invoice, download."""

from urllib.parse import quote
from uuid import UUID

from litestar import Response, get, post

from mercato.contracts.orders import Orders
from mercato.kernel.errors import Conflict
from mercato.kernel.web import PUBLIC
from mercato.storefront.forms import Form, text_of
from mercato.storefront.visit import Visit


@post("/order/{number:str}/invoice", permission=PUBLIC, include_in_schema=False, status_code=200)
async def ask(visit: Visit, orders: Orders, number: str, data: Form) -> Response[str]:
    """The invoice is issued and opened; when it cannot be, the order is shown as it is."""
    token = text_of(data, "token")
    query = f"?token={quote(token)}" if token else ""
    try:
        document = await orders.request_invoice(visit.ctx, number=number, token=token or None)
    except Conflict:
        return visit.go(f"/order/{quote(number)}{query}")
    return visit.go(f"/order/{quote(number)}/documents/{document.id}{query}")


@get("/order/{number:str}/documents/{document_id:uuid}", permission=PUBLIC, include_in_schema=False)
async def show(visit: Visit, orders: Orders, number: str, document_id: UUID) -> Response[bytes]:
    """An invoice or a credit note of one's own order."""
    token = visit.request.query_params.get("token", "")
    file = await orders.buyer_document_file(
        visit.ctx, number=number, document_id=document_id, token=token or None
    )
    headers = {
        "Content-Disposition": f'inline; filename="{file.name}"',
        "Cache-Control": "private, no-store",
        "Referrer-Policy": "no-referrer",
    }
    return Response(file.content, media_type="application/pdf", headers=headers)


routes = [ask, show]
