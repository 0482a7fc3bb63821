"""Refunds by staff in two steps: granted under the order's lock, executed by an intent that names the grant.

A grant lowers what is owed; executing it sends what has been paid too much by then. A try that the provider
refuses stays beside the grant with its reason, and the next try is an intent of its own.
"""

from datetime import datetime, timedelta
from uuid import UUID

from mercato.contracts.orders import FulfillmentStatus, OrderPaymentStatus, OrderStatus, RefundGrant
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, FieldError, Invalid, NotFound
from mercato.kernel.failpoints import failpoint
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.orders.actions import card_claims, gift_cards
from mercato.orders.actions.amend import stand
from mercato.orders.actions.carry_out import carry_out
from mercato.orders.actions.money import refunds_on_their_way
from mercato.orders.actions.proof_limit import proof_limit
from mercato.orders.domain import (
    SETTLED,
    IntentKind,
    is_complete,
    needs_proof,
    payment_status,
    to_go_back,
)
from mercato.orders.granting import Grant, Left, grant_of_wish, left_of
from mercato.orders.paper_jobs import papers_behind
from mercato.orders.parts import Parts
from mercato.orders.records import Intent, PlacedOrder, StoryRow
from mercato.orders.standing import Standing
from mercato.orders.store import after, grants, intents

LEASE_S = 20
_GRANTABLE = frozenset({OrderStatus.PLACED, OrderStatus.COMPLETED})


async def grant_refund(parts: Parts, ctx: Context, *, order_id: UUID, wish: RefundGrant) -> None:
    """Promise money back, and send it at once when the wish says so. The same idempotency key grants once."""
    key = f"grant:{order_id}:{ctx.idempotency_key or new_id()}"
    grant = await grants.by_key(parts.db, key=key) if ctx.idempotency_key else None
    intent: Intent | None = None
    if grant is None:
        above = await proof_limit(parts, order_id=order_id)
        cards = await _cards_among(parts, order_id, wish)
        claimed = await _cancel_cards(parts, ctx, order_id, wish, key, cards, above) if cards else None
        try:
            async with parts.db.transaction() as tx:
                standing = await stand(tx, order_id)
                grant = await grants.by_key(tx, key=key)
                if grant is None:
                    if cards:
                        await card_claims.keep(tx, order_id, claimed)
                    grant, order = await _grant(parts, ctx, tx, standing, wish, key=key)
                    if wish.execute:
                        intent = await _decide(parts, ctx, tx, order, grant, grant.amount, above)
        except Exception:
            await card_claims.let_go(parts, order_id, claimed)
            raise
        failpoint("orders.refund_granted")
    elif wish.execute:
        tried = await grants.executions_of(parts.db, grant_id=grant.id)
        intent = tried[0] if tried else None
    await _carry_out(parts, intent)


async def _cards_among(parts: Parts, order_id: UUID, wish: RefundGrant) -> list[UUID]:
    """The lines of gift cards that are to be paid back. Raises Conflict("gift_cards_apart")."""
    if wish.other:
        most = await _left_of(parts, order_id)
        await gift_cards.refuse_without_lines(parts, order_id, wish.other, most=most)
    if not wish.lines:
        return []
    units = {line.line_id: line.quantity for line in wish.lines}
    return await gift_cards.lines_among(parts.db, order_id, units)


async def _cancel_cards(
    parts: Parts,
    ctx: Context,
    order_id: UUID,
    wish: RefundGrant,
    key: str,
    cards: list[UUID],
    above: int | None,
) -> UUID | None:
    """Cards that are paid back cannot be used any more; before the grant, so that none is spent as well, and
    only when nothing speaks against it. Returns the claim on them."""
    async with parts.db.transaction() as tx:
        standing = await stand(tx, order_id)
        if await grants.by_key(tx, key=key) is not None:
            return None
        grant = _promise(ctx, standing, wish, key=key)
        if wish.execute:
            order = standing.order
            await _check(ctx, tx, order, grant.amount, above, credited=order.credited + grant.amount)
        claimed = await card_claims.claim(tx, order_id)
    await card_claims.cancel_cards(parts, order_id, claimed, line_ids=cards)
    return claimed


async def _left_of(parts: Parts, order_id: UUID) -> int:
    async with parts.db.transaction() as tx:
        standing = await stand(tx, order_id)
    return standing.sums.total - standing.order.credited


async def execute_refund(parts: Parts, ctx: Context, *, refund_id: UUID) -> UUID:
    """Send what was granted and not sent yet; returns the order's id. Raises Conflict, NotFound."""
    grant = await grants.get(parts.db, grant_id=refund_id)
    if grant is None:
        raise NotFound(detail="There is no such refund.")
    above = await proof_limit(parts, order_id=grant.order_id)
    async with parts.db.transaction() as tx:
        order = await after.lock(tx, order_id=grant.order_id)
        assert order is not None
        tried = await grants.executions_of(tx, grant_id=grant.id)
        is_repeated = await parts.is_repeated(tx, ctx, "execute_refund", grant.id)
        intent = next((each for each in tried if each.done_at is None), None)
        if intent is None and not is_repeated:
            amount = await left_to_send(tx, order, grant, tried)
            intent = await _decide(parts, ctx, tx, order, grant, amount, above, tries=len(tried))
    await _carry_out(parts, intent)
    return grant.order_id


def left_to_grant(standing: Standing) -> Left:
    """What may still be granted of the locked order."""
    return left_of(standing.lines, standing.sums, standing.granted, credited=standing.order.credited)


async def sendable(tx: Tx, order: PlacedOrder, *, credited: int) -> int:
    """What has been paid beyond what would be owed with `credited`, less what is on its way back."""
    waiting = await intents.open_of_orders(tx, order_ids=[order.id])
    return max(0, order.paid.refundable - (order.total - credited) - refunds_on_their_way(waiting))


