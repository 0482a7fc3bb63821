"""What orders hears, and which action that calls. What it publishes is made in `facts.py`."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from mercato.contracts.carriers import LabelBought, ParcelTracked, TrackingStatus
from mercato.contracts.notifications import MessagesSent
from mercato.contracts.orders import OrderCanceled, OrderPaid, OrderRefunded, OrderShipped, OrderStatus
from mercato.contracts.payments import MoneyAlert, PaymentChanged
from mercato.contracts.users import AccountsMerged, UserConfirmed
from mercato.kernel import clock
from mercato.kernel.background.jobs import JobKind, JobRun
from mercato.kernel.db import Tx
from mercato.kernel.messaging.inbox import Subscription
from mercato.orders.actions import gift_cards, labels, money, papers
from mercato.orders.domain import Amounts
from mercato.orders.paper_jobs import PAPERS, PapersBehind
from mercato.orders.parts import Parts
from mercato.orders.records import PlacedOrder, StoryRow
from mercato.orders.store import after, customers, resuming
from mercato.orders.store import papers as store

OrderEvent = OrderPaid | OrderShipped | OrderRefunded | OrderCanceled
PAPER_EVENTS = (OrderPaid, OrderShipped, OrderRefunded, OrderCanceled)
PARCEL_SEEN = "parcel-seen"


class ParcelSeen(msgspec.Struct, frozen=True):
    """A parcel that its carrier has, or has delivered."""

    fulfillment_id: UUID
    status: TrackingStatus
    carrier: str


_SOLD = frozenset({OrderStatus.PLACED, OrderStatus.COMPLETED, OrderStatus.CANCELED})
_ALERTS = {
    "dispute_opened": "Dispute opened",
    "dispute_won": "Dispute won",
    "dispute_lost": "Dispute lost",
    "refund_at_provider": "Refund begun at the provider",
    "refund_came_back": "A refund came back",
}
_FAILURES = {
    "capture_failed": "Capture failed",
    "refund_failed": "Refund failed",
    "void_failed": "Void failed",
}


def subscriptions_of(parts: Parts) -> tuple[Subscription, ...]:
    async def hear_payments(tx: Tx, events: Sequence[PaymentChanged]) -> None:
        await payments_changed(parts, tx, events)

    async def hear_alerts(tx: Tx, events: Sequence[MoneyAlert]) -> None:
        await alerted(parts, tx, events)

    async def hear_mail(tx: Tx, events: Sequence[MessagesSent]) -> None:
        await mail_sent(parts, tx, events)

    async def hear_own(tx: Tx, events: Sequence[OrderEvent]) -> None:
        await papers_behind(parts, tx, events)

    async def hear_carriers(tx: Tx, events: Sequence[LabelBought | ParcelTracked]) -> None:
        await carriers_told(parts, tx, events)

    async def hear_users(tx: Tx, events: Sequence[UserConfirmed | AccountsMerged]) -> None:
        await customers_changed(tx, events)

    return (
        Subscription("orders-customers", (UserConfirmed, AccountsMerged), hear_users),
        Subscription("orders-carriers", (LabelBought, ParcelTracked), hear_carriers, linger_s=0.1),
        Subscription("orders-papers", PAPER_EVENTS, hear_own, linger_s=0.9),
        Subscription(
            consumer="orders-payments", events=(PaymentChanged,), handle=hear_payments, linger_s=0.1
        ),
        Subscription(consumer="orders-alerts", events=(MoneyAlert,), handle=hear_alerts, linger_s=0.25),
        Subscription(consumer="orders-mail", events=(MessagesSent,), handle=hear_mail, linger_s=0.25),
    )


def jobs_of(parts: Parts) -> tuple[JobKind, ...]:
    async def run(job: JobRun, behind: PapersBehind) -> None:
        await papers.bring_up_to_date(parts, order_id=behind.order_id, reason=behind.reason)

    async def run_seen(job: JobRun, seen: ParcelSeen) -> None:
        await labels.follow(
            parts, fulfillment_id=seen.fulfillment_id, status=seen.status, carrier=seen.carrier
        )

    return (
        JobKind(name=PAPERS, payload=PapersBehind, run=run, concurrency=2),
        JobKind(name=PARCEL_SEEN, payload=ParcelSeen, run=run_seen, concurrency=2),
    )


async def carriers_told(parts: Parts, tx: Tx, events: Sequence[LabelBought | ParcelTracked]) -> None:
    """Parcels get their numbers, and what carriers saw of them is told.

    That goods leave stock is a call to it, so it gets a job.
    """
    await after.lock_of_parcels(tx, fulfillment_ids=[event.reference for event in events])
    for event in events:
        if isinstance(event, LabelBought):
            await labels.take_label(parts, tx, event)
        elif await labels.tell_sighting(parts, tx, event):
            seen = ParcelSeen(event.reference, event.status, event.carrier_name)
            await parts.jobs.add(tx, PARCEL_SEEN, seen)


async def papers_behind(parts: Parts, tx: Tx, events: Sequence[OrderEvent]) -> None:
    """What follows from the facts of orders: gift cards that were bought are issued once they are paid, and
    orders whose invoice or credit note may be due get a job, which may ask for the channel.

    Without a job key on purpose: a job that runs already may have looked before this news.
    """
    paid = [event.order_id for event in events if isinstance(event, OrderPaid)]
    if paid and await gift_cards.begin(tx, order_ids=paid):
        tx.after_commit(parts.wake_sweeper)
    reasons = {event.order_id: getattr(event, "reason", "") for event in events}
    for order_id in await store.due_orders(tx, order_ids=list(reasons)):
        await parts.jobs.add(tx, PAPERS, PapersBehind(order_id, reasons[order_id]))


async def alerted(parts: Parts, tx: Tx, events: Sequence[MoneyAlert]) -> None:
    """Timelines tell of disputes and what began at the provider; a refund that came back is a sale again."""
    orders = await after.lock_many(tx, order_ids=sorted({event.order_id for event in events}))
    known = {order.id: order for order in orders}
    for event in events:
        order = known.get(event.order_id)
        if order is None:
            continue
        data: dict[str, object] = {"amount": event.amount.amount, "currency": event.amount.currency}
        if event.reason:
            data |= {"reason": event.reason}
        story = StoryRow(event.kind, _ALERTS.get(event.kind, "Look at the payment"), data=data)
        await after.tell(tx, order_id=order.id, at=event.occurred_at, story=[story])
        if event.kind == "refund_came_back" and order.status in _SOLD:
            await after.book_sale(
                tx, order=order, kind="refund", at=event.occurred_at, units=0, amount=-event.amount.amount
            )
        if event.kind == "dispute_won" and order.status is OrderStatus.CANCELED and order.paid.kept > 0:
            cause = f":{event.reference}"
            await money.return_money(
                parts, tx, order, order.paid, actor="system", reason="dispute won", cause=cause
            )
        parts.tell_after(tx, order.id)


async def mail_sent(parts: Parts, tx: Tx, events: Sequence[MessagesSent]) -> None:
    """The timelines tell which mails have left."""
    sent = [message for event in events for message in event.messages]
    for order_id in await after.tell_mail(tx, sent=sent):
        tx.after_commit(lambda order_id=order_id: parts.live.publish(f"order.{order_id}"))  # type: ignore[misc]


async def customers_changed(tx: Tx, events: Sequence[UserConfirmed | AccountsMerged]) -> None:
    """Whoever has proved a mailbox gets what was ordered with it as a guest; merged accounts share theirs."""
    for event in events:
        if isinstance(event, UserConfirmed):
            await customers.attach_guest_orders(tx, customer_id=event.user_id, email=event.email)
        else:
            await customers.move_orders(tx, from_id=event.dropped_id, to_id=event.kept_id)


async def payments_changed(parts: Parts, tx: Tx, events: Sequence[PaymentChanged]) -> None:
    """Orders follow their amounts; drafts that wait for a decision are taken up at once."""
    news = [
        money.News(
            event.payment_id,
            event.order_id,
            Amounts(event.authorized, event.captured, event.refunded, event.voided),
            event.provider,
        )
        for event in events
        if event.payment_id is not None
    ]
    orders = await money.take_news(parts, tx, order_ids=[event.order_id for event in events], news=news)
    await _tell_failures(parts, tx, orders, events)
    waiting = [
        order.id for order in orders if order.status is OrderStatus.DRAFT and order.awaiting is not None
    ]
    if waiting and await resuming.hurry(tx, order_ids=waiting, now=clock.now()):
        tx.after_commit(parts.wake_sweeper)


async def _tell_failures(
    parts: Parts, tx: Tx, orders: Sequence[PlacedOrder], events: Sequence[PaymentChanged]
) -> None:
    known: set[UUID] = {order.id for order in orders}
    for event in events:
        if event.kind not in _FAILURES or event.order_id not in known:
            continue
        data = {"amount": event.amount.amount, "currency": event.amount.currency, "reason": event.reason}
        story = StoryRow("payment_failed", _FAILURES[event.kind], data=data)
        await after.tell(tx, order_id=event.order_id, at=event.occurred_at, story=[story])
        parts.tell_after(tx, event.order_id)
