"""Whatever is edited, the papers of an order keep the tax of every rate exact."""

from datetime import date

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.contracts.carts import TaxLine
from mercato.contracts.orders import (
    ChangeKind,
    ChangeStatus,
    DocumentKind,
    LineQuantity,
    OrderStatus,
)
from mercato.kernel import clock
from mercato.kernel.errors import Conflict
from mercato.kernel.ids import new_id
from mercato.orders.amending import amend, with_taxes
from mercato.orders.change_rows import ChangeRow, Sums
from mercato.orders.documents.content import credit_note_of, further_invoice_of, left_of
from mercato.orders.documents.due import Charge, Item, due_of, spread
from mercato.orders.domain import Amounts
from mercato.orders.paper_rows import Paper, PaperLine, PaperTax
from mercato.orders.records import LineRow, PlacedOrder
from mercato.orders.standing import Standing, quantity_parts
from orders.paperwork import HERE, seller
from support.money import eur


def line_of(position: int, quantity: int, price: int, rate: int) -> LineRow:
    total = quantity * price
    return LineRow(
        id=new_id(),
        position=position,
        variant_id=new_id(),
        product_id=new_id(),
        slug="s",
        name=f"Thing {rate}",
        options={},
        sku=f"T-{rate}",
        image=None,
        quantity=quantity,
        unit_price=price,
        list_price=price,
        discounts=[],
        tax=total * rate // (100 + rate),
        total=total,
    )


def standing_of(lines: list[LineRow], rates: list[int]) -> Standing:
    taxes = []
    for rate in rates:
        sold = [line for line in lines if line.name == f"Thing {rate}"]
        gross, tax = sum(line.total for line in sold), sum(line.tax for line in sold)
        taxes.append(TaxLine(f"VAT {rate}", f"0.{rate:02}", eur(gross - tax), eur(tax)))
    total = sum(line.total for line in lines)
    sums = Sums(
        subtotal=total,
        discount=0,
        delivery_price=0,
        tax=sum(line.tax for line in lines),
        tax_included=True,
        total=total,
        tax_lines=taxes,
        item_count=sum(line.quantity for line in lines),
        currency="EUR",
    )
    order = PlacedOrder(
        id=new_id(),
        cart_id=new_id(),
        number="A",
        status=OrderStatus.PLACED,
        version=1,
        attempt=1,
        payment_status="paid",
        fulfillment_status="unfulfilled",
        awaiting=None,
        provider="manual",
        email="m@example.org",
        locale="en",
        channel="default",
        currency="EUR",
        total=total,
        due_amount=total,
        credited=0,
        item_count=1,
        paid_at=None,
        paid=Amounts(),
    )
    return Standing(order=order, sums=sums, address=HERE, lines=lines, parcels=[], changes=[], granted=[])


def invoice_of(standing: Standing) -> Paper:
    """The first invoice: everything as it was sold."""
    return Paper(
        kind=DocumentKind.INVOICE,
        number="INV-1",
        issued_on=date(2026, 1, 1),
        order_number="A",
        ordered_on=date(2026, 1, 1),
        supplied_on=None,
        locale="en",
        currency="EUR",
        seller=seller(),
        buyer=HERE,
        ship_to=HERE,
        delivery_name="",
        delivery=0,
        tax_included=True,
        lines=[
            PaperLine(line.name, "", line.quantity, line.list_price, 0, line.total, line.id)
            for line in standing.lines
        ],
        taxes=[
            PaperTax(tax.name, tax.rate, tax.net.amount, tax.tax.amount) for tax in standing.sums.tax_lines
        ],
        total=standing.sums.total,
        paid=0,
    )


def edited(standing: Standing, place: int, quantity: int) -> tuple[Standing, ChangeRow] | None:
    """The order with another quantity of one line, and the change; None when that changes nothing."""
    try:
        parts = quantity_parts(standing, [LineQuantity(standing.lines[place].id, quantity)])
    except Conflict:
        return None
    if not parts:
        return None
    parts = with_taxes(standing.lines, standing.sums, parts)
    after = amend(standing.lines, standing.sums, parts)
    change = ChangeRow(
        id=new_id(),
        order_id=standing.order.id,
        kind=ChangeKind.EDIT,
        status=ChangeStatus.CONFIRMED,
        lines=parts,
        total_before=standing.sums.total,
        total_change=after.sums.total - standing.sums.total,
        credit=0,
        reason="",
        created_at=clock.now(),
        created_by="s",
        confirmed_at=clock.now(),
    )
    return msgspec.structs.replace(standing, sums=after.sums, lines=after.lines), change


class Folder:
    """The papers of one order: invoices, and the credit notes of each."""

    def __init__(self, first: Paper) -> None:
        self.invoices = [first]
        self.notes: list[list[Paper]] = [[]]

    def follow(self, change: ChangeRow) -> None:
        """Issue what the change asks for."""
        for due in due_of([change], [], self.invoices, tax_included=True, noted={}):
            if isinstance(due, Charge):
                self._charge(due)
            else:
                self._credit(due.items)

    def _charge(self, due: Charge) -> None:
        further = further_invoice_of(
            self.invoices[0], seller(), due.lines, due.taxes, tax_included=True, owed=0, number="X",
            reason="", at=clock.now(), time_zone="UTC",
        )  # fmt: skip
        self.invoices.append(further)
        self.notes.append([])

    def _credit(self, due: list[Item]) -> None:
        left = [left_of(paper, mine) for paper, mine in zip(self.invoices, self.notes, strict=True)]
        for invoice, notes, items in zip(
            self.invoices, self.notes, spread(due, self.invoices, left), strict=True
        ):
            if items:
                note = credit_note_of(
                    invoice, notes, sum(item.amount for item in items), number="C", reason="",
                    at=clock.now(), time_zone="UTC", lines=[item.line for item in items],
                    takes=[item.take for item in items if item.take],
                )  # fmt: skip
                notes.append(note)

    def of_rate(self, rate: str) -> tuple[int, int]:
        """(gross, tax) of all papers at one rate."""
        rows = [row for paper in self.invoices for row in paper.taxes if row.rate == rate]
        back = [row for mine in self.notes for note in mine for row in note.taxes if row.rate == rate]
        gross = sum(row.gross for row in rows) - sum(row.gross for row in back)
        return gross, sum(row.tax for row in rows) - sum(row.tax for row in back)


@settings(max_examples=60, deadline=None)
@given(
    prices=st.lists(st.integers(50, 5000), min_size=2, max_size=2),
    wishes=st.lists(st.tuples(st.integers(0, 1), st.integers(1, 9)), min_size=1, max_size=6),
)
def test_edits_keep_the_tax_of_each_rate_on_the_papers_exact(
    prices: list[int], wishes: list[tuple[int, int]]
) -> None:
    rates = [19, 7]
    lines = [line_of(place, 3, prices[place], rate) for place, rate in enumerate(rates)]
    standing = standing_of(lines, rates)
    folder = Folder(invoice_of(standing))
    for place, quantity in wishes:
        if (done := edited(standing, place, quantity)) is not None:
            standing, change = done
            folder.follow(change)

    for tax in standing.sums.tax_lines:
        gross, papered = folder.of_rate(tax.rate)
        assert gross == (tax.net + tax.tax).amount
        assert abs(papered - tax.tax.amount) <= len(wishes)
