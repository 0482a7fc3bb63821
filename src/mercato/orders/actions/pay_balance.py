"""Paying what an order still costs after a change: one payment in flight at a time, each try an attempt.

The try is an intent, so a crash at any point is taken up by the sweeper; payments charges an attempt once.
Should a try that was given up be paid after all, the money is too much and goes back by itself.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from mercato.contracts.orders import OrderStatus, PaymentChoice, Placement, PlaceStatus
from mercato.contracts.payments import PayResult, SessionStatus
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, MercatoError, NotFound, Unavailable
from mercato.kernel.failpoints import failpoint
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.orders.actions import money
from mercato.orders.domain import IntentKind, balance
from mercato.orders.parts import Parts
from mercato.orders.records import Intent, PlacedOrder, StoryRow
from mercato.orders.store import after, intents

LEASE_S = 20
FIRST_ATTEMPT: Final = 1000
"""Far above the attempts of placing, which are tries of one cart."""
WAIT = {
    SessionStatus.REQUIRES_ACTION: timedelta(minutes=30),
    SessionStatus.PENDING: timedelta(minutes=30),
    SessionStatus.PROCESSING: timedelta(hours=24),
}
"""How long a try may stay undecided."""
PAUSE = timedelta(seconds=30)
_PAYABLE = frozenset({OrderStatus.PLACED, OrderStatus.COMPLETED})


async def pay_balance(
    parts: Parts, ctx: Context, *, order_id: UUID, expected: Money, choice: PaymentChoice
) -> Placement:
    """Pay what is owed. Raises Conflict: nothing_owed, balance_changed."""
    for _ in range(2):
        intent = await _begin(parts, ctx, order_id=order_id, expected=expected, choice=choice)
        result = await collect(parts, intent)
        if result is None or result.status is not SessionStatus.REQUIRES_ACTION:
            break
        if _is_choice(intent, choice):
            break
        await _give_up(parts, intent, "superseded")
    return _placement(result)


async def standing_of(parts: Parts, *, order_id: UUID) -> Placement | None:
    """How the payment stands that is in flight; None when there is none."""
    async with parts.db.transaction() as tx:
        intent = await _in_flight(tx, order_id)
    return None if intent is None else _placement(await collect(parts, intent))


async def collect(parts: Parts, intent: Intent) -> PayResult | None:
    """Ask for the payment of a try and book what has been decided. None: nobody can tell yet."""
    data = intent.data
    try:
        result = await parts.payments.result(
            SYSTEM_CONTEXT, order_id=intent.order_id, attempt=data["attempt"]
        ) or await parts.payments.pay(
            SYSTEM_CONTEXT,
            order_id=intent.order_id,
            attempt=data["attempt"],
            amount=Money(intent.amount or 0, data["currency"]),
            provider=data["provider"],
            token=data["token"],
            return_url=data["return_url"],
            capture=True,
        )
    except Unavailable:
        return None
    except MercatoError as error:
        await _give_up(parts, intent, error.code)
        raise
    failpoint("orders.collected")
    if result.status is SessionStatus.COMPLETED:
        paid = await parts.payments.payments_of_order(SYSTEM_CONTEXT, order_id=intent.order_id)
        async with parts.db.transaction() as tx:
            await money.take_news(parts, tx, order_ids=[intent.order_id], news=money.news_of(paid))
            await intents.done(tx, intent_id=intent.id, now=clock.now())
    elif result.status in WAIT:
        await _wait(parts, intent, result.status)
    else:
        await _give_up(parts, intent, result.decline_code or str(result.status))
    return result


async def _begin(
    parts: Parts, ctx: Context, *, order_id: UUID, expected: Money, choice: PaymentChoice
) -> Intent:
    """The try that is in flight, or a new one for exactly what is owed."""
    now = clock.now()
    async with parts.db.transaction() as tx:
        order = await after.lock(tx, order_id=order_id)
        if order is None:
            raise NotFound(detail="There is no such order.")
        waiting = await _in_flight(tx, order_id)
        if waiting is not None:
            return waiting
        _check(order, expected)
        attempt = FIRST_ATTEMPT + await intents.count_of(tx, prefix=f"collect:{order_id}:")
        intent = Intent(
            id=new_id(),
            order_id=order_id,
            kind=IntentKind.COLLECT,
            key=f"collect:{order_id}:{attempt}",
            amount=expected.amount,
            actor=ctx.principal.label,
            reason="",
            data={
                "attempt": attempt,
                "currency": order.currency,
                "provider": choice.provider,
                "token": choice.token,
                "return_url": choice.return_url,
                "began_at": now.isoformat(),
            },
        )
        await intents.add(tx, intent=intent, now=now, due=now + timedelta(seconds=LEASE_S))
    return intent


async def _in_flight(tx: Tx, order_id: UUID) -> Intent | None:
    waiting = await intents.open_of_orders(tx, order_ids=[order_id])
    return next((intent for intent in waiting if intent.kind is IntentKind.COLLECT), None)


def _check(order: PlacedOrder, expected: Money) -> None:
    if order.status not in _PAYABLE:
        raise Conflict("illegal_transition", f"An order that is {order.status} is not paid for.")
    owed = balance(order.total, order.credited, order.paid)
    if owed <= 0:
        raise Conflict("nothing_owed", "Nothing is left to be paid for this order.")
    if expected != Money(owed, order.currency):
        data = {"balance": msgspec.to_builtins(Money(owed, order.currency))}
        raise Conflict("balance_changed", "Another amount is to be paid now: look again.", data=data)


async def _wait(parts: Parts, intent: Intent, status: SessionStatus) -> None:
    now = clock.now()
    if now >= datetime.fromisoformat(intent.data["began_at"]) + WAIT[status]:
        await _give_up(parts, intent, "expired")
    else:
        await intents.wait(parts.db, intent_id=intent.id, due=now + PAUSE)


async def _give_up(parts: Parts, intent: Intent, code: str) -> None:
    now = clock.now()
    async with parts.db.transaction() as tx:
        await after.lock(tx, order_id=intent.order_id)
        await intents.done(tx, intent_id=intent.id, now=now, error_code=code, error="Not paid.")
        text = f"Not paid: {code.replace('_', ' ')}"
        story = StoryRow("payment_declined", text, data={"code": code})
        await after.tell(tx, order_id=intent.order_id, at=now, story=[story])
        parts.tell_after(tx, intent.order_id)


def _is_choice(intent: Intent, choice: PaymentChoice) -> bool:
    return (intent.data["provider"], intent.data["token"]) == (choice.provider, choice.token)


def _placement(result: PayResult | None) -> Placement:
    if result is None:
        return Placement(PlaceStatus.PROCESSING)
    if result.status is SessionStatus.COMPLETED:
        return Placement(PlaceStatus.PLACED)
    if result.status is SessionStatus.REQUIRES_ACTION:
        return Placement(
            PlaceStatus.REQUIRES_ACTION, session_id=result.session_id, next_action=result.next_action
        )
    if result.status in WAIT:
        return Placement(PlaceStatus.PROCESSING, session_id=result.session_id)
    return Placement(PlaceStatus.DECLINED, decline_code=result.decline_code or str(result.status))
