"""Returns: asked for by buyers, approved, received, refunded; or canceled on the way."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from mercato.contracts.orders import (
    ChangeAction,
    ChangeInput,
    ChangeKind,
    ChangeStatus,
    ReceivedLine,
    ReturnLine,
    ReturnReceipt,
)
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, FieldError, Invalid, NotFound
from mercato.kernel.failpoints import failpoint
from mercato.kernel.messaging.events import Event
from mercato.kernel.money import Money, format_money
from mercato.orders import facts
from mercato.orders.actions.amend import draft_of, known, stand
from mercato.orders.actions.grant import left_to_grant
from mercato.orders.actions.resume import carry_out_later
from mercato.orders.actions.write_change import Written, refund_of, write_change
from mercato.orders.amending import move_change
from mercato.orders.change_rows import Amended, ChangePart, ChangeRow
from mercato.orders.domain import IntentKind
from mercato.orders.parts import Parts
from mercato.orders.records import LineRow, StoryRow
from mercato.orders.standing import Standing, check_status
from mercato.orders.store import after as sold
from mercato.orders.store import changes, intents

RETURN_DAYS = 30
"""How long after the last parcel buyers may ask for a return by themselves."""
LEASE_S = 20


async def request(
    parts: Parts, ctx: Context, *, order_id: UUID, lines: list[ReturnLine], reason: str
) -> None:
    """The buyer wants to send goods back. Raises Conflict: not_returnable, return_too_late."""
    now = clock.now()
    async with parts.db.transaction() as tx:
        standing = await stand(tx, order_id)
        if await parts.is_repeated(tx, ctx, "return", order_id):
            return
        check_status(ChangeKind.RETURN, standing.order.status)
        wish = ChangeInput(kind=ChangeKind.RETURN, returns=lines, reason=reason)
        draft = draft_of(standing, wish, None, actor=standing.order.email)
        _refuse_late(standing, now)
        change = msgspec.structs.replace(draft, status=ChangeStatus.REQUESTED)
        await changes.insert(tx, change=change)
        written = await _write(parts, tx, standing, change, key="request", actor=standing.order.email)
        fact = facts.return_requested(written.order, parts.token_of(order_id), change)
        await _tell(
            parts, ctx, tx, written, StoryRow("return_requested", "Return requested", change.created_by), fact
        )


async def approve(parts: Parts, ctx: Context, *, change_id: UUID) -> UUID:
    """requested → approved; returns the order's id. Raises Conflict, NotFound."""
    change = await known(parts, change_id)
    async with parts.db.transaction() as tx:
        standing = await stand(tx, change.order_id)
        change = _current(standing, change_id)
        if change.status is ChangeStatus.APPROVED:
            return change.order_id
        move_change(change.kind, change.status, ChangeStatus.APPROVED)
        change = msgspec.structs.replace(change, status=ChangeStatus.APPROVED, confirmed_at=clock.now())
        written = await _write(parts, tx, standing, change, key="approval", actor=ctx.principal.label)
        story = StoryRow("return_approved", "Return approved", ctx.principal.label)
        fact = facts.return_approved(written.order, parts.token_of(change.order_id), change)
        await _tell(parts, ctx, tx, written, story, fact)
    return change.order_id


async def receive(parts: Parts, ctx: Context, *, change_id: UUID, receipt: ReturnReceipt) -> UUID:
    """approved → received, and refunded when nothing goes back; returns the order's id.

    Raises Conflict: illegal_transition, received_too_much, delivery_refunded; NotFound.
    """
    change = await known(parts, change_id)
    now, actor = clock.now(), ctx.principal.label
    async with parts.db.transaction() as tx:
        standing = await stand(tx, change.order_id)
        change = _current(standing, change_id)
        if await parts.is_repeated(tx, ctx, "receive", change_id):
            return change.order_id
        move_change(change.kind, change.status, ChangeStatus.RECEIVED)
        received = _received(standing, change, receipt, now)
        credit = _worth(received) + received.delivery_credit - received.fee - change.credited
        lines = _with_returned(standing, received)
        amended = Amended(lines, standing.sums)
        work = [IntentKind.RESTOCK] if received.restocked else []
        written = await write_change(
            parts, tx, standing, received, amended, credit=credit, work=work,
            key=f"receipt:{change_id}", actor=actor, now=now,
        )  # fmt: skip
        if not any(intent.amount for intent in written.intents):
            await changes.close(tx, change_id=change_id, now=now)
        data = {"amount": written.change.credited, "currency": written.order.currency}
        data["written_off"] = sum(part.received - part.restocked for part in received.lines)
        story = StoryRow("return_received", "Return received", actor, data)
        fact = facts.return_received(written.order, parts.token_of(change.order_id), written.change)
        await _tell(parts, ctx, tx, written, story, fact)
    failpoint("orders.return_received")
    for intent in written.intents:
        await carry_out_later(parts, intent, clock.now())
    return change.order_id


