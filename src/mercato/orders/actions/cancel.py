"""Canceling an order before anything has left: the decision is ours, stock and money follow by intents."""

from datetime import timedelta
from uuid import UUID

from mercato.contracts.orders import OrderStatus, ParcelStatus
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.failpoints import failpoint
from mercato.kernel.ids import new_id
from mercato.orders import facts
from mercato.orders.actions import card_claims, gift_cards, money, parcels
from mercato.orders.actions.resume import carry_out_later
from mercato.orders.domain import LEFT_THE_HOUSE, IntentKind, move
from mercato.orders.parts import Parts
from mercato.orders.records import Intent, PlacedOrder, StoryRow
from mercato.orders.store import after, intents

LEASE_S = 20


async def cancel(parts: Parts, ctx: Context, *, order_id: UUID, reason: str, version: int | None) -> None:
    """placed → canceled. Raises Conflict: illegal_transition, version_conflict, gift_card_spent; NotFound."""
    has_cards = await _may_be(parts, order_id, version) and await gift_cards.has_lines(parts.db, order_id)
    claimed = await _cancel_cards(parts, order_id) if has_cards else None
    try:
        wanted = await _decide(
            parts,
            ctx,
            order_id=order_id,
            reason=reason,
            version=version,
            claimed=claimed,
            has_cards=has_cards,
        )
    except Exception:
        await card_claims.let_go(parts, order_id, claimed)
        raise
    failpoint("orders.canceled")
    for intent in wanted:
        await carry_out_later(parts, intent, clock.now())


async def _may_be(parts: Parts, order_id: UUID, version: int | None) -> bool:
    async with parts.db.transaction() as tx:
        order = await after.lock(tx, order_id=order_id)
        sent = await after.parcels_of(tx, order_id=order_id)
    if order is None or version not in (None, order.version) or order.status is not OrderStatus.PLACED:
        return False
    return not any(parcel.status in LEFT_THE_HOUSE for parcel in sent)


async def _cancel_cards(parts: Parts, order_id: UUID) -> UUID | None:
    """Before the decision: a card that is used at this moment must not be paid back as well."""
    async with parts.db.transaction() as tx:
        await after.lock(tx, order_id=order_id)
        claimed = await card_claims.claim(tx, order_id)
    await card_claims.cancel_cards(parts, order_id, claimed)
    return claimed


async def _decide(
    parts: Parts,
    ctx: Context,
    *,
    order_id: UUID,
    reason: str,
    version: int | None,
    claimed: UUID | None,
    has_cards: bool,
) -> list[Intent]:
    now, actor = clock.now(), ctx.principal.label
    async with parts.db.transaction() as tx:
        order = await after.lock(tx, order_id=order_id)
        if order is None:
            raise NotFound(detail="There is no such order.")
        if await parts.is_repeated(tx, ctx, "cancel", order_id):
            return []
        check_version(order, version)
        move(order.status, OrderStatus.CANCELED)
        if has_cards:
            await card_claims.keep(tx, order_id, claimed)
        await parcels.refuse_while_shipping(tx, order)
        for parcel in await after.parcels_of(tx, order_id=order_id):
            if parcel.status in LEFT_THE_HOUSE:
                raise Conflict("illegal_transition", "A part of this order has left already.")
            await after.set_parcel_status(tx, parcel_id=parcel.id, status=ParcelStatus.CANCELED, at=now)
        await after.set_canceled(tx, order_id=order_id, at=now, actor=actor, reason=reason)
        story = StoryRow("canceled", "Order canceled", actor, {"reason": reason} if reason else {})
        await after.tell(tx, order_id=order_id, at=now, story=[story])
        unpaid = order.total - order.credited - order.paid.refundable
        if unpaid > 0:
            await after.book_sale(tx, order=order, kind="cancellation", at=now, units=0, amount=unpaid)
        await parts.outbox.add(tx, facts.order_canceled(order, parts.token_of(order_id), reason=reason))
        await parts.acted(tx, ctx, "canceled", order_id, {"reason": reason or None})
        parts.tell_after(tx, order_id)
        free = Intent(
            id=new_id(), order_id=order_id, kind=IntentKind.FREE_STOCK, key=f"free_stock:{order_id}",
            amount=None, actor=actor, reason=reason, data={},
        )  # fmt: skip
        await intents.add(tx, intent=free, now=now, due=now + timedelta(seconds=LEASE_S))
        if order.paid.kept == 0:
            return [free]
        return [free, await money.return_money(parts, tx, order, order.paid, actor=actor, reason=reason)]


def check_version(order: PlacedOrder, version: int | None) -> None:
    """Raise Conflict("version_conflict") with the current version when `version` is a stale one."""
    if version is not None and version != order.version:
        raise Conflict(
            "version_conflict", "Somebody has changed this order meanwhile.", data={"version": order.version}
        )
