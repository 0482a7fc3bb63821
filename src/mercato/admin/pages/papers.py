"""Invoices, credit notes and packing slips of orders; who sells in each channel."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post

from mercato.admin.desk import Desk
from mercato.admin.forms import FormData, errors_by_field, one_of, text, whole, why
from mercato.contracts.orders import DocumentFile, InvoiceTime, Orders, Seller
from mercato.kernel.context import Context
from mercato.kernel.errors import FieldError, Invalid, MercatoError

PATH = "/admin/invoices"
PDF = "application/pdf"
ISSUE_OPTIONS = [
    (InvoiceTime.ON_REQUEST.value, "When staff or the customer asks"),
    (InvoiceTime.PAID.value, "When the order is paid"),
    (InvoiceTime.SHIPPED.value, "When the first parcel leaves"),
]


@get("/admin/documents/{document_id:uuid}", permission="read_orders")
async def show_document(ctx: Context, orders: Orders, document_id: UUID) -> Response[bytes]:
    """An invoice or a credit note."""
    return _pdf(await orders.document_file(ctx, document_id=document_id))


@get("/admin/fulfillments/{fulfillment_id:uuid}/packing-slip", permission="read_fulfillments")
async def show_packing_slip(ctx: Context, orders: Orders, fulfillment_id: UUID) -> Response[bytes]:
    """What is in a parcel."""
    return _pdf(await orders.packing_slip(ctx, fulfillment_id=fulfillment_id))


@post("/admin/orders/{order_id:uuid}/invoice", permission="write_orders")
async def issue_invoice(desk: Desk, orders: Orders, order_id: UUID) -> Response[str]:
    """Issue the invoice of an order, once."""
    await orders.issue_invoice(desk.ctx, order_id=order_id)
    return desk.done(f"/admin/orders/{order_id}", "invoice_issued")


@get(PATH, permission="read_settings")
async def show_seller(desk: Desk, orders: Orders) -> Response[str]:
    """Who sells in the channel, and how papers are numbered."""
    seller = next((each for each in await orders.sellers(desk.ctx) if each.channel == desk.ctx.channel), None)
    return await _page(desk, _values(seller))


@post(PATH, permission="write_settings")
async def save_seller(desk: Desk, orders: Orders, data: FormData) -> Response[str]:
    """Papers that are issued from now on name this seller."""
    try:
        await orders.save_seller(desk.ctx, seller=_seller(desk.ctx.channel, data))
    except MercatoError as error:
        return await _page(desk, _values(None) | data, error=error)
    return desk.done(PATH, "seller_saved")


async def _page(desk: Desk, values: dict[str, Any], *, error: MercatoError | None = None) -> Response[str]:
    return await desk.page(
        "admin/invoices.html",
        PATH,
        {
            "channel": desk.ctx.channel,
            "values": values,
            "issue_options": ISSUE_OPTIONS,
            "error": why(error),
            "wrong": errors_by_field(error),
            "may_write": desk.ctx.principal.may("write_settings"),
        },
        error=error,
    )


def _values(seller: Seller | None) -> dict[str, Any]:
    if seller is None:
        empty: dict[str, Any] = dict.fromkeys(Seller.__struct_fields__, "")
        first = {"version": 1, "series": "default", "invoice_prefix": "INV-", "credit_note_prefix": "CN-"}
        return empty | first
    values = {name: getattr(seller, name) or "" for name in Seller.__struct_fields__}
    return {**values, "address": "\n".join(seller.address), "issue": seller.issue.value}


def _seller(channel: str, data: dict[str, Any]) -> Seller:
    """What was typed. Raises Invalid with fields."""
    errors: list[FieldError] = []
    address = [line.strip()[:120] for line in text(data, "address").splitlines() if line.strip()][:6]
    country = text(data, "country").upper()
    prefixes = {name: text(data, name).upper()[:12] for name in ("invoice_prefix", "credit_note_prefix")}
    series = text(data, "series").lower()[:40]
    if not text(data, "name"):
        errors.append(FieldError("name", "required", "Enter the name that stands on invoices."))
    if not address:
        errors.append(FieldError("address", "required", "Enter the address of the company."))
    if not (len(country) == 2 and country.isascii() and country.isalpha()):
        errors.append(FieldError("country", "invalid", "Enter two letters, like DE."))
    for name, prefix in prefixes.items():
        if not prefix or not all(
            letter.isascii() and (letter.isalnum() or letter in "-/") for letter in prefix
        ):
            errors.append(FieldError(name, "invalid", "Letters, digits, - and /, such as INV-."))
    if not series or not all(letter.isascii() and (letter.isalnum() or letter == "-") for letter in series):
        errors.append(FieldError("series", "invalid", "Small letters, digits and -."))
    if errors:
        raise Invalid(detail="Some fields need another look.", errors=errors)
    return Seller(
        channel=channel,
        name=text(data, "name")[:120],
        address=address,
        country=country,
        vat_id=text(data, "vat_id")[:120] or None,
        registration=text(data, "registration")[:120] or None,
        email=text(data, "email")[:254] or None,
        website=text(data, "website")[:200] or None,
        bank=text(data, "bank")[:200] or None,
        footer=text(data, "footer")[:1000],
        series=series,
        issue=one_of(InvoiceTime, text(data, "issue")) or InvoiceTime.ON_REQUEST,
        version=whole(data, "version", least=1, most=2**31 - 1) or 1,
        invoice_prefix=prefixes["invoice_prefix"],
        credit_note_prefix=prefixes["credit_note_prefix"],
    )


def _pdf(file: DocumentFile) -> Response[bytes]:
    headers = {"Content-Disposition": f'inline; filename="{file.name}"', "Cache-Control": "private, no-store"}
    return Response(file.content, media_type=PDF, headers=headers)


routes = [show_document, show_packing_slip, issue_invoice, show_seller, save_seller]
