"""Making a change true: the order's lines and amounts, and the work that it leaves for stock and money."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from mercato.contracts.orders import ChangeAction, ChangeKind, OrderStatus
from mercato.kernel.db import Tx
from mercato.kernel.ids import new_id
from mercato.orders.actions import money, parcels
from mercato.orders.amending import IS_COMING_BACK, return_status, units_back
from mercato.orders.change_rows import Amended, ChangeRow
from mercato.orders.domain import IntentKind, fulfillment_status, is_complete, move, payment_status
from mercato.orders.granting import GrantLine, grant_of_change
from mercato.orders.paper_jobs import papers_behind
from mercato.orders.parts import Parts
from mercato.orders.promises import taken_back
from mercato.orders.records import Intent, PlacedOrder
from mercato.orders.standing import Standing
from mercato.orders.store import after, changes, grants, intents

LEASE_S = 20


class Written(msgspec.Struct, frozen=True):
    """The order after the change, still locked, and what is left to be carried out, in this order."""

    order: PlacedOrder
    change: ChangeRow
    intents: list[Intent]


async def write_change(
    parts: Parts,
    tx: Tx,
    standing: Standing,
    change: ChangeRow,
    amended: Amended,
    *,
    credit: int,
    work: Sequence[IntentKind],
    key: str,
    actor: str,
    now: datetime,
) -> Written:
    """Write the change and what follows from it. `credit` is what it promises back now, on top of earlier
    steps; it may be negative. `work` is what stock has to do; `key` names the step: its intents are written
    once."""
    order = standing.order
    total = amended.sums.total
    credited = min(max(0, order.credited + credit), total)
    change = msgspec.structs.replace(change, credited=change.credited + credited - order.credited)
    await changes.save(tx, change=change)
    await changes.write_lines(tx, order=order, before=standing.lines, after=amended.lines)
    is_grown = IntentKind.ALLOCATE in work
    status, fulfillment = _status_after(standing, amended, credited, is_grown=is_grown)
    others = [one for one in standing.changes if one.id != change.id]
    await changes.write_order(
        tx,
        order=order,
        sums=amended.sums,
        credited=credited,
        payment_status=payment_status(total, order.paid, credited),
        fulfillment_status=fulfillment,
        return_status=_return_status(amended, [*others, change]),
        status=status,
        now=now,
    )
    await _book(tx, standing, amended, credited, now)
    if credited != order.credited:
        grant = grant_of_change(
            change,
            credited - order.credited,
            amended.lines,
            amended.sums,
            grant_id=new_id(),
            at=now,
            by=actor,
            taken=_taken(standing, change, credited - order.credited),
        )
        await grants.insert(tx, grant=grant)
    await papers_behind(parts, tx, order_id=order.id, reason=change.reason)
    words = [word for part in change.lines if part.new for word in (part.sku, *part.name.split())]
    await changes.add_terms(tx, order_id=order.id, words=words)
    after_it = msgspec.structs.replace(
        order, total=total, due_amount=max(0, total - amended.sums.paid_by_credit), credited=credited,
        status=status,
        fulfillment_status=fulfillment, item_count=amended.sums.item_count,
    )  # fmt: skip
    wanted = [_intent(order.id, change.id, kind, f"{kind}:{key}", actor=actor) for kind in work]
    refund = await refund_of(tx, after_it, change.id, key=key, actor=actor, reason=change.reason)
    wanted += [refund] if refund else []
    for intent in wanted:
        await intents.add(tx, intent=intent, now=now, due=now + timedelta(seconds=LEASE_S))
    return Written(after_it, change, wanted)


def _taken(standing: Standing, change: ChangeRow, amount: int) -> list[GrantLine]:
    """Of which lines a step of a change takes promises back, when it does."""
    if amount > 0:
        return []
    if change.kind is ChangeKind.EDIT:
        return standing.promises.taken_off(standing.lines, change.lines)
    return taken_back(change.id, standing.granted, amount)


async def refund_of(
    tx: Tx, order: PlacedOrder, change_id: UUID, *, key: str, actor: str, reason: str
) -> Intent | None:
    """The refund of what the buyer has paid too much now, less what is on its way back. None: nothing is."""
    on_their_way = money.refunds_on_their_way(await intents.open_of_orders(tx, order_ids=[order.id]))
    owed = order.paid.refundable - (order.total - order.credited)
    amount = min(owed, order.paid.refundable) - on_their_way
    if amount > 0:
        amount -= await grants.waiting(tx, order_id=order.id)
    if amount <= 0:
        return None
    return _intent(
        order.id, change_id, IntentKind.REFUND, f"refund:{key}", actor=actor, amount=amount, reason=reason
    )


def _intent(
    order_id: UUID,
    change_id: UUID,
    kind: IntentKind,
    key: str,
    *,
    actor: str,
    amount: int | None = None,
    reason: str = "",
) -> Intent:
    return Intent(
        id=new_id(),
        order_id=order_id,
        kind=kind,
        key=key,
        amount=amount,
        actor=actor,
        reason=reason,
        data={"change_id": str(change_id)},
    )


def _status_after(
    standing: Standing, amended: Amended, credited: int, *, is_grown: bool
) -> tuple[OrderStatus, str]:
    """Status and fulfillment status: more to send opens a completed order again, less may complete it."""
    order, total = standing.order, amended.sums.total
    fulfillment = fulfillment_status(parcels.quantities_of(amended.lines, standing.parcels).values())
    status, payment = order.status, payment_status(total, order.paid, credited)
    if status is OrderStatus.COMPLETED and is_grown:
        status = move(status, OrderStatus.PLACED)
    elif status is OrderStatus.PLACED and is_complete(payment, fulfillment):
        status = move(status, OrderStatus.COMPLETED)
    return status, fulfillment


def _return_status(amended: Amended, all_changes: list[ChangeRow]) -> str:
    coming = 0
    back: dict[UUID, int] = {}
    for change in all_changes:
        goods = [part for part in change.lines if part.action is ChangeAction.RETURN]
        units = units_back(goods, change.status)
        if change.status in IS_COMING_BACK:
            coming += sum(units.values())
        else:
            for line_id, count in units.items():
                back[line_id] = back.get(line_id, 0) + count
    return return_status(amended.lines, coming, back)


async def _book(tx: Tx, standing: Standing, amended: Amended, credited: int, now: datetime) -> None:
    """The books of sales: what was sold more or less, and what was promised back."""
    order, sums = standing.order, standing.sums
    grown, units = amended.sums.total - sums.total, amended.sums.item_count - sums.item_count
    if grown or units:
        await after.book_sale(tx, order=order, kind="change", at=now, units=units, amount=grown)
    credit = credited - order.credited
    if credit:
        await after.book_sale(
            tx, order=order, kind="refund", at=now, units=0, amount=credited - order.credited
        )
