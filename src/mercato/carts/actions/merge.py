"""A guest with a cart signs in to an account that may have another; two accounts become one."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from mercato.carts.parts import Parts
from mercato.carts.store import merging as store
from mercato.contracts.carts import Cart, MergeChoice
from mercato.contracts.users import AccountsMerged
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import NotFound
from mercato.kernel.ids import digest, new_token


async def merge(parts: Parts, ctx: Context, *, cart_id: UUID, token: str, choice: MergeChoice) -> Cart:
    """One open cart of the customer is left; the guest's token opens nothing any more. Raises NotFound."""
    customer_id = ctx.principal.require_user_id()
    async with parts.db.transaction() as tx:
        is_there, own = await store.lock_open(
            tx, cart_id=cart_id, token_hash=digest(token), customer_id=customer_id
        )
        if not is_there:
            raise NotFound(detail="There is no such open cart, or it is not yours.")
        kept = await _join(tx, ctx, guest=cart_id, own=own, choice=choice)
    for touched in {cart_id, kept}:
        parts.tell(touched)
    return await parts.show(ctx, await parts.load(ctx, kept, None))


async def _join(tx: Tx, ctx: Context, *, guest: UUID, own: UUID | None, choice: MergeChoice) -> UUID:
    if own is None or await _prefers_guest(tx, own, choice):
        if own is not None:
            await store.remove(tx, cart_id=own)
        await store.adopt(
            tx, cart_id=guest, customer_id=ctx.principal.require_user_id(), email=ctx.principal.email,
            token_hash=digest(new_token()), now=clock.now(),
        )  # fmt: skip
        return guest
    if choice is MergeChoice.MERGE:
        await store.pour(tx, source=guest, target=own, now=clock.now())
    await store.remove(tx, cart_id=guest)
    return own


async def _prefers_guest(tx: Tx, own: UUID, choice: MergeChoice) -> bool:
    if choice is MergeChoice.KEEP_GUEST:
        return True
    return choice is MergeChoice.KEEP_GUEST_IF_EMPTY and await store.is_empty(tx, cart_id=own)


async def follow_accounts(parts: Parts, tx: Tx, events: Sequence[AccountsMerged]) -> None:
    """Two accounts became one: the cart of the dropped one comes along, poured into that of the kept one."""
    for event in events:
        dropped, kept = await store.lock_of_two(tx, from_id=event.dropped_id, to_id=event.kept_id)
        if dropped is not None and kept is not None:
            await store.pour(tx, source=dropped, target=kept, now=clock.now())
            await store.remove(tx, cart_id=dropped)
        await store.hand_over(tx, from_id=event.dropped_id, to_id=event.kept_id)
        for touched in (dropped, kept):
            if touched is not None:
                tx.after_commit(partial(parts.tell, touched))
