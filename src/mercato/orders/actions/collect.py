"""Capture and refund by staff: decided under the order's lock, carried out by its own key, booked once."""

from datetime import timedelta
from uuid import UUID

from mercato.contracts.orders import OrderStatus
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, FieldError, Invalid, NotFound
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.orders.actions import gift_cards
from mercato.orders.actions.carry_out import carry_out
from mercato.orders.actions.proof_limit import proof_limit
from mercato.orders.domain import IntentKind, check_capture, check_refund, needs_proof
from mercato.orders.parts import Parts
from mercato.orders.records import Intent
from mercato.orders.store import after, intents

LEASE_S = 20
_ACTS = {IntentKind.CAPTURE: "captured", IntentKind.REFUND: "refunded"}


async def capture(parts: Parts, ctx: Context, *, order_id: UUID, amount: Money | None) -> None:
    """Take held funds. Raises Conflict: illegal_transition, capture_too_large.

    When it raises Unavailable, the sweeper goes on with it.
    """
    await _collect(parts, ctx, IntentKind.CAPTURE, order_id=order_id, amount=amount, reason="")


async def refund(parts: Parts, ctx: Context, *, order_id: UUID, amount: Money | None, reason: str) -> None:
    """Send money back. Raises Conflict: illegal_transition, refund_too_large.

    When it raises Unavailable, the sweeper goes on with it.
    """
    await _collect(parts, ctx, IntentKind.REFUND, order_id=order_id, amount=amount, reason=reason)


async def _collect(
    parts: Parts, ctx: Context, kind: IntentKind, *, order_id: UUID, amount: Money | None, reason: str
) -> None:
    """The same idempotency key acts once, and gets the first answer."""
    key = f"{kind}:{order_id}:{ctx.idempotency_key or new_id()}"
    intent = await intents.by_key(parts.db, key=key) if ctx.idempotency_key else None
    if intent is None:
        if kind is IntentKind.REFUND:
            await _refuse_gift_cards(parts, order_id, amount)
        intent = await _decide(parts, ctx, kind, order_id=order_id, amount=amount, reason=reason, key=key)
    if intent.error_code is not None:
        raise Conflict(intent.error_code, intent.error or "")
    if intent.done_at is None:
        await carry_out(parts, intent)


async def _refuse_gift_cards(parts: Parts, order_id: UUID, amount: Money | None) -> None:
    """Gift cards that can still be used are refunded by line."""
    async with parts.db.transaction() as tx:
        order = await after.lock(tx, order_id=order_id)
    if order is not None and order.status is not OrderStatus.CANCELED:
        most = order.paid.refundable
        wanted = most if amount is None else amount.amount
        await gift_cards.refuse_without_lines(parts, order_id, wanted, most=most)


async def _decide(
    parts: Parts,
    ctx: Context,
    kind: IntentKind,
    *,
    order_id: UUID,
    amount: Money | None,
    reason: str,
    key: str,
) -> Intent:
    now = clock.now()
    above = await proof_limit(parts, order_id=order_id) if kind is IntentKind.REFUND else None
    async with parts.db.transaction() as tx:
        order = await after.lock(tx, order_id=order_id)
        if order is None:
            raise NotFound(detail="There is no such order.")
        if amount is not None and amount.currency != order.currency:
            error = FieldError("amount.currency", "wrong_currency", f"This order is in {order.currency}.")
            raise Invalid("invalid", "Some values are refused.", errors=[error])
        asked = None if amount is None else amount.amount
        if kind is IntentKind.CAPTURE:
            wanted = check_capture(order.status, order.paid, asked, due=order.total, credited=order.credited)
        else:
            wanted = check_refund(order.status, order.paid, asked)
        if kind is IntentKind.REFUND and needs_proof(Money(wanted, order.currency), above):
            ctx.principal.require_recent()
        intent = Intent(
            id=new_id(), order_id=order_id, kind=kind, key=key, amount=wanted, actor=ctx.principal.label,
            reason=reason, data={},
        )  # fmt: skip
        if await intents.add(tx, intent=intent, now=now, due=now + timedelta(seconds=LEASE_S)):
            told = {"amount": f"{wanted} {order.currency}", "reason": reason or None}
            await parts.acted(tx, ctx, _ACTS[kind], order_id, told)
    found = await intents.by_key(parts.db, key=key)
    return found or intent
