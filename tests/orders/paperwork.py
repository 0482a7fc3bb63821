"""A seller, papers on demand, and what the papers of an order are worth, for tests."""

import msgspec

from mercato.contracts.orders import DocumentKind, Order, OrderCanceled, OrderPaid, OrderRefunded, Seller
from mercato.contracts.shared import Address
from mercato.orders.actions import papers as actions
from mercato.orders.paper_jobs import PapersBehind
from mercato.orders.store import papers
from mercato.orders.store.papers import Issued
from orders.conftest import STAFF, Till

HERE = Address(name="Mara", street1="Hauptstr. 1", postal_code="10115", city="Berlin", country="DE")
_SIGNS = {DocumentKind.INVOICE: 1, DocumentKind.CREDIT_NOTE: -1}


def seller(**changes: object) -> Seller:
    values: dict[str, object] = {
        "channel": "default", "name": "Kiln & Loom GmbH", "address": ["Gartenweg 3", "10115 Berlin"],
        "country": "DE", "vat_id": "DE136695976", "email": "hello@kiln.example",
    }  # fmt: skip
    return Seller(**{**values, **changes})  # type: ignore[arg-type]


async def sell(till: Till, **changes: object) -> None:
    await till.orders.save_seller(STAFF, seller=seller(**changes))


async def issue(till: Till, order: Order) -> str:
    return (await till.orders.issue_invoice(STAFF, order_id=order.id)).number


async def jobs_done(till: Till) -> None:
    """Do what the worker would do with the jobs that were written."""
    rows = await till.db.fetch("delete from kernel.jobs where kind = 'papers' returning payload")
    for row in rows:
        behind = msgspec.json.decode(row["payload"], type=PapersBehind)
        await actions.bring_up_to_date(
            till.service.impl._parts, order_id=behind.order_id, reason=behind.reason
        )


async def hear(till: Till, *kinds: type) -> None:
    """Bring the facts of orders to its own ear for papers, then let the jobs run."""
    subscription = next(each for each in till.service.subscriptions if each.consumer == "orders-papers")
    for kind in kinds:
        rows = await till.db.fetch("select body from orders.outbox where subject = $1", kind.subject)  # type: ignore[attr-defined]
        async with till.db.transaction() as tx:
            await subscription.handle(tx, [msgspec.json.decode(row["body"], type=kind) for row in rows])
    await jobs_done(till)


async def papers_of(till: Till, order: Order) -> list[Issued]:
    """The papers of an order once every event had its effect, oldest first."""
    await till.deliver_events()
    await hear(till, OrderPaid, OrderRefunded, OrderCanceled)
    return await papers.of_order(till.db, order_id=order.id)


def worth(issued: list[Issued]) -> int:
    """What all of them ask for, less what they give back."""
    return sum(_SIGNS[each.document.kind] * each.paper.total for each in issued)


def taxed(issued: list[Issued]) -> tuple[int, int]:
    """(net, tax) over all of them."""
    taxes = [(_SIGNS[each.document.kind], tax) for each in issued for tax in each.paper.taxes]
    return sum(sign * tax.net for sign, tax in taxes), sum(sign * tax.tax for sign, tax in taxes)