async def cancel(parts: Parts, ctx: Context, *, change_id: UUID, reason: str, actor: str = "") -> UUID:
    """draft, requested or approved → canceled; returns the order's id. What an exchange has credited already
    is owed again. Raises Conflict, NotFound."""
    change = await known(parts, change_id)
    now, actor = clock.now(), actor or ctx.principal.label
    async with parts.db.transaction() as tx:
        standing = await stand(tx, change.order_id)
        current = await changes.get(tx, change_id=change_id)
        if current is None or current.status is ChangeStatus.CANCELED:
            return change.order_id
        move_change(current.kind, current.status, ChangeStatus.CANCELED)
        gone = msgspec.structs.replace(current, status=ChangeStatus.CANCELED, closed_at=now)
        if current.status is ChangeStatus.DRAFT:
            await changes.save(tx, change=gone)
            await parts.acted(tx, ctx, f"{current.kind}_dropped", change.order_id, {"change_id": change_id})
            return change.order_id
        written = await _write(parts, tx, standing, gone, key="cancel", actor=actor, credit=-current.credited)
        data = {"reason": reason} if reason else {}
        fact = facts.return_canceled(written.order, parts.token_of(change.order_id), gone, reason=reason)
        story = StoryRow("return_canceled", "Return canceled", actor, data)
        await _tell(parts, ctx, tx, written, story, fact)
    return change.order_id


async def withdraw(parts: Parts, ctx: Context, *, change_id: UUID, order_id: UUID) -> None:
    """The buyer of this order keeps the goods after all. Raises Conflict, NotFound."""
    change = await known(parts, change_id)
    is_theirs = change.order_id == order_id and change.kind is ChangeKind.RETURN
    if not is_theirs or change.status is ChangeStatus.DRAFT:
        raise NotFound(detail="There is no such return.")
    async with parts.db.transaction() as tx:
        order = await sold.lock(tx, order_id=order_id)
    actor = order.email if order else ""
    await cancel(parts, ctx, change_id=change_id, reason="", actor=actor)


async def refund(parts: Parts, ctx: Context, *, change_id: UUID) -> UUID:
    """received → refunded, after the first refund was refused; returns the order's id. Raises Conflict."""
    change = await known(parts, change_id)
    now = clock.now()
    async with parts.db.transaction() as tx:
        standing = await stand(tx, change.order_id)
        change = _current(standing, change_id)
        if change.status is ChangeStatus.REFUNDED:
            return change.order_id
        move_change(change.kind, change.status, ChangeStatus.REFUNDED)
        key = f"receipt:{change_id}:{now.timestamp()}"
        intent = await refund_of(
            tx, standing.order, change_id, key=key, actor=ctx.principal.label, reason=change.reason
        )
        if intent is None and await _is_on_its_way(tx, change):
            return change.order_id
        if intent is None:
            await changes.close(tx, change_id=change_id, now=now)
        else:
            await intents.add(tx, intent=intent, now=now, due=now + timedelta(seconds=LEASE_S))
        await parts.acted(tx, ctx, "return_refunded_again", change.order_id, {"change_id": change_id})
        await sold.touch(tx, order_id=change.order_id)
        parts.tell_after(tx, change.order_id)
    if intent is not None:
        await carry_out_later(parts, intent, clock.now())
    return change.order_id


async def _is_on_its_way(tx: Tx, change: ChangeRow) -> bool:
    waiting = await intents.open_of_orders(tx, order_ids=[change.order_id])
    return any(intent.data.get("change_id") == str(change.id) and intent.amount for intent in waiting)


def _current(standing: Standing, change_id: UUID) -> ChangeRow:
    """The change as it is now that the order is locked. Raises Conflict for one that is only a preview."""
    for change in standing.changes:
        if change.id == change_id:
            return change
    raise Conflict("illegal_transition", "This is only a preview: confirm it first.")


