"""Draft orders: a cart that staff fills for a customer, placed by the ordinary way of placing.

A discount is a promotion with a code of its own that works once, so every price explains itself and its use
is counted like any other. Prices are those of the day on which the draft is placed.
"""

from datetime import timedelta
from uuid import UUID

import structlog

from mercato.contracts.carts import (
    Cart,
    CartStatus,
    DeliveryMethod,
)
from mercato.contracts.orders import (
    DraftInput,
    DraftOrder,
    DraftStatus,
    OrderStatus,
    PaymentChoice,
    Placement,
    PlaceStatus,
)
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, MercatoError, NotFound
from mercato.kernel.ids import derived_id, new_id
from mercato.kernel.money import Money
from mercato.orders import facts
from mercato.orders.actions import collect, draft_carts
from mercato.orders.actions.place import Wish, place, stand_by_cart
from mercato.orders.actions.settle import move_on, standing
from mercato.orders.parts import Parts
from mercato.orders.store import drafts as store
from mercato.orders.store import placing
from mercato.orders.store.drafts import DraftOrderRow

SWEEP_BATCH = 100

log = structlog.get_logger()


async def create(parts: Parts, ctx: Context, wish: DraftInput) -> DraftOrderRow:
    """A new draft, one for each idempotency key; a refusal leaves no cart that anybody could reach."""
    draft_carts.check_wish(wish)
    now, draft_id = clock.now(), _id_for(ctx)
    made = await store.get(parts.db, draft_id=draft_id) if ctx.idempotency_key else None
    if made is not None:
        return made
    cart_id, promotion_id = await draft_carts.fill_cart(parts, wish, locale=ctx.locale)
    draft = DraftOrderRow(
        id=draft_id,
        cart_id=cart_id,
        status=DraftStatus.OPEN,
        channel=wish.channel,
        locale=ctx.locale,
        email=wish.email,
        customer_id=wish.customer_id,
        promotion_id=promotion_id,
        note=wish.note,
        created_at=now,
        created_by=ctx.principal.label,
        expires_at=now + timedelta(days=wish.expires_in_days),
        wish=wish,
    )
    async with parts.db.transaction() as tx:
        is_first = await store.insert(tx, draft=draft)
        if is_first:
            await parts.acted(tx, ctx, "draft_created", draft.id, {"email": wish.email})
    if not is_first:
        await draft_carts.drop_cart(parts, draft, cart_id, promotion_id)
        return await known(parts, draft_id)
    return draft


async def known(parts: Parts, draft_id: UUID) -> DraftOrderRow:
    """Raises NotFound."""
    draft = await store.get(parts.db, draft_id=draft_id)
    if draft is None:
        raise NotFound(detail="There is no such draft order.")
    return draft


async def shown(parts: Parts, draft: DraftOrderRow, *, for_staff: bool) -> DraftOrder:
    """The draft with its cart as it is priced today."""
    cart = None
    if draft.status in (DraftStatus.OPEN, DraftStatus.SENT):
        try:
            cart = await parts.carts.get(draft_carts.system_of(draft), cart_id=draft.cart_id, token=None)
        except NotFound:
            cart = None
    return DraftOrder(
        id=draft.id,
        status=draft.status,
        email=draft.email,
        customer_id=draft.customer_id if for_staff else None,
        channel=draft.channel,
        cart=cart,
        note=draft.note if for_staff else "",
        created_at=draft.created_at,
        created_by=draft.created_by if for_staff else "shop",
        sent_at=draft.sent_at,
        expires_at=draft.expires_at,
        token=parts.token_of(draft.id),
        order_id=draft.order_id,
        order_number=draft.order_number,
        version=draft.version,
        wish=draft.wish if for_staff else None,
    )


async def delivery_methods(parts: Parts, draft: DraftOrderRow) -> list[DeliveryMethod]:
    refuse_closed(draft)
    return await parts.carts.delivery_methods(draft_carts.system_of(draft), cart_id=draft.cart_id, token=None)


async def set_delivery(parts: Parts, draft: DraftOrderRow, method_id: UUID) -> None:
    refuse_closed(draft)
    await parts.carts.update(
        draft_carts.system_of(draft), cart_id=draft.cart_id, token=None, delivery_method_id=method_id
    )
    await store.set_delivery(parts.db, draft_id=draft.id, method_id=method_id)


async def send(parts: Parts, ctx: Context, draft: DraftOrderRow) -> None:
    """The customer gets a mail with the link. Raises Conflict("draft_closed")."""
    refuse_closed(draft)
    cart = await parts.carts.get(draft_carts.system_of(draft), cart_id=draft.cart_id, token=None)
    async with parts.db.transaction() as tx:
        if await parts.is_repeated(tx, ctx, "send_draft", draft.id):
            return
        if not await store.set_sent(tx, draft_id=draft.id, now=clock.now()):
            raise closed(draft)
        await parts.outbox.add(tx, facts.draft_sent(draft, parts.token_of(draft.id), cart))
        await parts.acted(tx, ctx, "draft_sent", draft.id)


