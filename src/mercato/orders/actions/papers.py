"""Invoices and credit notes: issued under the order's lock, numbered without gaps, never changed."""

from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from mercato.contracts.catalog import Channel
from mercato.contracts.orders import (
    Document,
    DocumentFile,
    DocumentKind,
    FulfillmentStatus,
    InvoiceTime,
    OrderStatus,
    Seller,
)
from mercato.kernel import clock
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.failpoints import failpoint
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.orders import facts
from mercato.orders.documents import sheets
from mercato.orders.documents.content import Paper, credit_note_of, invoice_of
from mercato.orders.parts import Parts
from mercato.orders.records import PlacedOrder, StoryRow
from mercato.orders.store import after, papers, reading
from mercato.orders.store.papers import Issued

TEMPLATES: Final = Path(__file__).parent.parent / "documents" / "templates"
_INVOICED = frozenset({OrderStatus.PLACED, OrderStatus.COMPLETED})


async def issue_invoice(parts: Parts, *, order_id: UUID, actor: str, must_be_paid: bool = False) -> Document:
    """The invoice of an order, issued now unless it was before. Raises Conflict, NotFound."""
    channel = await _channel(parts, order_id)
    async with parts.db.transaction() as tx:
        order, seller, issued = await _lock(tx, order_id)
        if seller is None:
            raise Conflict("seller_unknown", "Say first who sells in this channel: Settings, Invoices.")
        invoice = _invoice_of(issued)
        if invoice is None:
            _refuse_unless_due(order, must_be_paid=must_be_paid)
            invoice = await _issue(parts, tx, order, seller, channel, actor)
            await _credit(parts, tx, order, [invoice], channel, actor, "")
        return invoice.document


async def bring_up_to_date(parts: Parts, *, order_id: UUID, reason: str = "") -> None:
    """Issue what is due by itself: the invoice at the seller's time, credit notes for what went back."""
    channel = await _channel(parts, order_id)
    async with parts.db.transaction() as tx:
        order, seller, issued = await _lock(tx, order_id)
        if seller is None:
            return
        if _invoice_of(issued) is None and order.status in _INVOICED and _is_time(order, seller):
            issued = [await _issue(parts, tx, order, seller, channel, "system")]
        await _credit(parts, tx, order, issued, channel, "system", reason)


async def file_of(parts: Parts, *, document_id: UUID, order_id: UUID | None = None) -> DocumentFile:
    """The pages of a document, set when first asked for and kept; `order_id` must be its order when given."""
    found = await papers.kept(parts.db, document_id=document_id)
    if found is None or (order_id is not None and found.order_id != order_id):
        raise NotFound(detail="There is no such document.")
    pdf = found.pdf
    if pdf is None:
        made = await parts.press.pdf(
            TEMPLATES / "paper.typ", sheets.sheet_of(found.paper), at=found.issued_at
        )
        pdf = await papers.keep_file(parts.db, document_id=document_id, pdf=made, at=clock.now())
    return DocumentFile(f"{found.number.replace('/', '-')}.pdf", pdf)


async def packing_slip(parts: Parts, *, fulfillment_id: UUID) -> DocumentFile:
    """What is in a parcel, as it is now. Raises NotFound."""
    order_id = await after.order_of_parcel(parts.db, fulfillment_id=fulfillment_id)
    view = None if order_id is None else await reading.view(parts.db, order_id=order_id)
    if view is None:
        raise NotFound(detail="There is no such fulfillment.")
    parcel = next(parcel for parcel in view.parcels if parcel.id == fulfillment_id)
    seller = await papers.seller_of(parts.db, channel=view.channel)
    slip = sheets.slip_of(view, parcel, seller)
    pdf = await parts.press.pdf(TEMPLATES / "packing_slip.typ", slip, at=parcel.created_at)
    return DocumentFile(f"packing-slip-{view.number}.pdf", pdf)


def may_issue(order_status: OrderStatus, is_paid: bool, issued: list[Issued], seller: Seller | None) -> bool:
    """Whether the buyer may ask for an invoice that is not there yet."""
    return seller is not None and is_paid and order_status in _INVOICED and _invoice_of(issued) is None


async def _channel(parts: Parts, order_id: UUID) -> Channel:
    code = await papers.channel_of(parts.db, order_id=order_id)
    if code is None:
        raise NotFound(detail="There is no such order.")
    return await parts.channels.of(code)


async def _lock(tx: Tx, order_id: UUID) -> tuple[PlacedOrder, Seller | None, list[Issued]]:
    order = await after.lock(tx, order_id=order_id)
    if order is None:
        raise NotFound(detail="There is no such order.")
    return (
        order,
        await papers.seller_of(tx, channel=order.channel),
        await papers.of_order(tx, order_id=order_id),
    )