def _received(standing: Standing, change: ChangeRow, receipt: ReturnReceipt, now: datetime) -> ChangeRow:
    """The change with what has arrived, each unit worth its share of what the line cost."""
    arrived = {line.line_id: line for line in receipt.lines or _everything(change)}
    unknown = arrived.keys() - {part.line_id for part in _goods(change)}
    if unknown:
        error = FieldError("lines", "unknown_line", "This return has no such line.")
        raise Invalid("invalid", "Some values are refused.", errors=[error])
    parts = [_arrived(standing, change, part, arrived.get(part.line_id)) for part in change.lines]
    delivery = left_to_grant(standing).delivery if receipt.refund_delivery else 0
    was_sent = any(other.delivery_credit for other in standing.changes)
    if receipt.refund_delivery and standing.sums.delivery_price and (was_sent or not delivery):
        raise Conflict("delivery_refunded", "What delivery cost has been sent back already.")
    received = msgspec.structs.replace(
        change, status=ChangeStatus.RECEIVED, lines=parts, received_at=now, delivery_credit=delivery
    )
    most = _worth(received) + delivery
    if receipt.fee > most:
        back = format_money(Money(most, standing.order.currency), "en")
        error = FieldError("fee", "too_large", f"Keep at most {back}, which is all that goes back.")
        raise Invalid("invalid", error.message, errors=[error])
    return msgspec.structs.replace(received, fee=receipt.fee)


def _arrived(
    standing: Standing, change: ChangeRow, part: ChangePart, line: ReceivedLine | None
) -> ChangePart:
    if part.action is not ChangeAction.RETURN:
        return part
    received, restocked = (line.received, line.restocked) if line else (0, 0)
    if received > part.quantity or restocked > received:
        raise Conflict(
            "received_too_much",
            "No more can arrive than is returned, and no more be restocked than arrives.",
            data={"line_id": str(part.line_id), "quantity": part.quantity},
        )
    amount = standing.promises.worth(standing.line(part.line_id, "lines"), received, but=change.id)
    return msgspec.structs.replace(part, received=received, restocked=restocked, amount=amount)


def _everything(change: ChangeRow) -> list[ReceivedLine]:
    return [ReceivedLine(part.line_id, part.quantity, part.quantity) for part in _goods(change)]


def _goods(change: ChangeRow) -> list[ChangePart]:
    return [part for part in change.lines if part.action is ChangeAction.RETURN]


def _worth(change: ChangeRow) -> int:
    return sum(part.amount for part in _goods(change))


def _with_returned(standing: Standing, change: ChangeRow) -> list[LineRow]:
    back = {part.line_id: part.received for part in _goods(change)}
    return [
        msgspec.structs.replace(line, quantity_returned=line.quantity_returned + back.get(line.id, 0))
        for line in standing.lines
    ]


def _refuse_late(standing: Standing, now: datetime) -> None:
    sent = [parcel.delivered_at or parcel.shipped_at for parcel in standing.parcels]
    last = max((at for at in sent if at is not None), default=None)
    if last is not None and now > last + timedelta(days=RETURN_DAYS):
        data = {"days": RETURN_DAYS}
        raise Conflict("return_too_late", f"Returns are possible for {RETURN_DAYS} days.", data=data)


async def _write(
    parts: Parts, tx: Tx, standing: Standing, change: ChangeRow, *, key: str, actor: str, credit: int = 0
) -> Written:
    """A step that moves no goods: only statuses, and what was credited before."""
    return await write_change(
        parts, tx, standing, change, Amended(standing.lines, standing.sums), credit=credit, work=(),
        key=f"{key}:{change.id}", actor=actor, now=clock.now(),
    )  # fmt: skip


async def _tell(parts: Parts, ctx: Context, tx: Tx, written: Written, story: StoryRow, fact: Event) -> None:
    data = {**story.data, "change_id": str(written.change.id)}
    story = msgspec.structs.replace(story, data=data)
    await sold.tell(tx, order_id=written.order.id, at=clock.now(), story=[story])
    await parts.outbox.add(tx, fact)
    await parts.acted(tx, ctx, story.kind, written.order.id, data)
    parts.tell_after(tx, written.order.id)
