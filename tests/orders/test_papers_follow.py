"""Papers follow the order: what is added is invoiced, what falls away is credited, and the sums agree."""

import asyncio
import random
from datetime import date
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.contracts.carts import TaxLine
from mercato.contracts.orders import (
    ChangeInput,
    ChangeKind,
    ChangeStatus,
    ClaimResolution,
    DocumentKind,
    LineQuantity,
    Order,
    OrderCanceled,
    OrderPaid,
    OrderRefunded,
    OrderStatus,
    ReturnLine,
    ReturnReceipt,
)
from mercato.contracts.shared import Address
from mercato.kernel import clock
from mercato.kernel.errors import Conflict
from mercato.kernel.ids import new_id
from mercato.orders.amending import amend, with_taxes
from mercato.orders.change_rows import ChangeRow, Sums
from mercato.orders.documents.content import (
    Paper,
    PaperLine,
    PaperTax,
    credit_note_of,
    further_invoice_of,
    left_of,
)
from mercato.orders.documents.due import Charge, due_of, spread
from mercato.orders.documents.sheets import sheet_of
from mercato.orders.domain import Amounts
from mercato.orders.records import LineRow, PlacedOrder
from mercato.orders.standing import Standing, quantity_parts
from mercato.orders.store import papers
from mercato.orders.store.papers import Issued
from orders.conftest import STAFF, Till
from orders.test_after_sale import shipped_parcel
from orders.test_changes import edit, eur, exchange, sent
from orders.test_documents import hear, issue, jobs_done, sell, seller

HERE = Address(name="Mara", street1="Hauptstr. 1", postal_code="10115", city="Berlin", country="DE")


async def papers_of(till: Till, order: Order) -> list[Issued]:
    await till.deliver_events()
    await hear(till, OrderPaid, OrderRefunded, OrderCanceled)
    return await papers.of_order(till.db, order_id=order.id)


async def amounts_of(till: Till, order: Order) -> list[tuple[str, int]]:
    return [(each.document.kind.value, each.document.total.amount) for each in await papers_of(till, order)]


async def edited(till: Till, order: Order, quantity: int) -> Order:
    change = await edit(till, order, {order.lines[0].id: quantity})
    return await till.orders.confirm_change(STAFF, change_id=change.id)


def worth(issued: list[Issued]) -> int:
    signs = {DocumentKind.INVOICE: 1, DocumentKind.CREDIT_NOTE: -1}
    return sum(signs[each.document.kind] * each.paper.total for each in issued)


def taxed(issued: list[Issued]) -> tuple[int, int]:
    signs = {DocumentKind.INVOICE: 1, DocumentKind.CREDIT_NOTE: -1}
    return (
        sum(signs[each.document.kind] * tax.net for each in issued for tax in each.paper.taxes),
        sum(signs[each.document.kind] * tax.tax for each in issued for tax in each.paper.taxes),
    )


async def test_an_edit_is_invoiced_and_credited_and_the_refund_that_follows_is_not_credited_again(
    till: Till,
) -> None:
    await sell(till)
    order = await till.bought(2)
    first = await issue(till, order)
    await edited(till, order, 3)
    after = await edited(till, order, 1)

    issued = await papers_of(till, order)
    assert [(each.document.kind.value, each.document.total.amount) for each in issued] == [
        ("invoice", 2890),
        ("invoice", 1200),
        ("credit_note", 2400),
    ]
    further, note = issued[1].paper, issued[2].paper
    assert further.adds_to == first and ("Adds to invoice", first) in sheet_of(further).facts
    assert [(line.name, line.quantity, line.total) for line in further.lines] == [("Sage mug", 1, 1200)]
    assert [(line.name, line.quantity, line.total) for line in note.lines] == [("Sage mug", 2, 2400)]
    assert (note.invoice_number, note.reason) == (first, "by phone")
    assert [row.label for row in sheet_of(further).sums] == ["Total"]
    view = after.tax_lines[0]
    assert taxed(issued) == (view.net.amount, view.tax.amount)
    assert worth(issued) == after.totals.total.amount == 1690
    assert after.balance == eur(0)
    assert await amounts_of(till, order) == [("invoice", 2890), ("invoice", 1200), ("credit_note", 2400)]


async def test_what_was_changed_before_the_invoice_stands_on_it(till: Till) -> None:
    await sell(till)
    order = await till.bought(2)
    await edited(till, order, 3)
    await issue(till, order)
    assert await amounts_of(till, order) == [("invoice", 4090)]


