"""Proof that the books of orders agree: with themselves, and with payments."""

from datetime import timedelta
from uuid import UUID

from mercato.contracts.orders import OrderStatus
from mercato.contracts.payments import OrderMoney
from mercato.contracts.shared import MAX_LIMIT, Difference, Verification
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.db import Row
from mercato.orders.domain import Amounts, payment_status
from mercato.orders.parts import Parts
from mercato.orders.store import figures, grants, papers

PAGE = 500
MAX_DIFFERENCES = 100
OVERDUE_S = 60
"""A draft or intent that is overdue for longer than this has been forgotten."""


async def verify(parts: Parts) -> Verification:
    """Totals = lines, sales = orders, amounts = payments, promised units = allocations, nothing stuck,
    documents numbered without gaps."""
    differences = await figures.wrong_totals(parts.db, limit=MAX_DIFFERENCES)
    differences += await figures.wrong_sales(parts.db, limit=MAX_DIFFERENCES)
    differences += await figures.wrong_returns(parts.db, limit=MAX_DIFFERENCES)
    differences += [
        Difference("document_numbers", series, str(last), str(count))
        for series, last, count in await papers.gaps(parts.db)
    ]
    differences += [
        Difference("credited_more_than_invoiced", number, str(total), str(credited))
        for number, total, credited in await papers.miscredited(parts.db)
    ]
    overdue = clock.now() - timedelta(seconds=OVERDUE_S)
    differences += [
        Difference("papers", number, str(worth), str(total))
        for number, worth, total in await papers.off_balance(parts.db, before=overdue, limit=MAX_DIFFERENCES)
    ]
    differences += [
        Difference("granted_refunds", str(order_id), str(credited), str(granted))
        for order_id, credited, granted in await grants.miscounted(parts.db, limit=MAX_DIFFERENCES)
    ]
    differences += await figures.stuck(parts.db, overdue_before=overdue, limit=MAX_DIFFERENCES)
    checked, after = 0, None
    while rows := await figures.money_page(parts.db, after=after, limit=PAGE):
        after = rows[-1]["id"]
        checked += len(rows)
        sums = await parts.payments.money_of_orders(SYSTEM_CONTEXT, order_ids=[row["id"] for row in rows])
        by_order = {found.order_id: found for found in sums}
        for row in rows:
            differences += _compare(row, by_order.get(row["id"]))
    return Verification(checked, differences + await _promised(parts))


async def _promised(parts: Parts) -> list[Difference]:
    """Variants of which stock has allocated another number than placed orders wait for."""
    differences: list[Difference] = []
    last = None
    while promised := await figures.promised_units(parts.db, after=last, limit=MAX_LIMIT // 2):
        last = max(promised)
        allocated: dict[UUID, int] = dict.fromkeys(promised, 0)
        cursor = None
        while True:
            page = await parts.stock.levels(
                SYSTEM_CONTEXT, variant_ids=list(promised), limit=MAX_LIMIT, cursor=cursor
            )
            for level in page.items:
                allocated[level.variant_id] += level.allocated
            cursor = page.next_cursor
            if cursor is None:
                break
        differences += [
            Difference("promised_stock", str(variant_id), str(units), str(allocated[variant_id]))
            for variant_id, units in promised.items()
            if units != allocated[variant_id]
        ]
    return differences


def _compare(row: Row, found: OrderMoney | None) -> list[Difference]:
    """An order against payments. One that is in work may be a moment behind."""
    if row["in_work"]:
        return []
    ours = Amounts(row["authorized"], row["captured"], row["refunded"], row["voided"])
    theirs = Amounts(found.authorized, found.captured, found.refunded, found.voided) if found else Amounts()
    subject = str(row["id"])
    differences = []
    if ours != theirs:
        differences.append(Difference("order_payments", subject, repr(theirs), repr(ours)))
    status = payment_status(row["total"], ours, row["credited"])
    is_sold = row["status"] != OrderStatus.EXPIRED
    if is_sold and status != row["payment_status"]:
        differences.append(Difference("payment_status", subject, status, row["payment_status"]))
    # What a bank disputes cannot be sent back.
    kept = ours.kept - (found.disputed if found else 0)
    if not is_sold and kept > 0:
        differences.append(Difference("paid_but_unplaced", subject, "0", str(kept)))
    if row["status"] == OrderStatus.CANCELED and kept > 0:
        differences.append(Difference("paid_but_canceled", subject, "0", str(kept)))
    return differences
