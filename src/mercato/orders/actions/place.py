"""Placing an order: freeze the cart → hold the stock → record the draft → pay → finalize.

Each step is one statement or one call to another service, never both, and safe to run again. A crash between
any two leaves a draft whose lease runs out: `resume.py` takes it up from there.
"""

from datetime import timedelta
from uuid import UUID

import msgspec
import structlog

from mercato.contracts.carts import CartTotals, FrozenCart
from mercato.contracts.catalog import CaptureMode
from mercato.contracts.orders import OrderStatus, PaymentChoice, Placement, PlaceStatus
from mercato.contracts.payments import PayResult
from mercato.contracts.stock import Demand
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.deadlines import in_s, remaining_s
from mercato.kernel.errors import Conflict, MercatoError, NotFound, Unavailable
from mercato.kernel.failpoints import failpoint
from mercato.kernel.ids import digest
from mercato.kernel.money import Money
from mercato.orders.actions.settle import (
    is_owner,
    leave_to_sweeper,
    may_be_tried_again,
    move_on,
    refuse,
    settle,
    stand,
)
from mercato.orders.domain import Awaiting
from mercato.orders.numbers import new_number
from mercato.orders.parts import Parts
from mercato.orders.records import Draft, LineRow, Snapshot, draft_of
from mercato.orders.store import placing

LEASE_S = 20
"""How long a request may be at work on a draft before the sweeper takes it up; far above its deadline."""
HOLD_MINUTES = 10
REPLY_MARGIN_S = 0.5
"""What is kept of the caller's time for answering when the provider does not."""

log = structlog.get_logger()

_BLOCKING = frozenset({"variant_unavailable", "delivery_invalid", "coupon_invalid"})
"""Problems of a cart that stop it. Too little stock is found by the hold, other prices by the total."""

_CLOSED = frozenset({"not_found", "cart_completed", "cart_not_open"})
"""Why a cart cannot be frozen that has become an order."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What the shopper sent: which cart, the total they saw, how they pay."""

    cart_id: UUID
    cart_token: str | None
    expected_total: Money
    payment: PaymentChoice


async def place(parts: Parts, ctx: Context, wish: Wish) -> Placement:
    """Turn a cart into an order; a replay gives the same order. Raises as the contract says."""
    frozen = await freeze(parts, ctx, wish)
    if isinstance(frozen, Placement):
        return frozen
    failpoint("orders.frozen")
    await hold(parts, ctx, frozen)
    failpoint("orders.held")
    draft, snapshot = await record(parts, ctx, wish, frozen)
    if draft is None:
        return await stand_by_cart(parts, ctx, wish)
    failpoint("orders.recorded")
    result = await _pay_now(parts, ctx, draft)
    failpoint("orders.paid")
    placement = await _settle_now(parts, draft, result, snapshot)
    failpoint("orders.finalized")
    return placement


async def stand_by_cart(parts: Parts, ctx: Context, wish: Wish) -> Placement:
    """How the order stands that another request made of this cart."""
    known = await placing.draft_of_cart(parts.db, cart_id=wish.cart_id)
    if known is None:
        raise Conflict("order_in_progress", "This cart is being ordered.", data={"retry_after_s": 1})
    return await stand(parts, ctx, known, wish.cart_token)


async def freeze(parts: Parts, ctx: Context, wish: Wish) -> FrozenCart | Placement:
    """The cart, claimed and priced, or how the order stands that it has become already.

    Raises Conflict when it costs something else or cannot be sold now.
    """
    try:
        frozen = await parts.carts.freeze(ctx, cart_id=wish.cart_id, token=wish.cart_token)
    except (Conflict, NotFound) as error:
        known = await placing.draft_of_cart(parts.db, cart_id=wish.cart_id) if error.code in _CLOSED else None
        if known is None or may_be_tried_again(known):
            raise
        return await stand(parts, ctx, known, wish.cart_token)
    if frozen.is_replay:
        known = await placing.draft_of_cart(parts.db, cart_id=wish.cart_id)
        if known is not None:
            if not await _gives_way(parts, ctx, known, wish):
                return await stand(parts, ctx, known, wish.cart_token)
            frozen = await parts.carts.freeze(ctx, cart_id=wish.cart_id, token=wish.cart_token)
    refusal = _refusal_of(frozen, wish)
    if refusal is not None:
        await _thaw(parts, ctx, wish.cart_id)
        raise refusal
    return frozen


async def hold(parts: Parts, ctx: Context, frozen: FrozenCart) -> None:
    """Hold all units of the cart or none. Raises Conflict("insufficient_stock")."""
    cart = frozen.cart
    demands = demands_of([(line.variant_id, line.quantity) for line in cart.lines if not line.is_gift_card])
    if not demands:
        return
    seller = msgspec.structs.replace(ctx.as_system(), channel=cart.channel)
    held = await parts.stock.hold(seller, owner=cart.id, demands=demands, minutes=HOLD_MINUTES)
    if held.is_held:
        return
    await _thaw(parts, ctx, cart.id)
    short = [{"variant_id": str(s.variant_id), "available": s.available} for s in held.shortages]
    raise Conflict("insufficient_stock", "Not everything is in stock any more.", data={"shortages": short})