async def test_jobs_that_run_at_once_and_again_issue_each_paper_once(till: Till) -> None:
    await sell(till)
    order = await till.bought(2)
    await issue(till, order)
    await edited(till, order, 4)
    await till.db.execute(
        "insert into kernel.jobs select"
        " (jsonb_populate_record(j, jsonb_build_object('id', gen_random_uuid()))).* from kernel.jobs j"
    )
    await asyncio.gather(*(jobs_done(till) for _ in range(3)))
    await issue(till, order)
    assert await amounts_of(till, order) == [("invoice", 2890), ("invoice", 2400)]


async def test_an_exchange_credits_what_comes_back_and_invoices_what_is_sent(till: Till) -> None:
    await sell(till)
    order = await sent(till, 2)
    await issue(till, order)
    _, change, _ = await exchange(till, order, 2000)
    assert await amounts_of(till, order) == [("invoice", 2890), ("invoice", 2000), ("credit_note", 1200)]
    further = (await papers_of(till, order))[1].paper
    assert further.paid == 1200
    assert "€8.00 is still to be paid." in sheet_of(further).notes
    await till.orders.receive_return(STAFF, change_id=change.id, receipt=ReturnReceipt())
    assert len(await papers_of(till, order)) == 3


async def test_an_exchange_of_which_nothing_comes_back_is_invoiced_again(till: Till) -> None:
    await sell(till)
    order = await sent(till, 2)
    await issue(till, order)
    _, change, _ = await exchange(till, order, 1200)
    await papers_of(till, order)
    gone = await till.orders.cancel_change(STAFF, change_id=change.id, reason="never arrived")
    issued = await papers_of(till, order)
    assert [each.document.total.amount for each in issued] == [2890, 1200, 1200, 1200]
    assert issued[-1].paper.lines[0].name == "Refund taken back"
    assert issued[-1].paper.taxes[0].tax == issued[-2].paper.taxes[0].tax
    assert worth(issued) == gone.totals.total.amount == 4090


async def test_a_return_is_credited_by_line_with_delivery_and_less_the_fee(till: Till) -> None:
    await sell(till)
    order = await sent(till, 2)
    await issue(till, order)
    wish = ChangeInput(kind=ChangeKind.RETURN, returns=[ReturnLine(order.lines[0].id, 1)])
    change = await till.orders.preview_change(STAFF, order_id=order.id, change=wish)
    await till.orders.confirm_change(STAFF, change_id=change.id)
    assert len(await papers_of(till, order)) == 1
    receipt = ReturnReceipt(fee=300, refund_delivery=True)
    await till.orders.receive_return(STAFF, change_id=change.id, receipt=receipt)
    issued = await papers_of(till, order)
    assert [each.document.total.amount for each in issued] == [2890, 1390]
    assert [(line.name, line.total) for line in issued[1].paper.lines] == [
        ("Sage mug", 987),
        ("Delivery", 403),
    ]


async def test_canceling_credits_what_is_left_of_every_invoice(till: Till) -> None:
    await sell(till)
    order = await till.bought(2)
    await issue(till, order)
    await edited(till, order, 3)
    await papers_of(till, order)
    await till.orders.refund(STAFF, order_id=order.id, amount=eur(500), reason="late")
    await papers_of(till, order)
    await till.orders.cancel(STAFF, order_id=order.id)
    await till.sweep()
    issued = await papers_of(till, order)
    assert [(each.document.kind.value, each.document.total.amount) for each in issued] == [
        ("invoice", 2890),
        ("invoice", 1200),
        ("credit_note", 500),
        ("credit_note", 2390),
        ("credit_note", 1200),
    ]
    assert (worth(issued), taxed(issued)) == (0, (0, 0))
    assert len({each.document.invoice_number for each in issued[2:]}) == 2


async def test_orders_that_changed_before_papers_followed_come_right(till: Till) -> None:
    await sell(till)
    order = await till.bought(2)
    await issue(till, order)
    await edited(till, order, 1)
    await till.db.execute("update orders.changes set papered_at = confirmed_at")
    await issue(till, order)
    issued = await papers_of(till, order)
    assert [each.document.total.amount for each in issued] == [2890, 1200]
    assert issued[1].paper.lines[0].name == "Correction"