def _promise(ctx: Context, standing: Standing, wish: RefundGrant, *, key: str) -> Grant:
    """What is to be granted of the locked order; nothing is written. Raises Conflict, Invalid."""
    order = standing.order
    if order.status not in _GRANTABLE:
        raise Conflict("illegal_transition", f"An order that is {order.status} has nothing to refund.")
    grant = grant_of_wish(
        standing.lines,
        standing.sums,
        left_to_grant(standing),
        wish,
        order_id=order.id,
        grant_id=new_id(),
        key=key,
        at=clock.now(),
        by=ctx.principal.label,
    )
    if grant.amount <= 0:
        error = FieldError("lines", "required", "Choose lines, delivery or an amount.")
        raise Invalid("invalid", "Nothing is to be refunded.", errors=[error])
    return grant


async def _grant(
    parts: Parts, ctx: Context, tx: Tx, standing: Standing, wish: RefundGrant, *, key: str
) -> tuple[Grant, PlacedOrder]:
    grant = _promise(ctx, standing, wish, key=key)
    order, now = standing.order, grant.granted_at
    await grants.insert(tx, grant=grant)
    credited = order.credited + grant.amount
    await write_credit(tx, order, credited, now)
    await after.book_sale(tx, order=order, kind="refund", at=now, units=0, amount=grant.amount)
    data = {"amount": grant.amount, "currency": order.currency, "refund_id": str(grant.id)}
    data |= {"reason": grant.reason} if grant.reason else {}
    story = StoryRow("refund_granted", "Refund granted", ctx.principal.label, data)
    await after.tell(tx, order_id=order.id, at=now, story=[story])
    told = {
        "refund_id": str(grant.id),
        "amount": f"{grant.amount} {order.currency}",
        "lines": [f"{line.quantity} × {line.name}: {line.amount}" for line in grant.lines] or None,
        "delivery": grant.delivery or None,
        "reason": grant.reason or None,
    }
    await parts.acted(tx, ctx, "refund_granted", order.id, told)
    await papers_behind(parts, tx, order_id=order.id, reason=grant.reason)
    parts.tell_after(tx, order.id)
    found = await after.lock(tx, order_id=order.id)
    assert found is not None
    return grant, found


async def left_to_send(tx: Tx, order: PlacedOrder, grant: Grant, tried: list[Intent]) -> int:
    """What of a grant has not gone back, nor is on its way. A refund of a plain amount, one at the provider,
    or a try that was refused half way, may have sent a part of it."""
    unsent = grant.amount - sum(each.amount or 0 for each in tried if each.error_code is None)
    on_their_way = refunds_on_their_way(await intents.open_of_orders(tx, order_ids=[order.id]))
    return min(unsent, to_go_back(order.total, order.credited, order.paid) - on_their_way)


async def write_credit(tx: Tx, order: PlacedOrder, credited: int, now: datetime) -> None:
    """The locked order owes back `credited` in all, and what follows from that."""
    payment = payment_status(order.total, order.paid, credited)
    is_done = is_complete(payment, FulfillmentStatus(order.fulfillment_status))
    status = order.status
    if status is OrderStatus.PLACED and is_done:
        status = OrderStatus.COMPLETED
    elif status is OrderStatus.COMPLETED and payment is OrderPaymentStatus.PARTIALLY_PAID:
        # What was promised is owed again.
        status = OrderStatus.PLACED
    await after.set_money(
        tx,
        order_id=order.id,
        paid=order.paid,
        payment_status=payment,
        status=status,
        now=now,
        is_paid=payment in SETTLED,
        credited=credited,
    )


async def _decide(
    parts: Parts,
    ctx: Context,
    tx: Tx,
    order: PlacedOrder,
    grant: Grant,
    amount: int,
    above: int | None,
    tries: int = 0,
) -> Intent:
    """The intent to send `amount`, which is what is left of the grant. Raises Conflict: nothing_to_send,
    refund_too_large."""
    now = clock.now()
    is_withdrawn = await grants.withdrawal_of(tx, grant_id=grant.id) is not None
    if amount <= 0 or not grant.is_by_staff or is_withdrawn:
        raise Conflict("nothing_to_send", "All of this refund has been sent, or is on its way.")
    await _check(ctx, tx, order, amount, above, credited=order.credited)
    intent = Intent(
        id=new_id(),
        order_id=order.id,
        kind=IntentKind.REFUND,
        key=f"refund:grant:{grant.id}:{tries}",
        amount=amount,
        actor=ctx.principal.label,
        reason=grant.reason,
        data={"grant_id": str(grant.id)},
    )
    await intents.add(tx, intent=intent, now=now, due=now + timedelta(seconds=LEASE_S))
    told = {"amount": f"{amount} {order.currency}", "refund_id": str(grant.id)}
    await parts.acted(tx, ctx, "refunded", order.id, told)
    parts.tell_after(tx, order.id)
    return intent


async def _check(
    ctx: Context, tx: Tx, order: PlacedOrder, amount: int, above: int | None, *, credited: int
) -> None:
    """Raise Conflict when `amount` is more than was paid beyond what is owed, Denied when it needs proof."""
    most = await sendable(tx, order, credited=credited)
    if amount > most:
        raise Conflict(
            "refund_too_large",
            "Only what was paid beyond what is still owed can go back.",
            data={"refundable": most},
        )
    if needs_proof(Money(amount, order.currency), above):
        ctx.principal.require_recent()


async def _carry_out(parts: Parts, intent: Intent | None) -> None:
    if intent is None:
        return
    if intent.error_code is not None:
        raise Conflict(intent.error_code, intent.error or "")
    if intent.done_at is None:
        await carry_out(parts, intent)
