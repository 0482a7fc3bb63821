"""Order changes: previewed outside any lock, confirmed under the order's lock, carried out by intents.

Confirming is like placing: units that are added are held first (the change is their owner), then one
transaction makes the change true and leaves intents for stock and money. A crash before it leaves a hold that
runs out; a crash after it leaves intents that the sweeper carries out. Confirmed again, it answers as before.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from mercato.contracts.carts import FrozenCart
from mercato.contracts.orders import ChangeInput, ChangeKind, ChangeStatus
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM, Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.failpoints import failpoint
from mercato.kernel.ids import new_id
from mercato.orders import facts
from mercato.orders.actions.cancel import check_version
from mercato.orders.actions.place import HOLD_MINUTES, demands_of
from mercato.orders.actions.resume import carry_out_later
from mercato.orders.actions.write_change import Written, write_change
from mercato.orders.amending import amend, move_change, with_taxes
from mercato.orders.change_rows import ChangeRow
from mercato.orders.domain import IntentKind, balance
from mercato.orders.parts import Parts
from mercato.orders.records import Intent, StoryRow
from mercato.orders.standing import (
    Standing,
    check_parts,
    check_status,
    credit_of,
    is_worth_the_same,
    parts_of,
)
from mercato.orders.store import after, changes, grants, reading

PREVIEW_HOLDS_FOR = timedelta(days=1)
"""How long the prices of a preview may be confirmed."""
KEEP_PREVIEWS = timedelta(days=7)

TEXTS = {
    ChangeKind.EDIT: "Order changed",
    ChangeKind.RETURN: "Return approved",
    ChangeKind.EXCHANGE: "Exchange agreed",
    ChangeKind.CLAIM: "Claim settled",
}


async def preview(
    parts: Parts, ctx: Context, *, order_id: UUID, wish: ChangeInput, version: int | None
) -> ChangeRow:
    """What the change would do, kept as a draft. Raises as the contract says."""
    async with parts.db.transaction() as tx:
        standing = await stand(tx, order_id)
    check_version(standing.order, version)
    check_status(wish.kind, standing.order.status)
    quote = await _quote(parts, ctx, standing, wish) if wish.add else None
    change = draft_of(standing, wish, quote, actor=ctx.principal.label)
    await changes.insert(parts.db, change=change)
    return change


async def confirm(parts: Parts, ctx: Context, *, change_id: UUID) -> UUID:
    """Make a previewed change true; returns the order's id. Raises as the contract says."""
    change = await known(parts, change_id)
    if change.status is ChangeStatus.DRAFT and change.added:
        channel = await reading.channel_of(parts.db, order_id=change.order_id)
        await _hold(parts, change, channel or ctx.channel)
        failpoint("orders.change_held")
    wanted = await _decide(parts, ctx, change)
    failpoint("orders.change_confirmed")
    for intent in wanted:
        await carry_out_later(parts, intent, clock.now())
    return change.order_id


async def known(parts: Parts, change_id: UUID) -> ChangeRow:
    """Raises NotFound."""
    change = await changes.get(parts.db, change_id=change_id)
    if change is None:
        raise NotFound(detail="There is no such change.")
    return change


async def stand(tx: Tx, order_id: UUID) -> Standing:
    """The order, locked, with everything that a change is decided by. Raises NotFound."""
    order = await after.lock(tx, order_id=order_id)
    if order is None:
        raise NotFound(detail="There is no such order.")
    sums, address = await changes.sums_of(tx, order=order)
    return Standing(
        order=order,
        sums=sums,
        address=address,
        lines=await after.lines_of(tx, order=order),
        parcels=await after.parcels_of(tx, order_id=order_id),
        changes=await changes.of_order(tx, order_id=order_id),
        granted=await grants.of_order(tx, order_id=order_id),
    )


def draft_of(standing: Standing, wish: ChangeInput, quote: FrozenCart | None, *, actor: str) -> ChangeRow:
    """The preview of a wish: what it adds and takes off, and what it promises back."""
    lines = parts_of(standing, wish, quote)
    amended = amend(standing.lines, standing.sums, lines)
    if not amended.lines:
        raise Conflict("illegal_transition", "Nothing would be left: cancel the order instead.")
    if amended.sums.total < standing.sums.paid_by_credit:
        raise Conflict("illegal_transition", "More has been paid by credit than would be left to pay.")
    return ChangeRow(
        id=new_id(),
        order_id=standing.order.id,
        kind=wish.kind,
        status=ChangeStatus.DRAFT,
        lines=lines,
        total_before=standing.sums.total,
        total_change=amended.sums.total - standing.sums.total,
        credit=credit_of(standing, lines),
        reason=wish.reason,
        created_at=clock.now(),
        created_by=actor,
    )