async def test_whatever_happens_to_an_order_its_papers_sum_to_it(till: Till) -> None:
    dice = random.Random(20261123)
    await sell(till)
    order = await till.bought(4, on_hand=500)
    await issue(till, order)
    line, told = order.lines[0].id, 0
    for _ in range(14):
        step = dice.choice(["edit", "edit", "ship", "exchange", "claim", "refund", "return"])
        try:
            await _take(till, step, order, line, dice)
        except Conflict:
            continue  # it may not be possible just now: then nothing has happened
        told += 1
        if dice.random() < 0.6:
            now, issued = await till.order_of(order.id), await papers_of(till, order)
            assert now.credited is not None
            assert worth(issued) == now.totals.total.amount - now.credited.amount
    assert told >= 8
    now, issued = await till.order_of(order.id), await papers_of(till, order)
    assert now.credited is not None
    assert worth(issued) == now.totals.total.amount - now.credited.amount
    assert not any("Correction" in line.name for each in issued for line in each.paper.lines)
    assert [each.document.number[-5:] for each in issued if each.document.kind is DocumentKind.INVOICE] == [
        f"{number:05}" for number in range(1, 1 + sum(not each.invoice_id for each in issued))
    ]
    for invoice in [each for each in issued if each.invoice_id is None]:
        for place, tax in enumerate(invoice.paper.taxes):
            notes = [each.paper.taxes[place] for each in issued if each.invoice_id == invoice.document.id]
            assert tax.net >= sum(note.net for note in notes)
            assert tax.tax >= sum(note.tax for note in notes)
    await till.assert_books_agree()


async def _take(till: Till, step: str, order: Order, line: UUID, dice: random.Random) -> None:
    now = await till.order_of(order.id)
    if step == "edit":
        change = await edit(till, order, {line: now.lines[0].quantity + dice.choice([-1, 1, 2])})
        await till.orders.confirm_change(STAFF, change_id=change.id)
    elif step == "ship":
        await shipped_parcel(till, now)
    elif step == "refund":
        await till.orders.refund(STAFF, order_id=order.id, amount=eur(dice.randint(1, 700)), reason="late")
    elif step == "exchange":
        _, change, _ = await exchange(till, now, dice.choice([300, 1200, 2500]))
        if dice.random() < 0.5:
            await till.orders.cancel_change(STAFF, change_id=change.id)
        else:
            await till.orders.receive_return(STAFF, change_id=change.id, receipt=ReturnReceipt(fee=77))
    else:
        kind = ChangeKind.CLAIM if step == "claim" else ChangeKind.RETURN
        wish = ChangeInput(
            kind=kind, returns=[ReturnLine(line, 1)], reason=step, resolution=ClaimResolution.REFUND
        )
        change = await till.orders.preview_change(STAFF, order_id=order.id, change=wish)
        await till.orders.confirm_change(STAFF, change_id=change.id)
        if kind is ChangeKind.RETURN:
            await till.orders.receive_return(STAFF, change_id=change.id, receipt=ReturnReceipt())


# Rates


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
    return Standing(order=order, sums=sums, address=HERE, lines=lines, parcels=[], changes=[])


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
    first = Paper(
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
            PaperLine(line.name, "", line.quantity, line.list_price, 0, line.total, line.id) for line in lines
        ],
        taxes=[
            PaperTax(tax.name, tax.rate, tax.net.amount, tax.tax.amount) for tax in standing.sums.tax_lines
        ],
        total=standing.sums.total,
        paid=0,
    )
    invoices, notes = [first], [[]]  # type: list[Paper], list[list[Paper]]
    for place, quantity in wishes:
        try:
            parts = quantity_parts(standing, [LineQuantity(lines[place].id, quantity)])
        except Conflict:
            continue
        if not parts:
            continue
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
        for due in due_of([change], [], invoices, tax_included=True):
            if isinstance(due, Charge):
                invoices.append(
                    further_invoice_of(
                        first,
                        seller(),
                        due.lines,
                        due.taxes,
                        tax_included=True,
                        owed=0,
                        number="X",
                        reason="",
                        at=clock.now(),
                        time_zone="UTC",
                    )
                )
                notes.append([])
                continue
            left = [left_of(paper, mine) for paper, mine in zip(invoices, notes, strict=True)]
            for number, items in enumerate(spread(due.items, invoices, left)):
                if items:
                    note = credit_note_of(
                        invoices[number],
                        notes[number],
                        sum(item.amount for item in items),
                        number="C",
                        reason="",
                        at=clock.now(),
                        time_zone="UTC",
                        lines=[item.line for item in items],
                        takes=[item.take for item in items if item.take],
                    )
                    notes[number].append(note)
        standing = Standing(
            order=standing.order, sums=after.sums, address=HERE, lines=after.lines, parcels=[], changes=[]
        )

    for tax in standing.sums.tax_lines:
        rows = [row for paper in invoices for row in paper.taxes if row.rate == tax.rate]
        back = [row for mine in notes for note in mine for row in note.taxes if row.rate == tax.rate]
        gross = sum(row.gross for row in rows) - sum(row.gross for row in back)
        assert gross == (tax.net + tax.tax).amount
        assert abs(sum(row.tax for row in rows) - sum(row.tax for row in back) - tax.tax.amount) <= len(
            wishes
        )
