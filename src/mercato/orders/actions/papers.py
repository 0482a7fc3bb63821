"""Invoices and credit notes: issued under the order's lock, numbered without gaps, never changed."""

from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from mercato.contracts.catalog import Channel
from mercato.contracts.orders import (
    Document,
    DocumentKind,
    FulfillmentStatus,
    InvoiceTime,
    OrderStatus,
    Seller,
)
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.failpoints import failpoint
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.orders import facts
from mercato.orders.documents.content import credit_note_of, further_invoice_of, invoice_of, left_of
from mercato.orders.documents.due import (
    CORRECTION,
    Charge,
    Credit,
    Item,
    charge_again,
    due_of,
    spread,
    whole,
)
from mercato.orders.domain import balance
from mercato.orders.paper_rows import Paper
from mercato.orders.parts import Parts
from mercato.orders.records import PlacedOrder, StoryRow
from mercato.orders.store import after, changes, grants, papers, reading
from mercato.orders.store.papers import Issued

_INVOICED = frozenset({OrderStatus.PLACED, OrderStatus.COMPLETED})


class Desk:
    """Where the papers of one locked order are written, within one transaction."""

    def __init__(
        self, parts: Parts, tx: Tx, order: PlacedOrder, seller: Seller, channel: Channel, actor: str
    ) -> None:
        self.parts, self.tx, self.order, self.seller = parts, tx, order, seller
        self.channel, self.actor, self.now = channel, actor, clock.now()


async def issue_invoice(
    parts: Parts, ctx: Context, *, order_id: UUID, must_be_paid: bool = False
) -> Document:
    """The invoice of an order, issued now unless it was before, with all that came after it.
    Raises Conflict, NotFound."""
    channel = await _channel(parts, order_id)
    async with parts.db.transaction() as tx:
        order, seller, issued = await _lock(tx, order_id)
        if seller is None:
            text = "The shop issues no invoices yet: ask it for one."
            if not must_be_paid:
                text = "Say first who sells in this channel: Settings, Invoices."
            raise Conflict("seller_unknown", text)
        desk = Desk(parts, tx, order, seller, channel, ctx.principal.label)
        if not issued:
            _refuse_unless_due(order, must_be_paid=must_be_paid)
            issued = [await _issue_first(desk)]
            told = {"number": issued[0].document.number}
            await parts.acted(tx, ctx, "invoice_issued", order_id, told)
        await _catch_up(desk, issued)
        return issued[0].document


async def bring_up_to_date(parts: Parts, *, order_id: UUID, reason: str = "") -> None:
    """Issue what is due by itself: the invoice at the seller's time, further ones for what was added since,
    credit notes for what was taken off or went back."""
    channel = await _channel(parts, order_id)
    async with parts.db.transaction() as tx:
        order, seller, issued = await _lock(tx, order_id)
        if seller is None:
            return
        desk = Desk(parts, tx, order, seller, channel, "system")
        if not issued:
            if order.status not in _INVOICED or not _is_time(order, seller):
                return
            issued = [await _issue_first(desk)]
        await _catch_up(desk, issued, reason=reason)


def may_issue(order_status: OrderStatus, is_paid: bool, issued: list[Issued], seller: Seller | None) -> bool:
    """Whether the buyer may ask for an invoice that is not there yet."""
    return seller is not None and is_paid and order_status in _INVOICED and not issued


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


async def _issue_first(desk: Desk) -> Issued:
    """The invoice of the order as it is now: changes before it stand on it."""
    view = await reading.view(desk.tx, order_id=desk.order.id)
    assert view is not None
    place = await _next_place(desk, desk.seller, DocumentKind.INVOICE)
    paper = invoice_of(view, desk.seller, number=place.number, at=desk.now, time_zone=desk.channel.time_zone)
    await changes.set_papered(desk.tx, order_id=desk.order.id, at=desk.now)
    return await _insert(desk, paper, place, cause="sale")


async def _catch_up(desk: Desk, issued: list[Issued], *, reason: str = "") -> None:
    """Papers for what no paper of the order tells of yet, until they sum to what it is worth."""
    order, tx = desk.order, desk.tx
    if order.status is OrderStatus.CANCELED:
        await _credit_all(desk, issued, reason)
    else:
        due = due_of(
            await changes.of_order(tx, order_id=order.id),
            await grants.of_order(tx, order_id=order.id),
            [each.paper for each in issued],
            tax_included=issued[0].paper.tax_included,
            noted=_notes_by_grant(issued),
        )
        for wanted in due:
            await _write(desk, issued, wanted)
        await _correct(desk, issued)
    await grants.set_papered(tx, order_id=order.id, at=desk.now)


async def _write(desk: Desk, issued: list[Issued], wanted: Credit | Charge) -> None:
    if isinstance(wanted, Credit):
        await _credit(desk, issued, wanted)
        return
    order = desk.order
    place = await _next_place(desk, desk.seller, DocumentKind.INVOICE)
    paper = further_invoice_of(
        issued[0].paper, desk.seller, wanted.lines, wanted.taxes, tax_included=wanted.tax_included,
        owed=balance(order.total, order.credited, order.paid), number=place.number, reason=wanted.reason,
        at=desk.now, time_zone=desk.channel.time_zone,
    )  # fmt: skip
    issued.append(await _insert(desk, paper, place, cause=wanted.cause))