def _refuse_unless_due(order: PlacedOrder, *, must_be_paid: bool) -> None:
    if order.status not in _INVOICED:
        raise Conflict("illegal_transition", f"An order that is {order.status} gets no invoice.")
    if must_be_paid and order.paid_at is None:
        raise Conflict("illegal_transition", "The invoice is there once the order is paid.")


def _is_time(order: PlacedOrder, seller: Seller) -> bool:
    if seller.issue is InvoiceTime.PAID:
        return order.paid_at is not None
    return seller.issue is InvoiceTime.SHIPPED and order.fulfillment_status != FulfillmentStatus.UNFULFILLED


async def _issue(
    parts: Parts, tx: Tx, order: PlacedOrder, seller: Seller, channel: Channel, actor: str
) -> Issued:
    view = await reading.view(tx, order_id=order.id)
    assert view is not None
    now = clock.now()
    place = await _next_place(tx, seller, DocumentKind.INVOICE, channel, now)
    paper = invoice_of(view, seller, number=place.number, at=now, time_zone=channel.time_zone)
    return await _insert(parts, tx, order, paper, place, cause="sale", at=now, actor=actor)


async def _credit(
    parts: Parts, tx: Tx, order: PlacedOrder, issued: list[Issued], channel: Channel, actor: str, reason: str
) -> None:
    """A credit note for what went back and is not credited yet; all of it when the order is canceled."""
    invoice = _invoice_of(issued)
    if invoice is None:
        return
    notes = [each for each in issued if each.document.kind is DocumentKind.CREDIT_NOTE]
    credited = sum(each.paper.total for each in notes)
    is_off = order.status is OrderStatus.CANCELED
    owed = invoice.paper.total if is_off else min(order.paid.refunded, invoice.paper.total)
    if owed <= credited:
        return
    now = clock.now()
    place = await _next_place(tx, invoice.paper.seller, DocumentKind.CREDIT_NOTE, channel, now)
    paper = credit_note_of(
        invoice.paper,
        [each.paper for each in notes],
        owed - credited,
        number=place.number,
        reason=reason,
        at=now,
        time_zone=channel.time_zone,
    )
    await _insert(
        parts, tx, order, paper, place,
        cause=f"refund:{owed}", at=now, actor=actor, invoice_id=invoice.document.id,
    )  # fmt: skip


async def _next_place(
    tx: Tx, seller: Seller, kind: DocumentKind, channel: Channel, now: datetime
) -> papers.Place:
    """The next place in the seller's series of the channel's year, its number such as INV-2026-00042."""
    year = now.astimezone(ZoneInfo(channel.time_zone)).year
    prefix = seller.invoice_prefix if kind is DocumentKind.INVOICE else seller.credit_note_prefix
    sequence = await papers.next_sequence(tx, series=seller.series, kind=kind, year=year)
    failpoint("orders.document_numbered")
    return papers.Place(f"{prefix}{year}-{sequence:05}", year, sequence)


async def _insert(
    parts: Parts,
    tx: Tx,
    order: PlacedOrder,
    paper: Paper,
    place: papers.Place,
    *,
    cause: str,
    at: datetime,
    actor: str,
    invoice_id: UUID | None = None,
) -> Issued:
    document_id = new_id()
    try:
        await papers.insert(
            tx, document_id=document_id, order_id=order.id, cause=cause, place=place, invoice_id=invoice_id,
            paper=paper, issued_at=at, actor=actor,
        )  # fmt: skip
    except asyncpg.UniqueViolationError:
        raise Conflict("number_taken", "Another series gave this number: give each its prefix.") from None
    document = Document(
        id=document_id,
        order_id=order.id,
        kind=paper.kind,
        number=paper.number,
        total=Money(paper.total, paper.currency),
        issued_at=at,
        invoice_number=paper.invoice_number,
    )
    title = "Invoice" if paper.kind is DocumentKind.INVOICE else "Credit note"
    data = {"document_id": str(document_id), "amount": paper.total, "currency": paper.currency}
    story = StoryRow(f"{paper.kind}_issued", f"{title} {paper.number}", actor, data)
    await after.tell(tx, order_id=order.id, at=at, story=[story])
    await after.touch(tx, order_id=order.id)
    await parts.outbox.add(tx, facts.document_issued(order, parts.token_of(order.id), document))
    parts.tell_after(tx, order.id)
    return Issued(document, paper)


def _invoice_of(issued: list[Issued]) -> Issued | None:
    return next((each for each in issued if each.document.kind is DocumentKind.INVOICE), None)
