"""What becomes of a draft once its payment is known: placed, waiting, or refused and all given back."""

from datetime import timedelta

import structlog

from mercato.contracts.orders import OrderStatus, Placement, PlaceStatus
from mercato.contracts.payments import PayResult, SessionStatus
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT, Context, PrincipalKind
from mercato.kernel.errors import Conflict, NotFound, Unavailable
from mercato.kernel.failpoints import failpoint
from mercato.kernel.ids import digest, new_id
from mercato.kernel.messaging.events import Event
from mercato.orders import facts
from mercato.orders.actions import money
from mercato.orders.domain import SETTLED, Amounts, Awaiting, payment_status
from mercato.orders.parts import Parts
from mercato.orders.records import Draft, PaymentRow, Snapshot, StoryRow
from mercato.orders.store import placing, reading
from mercato.orders.store.reading import OrderView
from mercato.orders.views import order_for_buyer, view_of_new

RELEASE_LEASE_S = 10
SHOPPER_WAIT_MINUTES = 30
"""How long a shopper may take with their bank (3-D Secure)."""
PROVIDER_WAIT_HOURS = 24
"""How long a provider may take to decide."""
UNKNOWN_WAIT_MINUTES = 30
"""How long we ask a provider that did not answer."""
WAIT_FIRST_S, WAIT_MOST_S = 2, 240

_REFUSED = frozenset({SessionStatus.FAILED, SessionStatus.CANCELED, SessionStatus.EXPIRED})

log = structlog.get_logger()


async def settle(
    parts: Parts, draft: Draft, result: PayResult | None, snapshot: Snapshot | None = None
) -> Placement:
    """Bring the draft to where `result` says; None: nothing is due, or nobody knows yet.

    With the `snapshot` of a draft that was recorded just now, its order need not be read for the answer.
    """
    if draft.is_free:
        return await finalize(parts, draft, [], snapshot=snapshot)
    if result is None:
        return await _wait(parts, draft, Awaiting.PROVIDER, timedelta(minutes=UNKNOWN_WAIT_MINUTES), None)
    if result.status is SessionStatus.COMPLETED:
        return await finalize(parts, draft, _payments_of(draft, result), snapshot=snapshot)
    if result.status in _REFUSED:
        return await refuse(parts, draft, code=result.decline_code or str(result.status))
    if result.status is SessionStatus.REQUIRES_ACTION:
        return await _wait(parts, draft, Awaiting.SHOPPER, timedelta(minutes=SHOPPER_WAIT_MINUTES), result)
    return await _wait(parts, draft, Awaiting.PROVIDER, timedelta(hours=PROVIDER_WAIT_HOURS), result)


async def finalize(
    parts: Parts,
    draft: Draft,
    payments: list[PaymentRow],
    *,
    known_paid: Amounts | None = None,
    snapshot: Snapshot | None = None,
) -> Placement:
    """draft → placed, with the fact that tells everyone; whoever comes second finds it placed.

    `known_paid` are amounts of payments that the order knows already.
    """
    now = clock.now()
    paid = known_paid or money.sum_of([one.amounts for one in payments])
    status = payment_status(draft.total, paid)
    is_paid = status in SETTLED
    token = parts.token_of(draft.id)
    told: list[Event] = [facts.order_placed(draft, token, is_paid=is_paid)]
    if is_paid:
        told.append(facts.order_paid(draft, token))
    story = _story_of_placing(draft, payments)
    known = await placing.finalize(
        parts.db,
        draft=draft,
        now=now,
        status=status,
        paid=paid,
        is_paid=is_paid,
        payments=payments,
        story=story,
        sale_id=new_id(),
        facts=parts.outbox.rows(*told),
    )
    if known is None:
        return await standing(parts, draft)
    parts.outbox.ring()
    parts.tell(draft.id)
    if known:
        await money.look_again(parts, draft.id)
    elif snapshot is not None and draft.attempt == 1:
        return _answer(parts, draft, view_of_new(draft, snapshot, payments, story, paid=paid, at=now))
    return await placed(parts, draft)


async def refuse(parts: Parts, draft: Draft, *, code: str) -> Placement:
    """draft → expired; stock and cart are given back, and the cart may be tried again."""
    now = clock.now()
    is_ours = await placing.refuse(
        parts.db,
        draft=draft,
        code=code,
        now=now,
        due=now + timedelta(seconds=RELEASE_LEASE_S),
        story=StoryRow("payment_declined", f"Not placed: {code.replace('_', ' ')}", data={"code": code}),
    )
    failpoint("orders.refusing")
    if not is_ours:
        return await standing(parts, draft)
    parts.tell(draft.id)
    try:
        await release(parts, draft)
    except Unavailable as error:
        log.warning("release is left to the sweeper", order_id=str(draft.id), error=error.code)
    return _declined(draft, code)


async def release(parts: Parts, draft: Draft) -> None:
    """Give back what a refused draft held. Safe to repeat."""
    if draft.credits:
        await parts.payments.release_credit(SYSTEM_CONTEXT, order_id=draft.id, attempt=draft.attempt)
    await parts.stock.release(SYSTEM_CONTEXT, owners=[draft.cart_id])
    failpoint("orders.released")
    await parts.carts.thaw(SYSTEM_CONTEXT, cart_id=draft.cart_id)
    failpoint("orders.thawed")
    await placing.released(parts.db, draft=draft)


async def leave_to_sweeper(parts: Parts, draft: Draft) -> Placement:
    """The request that was at work on the draft gives it up: it is taken up in a moment, not when its lease
    has run out. The answer says how it stands."""
    await placing.hand_over(parts.db, draft=draft, due=clock.now() + timedelta(seconds=WAIT_FIRST_S))
    return await standing(parts, draft)


