"""Papers: numbered without gaps whatever happens, summing exactly, the same bytes for ever."""

import asyncio
from datetime import date

import msgspec
import pytest

from mercato.contracts.carts import TaxLine
from mercato.contracts.orders import DocumentKind, InvoiceTime, OrderPaid, OrderRefunded
from mercato.kernel import clock
from mercato.kernel.context import Context, Principal, PrincipalKind
from mercato.kernel.errors import Conflict, Denied, NotFound
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.orders.documents.content import credit_note_of
from mercato.orders.documents.sheets import sheet_of
from mercato.orders.paper_rows import Paper, PaperTax
from mercato.orders.store import papers
from orders.conftest import GUEST_CONTEXT, STAFF, Clock, Till
from orders.paperwork import HERE, hear, issue, sell, seller

ROUNDS = 20


async def sequences(till: Till) -> list[int]:
    rows = await till.db.fetch(
        "select sequence from orders.documents where kind = 'invoice' order by sequence"
    )
    return [row["sequence"] for row in rows]


async def test_an_invoice_is_issued_once_and_says_what_was_sold(till: Till) -> None:
    await sell(till)
    order = await till.bought(quantity=2)
    first = await till.orders.issue_invoice(STAFF, order_id=order.id)
    again = await till.orders.issue_invoice(STAFF, order_id=order.id)

    assert again == first
    assert first.number == f"INV-{clock.now():%Y}-00001"
    assert first.total == Money(2890, "EUR")
    paper = (await papers.of_order(till.db, order_id=order.id))[0].paper
    assert [(line.name, line.quantity, line.total) for line in paper.lines] == [("Sage mug", 2, 2400)]
    assert (paper.delivery, paper.paid) == (490, 2890)
    assert [(tax.name, tax.net, tax.tax) for tax in paper.taxes] == [("VAT", 2429, 461)]
    story = [entry.text for entry in (await till.order_of(order.id)).timeline]
    assert story[-1] == f"Invoice {first.number}"
    assert (await till.facts()).count("orders.document_issued") == 1


async def test_an_invoice_under_reverse_charge_says_so_and_names_both_vat_numbers(till: Till) -> None:
    await sell(till)
    order = await till.bought()
    taxes = [TaxLine("Reverse charge", "0", Money(2890, "EUR"), Money(0, "EUR"))]
    await till.db.execute(
        "update orders.orders set tax_id = 'NL123456789B01', tax = 0, tax_lines = $2 where id = $1",
        order.id,
        msgspec.json.encode(taxes).decode(),
    )
    await issue(till, order)
    paper = (await papers.of_order(till.db, order_id=order.id))[0].paper
    sheet = sheet_of(paper)
    assert sheet.buyer[-1] == "VAT ID NL123456789B01"
    assert any("VAT ID DE136695976" in line for column in sheet.footer for line in column)
    assert any(note.startswith("Reverse charge: ") for note in sheet.notes)
    assert "No VAT is charged." not in sheet.notes


async def test_no_invoice_without_a_seller_or_of_a_canceled_order(till: Till) -> None:
    order = await till.bought()
    with pytest.raises(Conflict, match="seller_unknown"):
        await issue(till, order)
    with pytest.raises(Conflict) as refused:
        await till.orders.request_invoice(GUEST_CONTEXT, number=order.number, token=order.token)
    assert refused.value.detail == "The shop issues no invoices yet: ask it for one."
    await sell(till)
    await till.orders.cancel(STAFF, order_id=order.id)
    with pytest.raises(Conflict, match="illegal_transition"):
        await issue(till, order)
    assert await till.count("documents") == 0
    assert await till.count("document_series") == 0


async def test_many_at_once_get_each_a_number_without_gaps(till: Till) -> None:
    await sell(till)
    for round_ in range(ROUNDS):
        bought = [await till.bought(quantity=1) for _ in range(3)]
        await asyncio.gather(*(issue(till, order) for order in bought for _ in range(3)))
        assert await sequences(till) == list(range(1, 3 * round_ + 4))
    assert (await till.orders.verify(STAFF)).differences == []


async def test_a_number_of_a_transaction_that_fails_is_given_to_the_next(till: Till) -> None:
    await sell(till)
    first, second, third = [await till.bought(quantity=1) for _ in range(3)]
    await issue(till, first)
    await till.db.execute(
        "update orders.documents set number = $1", f"INV-{clock.now():%Y}-00002"
    )  # the number that comes next is taken: issuing fails after it was counted
    with pytest.raises(Conflict, match="number_taken"):
        await issue(till, second)
    await till.db.execute("update orders.documents set number = $1", f"INV-{clock.now():%Y}-00001")
    await issue(till, third)
    assert await sequences(till) == [1, 2]


async def test_verify_finds_a_gap(till: Till) -> None:
    await sell(till)
    for _ in range(2):
        await issue(till, await till.bought(quantity=1))
    await till.db.execute("delete from orders.documents where sequence = 1")
    differences = (await till.orders.verify(STAFF)).differences
    assert [(each.check, each.expected, each.found) for each in differences] == [
        ("document_numbers", "2", "1")
    ]


async def test_numbers_begin_anew_with_the_year_of_the_channel(till: Till, moving_clock: Clock) -> None:
    await sell(till)
    await issue(till, await till.bought(quantity=1))
    moving_clock.forward(days=366)
    later = await issue(till, await till.bought(quantity=1))
    assert later == f"INV-{clock.now():%Y}-00001"


