"""Who may decide about the gift cards of an order: one refund, cancellation or issuing at a time.

A claim is the intent to issue the cards, open again. Whoever claims them cancels them first and decides then;
should they come to nothing in between, the sweeper carries the intent out, and with it every card that nobody
has paid back is valid again.
"""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict
from mercato.kernel.ids import new_id
from mercato.orders.actions.resume import carry_out_later
from mercato.orders.parts import Parts
from mercato.orders.store import gift_cards as store
from mercato.orders.store import intents

CLAIM_S = 20
"""How long a request may be at work on the cards before the sweeper makes them valid again."""


async def claim(tx: Tx, order_id: UUID) -> UUID | None:
    """Claim the cards of a locked order; None when it has none that were issued. Raises Conflict while
    somebody else is at work on them."""
    found = await store.issuing(tx, order_id=order_id)
    if found is None or found.is_parked:
        return None
    if not found.is_done:
        raise _busy()
    claimed = new_id()
    due = clock.now() + timedelta(seconds=CLAIM_S)
    await intents.reopen(tx, intent_id=found.id, due=due, data={store.CLAIM: str(claimed)})
    return claimed


async def cancel_cards(
    parts: Parts, order_id: UUID, claimed: UUID | None, *, line_ids: Collection[UUID] | None = None
) -> None:
    """The cards that the order, or these lines of it, bought cannot be used any more. Raises
    Conflict("gift_card_spent") when one has been used, and lets go of them."""
    try:
        for line_id in line_ids if line_ids is not None else [None]:
            await parts.payments.disable_sold_cards(SYSTEM_CONTEXT, order_id=order_id, line_id=line_id)
    except Exception:
        await let_go(parts, order_id, claimed)
        raise


async def keep(tx: Tx, order_id: UUID, claimed: UUID | None) -> None:
    """What the claim was for is decided in this transaction: the cards stay canceled. Raises Conflict when
    they were issued or taken over meanwhile."""
    found = await store.issuing(tx, order_id=order_id)
    if claimed is None:
        if found is not None and not found.is_parked:
            raise _busy()
        return
    if found is None or found.is_done or found.claimed != claimed:
        raise _busy()
    await intents.done(tx, intent_id=found.id, now=clock.now())


async def let_go(parts: Parts, order_id: UUID, claimed: UUID | None) -> None:
    """Nothing was decided: the cards are valid again."""
    if claimed is None:
        return
    async with parts.db.transaction() as tx:
        found = await store.issuing(tx, order_id=order_id)
        is_ours = found is not None and not found.is_done and found.claimed == claimed
    if is_ours:
        await reissue(parts, order_id)


async def revive(tx: Tx, order_id: UUID) -> None:
    """What was promised for cards of a locked order was taken back: they are valid again, and those that were
    never issued are issued, by `reissue` or soon by the sweeper."""
    found = await store.issuing(tx, order_id=order_id)
    if found is None:
        return
    if not found.is_done and not found.is_parked:
        raise _busy()
    await intents.reopen(
        tx, intent_id=found.id, due=clock.now() + timedelta(seconds=1), data={store.AGAIN: True}
    )


async def were_issued(tx: Tx, order_id: UUID) -> bool:
    """Whether the order has had its turn to issue cards: it was paid, less what was promised back then."""
    return await store.issuing(tx, order_id=order_id) is not None


async def reissue(parts: Parts, order_id: UUID) -> None:
    """Carry out now what `revive` or a claim has left; what fails is put off."""
    intent = await intents.by_key(parts.db, key=store.key_of(order_id))
    if intent is not None and intent.done_at is None:
        await carry_out_later(parts, intent, clock.now())


def _busy() -> Conflict:
    return Conflict(
        "gift_cards_apart",
        "Its gift cards are being issued, or refunded by somebody else: try again in a moment.",
        data={"retry_after_s": 2},
    )
