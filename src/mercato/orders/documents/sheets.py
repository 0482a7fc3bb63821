"""Papers as templates take them: every amount and date is text already."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import msgspec
from babel import Locale
from babel.core import UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_percent

from mercato.contracts.orders import DocumentKind, Seller
from mercato.contracts.shared import Address
from mercato.kernel.addresses import country_name
from mercato.kernel.money import Money, format_money
from mercato.orders.paper_rows import Paper, PaperLine
from mercato.orders.records import ParcelRow
from mercato.orders.store.reading import OrderView

REVERSE_CHARGE = "Reverse charge: the VAT is owed by the recipient (Article 196 of Directive 2006/112/EC)."


class Sum(msgspec.Struct, frozen=True):
    label: str
    amount: str
    is_total: bool = False


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice or a credit note, ready to be set."""

    title: str
    number: str
    seller_name: str
    seller_line: str
    """The sender in one line, for the window of an envelope."""
    buyer: list[str]
    ship_to: list[str]
    """Empty when it is the buyer's address."""
    facts: list[tuple[str, str]]
    rows: list[tuple[str, str, str, str, str]]
    """Name, detail, quantity, price, amount."""
    sums: list[Sum]
    taxes: list[tuple[str, str, str, str]]
    """Name, net, tax, gross; of each rate."""
    notes: list[str]
    footer: list[list[str]]


class Slip(msgspec.Struct, frozen=True, kw_only=True):
    """A packing slip, ready to be set."""

    number: str
    seller_name: str
    seller_line: str
    ship_to: list[str]
    facts: list[tuple[str, str]]
    rows: list[tuple[str, str, str]]
    """Name, detail, quantity."""
    note: str
    footer: list[list[str]]


def sheet_of(paper: Paper) -> Sheet:
    """The sheet of an issued document, in the number and date format of its buyer."""
    locale = locale_of(paper.locale)
    is_invoice = paper.kind is DocumentKind.INVOICE

    def amount(value: int) -> str:
        return format_money(Money(value, paper.currency), str(locale))

    return Sheet(
        title="Invoice" if is_invoice else "Credit note",
        number=paper.number,
        seller_name=paper.seller.name,
        seller_line=" · ".join([paper.seller.name, *paper.seller.address]),
        buyer=address_lines(paper.buyer) + ([f"VAT ID {paper.buyer_vat_id}"] if paper.buyer_vat_id else []),
        ship_to=[] if paper.ship_to == paper.buyer else address_lines(paper.ship_to),
        facts=_facts(paper, locale),
        rows=[
            (
                line.name,
                _detail(line, amount(line.discount)),
                str(line.quantity),
                amount(line.unit_price),
                amount(line.total),
            )
            for line in paper.lines
        ],
        sums=_sums(paper, amount),
        taxes=[
            (_tax_name(tax.name, tax.rate, locale), amount(tax.net), amount(tax.tax), amount(tax.gross))
            for tax in paper.taxes
            if tax.name and tax.gross
        ],
        notes=_notes(paper, amount),
        footer=_footer(paper.seller),
    )


def slip_of(view: OrderView, parcel: ParcelRow, seller: Seller | None) -> Slip:
    """The packing slip of one parcel."""
    locale = locale_of(view.locale)
    lines = {line.id: line for line in view.lines}
    inside = [(lines[each.line_id], each.quantity) for each in parcel.lines]
    placed_at = view.placed_at or view.created_at
    return Slip(
        number=view.number,
        seller_name=seller.name if seller else "",
        seller_line=" · ".join([seller.name, *seller.address]) if seller else "",
        ship_to=address_lines(view.shipping_address),
        facts=[
            ("Order", view.number),
            ("Ordered", _day(placed_at.date(), locale)),
            ("Delivery", view.delivery.method),
            ("Units", str(sum(quantity for _, quantity in inside))),
        ],
        rows=[
            (line.name, " · ".join([*line.options.values(), line.sku]), str(quantity))
            for line, quantity in inside
        ],
        note=view.note or "",
        footer=_footer(seller) if seller else [],
    )


def address_lines(address: Address) -> list[str]:
    """An address as it is written on an envelope."""
    place = " ".join(filter(None, (address.postal_code, address.city, address.region)))
    lines = (
        address.company, address.name, address.street1, address.street2, place,
        country_name(address.country),
    )  # fmt: skip
    return [line for line in lines if line]


def locale_of(name: str) -> Locale:
    """The buyer's locale; English for one that nobody knows."""
    try:
        return Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return Locale.parse("en")


def _facts(paper: Paper, locale: Locale) -> list[tuple[str, str]]:
    is_invoice = paper.kind is DocumentKind.INVOICE
    facts = [
        ("Invoice number" if is_invoice else "Credit note number", paper.number),
        ("Date", _day(paper.issued_on, locale)),
    ]
    if paper.invoice_number and paper.invoice_issued_on:
        facts.append(("For invoice", f"{paper.invoice_number} of {_day(paper.invoice_issued_on, locale)}"))
    if paper.adds_to:
        facts.append(("Adds to invoice", paper.adds_to))
    facts += [("Order", paper.order_number), ("Ordered", _day(paper.ordered_on, locale))]
    if is_invoice:
        facts.append(("Supplied", _day(paper.supplied_on, locale) if paper.supplied_on else "on delivery"))
    return facts


def _sums(paper: Paper, amount: Callable[[int], str]) -> list[Sum]:
    sums = []
    is_further = paper.adds_to is not None
    if paper.delivery or (paper.kind is DocumentKind.INVOICE and not is_further):
        sums.append(Sum("Items", amount(sum(line.total for line in paper.lines))))
        sums.append(Sum(f"Delivery: {paper.delivery_name}", amount(paper.delivery)))
    if not paper.tax_included:
        sums += [Sum(tax.name, amount(tax.tax)) for tax in paper.taxes if tax.tax]
    sums.append(Sum("Total" if paper.kind is DocumentKind.INVOICE else "Credited", amount(paper.total), True))
    return sums


def _notes(paper: Paper, amount: Callable[[int], str]) -> list[str]:
    notes = []
    if paper.is_reverse_charge:
        notes.append(REVERSE_CHARGE)
    if paper.kind is DocumentKind.INVOICE:
        left = paper.total - paper.paid
        bank = (
            f" Please transfer it to {paper.seller.bank}, naming {paper.number}." if paper.seller.bank else ""
        )
        notes.append(
            "Paid in full. Thank you." if left <= 0 else f"{amount(left)} is still to be paid.{bank}"
        )
    if not any(tax.tax for tax in paper.taxes) and not paper.is_reverse_charge:
        notes.append("No VAT is charged.")
    return notes


def _footer(seller: Seller) -> list[list[str]]:
    register = [f"VAT ID {seller.vat_id}" if seller.vat_id else "", seller.registration or ""]
    contact = [seller.email or "", seller.website or "", seller.bank or ""]
    columns = [[seller.name, *seller.address, country_name(seller.country)], contact, register]
    return [
        [line for line in column if line]
        for column in (*columns, seller.footer.splitlines()[:6])
        if any(column)
    ]


def _detail(line: PaperLine, discount: str) -> str:
    return " · ".join(filter(None, (line.detail, f"discount −{discount}" if line.discount else "")))


def _tax_name(name: str, rate: str, locale: Locale) -> str:
    percent = format_percent(Decimal(rate), locale=locale, decimal_quantization=False)
    return name if any(character.isdigit() for character in name) else f"{name} {percent}"


def _day(day: date, locale: Locale) -> str:
    return format_date(day, "long", locale=locale)
