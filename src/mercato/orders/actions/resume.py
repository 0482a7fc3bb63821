"""The sweeper: takes up drafts whose lease ran out or whose wait is over, and intents that are due.

Each in its own try: one that fails is put off, longer each time, and parked with an alert when there is no
hope, so that it never stands in the way of the others.
"""

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta

import structlog

from mercato.contracts.orders import OrderStatus
from mercato.contracts.payments import PayResult, SessionStatus
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM, SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Conflict, MercatoError, Unavailable
from mercato.orders import facts
from mercato.orders.actions import money
from mercato.orders.actions.carry_out import carry_out
from mercato.orders.actions.place import HOLD_MINUTES, LEASE_S, demands_of_lines, pay
from mercato.orders.actions.settle import finalize, refuse, release, settle
from mercato.orders.domain import Awaiting
from mercato.orders.parts import Parts
from mercato.orders.records import Draft, Intent, StoryRow
from mercato.orders.store import after, intents, resuming

BATCH = 8
"""Taken up side by side, so that one which waits for a timeout does not delay the others past their lease."""
MAX_TRIES = 12
BACKOFF_MOST_S = 300
_OPEN = frozenset({SessionStatus.PENDING, SessionStatus.PROCESSING, SessionStatus.REQUIRES_ACTION})

log = structlog.get_logger()


async def sweep(parts: Parts) -> int:
    """Take up everything that is due once; returns how much that was."""
    now = clock.now()
    lease_until = now + timedelta(seconds=LEASE_S)
    drafts = await resuming.take_due(parts.db, now=now, lease_until=lease_until, limit=BATCH)
    await asyncio.gather(*(_resume_later(parts, draft, now) for draft in drafts))
    wanted = await intents.take_due(parts.db, now=now, lease_until=lease_until, limit=BATCH)
    await asyncio.gather(*(carry_out_later(parts, intent, now) for intent in wanted))
    return len(drafts) + len(wanted)


async def _resume_later(parts: Parts, draft: Draft, now: datetime) -> None:
    error = await attempt(_resume(parts, draft))
    if error is not None:
        due = _next_try(error, draft.tries, now)
        await resuming.put_off(parts.db, draft=draft, due=due, error=repr(error), now=now)
        _alert("draft", str(draft.id), due, error)


async def carry_out_later(parts: Parts, intent: Intent, now: datetime) -> None:
    """Carry an intent out in the background: what fails is put off or parked."""
    error = await attempt(carry_out(parts, intent))
    if error is not None:
        due = _next_try(error, intent.tries, now)
        await intents.put_off(parts.db, intent_id=intent.id, due=due, error=repr(error), now=now)
        _alert("intent", str(intent.id), due, error)


async def _resume(parts: Parts, draft: Draft) -> None:
    if draft.status is OrderStatus.DRAFT:
        await _resume_draft(parts, draft)
    elif draft.awaiting is Awaiting.RECOVERY:
        await _recover(parts, draft)
    else:
        await release(parts, draft)


async def _resume_draft(parts: Parts, draft: Draft) -> None:
    """Go on from wherever the draft was left: hold again, ask for the payment or begin it, settle."""
    held = await parts.stock.hold(
        _of_channel(draft), owner=draft.cart_id, demands=demands_of_lines(draft.lines), minutes=HOLD_MINUTES
    )
    result = await _result(parts, draft)
    is_paid = result is not None and result.status is SessionStatus.COMPLETED
    is_open = result is not None and result.status in _OPEN
    if not held.is_held and not is_paid:
        await refuse(parts, draft, code="insufficient_stock")
    elif not held.is_held:
        # Paid, and the goods are gone: refused here, and the money goes back as soon as its news is in.
        await refuse(parts, draft, code="insufficient_stock")
        await _learn(parts, draft)
    elif is_open and draft.waiting_until is not None and draft.waiting_until <= clock.now():
        await refuse(parts, draft, code="expired")
    else:
        await settle(parts, draft, result or await pay(parts, SYSTEM_CONTEXT, draft))


def _of_channel(draft: Draft) -> Context:
    """Mercato itself, selling from where the channel of the order sells from."""
    return Context(principal=SYSTEM, channel=draft.channel)


async def _recover(parts: Parts, draft: Draft) -> None:
    """Money came in for a refused order: place it after all, or send the money back."""
    rows = await after.payments_of(parts.db, order_ids=[draft.id])
    kept = sum(row.amounts.kept for row in rows)
    if kept >= draft.total:
        held = await parts.stock.hold(
            _of_channel(draft),
            owner=draft.cart_id,
            demands=demands_of_lines(draft.lines),
            minutes=HOLD_MINUTES,
        )
        now = clock.now()
        lease_until = now + timedelta(seconds=LEASE_S)
        if held.is_held and await resuming.reopen(parts.db, draft=draft, now=now, due=lease_until):
            await finalize(parts, draft, [], known_paid=draft.paid)
            return
    await _send_back(parts, draft)


async def _send_back(parts: Parts, draft: Draft) -> None:
    async with parts.db.transaction() as tx:
        order = await after.lock(tx, order_id=draft.id)
        if order is None or order.awaiting is not Awaiting.RECOVERY:
            return
        if order.paid.kept > 0:
            text = "Paid after it was refused: the money goes back"
            await after.tell(tx, order_id=order.id, at=clock.now(), story=[StoryRow("payment_late", text)])
            await money.return_money(parts, tx, order, order.paid, actor="system", reason="order expired")
            late = facts.late_payment(order, parts.token_of(order.id), amount=order.paid.kept)
            await parts.outbox.add(tx, late)
            log.warning("paid but not placed: the money goes back", order_id=str(order.id))
        await resuming.give_up_recovery(tx, draft=draft)
    # Its hold and its cart may have been claimed again meanwhile; what is left over runs out by itself.


async def _learn(parts: Parts, draft: Draft) -> None:
    paid = await parts.payments.payments_of_order(SYSTEM_CONTEXT, order_id=draft.id)
    async with parts.db.transaction() as tx:
        await money.take_news(parts, tx, order_ids=[draft.id], news=money.news_of(paid))


async def _result(parts: Parts, draft: Draft) -> PayResult | None:
    if draft.is_free:
        return None
    return await parts.payments.result(SYSTEM_CONTEXT, order_id=draft.id, attempt=draft.attempt)


async def attempt(work: Awaitable[object]) -> Exception | None:
    """What went wrong, if anything: one failure must not stop the work that follows."""
    try:
        await work
    except Exception as error:
        return error
    return None


def _next_try(error: Exception, tries: int, now: datetime) -> datetime | None:
    """When to try again; None when a person has to look. A part that is down is waited for without end."""
    if tries >= MAX_TRIES and not isinstance(error, Unavailable):
        return None
    return now + timedelta(seconds=min(BACKOFF_MOST_S, 2 ** min(tries, 9)))


def _alert(what: str, subject: str, due: datetime | None, error: Exception) -> None:
    is_expected = isinstance(error, MercatoError) and not isinstance(error, Conflict)
    if due is None:
        log.error("parked: somebody has to look", what=what, id=subject, error=repr(error))
    elif is_expected:
        log.warning("put off", what=what, id=subject, error=repr(error))
    else:
        log.warning("put off", what=what, id=subject, error=repr(error), exc_info=error)