async def test_what_is_refunded_is_credited_once_and_sums_to_the_invoice(till: Till) -> None:
    await sell(till, issue=InvoiceTime.PAID)
    order = await till.bought(quantity=2)
    await hear(till, OrderPaid)
    await till.orders.refund(STAFF, order_id=order.id, amount=Money(1001, "EUR"), reason="scratch")
    for _ in range(2):
        await till.deliver_events()
        await hear(till, OrderRefunded, OrderPaid)
    await till.orders.refund(STAFF, order_id=order.id, reason="the rest")
    await till.deliver_events()
    await hear(till, OrderRefunded, OrderPaid)

    issued = await papers.of_order(till.db, order_id=order.id)
    assert [(each.document.kind.value, each.document.total.amount) for each in issued] == [
        ("invoice", 2890), ("credit_note", 1001), ("credit_note", 1889),
    ]  # fmt: skip
    invoice, *notes = [each.paper for each in issued]
    assert sum(note.taxes[0].tax for note in notes) == invoice.taxes[0].tax
    assert sum(note.taxes[0].net for note in notes) == invoice.taxes[0].net
    assert {note.invoice_number for note in notes} == {invoice.number}
    assert notes[0].lines[0].name == "Refund: scratch"
    assert (await till.orders.verify(STAFF)).differences == []


async def test_shops_that_issue_on_request_write_nothing_by_themselves(till: Till) -> None:
    await sell(till)
    await till.bought()
    await hear(till, OrderPaid)
    assert await till.count("documents") == 0


async def test_a_document_is_a_tagged_pdf_and_the_same_bytes_each_time(till: Till) -> None:
    await sell(till)
    order = await till.bought()
    document = await till.orders.issue_invoice(STAFF, order_id=order.id)
    first = await till.orders.document_file(STAFF, document_id=document.id)
    await till.orders.save_seller(STAFF, seller=seller(name="Another name"))
    second = await till.orders.document_file(STAFF, document_id=document.id)

    assert first == second
    assert first.name == f"{document.number}.pdf"
    assert first.content.startswith(b"%PDF-1.7") and b"StructTreeRoot" in first.content
    parcel = (await till.orders.create_fulfillment(STAFF, order_id=order.id)).fulfillments[0].id
    slip = await till.orders.packing_slip(STAFF, fulfillment_id=parcel)
    assert slip.content.startswith(b"%PDF-1.7")


async def test_papers_are_for_the_buyer_and_for_staff_with_the_right(till: Till) -> None:
    await sell(till)
    mine, other = await till.bought(), await till.bought()
    document = await till.orders.request_invoice(GUEST_CONTEXT, number=mine.number, token=mine.token)
    listed = await till.orders.buyer_documents(GUEST_CONTEXT, number=mine.number, token=mine.token)
    assert (listed.items, listed.may_issue_invoice) == ([document], False)
    await till.orders.buyer_document_file(
        GUEST_CONTEXT, number=mine.number, token=mine.token, document_id=document.id
    )
    for number, token in ((mine.number, None), (mine.number, other.token), (other.number, other.token)):
        with pytest.raises(NotFound):
            await till.orders.buyer_document_file(
                GUEST_CONTEXT, number=number, token=token, document_id=document.id
            )
    nobody = Context(principal=Principal(kind=PrincipalKind.USER, id=new_id(), email="x@shop.example"))
    with pytest.raises(Denied):
        await till.orders.document_file(nobody, document_id=document.id)
    with pytest.raises(Denied):
        await till.orders.packing_slip(nobody, fulfillment_id=new_id())
    with pytest.raises(Denied):
        await till.orders.save_seller(nobody, seller=seller(version=2))
    assert (await till.orders.sellers(STAFF))[0].version == 1


async def test_a_seller_that_somebody_changed_meanwhile_is_not_overwritten(till: Till) -> None:
    await sell(till)
    await sell(till, name="Second", version=1)
    with pytest.raises(Conflict, match="version_conflict"):
        await sell(till, name="Third", version=1)
    assert [(each.name, each.version) for each in await till.orders.sellers(STAFF)] == [("Second", 2)]


@pytest.mark.parametrize("parts", [[1000], [333, 333, 334], [999, 1], [7, 13, 980], [1, 1, 998]])
def test_parts_of_a_credit_sum_to_each_tax(parts: list[int]) -> None:
    taxes = [PaperTax("19 %", "0.19", 421, 80), PaperTax("7 %", "0.07", 333, 23), PaperTax("", "0", 143, 0)]
    invoice = Paper(
        kind=DocumentKind.INVOICE, number="INV-2026-00001", issued_on=date(2026, 1, 1), order_number="A",
        ordered_on=date(2026, 1, 1), supplied_on=None, locale="en", currency="EUR", seller=seller(),
        buyer=HERE, ship_to=HERE, lines=[], delivery_name="Standard", delivery=0, taxes=taxes,
        tax_included=True, total=1000, paid=0,
    )  # fmt: skip
    notes: list[Paper] = []
    for amount in parts:
        note = credit_note_of(
            invoice, notes, amount, number=f"CN-{len(notes)}", reason="", at=clock.now(), time_zone="UTC"
        )
        notes.append(note)

    assert [note.total for note in notes] == parts
    for place, tax in enumerate(taxes):
        given = [note.taxes[place] for note in notes]
        assert (sum(each.net for each in given), sum(each.tax for each in given)) == (tax.net, tax.tax)
        assert all(each.net >= 0 and each.tax >= 0 for each in given)
    assert all(sum(tax.gross for tax in note.taxes) == note.total for note in notes)
