"""Carrying out what was decided: each intent calls another service by the intent's own key, then books it.

A crash between the call and the booking heals: the sweeper carries the intent out again, the other service
answers as before, and the booking happens once, under the order's lock.
"""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from mercato.contracts.orders import OrderStatus
from mercato.contracts.payments import Payment
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Conflict, Invalid, NotFound
from mercato.kernel.failpoints import failpoint
from mercato.kernel.money import Money
from mercato.orders.actions import carry_changes, gift_cards, goods, money, parcels, pay_balance
from mercato.orders.actions.place import demands_of, demands_of_lines
from mercato.orders.domain import IntentKind
from mercato.orders.parts import Parts
from mercato.orders.records import Intent, PlacedOrder
from mercato.orders.store import after, changes, intents

REFUSABLE: Final = frozenset({IntentKind.CAPTURE, IntentKind.REFUND, IntentKind.SHIP})
"""What another service may refuse for good; the others have to happen, and are tried until they do."""


async def carry_out(parts: Parts, intent: Intent) -> None:
    """Do what the intent says, once. Raises what the other service refuses, and Unavailable: try again."""
    try:
        await _WORK[intent.kind](parts, intent)
    except (Conflict, Invalid, NotFound) as error:
        if intent.kind in REFUSABLE:
            await intents.done(
                parts.db, intent_id=intent.id, now=clock.now(), error_code=error.code, error=error.detail
            )
        raise


async def _capture(parts: Parts, intent: Intent) -> None:
    order = await _order(parts, intent)
    amount = Money(intent.amount or 0, order.currency)
    paid = await parts.payments.capture(
        SYSTEM_CONTEXT, order_id=intent.order_id, key=intent.key, amount=amount
    )
    failpoint("orders.captured")
    await _book(parts, intent, paid)


async def _refund(parts: Parts, intent: Intent) -> None:
    order = await _order(parts, intent)
    amount = Money(intent.amount or 0, order.currency)
    paid = await parts.payments.refund(
        SYSTEM_CONTEXT, order_id=intent.order_id, key=intent.key, amount=amount, reason=intent.reason
    )
    failpoint("orders.refunded")
    await _book(parts, intent, paid)


async def _return_money(parts: Parts, intent: Intent) -> None:
    """Void what is held, then refund what was taken: looked up anew each time, so a repeat does nothing."""
    order = await _order(parts, intent)
    paid = await parts.payments.payments_of_order(SYSTEM_CONTEXT, order_id=intent.order_id)
    if sum(item.amounts.capturable for item in money.news_of(paid)) > 0:
        await parts.payments.void(SYSTEM_CONTEXT, order_id=intent.order_id, key=intent.key)
        failpoint("orders.voided")
        paid = await parts.payments.payments_of_order(SYSTEM_CONTEXT, order_id=intent.order_id)
    news = money.news_of(paid)
    # What a bank disputes cannot go back; should the shop win it, it goes back then.
    disputed = sum(one.disputed.amount for one in paid if one.disputed is not None)
    refundable = sum(item.amounts.refundable for item in news) - disputed
    if refundable > 0:
        refunded = sum(item.amounts.refunded for item in news)
        paid = await parts.payments.refund(
            SYSTEM_CONTEXT,
            order_id=intent.order_id,
            key=f"{intent.key}:{refunded}",
            amount=Money(refundable, order.currency),
            reason=intent.reason,
        )
        failpoint("orders.refunded")
    await _book(parts, intent, paid)


async def _collect(parts: Parts, intent: Intent) -> None:
    await pay_balance.collect(parts, intent)


async def _check_money(parts: Parts, intent: Intent) -> None:
    async with parts.db.transaction() as tx:
        orders = await money.take_news(parts, tx, order_ids=[intent.order_id], news=[])
        if orders and orders[0].status is not OrderStatus.DRAFT:
            await intents.done(tx, intent_id=intent.id, now=clock.now())


async def _free_stock(parts: Parts, intent: Intent) -> None:
    """Units of a canceled order are free again: its hold becomes an allocation first, if it has not yet."""
    order = await _order(parts, intent)
    lines = await after.lines_of(parts.db, order=order)
    if demands := demands_of_lines(lines):
        await goods.claim(parts, order)
        await parts.stock.deallocate(SYSTEM_CONTEXT, cause_id=order.id, owner=order.cart_id, demands=demands)
    failpoint("orders.deallocated")
    await intents.done(parts.db, intent_id=intent.id, now=clock.now())


async def _ship(parts: Parts, intent: Intent) -> None:
    parcel_id = UUID(intent.data["fulfillment_id"])
    order = await _order(parts, intent)
    variants = {line.id: line.variant_id for line in await after.lines_of(parts.db, order=order)}
    parcel = next(p for p in await after.parcels_of(parts.db, order_id=order.id) if p.id == parcel_id)
    await goods.claim(parts, order)
    await parts.stock.ship(
        SYSTEM_CONTEXT,
        fulfillment_id=parcel_id,
        owner=order.cart_id,
        location_id=parcel.location_id,
        demands=demands_of([(variants[line.line_id], line.quantity) for line in parcel.lines]),
    )
    failpoint("orders.shipped")
    async with parts.db.transaction() as tx:
        await parcels.book_shipment(parts, tx, order_id=order.id, parcel_id=parcel_id, actor=intent.actor)
        await intents.done(tx, intent_id=intent.id, now=clock.now())


async def _book(parts: Parts, intent: Intent, paid: list[Payment]) -> None:
    async with parts.db.transaction() as tx:
        await money.take_news(parts, tx, order_ids=[intent.order_id], news=money.news_of(paid))
        await intents.done(tx, intent_id=intent.id, now=clock.now())
        change_id = carry_changes.change_id_of(intent)
        if change_id is not None:
            await changes.close(tx, change_id=change_id, now=clock.now())


async def _order(parts: Parts, intent: Intent) -> PlacedOrder:
    async with parts.db.transaction() as tx:
        order = await after.lock(tx, order_id=intent.order_id)
    if order is None:
        raise NotFound(detail="There is no such order.")
    return order


_WORK: dict[IntentKind, Callable[[Parts, Intent], Awaitable[None]]] = {
    IntentKind.CAPTURE: _capture,
    IntentKind.REFUND: _refund,
    IntentKind.RETURN_MONEY: _return_money,
    IntentKind.CHECK_MONEY: _check_money,
    IntentKind.FREE_STOCK: _free_stock,
    IntentKind.SHIP: _ship,
    IntentKind.ALLOCATE: carry_changes.allocate_goods,
    IntentKind.FREE_UNITS: carry_changes.free_units,
    IntentKind.RESTOCK: carry_changes.restock_goods,
    IntentKind.COLLECT: _collect,
    IntentKind.ISSUE_CARDS: gift_cards.issue,
}