async def record(parts: Parts, ctx: Context, wish: Wish, frozen: FrozenCart) -> tuple[Draft | None, Snapshot]:
    """The draft order, durable before anybody is charged, and what was written of it only this once.

    No draft when this cart already has an order.
    """
    now = clock.now()
    draft, snapshot = draft_of(
        frozen,
        wish.payment,
        number=new_number(),
        token_digest=digest(wish.cart_token) if wish.cart_token else None,
        locale=ctx.locale,
        at=now,
        by=ctx.principal.label,
        due=now + timedelta(seconds=LEASE_S),
    )
    return await placing.record(parts.db, draft=draft, snapshot=snapshot), snapshot


async def pay(parts: Parts, ctx: Context, draft: Draft) -> PayResult | None:
    """Collect what is due; None when nothing is, or when nobody can tell yet whether it worked."""
    if draft.is_free:
        return None
    left_s = max(REPLY_MARGIN_S, remaining_s(ctx.deadline) - REPLY_MARGIN_S)
    try:
        channel = await parts.channels.of(draft.channel)
        return await parts.payments.pay(
            msgspec.structs.replace(ctx.as_system(), deadline=in_s(left_s)),
            order_id=draft.id,
            attempt=draft.attempt,
            amount=Money(draft.due_amount, draft.currency),
            provider=draft.provider,
            token=draft.payment_token,
            return_url=draft.return_url,
            capture=channel.capture is CaptureMode.AUTOMATIC,
            credits=draft.credits or None,
        )
    except Unavailable:
        return None
    except MercatoError as error:
        await refuse(parts, draft, code=error.code)
        raise


async def _pay_now(parts: Parts, ctx: Context, draft: Draft) -> PayResult | None:
    """`pay` for a shopper who waits. After an error that nobody foresaw nobody can tell whether it worked
    either: the sweeper asks again in a moment, under the same key, and not when the lease has run out."""
    try:
        return await pay(parts, ctx, draft)
    except MercatoError:
        raise
    except Exception:
        log.exception("the payment broke: the sweeper asks again", order_id=str(draft.id))
        return None


async def _settle_now(
    parts: Parts, draft: Draft, result: PayResult | None, snapshot: Snapshot | None
) -> Placement:
    """`settle` for a shopper who waits. After an error the draft stands wherever it got to, and the sweeper
    goes on in a moment: each statement is guarded by where it stands, so that nothing is done twice."""
    try:
        return await settle(parts, draft, result, snapshot)
    except Exception as error:
        log.exception("settling broke: the sweeper goes on", order_id=str(draft.id))
        try:
            return await leave_to_sweeper(parts, draft)
        except Exception:
            # Its lease runs out all the same.
            raise error from None


def demands_of(quantities: list[tuple[UUID, int]]) -> list[Demand]:
    """Units per variant, summed over all lines: two lines of one variant are one demand."""
    wanted: dict[UUID, int] = {}
    for variant_id, quantity in quantities:
        wanted[variant_id] = wanted.get(variant_id, 0) + quantity
    return [Demand(variant_id, wanted[variant_id]) for variant_id in sorted(wanted)]


def demands_of_lines(lines: list[LineRow]) -> list[Demand]:
    # Gift cards need no stock.
    return demands_of([(line.variant_id, line.quantity) for line in lines if line.gift_card is None])


async def _gives_way(parts: Parts, ctx: Context, known: Draft, wish: Wish) -> bool:
    """Whether the order of this cart makes room for another try: it was refused, or its shopper left the
    bank's page and now pays in another way. Should the old way still be paid, the money goes back."""
    if may_be_tried_again(known):
        return True
    is_same = (known.provider, known.payment_token) == (wish.payment.provider, wish.payment.token)
    if known.awaiting is not Awaiting.SHOPPER or is_same or not is_owner(ctx, known, wish.cart_token):
        return False
    standing = await move_on(parts, known)
    if standing.status is PlaceStatus.REQUIRES_ACTION:
        standing = await refuse(parts, known, code="superseded")
    now = await placing.draft(parts.db, order_id=known.id)
    return standing.status is PlaceStatus.DECLINED and now is not None and may_be_tried_again(now)


def _refusal_of(frozen: FrozenCart, wish: Wish) -> Conflict | None:
    totals: CartTotals = frozen.cart.totals
    blocking = [problem for problem in frozen.cart.problems if problem.code in _BLOCKING]
    data = {"totals": msgspec.to_builtins(totals), "problems": msgspec.to_builtins(blocking)}
    if blocking:
        return Conflict(blocking[0].code, "Something in the cart cannot be ordered as it is.", data=data)
    # Nothing is an amount too: then no provider may be charged.
    seen = wish.payment.expected_due
    expected_due = totals.due if seen is None else seen
    if totals.total != wish.expected_total or totals.due != expected_due:
        return Conflict("cart_changed", "The total is not what was shown: look again.", data=data)
    return None


async def _thaw(parts: Parts, ctx: Context, cart_id: UUID) -> None:
    """Open the cart again, unless another request is placing it; a thaw that fails is the sweeper's."""
    known = await placing.draft_of_cart(parts.db, cart_id=cart_id)
    if known is not None and (known.status is not OrderStatus.EXPIRED or known.due is not None):
        return
    try:
        await parts.carts.thaw(ctx.as_system(), cart_id=cart_id)
    except Unavailable:
        return