def may_be_tried_again(draft: Draft) -> bool:
    """Whether the draft was refused and has given everything back."""
    return draft.status is OrderStatus.EXPIRED and draft.due is None


def is_owner(ctx: Context, draft: Draft, cart_token: str | None) -> bool:
    """Whether the one who asks is the customer of the order or has the token of its cart."""
    principal = ctx.principal
    if principal.kind is PrincipalKind.SYSTEM:
        return True
    if draft.customer_id is not None and principal.id == draft.customer_id:
        return True
    return bool(cart_token) and draft.cart_token_digest == digest(cart_token or "")


async def stand(parts: Parts, ctx: Context, draft: Draft, cart_token: str | None) -> Placement:
    """The answer to placing a cart that already has an order.

    Raises NotFound to strangers, Conflict("order_in_progress") while another request is at work.
    """
    if not is_owner(ctx, draft, cart_token):
        raise NotFound(detail="There is no such cart.")
    if draft.status not in (OrderStatus.DRAFT, OrderStatus.EXPIRED):
        return await placed(parts, draft)
    if draft.status is OrderStatus.DRAFT and (draft.awaiting is not None or _is_stale(draft)):
        return await move_on(parts, draft)
    raise Conflict("order_in_progress", "This cart is being ordered.", data={"retry_after_s": 2})


async def standing(parts: Parts, draft: Draft) -> Placement:
    """How the order stands now, for its own buyer; nothing is moved."""
    now = await placing.draft(parts.db, order_id=draft.id)
    if now is None:
        raise NotFound(detail="There is no such order.")
    if now.status is OrderStatus.DRAFT:
        return _processing(parts, now)
    if now.status is OrderStatus.EXPIRED:
        return _declined(now, now.decline_code or "expired")
    return await placed(parts, now)


async def move_on(parts: Parts, draft: Draft) -> Placement:
    """Ask how the payment of a draft stands and settle it when it has been decided."""
    if draft.awaiting is None or draft.is_free:
        return _processing(parts, draft)
    try:
        result = await parts.payments.result(SYSTEM_CONTEXT, order_id=draft.id, attempt=draft.attempt)
    except Unavailable:
        return _processing(parts, draft)
    if result is None:
        return _processing(parts, draft)
    if result.status is SessionStatus.COMPLETED or result.status in _REFUSED:
        return await settle(parts, draft, result)
    return _waiting(parts, draft, result)


async def placed(parts: Parts, draft: Draft) -> Placement:
    """The answer that holds the order."""
    view = await reading.view_of_placed(parts.db, order_id=draft.id)
    if view is None:
        raise NotFound(detail="There is no such order.")
    return _answer(parts, draft, view)


def _answer(parts: Parts, draft: Draft, view: OrderView) -> Placement:
    token = parts.token_of(draft.id)
    return Placement(
        PlaceStatus.PLACED, order=order_for_buyer(view, token), order_number=draft.number, order_token=token
    )


async def _wait(
    parts: Parts, draft: Draft, awaiting: Awaiting, limit: timedelta, result: PayResult | None
) -> Placement:
    now = clock.now()
    waited_s = (now - (draft.waiting_since or now)).total_seconds()
    pause = timedelta(seconds=min(WAIT_MOST_S, max(WAIT_FIRST_S, waited_s / 2)))
    is_ours = await placing.wait(
        parts.db, draft=draft, awaiting=awaiting, now=now, until=now + limit, due=now + pause
    )
    if not is_ours:
        return await standing(parts, draft)
    return _waiting(parts, draft, result) if result is not None else _processing(parts, draft)


def _is_stale(draft: Draft) -> bool:
    return draft.due is not None and draft.due <= clock.now()


def _payments_of(draft: Draft, result: PayResult) -> list[PaymentRow]:
    """What was paid at the provider, then what gift cards and store credit paid."""
    rows = [
        PaymentRow(one.id, draft.id, one.provider, one.authorized.amount, one.captured.amount)
        for one in result.credits
    ]
    if result.payment_id is not None:
        authorized = result.authorized.amount if result.authorized else 0
        captured = result.captured.amount if result.captured else 0
        rows.insert(0, PaymentRow(result.payment_id, draft.id, draft.provider, authorized, captured))
    return rows


def _story_of_placing(draft: Draft, payments: list[PaymentRow]) -> list[StoryRow]:
    story = [StoryRow("placed", "Order placed", actor=draft.email)]
    for payment in payments:
        told = money.story_of(Amounts(), payment.amounts, draft.currency, actor="system", reason="")
        story += money.naming(told, payment.provider)
    return story


def _waiting(parts: Parts, draft: Draft, result: PayResult) -> Placement:
    needs_action = result.status is SessionStatus.REQUIRES_ACTION
    return Placement(
        PlaceStatus.REQUIRES_ACTION if needs_action else PlaceStatus.PROCESSING,
        order_number=draft.number,
        order_token=parts.token_of(draft.id),
        session_id=result.session_id,
        next_action=result.next_action,
        held_until=draft.waiting_until if needs_action else None,
    )


def _processing(parts: Parts, draft: Draft) -> Placement:
    return Placement(PlaceStatus.PROCESSING, order_number=draft.number, order_token=parts.token_of(draft.id))


def _declined(draft: Draft, code: str) -> Placement:
    return Placement(PlaceStatus.DECLINED, order_number=draft.number, decline_code=code)
