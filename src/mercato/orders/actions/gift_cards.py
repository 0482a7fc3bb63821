"""Gift cards that are bought: issued once for each unit when the order is paid. Issuing is an intent: a crash
on the way is healed by running it again, each card has an id of its own. `card_claims` cancels them.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from mercato.contracts.orders import OrderStatus
from mercato.contracts.payments import GiftCard, SoldCard
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.db import Queries, Tx
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.failpoints import failpoint
from mercato.kernel.money import allocate
from mercato.orders.actions import parcels
from mercato.orders.parts import Parts
from mercato.orders.records import Intent, PlacedOrder, StoryRow
from mercato.orders.store import after, intents
from mercato.orders.store import gift_cards as store

ISSUE_BATCH = 50
_SOLD = frozenset({OrderStatus.PLACED, OrderStatus.COMPLETED})


async def begin(tx: Tx, *, order_ids: Sequence[UUID]) -> bool:
    """Those of these paid orders that bought gift cards are to issue them. False when none is."""
    return await store.begin(tx, order_ids=order_ids, now=clock.now())


async def issue(parts: Parts, intent: Intent) -> None:
    """Issue the next cards that the order bought, and go on with the others in a moment, so that many cards
    keep nobody waiting; nothing for an order that was canceled, or a line that was refunded, meanwhile.
    Cards that were canceled for a refund that came to nothing are valid again."""
    async with parts.db.transaction() as tx:
        order = await _order(tx, intent.order_id)
        data = await _taken_over(tx, intent)
        wanted = await _cards_of(tx, order)
    if data is None:
        return
    begun = int(data.get(store.ISSUED, 0))
    batch = wanted[begun : begun + ISSUE_BATCH] if order.status in _SOLD else []
    issued = [await _issue_one(parts, order.id, card) for card in batch]
    async with parts.db.transaction() as tx:
        order = await _order(tx, intent.order_id)
        if order.status in _SOLD:
            is_last = begun + len(batch) == len(wanted)
            await _book(parts, tx, order, intent, issued, begun=begun, is_last=is_last)
            return
    # Canceled while they were issued: nobody pays for them.
    if wanted:
        await parts.payments.disable_sold_cards(SYSTEM_CONTEXT, order_id=order.id)
    await intents.done(parts.db, intent_id=intent.id, now=clock.now())


async def has_lines(db: Queries, order_id: UUID) -> bool:
    """Whether the order bought gift cards."""
    return bool(await store.lines_of(db, order_id=order_id))


async def lines_among(db: Queries, order_id: UUID, units: Mapping[UUID, int]) -> list[UUID]:
    """The lines of gift cards among those of which `units` are to be refunded. Raises Conflict when that is
    not all of such a line."""
    lines = [line for line in await store.lines_of(db, order_id=order_id) if line.id in units]
    if any(units[line.id] != line.quantity for line in lines):
        raise Conflict("gift_cards_apart", "Refund all gift cards of a line together.")
    return [line.id for line in lines]


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


async def _taken_over(tx: Tx, intent: Intent) -> dict[str, Any] | None:
    """What is known of the issuing, which no claim of the cards stops any more; None when it is done."""
    known = await intents.by_key(tx, key=intent.key)
    if known is None or known.done_at is not None:
        return None
    if store.CLAIM not in known.data:
        return known.data
    data: dict[str, Any] = {store.AGAIN: True}
    await intents.keep_data(tx, intent_id=intent.id, data=data)
    return data


async def _cards_of(tx: Tx, order: PlacedOrder) -> list[SoldCard]:
    """A card for each unit of each line of gift cards, worth what was paid for it."""
    live = {line.id for line in await store.lines_of(tx, order_id=order.id) if line.is_live}
    found = []
    for line in [line for line in await after.lines_of(tx, order=order) if line.id in live]:
        wish = line.gift_card
        for number, value in enumerate(allocate(line.total, [1] * line.quantity)):
            card = SoldCard(
                line_id=line.id,
                number=number,
                value=value,
                currency=order.currency,
                recipient=wish.recipient if wish and wish.recipient else order.email,
                message=wish.message if wish else "",
                locale=order.locale,
            )
            found.append(card)
    return [card for card in found if card.value > 0]


async def _issue_one(parts: Parts, order_id: UUID, card: SoldCard) -> GiftCard:
    issued = await parts.payments.issue_sold_card(SYSTEM_CONTEXT, order_id=order_id, card=card)
    failpoint("orders.card_issued")
    return issued


async def _book(
    parts: Parts,
    tx: Tx,
    order: PlacedOrder,
    intent: Intent,
    issued: Sequence[GiftCard],
    *,
    begun: int,
    is_last: bool,
) -> None:
    """The timeline tells of each card, once; after the last one the lines are fulfilled."""
    now = clock.now()
    known = await intents.by_key(tx, key=intent.key)
    if known is None or known.done_at is not None or int(known.data.get(store.ISSUED, 0)) != begun:
        return
    story = [_told(card) for card in issued]
    if store.AGAIN in known.data:
        old = await store.told(tx, order_id=order.id, texts=[row.text for row in story])
        story = [row for row in story if row.text not in old]
    await after.tell(tx, order_id=order.id, at=now, story=story)
    parts.tell_after(tx, order.id)
    if not is_last:
        await intents.keep_data(
            tx, intent_id=intent.id, data=known.data | {store.ISSUED: begun + len(issued)}
        )
        await intents.wait(tx, intent_id=intent.id, due=now)
        tx.after_commit(parts.wake_sweeper)
        return
    if await store.set_issued(tx, order=order):
        await parcels.follow_parcels(tx, order, await after.lines_of(tx, order=order), now)
    await intents.done(tx, intent_id=intent.id, now=now)


def _told(card: GiftCard) -> StoryRow:
    value = {"amount": card.initial.amount, "currency": card.initial.currency}
    return StoryRow(
        "gift_card_issued", f"Gift card {card.label} issued", data=value | {"recipient": card.recipient or ""}
    )


async def _order(tx: Tx, order_id: UUID) -> PlacedOrder:
    order = await after.lock(tx, order_id=order_id)
    if order is None:
        raise NotFound(detail="There is no such order.")
    return order
