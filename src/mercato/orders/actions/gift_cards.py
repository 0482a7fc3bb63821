"""Gift cards that are bought: issued once for each unit when the order is paid, disabled when the money goes
back. Issuing is an intent: a crash on the way is healed by running it again, each card has an id of its own.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from mercato.contracts.orders import OrderStatus
from mercato.contracts.payments import GiftCard, SoldCard
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.failpoints import failpoint
from mercato.kernel.money import allocate
from mercato.orders.actions import parcels
from mercato.orders.granting import Grant
from mercato.orders.parts import Parts
from mercato.orders.records import Intent, LineRow, PlacedOrder, StoryRow
from mercato.orders.store import after, intents
from mercato.orders.store import gift_cards as store

_SOLD = frozenset({OrderStatus.PLACED, OrderStatus.COMPLETED})


async def begin(tx: Tx, *, order_ids: Sequence[UUID]) -> bool:
    """Those of these paid orders that bought gift cards are to issue them. False when none is."""
    return await store.begin(tx, order_ids=order_ids, now=clock.now())


async def issue(parts: Parts, intent: Intent) -> None:
    """Issue what the order bought; nothing for an order that was canceled meanwhile."""
    async with parts.db.transaction() as tx:
        order = await _order(tx, intent.order_id)
        lines = [line for line in await after.lines_of(tx, order=order) if line.gift_card is not None]
    issued: list[GiftCard] = []
    if order.status in _SOLD:
        for line in lines:
            issued += await _issue_line(parts, order, line)
    async with parts.db.transaction() as tx:
        order = await _order(tx, intent.order_id)
        if order.status in _SOLD:
            await _book(parts, tx, order, issued)
            await intents.done(tx, intent_id=intent.id, now=clock.now())
            return
    # Canceled while they were issued: nobody pays for them.
    if issued:
        await parts.payments.disable_sold_cards(SYSTEM_CONTEXT, order_id=order.id)
    await intents.done(parts.db, intent_id=intent.id, now=clock.now())


async def disable(parts: Parts, order_id: UUID, *, line_ids: Collection[UUID] | None = None) -> None:
    """The cards that the order, or these lines of it, bought cannot be used any more. Raises
    Conflict("gift_card_spent") when one has been used."""
    lines = await store.lines_of(parts.db, order_id=order_id)
    if line_ids is None and lines:
        await parts.payments.disable_sold_cards(SYSTEM_CONTEXT, order_id=order_id)
    for line_id in [line.id for line in lines if line_ids is not None and line.id in line_ids]:
        await parts.payments.disable_sold_cards(SYSTEM_CONTEXT, order_id=order_id, line_id=line_id)


async def refuse_partly(parts: Parts, order_id: UUID, units: dict[UUID, int]) -> None:
    """Raise Conflict when `units` of a line of gift cards are to be refunded that are not all of them."""
    for line in await store.lines_of(parts.db, order_id=order_id):
        if units.get(line.id, line.quantity) != line.quantity:
            raise Conflict("gift_cards_apart", "Refund all gift cards of a line together.")


async def refuse_without_lines(parts: Parts, order_id: UUID, amount: int, *, most: int) -> None:
    """Raise Conflict when an `amount` out of `most` that names no line would pay gift cards back that can
    still be used."""
    cards = sum(line.total for line in await store.lines_of(parts.db, order_id=order_id) if line.is_live)
    if cards and amount > most - cards:
        raise Conflict(
            "gift_cards_apart",
            "Refund gift cards by their line: that disables them.",
            data={"refundable": max(0, most - cards)},
        )


async def refuse_to_keep(parts: Parts, grant: Grant) -> None:
    """Raise Conflict when the grant disabled gift cards: the buyer would be left with neither."""
    cards = {line.id for line in await store.lines_of(parts.db, order_id=grant.order_id)}
    if any(line.line_id in cards for line in grant.lines):
        raise Conflict("gift_cards_apart", "Its gift cards are disabled already: send the refund.")


async def _issue_line(parts: Parts, order: PlacedOrder, line: LineRow) -> list[GiftCard]:
    """A card for each unit, worth what was paid for it."""
    found = []
    wish = line.gift_card
    recipient = wish.recipient if wish and wish.recipient else order.email
    for number, value in enumerate(allocate(line.total, [1] * line.quantity)):
        if value <= 0:
            continue
        card = SoldCard(
            line_id=line.id,
            number=number,
            value=value,
            currency=order.currency,
            recipient=recipient,
            message=wish.message if wish else "",
            locale=order.locale,
        )
        found.append(await parts.payments.issue_sold_card(SYSTEM_CONTEXT, order_id=order.id, card=card))
        failpoint("orders.card_issued")
    return found


async def _book(parts: Parts, tx: Tx, order: PlacedOrder, issued: Sequence[GiftCard]) -> None:
    """The lines are fulfilled, and the timeline tells of each card. Once."""
    now = clock.now()
    if not await store.set_issued(tx, order=order):
        return
    await parcels.follow_parcels(tx, order, await after.lines_of(tx, order=order), now)
    story = [
        StoryRow(
            "gift_card_issued",
            f"Gift card {card.label} issued",
            data={
                "amount": card.initial.amount, "currency": order.currency, "recipient": card.recipient or "",
            },
        )
        for card in issued
    ]  # fmt: skip
    await after.tell(tx, order_id=order.id, at=now, story=story)
    parts.tell_after(tx, order.id)


async def _order(tx: Tx, order_id: UUID) -> PlacedOrder:
    order = await after.lock(tx, order_id=order_id)
    if order is None:
        raise NotFound(detail="There is no such order.")
    return order
