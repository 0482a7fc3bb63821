"""What stands on an invoice or a credit note, kept with it for ever. Amounts in minor units."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from mercato.contracts.carts import TaxLine
from mercato.contracts.orders import DocumentKind, Seller
from mercato.kernel.money import allocate
from mercato.orders.paper_rows import Paper, PaperLine, PaperTax
from mercato.orders.records import LineRow
from mercato.orders.store.reading import OrderView

REVERSE_CHARGE: Final = "Reverse charge"
"""The name of the tax line by which carts say that the buyer owes the tax."""


class Take(msgspec.Struct, frozen=True, gc=False):
    """What a credit note takes back at one rate: `gross`, of which `tax` when one knows it exactly."""

    name: str
    rate: str
    gross: int
    tax: int | None = None


def invoice_of(view: OrderView, seller: Seller, *, number: str, at: datetime, time_zone: str) -> Paper:
    """The invoice of an order as it stands at `at`; days are those of the channel."""
    zone = ZoneInfo(time_zone)
    shipped = [parcel.shipped_at for parcel in view.parcels if parcel.shipped_at is not None]
    return Paper(
        kind=DocumentKind.INVOICE,
        number=number,
        issued_on=at.astimezone(zone).date(),
        order_number=view.number,
        ordered_on=(view.placed_at or view.created_at).astimezone(zone).date(),
        supplied_on=max(shipped).astimezone(zone).date() if shipped else None,
        locale=view.locale,
        currency=view.currency,
        seller=seller,
        buyer=view.billing_address,
        ship_to=view.shipping_address,
        buyer_vat_id=view.tax_id,
        is_reverse_charge=any(line.name == REVERSE_CHARGE for line in view.tax_lines),
        lines=[_line(line) for line in view.lines],
        delivery_name=view.delivery.method,
        delivery=view.delivery_price,
        taxes=_taxes(view.tax_lines, view.total),
        tax_included=view.tax_included,
        total=view.total,
        paid=view.paid_by_credit + view.captured - view.refunded,
    )


def credit_note_of(
    invoice: Paper,
    earlier: Sequence[Paper],
    amount: int,
    *,
    number: str,
    reason: str,
    at: datetime,
    time_zone: str,
    lines: Sequence[PaperLine] = (),
    takes: Sequence[Take] = (),
) -> Paper:
    """Takes `amount` of an invoice back, after what `earlier` credit notes took: tax by tax, never more than
    is left of each, so that together they sum exactly to the invoice. At which rates is said by `takes`; what
    they leave of the amount is of all rates alike."""
    left = left_of(invoice, earlier)
    is_whole = not earlier and amount == invoice.total
    text = "Refund" + (f": {reason}" if reason else "")
    return msgspec.structs.replace(
        invoice,
        kind=DocumentKind.CREDIT_NOTE,
        number=number,
        issued_on=at.astimezone(ZoneInfo(time_zone)).date(),
        lines=invoice.lines if is_whole else list(lines) or [PaperLine(text, "", 1, amount, 0, amount)],
        delivery=invoice.delivery if is_whole else 0,
        taxes=_taken(left, amount, takes),
        tax_included=invoice.tax_included if is_whole else True,
        total=amount,
        paid=amount,
        reason=reason,
        invoice_number=invoice.number,
        invoice_issued_on=invoice.issued_on,
        adds_to=None,
    )


def further_invoice_of(
    first: Paper,
    seller: Seller,
    lines: list[PaperLine],
    taxes: list[PaperTax],
    *,
    tax_included: bool,
    owed: int,
    number: str,
    reason: str,
    at: datetime,
    time_zone: str,
) -> Paper:
    """What was sold after the first invoice; of it at most `owed` is still to be paid."""
    total = sum(tax.gross for tax in taxes)
    return msgspec.structs.replace(
        first,
        number=number,
        issued_on=at.astimezone(ZoneInfo(time_zone)).date(),
        supplied_on=None,
        seller=seller,
        lines=lines,
        delivery=0,
        taxes=taxes,
        tax_included=tax_included,
        total=total,
        paid=total - min(total, max(0, owed)),
        reason=reason,
        adds_to=first.number,
    )


def left_of(invoice: Paper, notes: Sequence[Paper]) -> list[PaperTax]:
    """What the credit notes of an invoice have left of each of its taxes."""
    return [
        _less(tax, [note.taxes[place] for note in notes if note.taxes])
        for place, tax in enumerate(invoice.taxes)
    ]


def _taken(left: Sequence[PaperTax], amount: int, takes: Sequence[Take]) -> list[PaperTax]:
    """`amount` taken at the named rates as far as something is left of them, and the rest of all alike."""
    rest, still = amount, list(left)
    for take in takes:
        for place, tax in enumerate(still):
            gross = min(take.gross, tax.gross, rest)
            if (tax.name, tax.rate) != (take.name, take.rate) or gross <= 0:
                continue
            net, part = allocate(gross, [tax.net, tax.tax])
            exact = take.tax
            if exact is not None and gross == take.gross and exact <= tax.tax and gross - exact <= tax.net:
                net, part = gross - exact, exact
            still[place] = PaperTax(tax.name, tax.rate, tax.net - net, tax.tax - part)
            rest -= gross
            break
    shares = _shares(still, rest)
    return [
        PaperTax(tax.name, tax.rate, tax.net - kept.net + share.net, tax.tax - kept.tax + share.tax)
        for tax, kept, share in zip(left, still, shares, strict=True)
    ]


def _shares(left: Sequence[PaperTax], amount: int) -> list[PaperTax]:
    """`amount` spread over what is left of each tax; the tax within each share in proportion."""
    shares = allocate(amount, [tax.gross for tax in left])
    found = []
    for tax, share in zip(left, shares, strict=True):
        net, part = allocate(share, [tax.net, tax.tax]) if tax.gross else (0, 0)
        found.append(PaperTax(tax.name, tax.rate, net, part))
    return found


def _less(tax: PaperTax, taken: Sequence[PaperTax]) -> PaperTax:
    net = tax.net - sum(each.net for each in taken)
    return PaperTax(tax.name, tax.rate, net, tax.tax - sum(each.tax for each in taken))


def _taxes(lines: Sequence[TaxLine], total: int) -> list[PaperTax]:
    taxes = [PaperTax(line.name, line.rate, line.net.amount, line.tax.amount) for line in lines]
    rest = total - sum(tax.gross for tax in taxes)
    return [*taxes, PaperTax("", "0", rest, 0)] if rest > 0 or not taxes else taxes


def _line(line: LineRow) -> PaperLine:
    detail = " · ".join([*line.options.values(), line.sku])
    full = line.list_price * line.quantity
    discount = max(full - line.total, 0)
    return PaperLine(line.name, detail, line.quantity, line.list_price, discount, line.total, line.id)