async def place_by_staff(parts: Parts, ctx: Context, draft: DraftOrderRow, *, is_paid: bool) -> UUID:
    """Place it with a payment outside Mercato, captured when the money has come; returns the order's id."""
    if draft.order_id is None:
        refuse_closed(draft)
        cart = await parts.carts.get(draft_carts.system_of(draft), cart_id=draft.cart_id, token=None)
        _refuse_unless_live(draft, cart)
        placement = await pay(parts, draft, cart.totals.total, PaymentChoice("manual"))
        if placement.status is not PlaceStatus.PLACED or placement.order is None:
            is_under_way = placement.status is PlaceStatus.PROCESSING
            data = {"retry_after_s": 2} if is_under_way else {}
            raise Conflict("not_placed", "It was not placed: look at it again.", data=data)
        order_id = placement.order.id
        async with parts.db.transaction() as tx:
            await parts.acted(tx, ctx, "draft_placed", order_id, {"draft_id": draft.id, "is_paid": is_paid})
    else:
        order_id = draft.order_id
    if is_paid:
        try:
            await collect.capture(parts, ctx, order_id=order_id, amount=None)
        except Conflict as error:
            if error.code != "capture_too_large":
                raise
    return order_id


async def pay(parts: Parts, draft: DraftOrderRow, expected: Money, choice: PaymentChoice) -> Placement:
    """Place the draft's cart as any cart is placed, on behalf of its customer."""
    if draft.order_id is None:
        refuse_closed(draft)
    wish = Wish(cart_id=draft.cart_id, cart_token=None, expected_total=expected, payment=choice)
    system = draft_carts.system_of(draft)
    try:
        placement = await place(parts, system, wish)
    except NotFound:
        raise Conflict("draft_changed", "The shop has just changed this order: look at it again.") from None
    except Conflict as error:
        if error.code != "cart_completed":
            raise
        placement = await stand_by_cart(parts, system, wish)
    if placement.status is PlaceStatus.PLACED:
        await store.take_over_placed(parts.db, now=clock.now())
    return placement


async def placement_of(parts: Parts, draft: DraftOrderRow) -> Placement | None:
    """How the placing stands; None before it began, or when it was refused."""
    order = await placing.draft_of_cart(parts.db, cart_id=draft.cart_id)
    if order is None:
        return None
    placement = await (move_on if order.status is OrderStatus.DRAFT else standing)(parts, order)
    if placement.status is PlaceStatus.PLACED:
        await store.take_over_placed(parts.db, now=clock.now())
    return placement


async def cancel(
    parts: Parts, ctx: Context, draft: DraftOrderRow, status: DraftStatus = DraftStatus.CANCELED
) -> None:
    """Its cart is deleted first: what is being paid at this moment is not canceled.
    Raises Conflict("draft_closed"), Conflict("cart_not_open")."""
    if draft.status is status:
        return
    if draft.status not in (DraftStatus.OPEN, DraftStatus.SENT):
        raise closed(draft)
    await draft_carts.drop_cart(parts, draft, draft.cart_id, draft.promotion_id)
    async with parts.db.transaction() as tx:
        if await store.close(tx, draft_id=draft.id, status=status, now=clock.now()):
            await parts.acted(tx, ctx, f"draft_{status}", draft.id)


async def sweep(parts: Parts) -> None:
    """Drafts that became orders are placed; those whose time is over expire, each in its own try."""
    now = clock.now()
    await store.take_over_placed(parts.db, now=now)
    for draft in await store.expired(parts.db, now=now, limit=SWEEP_BATCH):
        try:
            await cancel(parts, draft_carts.system_of(draft), draft, DraftStatus.EXPIRED)
        except MercatoError as error:
            log.info("draft is not expired yet", draft_id=str(draft.id), error=error.code)


def refuse_closed(draft: DraftOrderRow) -> None:
    """Raise Conflict("draft_closed") for a draft that is over."""
    is_live = draft.status in (DraftStatus.OPEN, DraftStatus.SENT) and draft.expires_at > clock.now()
    if not is_live:
        raise closed(draft)


def _id_for(ctx: Context) -> UUID:
    """The id of the draft that this request makes: the same again for the same person and key."""
    if ctx.idempotency_key is None:
        return new_id()
    return derived_id(ctx.principal.id or UUID(int=0), f"draft:{ctx.idempotency_key}")


def _refuse_unless_live(draft: DraftOrderRow, cart: Cart) -> None:
    refuse_closed(draft)
    if cart.status is CartStatus.ABANDONED:
        raise closed(draft)


def closed(draft: DraftOrderRow) -> Conflict:
    """The draft is over."""
    is_over = draft.status in (DraftStatus.OPEN, DraftStatus.SENT)
    status = DraftStatus.EXPIRED if is_over else draft.status
    return Conflict("draft_closed", f"This draft order is {status}.", data={"status": status})
