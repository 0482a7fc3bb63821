"""Taking a granted refund back before it is sent: it is owed again, and its lines may be granted anew."""

from uuid import UUID

from mercato.contracts.orders import OrderStatus
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.ids import new_id
from mercato.orders.actions import card_claims, gift_cards
from mercato.orders.actions.amend import stand
from mercato.orders.actions.grant import left_to_send, write_credit
from mercato.orders.granting import Grant
from mercato.orders.paper_jobs import papers_behind
from mercato.orders.parts import Parts
from mercato.orders.records import PlacedOrder, StoryRow
from mercato.orders.standing import Standing
from mercato.orders.store import after, grants

_SOLD = frozenset({OrderStatus.PLACED, OrderStatus.COMPLETED})
_COUNTED = "Its goods were taken off the order or came back since, and are paid back by this refund: send it."
_NOT_PAID = "These gift cards are not paid for: capture their money first, then take the refund back."
_HALF_SENT = (
    "A part of the money for these gift cards has gone back in another way, so that they stay canceled:"
    " send the rest of this refund."
)


async def withdraw_refund(parts: Parts, ctx: Context, *, refund_id: UUID) -> UUID:
    """Take the promise back, once; returns the order's id. Gift cards that were canceled for it are valid
    again. Raises Conflict: illegal_transition, refund_sent, refund_counted, gift_cards_apart;
    NotFound."""
    grant = await grants.get(parts.db, grant_id=refund_id)
    if grant is None:
        raise NotFound(detail="There is no such refund.")
    units = {line.line_id: line.quantity for line in grant.lines}
    has_cards = bool(units and await gift_cards.lines_among(parts.db, grant.order_id, units))
    async with parts.db.transaction() as tx:
        standing = await stand(tx, grant.order_id)
        if await grants.withdrawal_of(tx, grant_id=grant.id) is None:
            await _withdraw(parts, ctx, tx, standing, grant, has_cards=has_cards)
    if has_cards:
        await card_claims.reissue(parts, grant.order_id)
    return grant.order_id


async def _withdraw(
    parts: Parts, ctx: Context, tx: Tx, standing: Standing, grant: Grant, *, has_cards: bool
) -> None:
    order, now = standing.order, clock.now()
    if order.status not in _SOLD:
        raise Conflict("illegal_transition", f"The refunds of an order that is {order.status} stay.")
    left = await _left(tx, order, grant)
    if left > order.credited or _is_counted(standing, grant):
        raise Conflict("refund_counted", _COUNTED)
    if has_cards and left < grant.amount:
        raise Conflict("gift_cards_apart", _HALF_SENT, data={"left": left})
    is_paid = order.paid.refundable >= order.total - (order.credited - left)
    if has_cards and not is_paid and await card_claims.were_issued(tx, order.id):
        raise Conflict("gift_cards_apart", _NOT_PAID)
    back = Grant(
        id=new_id(),
        order_id=order.id,
        amount=-left,
        reason=grant.reason,
        granted_at=now,
        granted_by=ctx.principal.label,
        withdraws=grant.id,
    )
    await grants.insert(tx, grant=back)
    await write_credit(tx, order, order.credited + back.amount, now)
    await after.book_sale(tx, order=order, kind="refund", at=now, units=0, amount=back.amount)
    data = {"amount": -back.amount, "currency": order.currency, "refund_id": str(grant.id)}
    text = "Refund taken back" + (": its gift cards are valid again" if has_cards else "")
    story = StoryRow("refund_withdrawn", text, ctx.principal.label, data)
    await after.tell(tx, order_id=order.id, at=now, story=[story])
    told = {"refund_id": str(grant.id), "amount": f"{-back.amount} {order.currency}"}
    await parts.acted(tx, ctx, "refund_withdrawn", order.id, told)
    await papers_behind(parts, tx, order_id=order.id, reason="")
    if has_cards:
        await card_claims.revive(tx, order.id)
    parts.tell_after(tx, order.id)


def _is_counted(standing: Standing, grant: Grant) -> bool:
    """Whether units of its lines were taken off or came back since, and were paid back by it."""
    promised = {line.id: standing.promises.by_staff(line) for line in standing.lines}
    return any(promised.get(line.line_id, 0) < line.amount for line in grant.lines)


async def _left(tx: Tx, order: PlacedOrder, grant: Grant) -> int:
    """What of the grant has not gone back; all of it, when none was sent before."""
    tried = await grants.executions_of(tx, grant_id=grant.id)
    left = await left_to_send(tx, order, grant, tried)
    if not grant.is_by_staff or left <= 0 or any(each.error_code is None for each in tried):
        raise Conflict("refund_sent", "This refund was sent, or is on its way.")
    return left