async def _credit(desk: Desk, issued: list[Issued], wanted: Credit) -> None:
    """Credit notes for what is due, one for each invoice that it takes from."""
    invoices = _invoices_of(issued)
    shares = spread(
        wanted.items,
        [each.paper for each in invoices],
        [left_of(each.paper, _notes_of(issued, each)) for each in invoices],
    )
    for number, (invoice, items) in enumerate(zip(invoices, shares, strict=True)):
        if items:
            cause = f"{wanted.cause}:{number}" if number else wanted.cause
            issued.append(await _credit_one(desk, issued, invoice, items, cause=cause, reason=wanted.reason))


async def _credit_one(
    desk: Desk, issued: list[Issued], invoice: Issued, items: list[Item], *, cause: str, reason: str
) -> Issued:
    place = await _next_place(desk, invoice.paper.seller, DocumentKind.CREDIT_NOTE)
    paper = credit_note_of(
        invoice.paper,
        _notes_of(issued, invoice),
        sum(item.amount for item in items),
        number=place.number,
        reason=reason,
        at=desk.now,
        time_zone=desk.channel.time_zone,
        lines=[item.line for item in items],
        takes=[item.take for item in items if item.take],
    )
    return await _insert(desk, paper, place, cause=cause, invoice_id=invoice.document.id)


async def _credit_all(desk: Desk, issued: list[Issued], reason: str) -> None:
    """Nothing was sold after all: what is left of every invoice is credited."""
    for number, invoice in enumerate(_invoices_of(issued)):
        left = _left(issued, invoice)
        if left > 0:
            note = await _credit_one(
                desk, issued, invoice, [whole(left, reason)], cause=f"cancel:{number}", reason=reason
            )
            issued.append(note)


async def _correct(desk: Desk, issued: list[Issued]) -> None:
    """Orders that were changed before papers followed changes come right the next time."""
    order = desk.order
    off = order.total - order.credited - _worth_of(issued)
    cause = f"correction:{len(issued)}"
    if off > 0:
        papers_now = [each.paper for each in issued]
        await _write(desk, issued, charge_again(off, papers_now, cause=cause, name=CORRECTION))
    elif off < 0:
        note = Credit(cause=cause, reason="", items=[Item(name=CORRECTION, amount=-off)])
        await _credit(desk, issued, note)


async def _next_place(desk: Desk, seller: Seller, kind: DocumentKind) -> papers.Place:
    """The next place in the seller's series of the channel's year, its number such as INV-2026-00042."""
    year = desk.now.astimezone(ZoneInfo(desk.channel.time_zone)).year
    prefix = seller.invoice_prefix if kind is DocumentKind.INVOICE else seller.credit_note_prefix
    sequence = await papers.next_sequence(desk.tx, series=seller.series, kind=kind, year=year)
    failpoint("orders.document_numbered")
    return papers.Place(f"{prefix}{year}-{sequence:05}", year, sequence)


async def _insert(
    desk: Desk, paper: Paper, place: papers.Place, *, cause: str, invoice_id: UUID | None = None
) -> Issued:
    document_id, order, at = new_id(), desk.order, desk.now
    try:
        await papers.insert(
            desk.tx, document_id=document_id, order_id=order.id, cause=cause, place=place,
            invoice_id=invoice_id, paper=paper, issued_at=at, actor=desk.actor,
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
    story = StoryRow(f"{paper.kind}_issued", f"{title} {paper.number}", desk.actor, data)
    await after.tell(desk.tx, order_id=order.id, at=at, story=[story])
    await after.touch(desk.tx, order_id=order.id)
    fact = facts.document_issued(order, desk.parts.token_of(order.id), document)
    await desk.parts.outbox.add(desk.tx, fact)
    desk.parts.tell_after(desk.tx, order.id)
    return Issued(document, paper, invoice_id, cause)


def _invoices_of(issued: list[Issued]) -> list[Issued]:
    return [each for each in issued if each.document.kind is DocumentKind.INVOICE]


def _notes_of(issued: list[Issued], invoice: Issued) -> list[Paper]:
    return [each.paper for each in issued if each.invoice_id == invoice.document.id]


def _notes_by_grant(issued: list[Issued]) -> dict[UUID, list[Paper]]:
    """The credit notes that tell of one grant each."""
    found: dict[UUID, list[Paper]] = {}
    for each in issued:
        why, _, rest = each.cause.partition(":")
        if why == "grant" and each.document.kind is DocumentKind.CREDIT_NOTE:
            found.setdefault(UUID(rest.partition(":")[0]), []).append(each.paper)
    return found


def _left(issued: list[Issued], invoice: Issued) -> int:
    return invoice.paper.total - sum(note.total for note in _notes_of(issued, invoice))


def _worth_of(issued: list[Issued]) -> int:
    return sum(_left(issued, invoice) for invoice in _invoices_of(issued))