async def _quote(parts: Parts, ctx: Context, standing: Standing, wish: ChangeInput) -> FrozenCart:
    """Today's price of what is added, sent to where the order goes."""
    return await parts.carts.quote(
        ctx.as_system(),
        channel=standing.order.channel,
        lines=wish.add,
        shipping_address=standing.address,
    )


async def _hold(parts: Parts, change: ChangeRow, channel: str) -> None:
    held = await parts.stock.hold(
        Context(principal=SYSTEM, channel=channel),
        owner=change.id,
        demands=demands_of(change.added),
        minutes=HOLD_MINUTES,
    )
    if not held.is_held:
        short = [{"variant_id": str(s.variant_id), "available": s.available} for s in held.shortages]
        raise Conflict("insufficient_stock", "Not everything is in stock.", data={"shortages": short})


async def _decide(parts: Parts, ctx: Context, change: ChangeRow) -> list[Intent]:
    now, actor = clock.now(), ctx.principal.label
    async with parts.db.transaction() as tx:
        standing = await stand(tx, change.order_id)
        current = await changes.get(tx, change_id=change.id)
        if current is None:
            raise NotFound(detail="There is no such change.")
        if current.confirmed_at is not None:
            return []
        to = ChangeStatus.CONFIRMED
        if change.kind in (ChangeKind.RETURN, ChangeKind.EXCHANGE):
            to = ChangeStatus.APPROVED
        move_change(change.kind, current.status, to)
        check_status(change.kind, standing.order.status)
        _refuse_outdated(standing, current)
        taxed = with_taxes(standing.lines, standing.sums, current.lines)
        confirmed = msgspec.structs.replace(current, status=to, confirmed_at=now, lines=taxed)
        amended = amend(standing.lines, standing.sums, current.lines)
        written = await write_change(
            parts, tx, standing, confirmed, amended, credit=_credit_at_once(current), work=_work(current),
            key=f"change:{change.id}", actor=actor, now=now,
        )  # fmt: skip
        await _tell(parts, tx, written, actor, now)
        await parts.acted(tx, ctx, f"{change.kind}_{to}", change.order_id, _told(written))
        return written.intents


async def _tell(parts: Parts, tx: Tx, written: Written, actor: str, now: datetime) -> None:
    order, change = written.order, written.change
    data: dict[str, Any] = {"change_id": str(change.id), "currency": order.currency}
    data["amount"] = change.total_change - change.credited
    if change.reason:
        data["reason"] = change.reason
    story = StoryRow(f"{change.kind}_{change.status}", TEXTS[change.kind], actor, data)
    await after.tell(tx, order_id=order.id, at=now, story=[story])
    token = parts.token_of(order.id)
    if change.kind is ChangeKind.RETURN:
        await parts.outbox.add(tx, facts.return_approved(order, token, change))
    elif change.added or change.removed:
        owed = max(0, balance(order.total, order.credited, order.paid))
        await parts.outbox.add(tx, facts.order_changed(order, token, change, owed=owed))
    parts.tell_after(tx, order.id)


def _told(written: Written) -> dict[str, Any]:
    """What the audit keeps of a change."""
    change = written.change
    return {
        "change_id": str(change.id),
        "total": f"{change.total_change} {written.order.currency}",
        "credited": f"{change.credited} {written.order.currency}",
        "reason": change.reason or None,
    }


def _work(change: ChangeRow) -> list[IntentKind]:
    """What stock has to do once the change is confirmed."""
    kinds = [IntentKind.ALLOCATE] if change.added else []
    return kinds + ([IntentKind.FREE_UNITS] if change.removed else [])


def _credit_at_once(change: ChangeRow) -> int:
    """What a confirmed change promises back before anything has come back: a claim all of it, an exchange as
    much as its new goods cost, so that only the difference is owed. An edit takes back what was promised for
    the units that it takes off."""
    if change.kind in (ChangeKind.CLAIM, ChangeKind.EDIT):
        return change.credit
    if change.kind is ChangeKind.EXCHANGE:
        return min(change.credit, max(0, change.total_change))
    return 0


def _refuse_outdated(standing: Standing, change: ChangeRow) -> None:
    """Raise Conflict when the order is not any more what the preview was made of."""
    check_parts(standing, change.lines)
    amended = amend(standing.lines, standing.sums, change.lines)
    is_same = standing.sums.total == change.total_before
    is_same &= amended.sums.total - standing.sums.total == change.total_change
    there = {line.id for line in standing.lines}
    gone = [part for part in change.lines if part.new is None and part.line_id not in there]
    is_same = is_same and not gone and is_worth_the_same(standing, change)
    if not is_same or change.created_at < clock.now() - PREVIEW_HOLDS_FOR:
        raise Conflict(
            "change_outdated",
            "The order has changed since this was previewed: look at it again.",
            data={"total": standing.sums.total, "version": standing.order.version},
        )
