"""News of payments: our copy of the amounts, and all that follows from them for the order.

Amounts of a payment only grow, so what is new is the difference between the sums and what the order already
knows, found under the order's lock: late, double and out-of-order news do no harm.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from mercato.contracts.orders import FulfillmentStatus, OrderPaymentStatus, OrderStatus
from mercato.contracts.payments import Payment
from mercato.kernel import clock
from mercato.kernel.db import Tx
from mercato.kernel.ids import new_id
from mercato.kernel.messaging.events import Event
from mercato.orders import facts
from mercato.orders.domain import (
    SETTLED,
    Amounts,
    Awaiting,
    IntentKind,
    credit_of_refund,
    is_complete,
    payment_status,
)
from mercato.orders.granting import Grant
from mercato.orders.parts import Parts
from mercato.orders.records import Intent, PaymentRow, PlacedOrder, StoryRow
from mercato.orders.store import after, grants, intents

SETTLE_S = 5
"""How long a request that is at work may take to settle before we look again."""

_TEXTS = {
    "authorized": ("payment_authorized", "Payment authorized"),
    "captured": ("payment_captured", "Payment captured"),
    "refunded": ("payment_refunded", "Payment refunded"),
    "voided": ("payment_voided", "Authorization voided"),
}
_CREDIT_NAMES = {"gift_card": "gift card", "store_credit": "store credit"}
_TOO_MUCH = frozenset({OrderPaymentStatus.OVERPAID, OrderPaymentStatus.REFUND_DUE})
_MOVES_MONEY = frozenset({IntentKind.CAPTURE, IntentKind.REFUND, IntentKind.RETURN_MONEY})


class News(msgspec.Struct, frozen=True):
    """What payments said of one payment: cumulative amounts."""

    payment_id: UUID
    order_id: UUID
    amounts: Amounts
    provider: str = ""
    """Empty is that of the order."""


def news_of(payments: Sequence[Payment]) -> list[News]:
    """The news in an answer of payments."""
    return [
        News(
            payment.id,
            payment.order_id,
            Amounts(
                payment.authorized.amount,
                payment.captured.amount,
                payment.refunded.amount,
                payment.voided.amount,
            ),
            payment.provider,
        )
        for payment in payments
    ]


def story_of(before: Amounts, paid: Amounts, currency: str, *, actor: str, reason: str) -> list[StoryRow]:
    """A timeline row for each amount that has grown."""
    story = []
    for field, (kind, text) in _TEXTS.items():
        grown = getattr(paid, field) - getattr(before, field)
        if grown > 0:
            data = {"amount": grown, "currency": currency} | ({"reason": reason} if reason else {})
            story.append(StoryRow(kind, text, actor, data))
    return story


def naming(story: list[StoryRow], provider: str) -> list[StoryRow]:
    """The rows of a timeline, saying that it was a gift card or store credit that paid."""
    name = _CREDIT_NAMES.get(provider)
    if name is None:
        return story
    return [msgspec.structs.replace(row, text=f"{row.text}: {name}") for row in story]


async def look_again(parts: Parts, order_id: UUID) -> None:
    """Take up news of payments that came while the order was being placed."""
    async with parts.db.transaction() as tx:
        await take_news(parts, tx, order_ids=[order_id], news=[])


async def take_news(
    parts: Parts, tx: Tx, *, order_ids: Sequence[UUID], news: Sequence[News]
) -> list[PlacedOrder]:
    """Keep `news` and let each order follow its amounts; returns the orders, locked."""
    orders = await after.lock_many(tx, order_ids=sorted(set(order_ids)))
    known = {row.id: row for row in await after.payments_of(tx, order_ids=[order.id for order in orders])}
    fresh = _fresh(known, news, {order.id: order for order in orders})
    if fresh:
        await after.keep_payments(tx, payments=list(fresh.values()))
    rows = known | fresh
    for order in orders:
        paid = sum_of([row.amounts for row in rows.values() if row.order_id == order.id])
        if paid != order.paid:
            await _follow(parts, tx, order, paid)
    return orders


def _fresh(
    known: Mapping[UUID, PaymentRow], news: Sequence[News], orders: Mapping[UUID, PlacedOrder]
) -> dict[UUID, PaymentRow]:
    fresh: dict[UUID, PaymentRow] = {}
    for item in news:
        order = orders.get(item.order_id)
        if order is None:
            continue
        old = fresh.get(item.payment_id) or known.get(item.payment_id)
        amounts = _highest(old.amounts if old else Amounts(), item.amounts)
        if old is None or amounts != old.amounts:
            fresh[item.payment_id] = PaymentRow(
                item.payment_id, order.id, old.provider if old else item.provider or order.provider,
                amounts.authorized, amounts.captured, amounts.refunded, amounts.voided,
            )  # fmt: skip
    return fresh


async def _follow(parts: Parts, tx: Tx, order: PlacedOrder, paid: Amounts) -> None:
    """Bring one locked order to where its amounts say."""
    now = clock.now()
    if order.status is OrderStatus.DRAFT:
        await _look_later(tx, order, now)
        return
    open_intents = [
        intent
        for intent in await intents.open_of_orders(tx, order_ids=[order.id])
        if intent.kind in _MOVES_MONEY
    ]
    cause = open_intents[0] if open_intents else None
    actor, reason = (cause.actor, cause.reason) if cause else ("system", "")
    # Of an expired order nothing was sold, so what goes back of it is no credit.
    is_sold = order.status is not OrderStatus.EXPIRED
    credit = credit_of_refund(order.total, order.credited, order.paid, paid) if is_sold else 0
    payment = payment_status(order.total, paid, order.credited + credit)
    await _write(tx, order, paid, payment, now, credited=order.credited + credit)
    if credit:
        await after.book_sale(tx, order=order, kind="refund", at=now, units=0, amount=credit)
        grant = Grant(
            id=new_id(),
            order_id=order.id,
            amount=credit,
            reason=reason,
            granted_at=now,
            granted_by=actor,
            intent_id=cause.id if cause else None,
        )
        await grants.insert(tx, grant=grant)
    await after.tell(
        tx,
        order_id=order.id,
        at=now,
        story=story_of(order.paid, paid, order.currency, actor=actor, reason=reason),
    )
    parts.tell_after(tx, order.id)
    if order.status is OrderStatus.EXPIRED:
        is_returning = any(intent.kind is IntentKind.RETURN_MONEY for intent in open_intents)
        if paid.kept > 0 and not is_returning and order.awaiting is not Awaiting.RECOVERY:
            await after.set_recovery(tx, order_id=order.id, due=now + timedelta(seconds=SETTLE_S))
        return
    await _tell_others(parts, tx, order, paid, payment, reason)
    if order.status is OrderStatus.CANCELED and paid.kept > 0:
        await return_money(parts, tx, order, paid, actor="system", reason="canceled")
    elif payment in _TOO_MUCH:
        await _return_excess(parts, tx, order, paid, open_intents)


async def _write(
    tx: Tx, order: PlacedOrder, paid: Amounts, payment: OrderPaymentStatus, now: datetime, *, credited: int
) -> None:
    is_done = order.status is OrderStatus.PLACED and is_complete(
        payment, FulfillmentStatus(order.fulfillment_status)
    )
    await after.set_money(
        tx,
        order_id=order.id,
        paid=paid,
        payment_status=payment,
        status=OrderStatus.COMPLETED if is_done else order.status,
        now=now,
        is_paid=payment in SETTLED,
        credited=credited,
    )


async def _tell_others(
    parts: Parts,
    tx: Tx,
    order: PlacedOrder,
    paid: Amounts,
    payment: OrderPaymentStatus,
    reason: str,
) -> None:
    told: list[Event] = []
    token = parts.token_of(order.id)
    if order.paid_at is None and payment in SETTLED:
        told.append(facts.order_paid(order, token))
    refunded = paid.refunded - order.paid.refunded
    if refunded > 0:
        told.append(facts.order_refunded(order, token, amount=refunded, reason=reason))
    await parts.outbox.add(tx, *told)


async def return_money(
    parts: Parts, tx: Tx, order: PlacedOrder, paid: Amounts, *, actor: str, reason: str, cause: str = ""
) -> Intent:
    """Leave the intent to void what is held and refund what was taken; the sweeper takes it up at once. A
    `cause` that frees the same money again makes it an intent of its own."""
    now = clock.now()
    intent = Intent(
        id=new_id(),
        order_id=order.id,
        kind=IntentKind.RETURN_MONEY,
        # New money after the first return is a new intent; the same money never is.
        key=f"return_money:{order.id}:{paid.authorized}:{paid.captured}{cause}",
        amount=None,
        actor=actor,
        reason=reason,
        data={},
    )
    await intents.add(tx, intent=intent, now=now, due=now)
    tx.after_commit(parts.wake_sweeper)
    return intent


async def _return_excess(
    parts: Parts, tx: Tx, order: PlacedOrder, paid: Amounts, open_intents: Sequence[Intent]
) -> None:
    """More was paid than is due: what is too much, and not on its way back already, goes back by itself."""
    now = clock.now()
    amount = paid.refundable - (order.total - order.credited) - refunds_on_their_way(open_intents)
    if amount > 0:
        amount -= await grants.waiting(tx, order_id=order.id)
    if amount <= 0:
        return
    intent = Intent(
        id=new_id(), order_id=order.id, kind=IntentKind.REFUND, key=f"excess:{order.id}:{paid.captured}",
        amount=amount, actor="system", reason="paid twice", data={},
    )  # fmt: skip
    await intents.add(tx, intent=intent, now=now, due=now)
    tx.after_commit(parts.wake_sweeper)


def refunds_on_their_way(open_intents: Sequence[Intent]) -> int:
    """What open refunds will send back."""
    return sum(intent.amount or 0 for intent in open_intents if intent.kind is IntentKind.REFUND)


async def _look_later(tx: Tx, order: PlacedOrder, now: datetime) -> None:
    key = f"check_money:{order.id}:{order.attempt}"
    intent = Intent(
        id=new_id(), order_id=order.id, kind=IntentKind.CHECK_MONEY, key=key, amount=None,
        actor="system", reason="", data={},
    )  # fmt: skip
    await intents.add(tx, intent=intent, now=now, due=now + timedelta(seconds=SETTLE_S))


def _highest(one: Amounts, other: Amounts) -> Amounts:
    return Amounts(
        max(one.authorized, other.authorized),
        max(one.captured, other.captured),
        max(one.refunded, other.refunded),
        max(one.voided, other.voided),
    )


def sum_of(amounts: Sequence[Amounts]) -> Amounts:
    return Amounts(
        sum(a.authorized for a in amounts),
        sum(a.captured for a in amounts),
        sum(a.refunded for a in amounts),
        sum(a.voided for a in amounts),
    )
