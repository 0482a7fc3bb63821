"""Changing a draft order: a new cart is filled, then takes the place of the old one.

The old cart is deleted before the new one counts, so a customer who pays at this moment either pays what they
saw, and the change is refused, or is told to look again. The change is written down first: when the process
dies on the way, the sweeper finishes it.
"""

from datetime import timedelta

import structlog

from mercato.contracts.orders import DraftInput
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, FieldError, Invalid, MercatoError
from mercato.kernel.failpoints import failpoint
from mercato.orders.actions import draft_carts, drafts
from mercato.orders.parts import Parts
from mercato.orders.store import drafts as store
from mercato.orders.store.drafts import DraftOrderRow, NextDraft

CHANGE = "change_draft"
SETTLE_S = 60
"""How long a request may take over a change before the sweeper goes on with it."""
SWEEP_BATCH = 100

log = structlog.get_logger()


async def change(parts: Parts, ctx: Context, draft: DraftOrderRow, wish: DraftInput, *, version: int) -> None:
    """The draft holds what `wish` says, once for each idempotency key. Raises Invalid as the cart does;
    Conflict: draft_closed, version_conflict, cart_not_open (it is being paid)."""
    drafts.refuse_closed(draft)
    draft_carts.check_wish(wish)
    if wish.channel != draft.channel:
        error = FieldError("channel", "not_allowed", "A draft stays in its channel.")
        raise Invalid("invalid", "Some values are refused.", errors=[error])
    if version != draft.version:
        await _go_on(parts, ctx, draft, wish)
        return
    now = clock.now()
    cart_id, promotion_id = await draft_carts.fill_cart(parts, wish, locale=draft.locale)
    following = NextDraft(
        wish=wish,
        cart_id=cart_id,
        promotion_id=promotion_id,
        expires_at=now + timedelta(days=wish.expires_in_days),
        actor=ctx.principal.label,
    )
    async with parts.db.transaction() as tx:
        is_ours = await store.begin_change(
            tx, draft_id=draft.id, version=version, following=following, now=now
        )
        if is_ours:
            await parts.is_repeated(tx, ctx, CHANGE, draft.id)
            await parts.acted(tx, ctx, "draft_changed", draft.id, {"email": wish.email})
    failpoint("orders.draft_change_begun")
    if not is_ours:
        await draft_carts.drop_cart(parts, draft, cart_id, promotion_id)
        await _go_on(parts, ctx, draft, wish)
        return
    await _finish(parts, draft, following)


async def sweep(parts: Parts) -> None:
    """Finish what a request left half way, each in its own try."""
    before = clock.now() - timedelta(seconds=SETTLE_S)
    for draft, following in await store.half_changed(parts.db, before=before, limit=SWEEP_BATCH):
        try:
            await _finish(parts, draft, following)
        except MercatoError as error:
            log.info("a draft was not changed", draft_id=str(draft.id), error=error.code)


async def _go_on(parts: Parts, ctx: Context, draft: DraftOrderRow, wish: DraftInput) -> None:
    """The draft is of another version: finish what the same request has begun, before the sweeper does.
    Raises Conflict("version_conflict") when it was another request, or the change was given up."""
    is_ours = await parts.was_done(ctx, CHANGE, draft.id)
    begun = await store.change_of(parts.db, draft_id=draft.id) if is_ours else None
    if begun is not None:
        await _finish(parts, *begun)
    now = await drafts.known(parts, draft.id)
    if not is_ours or now.wish != wish:
        raise _outdated(now.version)


async def _finish(parts: Parts, draft: DraftOrderRow, following: NextDraft) -> None:
    try:
        await draft_carts.delete_cart(parts, draft, draft.cart_id)
    except Conflict:
        await _give_up(parts, draft, following)
        raise
    failpoint("orders.draft_cart_gone")
    if await store.finish_change(parts.db, draft_id=draft.id, following=following):
        if draft.promotion_id is not None:
            await draft_carts.forget_promotion(parts, draft.promotion_id)
        return
    # Somebody else finished it, or the draft was closed meanwhile.
    if (await drafts.known(parts, draft.id)).cart_id != following.cart_id:
        await _give_up(parts, draft, following)
        raise drafts.closed(draft)


async def _give_up(parts: Parts, draft: DraftOrderRow, following: NextDraft) -> None:
    await store.drop_change(parts.db, draft_id=draft.id, cart_id=following.cart_id)
    await draft_carts.drop_cart(parts, draft, following.cart_id, following.promotion_id)


def _outdated(version: int) -> Conflict:
    data = {"version": version}
    return Conflict("version_conflict", "Someone changed it meanwhile; look again.", data=data)
