"""Goods that come in, break, and move between locations."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mercato.catalog.stock.service.part import Part, id_of, invalid, promised, refusal, summed
from mercato.catalog.stock.store import booking, levels, transfers
from mercato.catalog.stock.store.booking import BookedRow, Booking
from mercato.contracts.shared import DEFAULT_LIMIT, Limit, Page
from mercato.contracts.stock import (
    Demand,
    MovementKind,
    Receipt,
    StockLevel,
    Transfer,
    TransferStatus,
)
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.pages import decode_cursor, encode_cursor

TOLD_LINES = 40
"""Lines of a paper that the audit log repeats; the paper has them all."""


class Moving(Part):
    """Deliveries, write-offs and transfers: each paper and its movements are one transaction."""

    async def receive(
        self, ctx: Context, *, location_id: UUID, lines: list[Demand], reference: str = ""
    ) -> Receipt:
        ctx.principal.require("write_stock")
        wanted, receipt_id = summed(lines, "lines"), id_of(ctx, "receipt")
        async with self._change() as tx:
            await self._require_location(tx, location_id)
            is_known = await booking.is_booked(tx, effect=(MovementKind.RECEIVED, receipt_id))
            await booking.make_levels(
                tx, variant_ids=[line.variant_id for line in wanted], location_id=location_id
            )
            await self._book(
                tx,
                [Booking(line.variant_id, location_id, line.quantity) for line in wanted],
                kind=MovementKind.RECEIVED,
                cause=("receipt", receipt_id),
                actor=ctx.principal.label,
                reason=reference.strip(),
            )
            told = {**_told(wanted), "location": location_id, "reference": reference.strip() or None}
            if not is_known:
                await self._acted(tx, ctx, "stock.received", ("receipt", receipt_id), after=told)
        return Receipt(receipt_id, location_id, len(wanted), sum(line.quantity for line in wanted))

    async def write_off(
        self, ctx: Context, *, variant_id: UUID, location_id: UUID, quantity: int, reason: str
    ) -> StockLevel:
        ctx.principal.require("write_stock")
        (line,) = summed([Demand(variant_id, quantity)], "quantity")
        paper_id = id_of(ctx, "write_off")
        async with self._change() as tx:
            is_known = await booking.is_booked(tx, effect=(MovementKind.DAMAGED, paper_id))
            await self._book(
                tx,
                [Booking(variant_id, location_id, -line.quantity)],
                kind=MovementKind.DAMAGED,
                cause=("write_off", paper_id),
                actor=ctx.principal.label,
                reason=reason.strip(),
            )
            told = {"units": quantity, "location": location_id, "reason": reason.strip() or None}
            if not is_known:
                await self._acted(tx, ctx, "stock.written_off", ("variant", variant_id), after=told)
        return await levels.level(self._db, variant_id=variant_id, location_id=location_id)

    async def send_transfer(
        self, ctx: Context, *, from_id: UUID, to_id: UUID, lines: list[Demand], note: str = ""
    ) -> Transfer:
        ctx.principal.require("write_stock")
        wanted, transfer_id, actor = summed(lines, "lines"), id_of(ctx, "transfer"), ctx.principal.label
        if from_id == to_id:
            raise invalid("to_id", "invalid", "Choose another location than the one the goods leave.")
        async with self._change() as tx:
            await self._require_location(tx, from_id)
            await self._require_location(tx, to_id)
            await self._book(
                tx,
                [Booking(line.variant_id, from_id, -line.quantity) for line in wanted],
                kind=MovementKind.TRANSFERRED_OUT,
                cause=("transfer", transfer_id),
                actor=actor,
                reason=note.strip(),
                keeps_promises=True,
            )
            is_new = await transfers.add(
                tx, transfer_id=transfer_id, from_id=from_id, to_id=to_id, note=note.strip(), lines=wanted,
                now=clock.now(), actor=actor,
            )  # fmt: skip
            told = {**_told(wanted), "from": from_id, "to": to_id, "note": note.strip() or None}
            if is_new:
                await self._acted(tx, ctx, "transfer.sent", ("transfer", transfer_id), after=told)
        return await self._transfer(transfer_id)

    async def receive_transfer(
        self, ctx: Context, *, transfer_id: UUID, lines: list[Demand] | None = None
    ) -> Transfer:
        ctx.principal.require("write_stock")
        return await self._close(ctx, transfer_id, TransferStatus.RECEIVED, lines)

    async def cancel_transfer(self, ctx: Context, *, transfer_id: UUID) -> Transfer:
        ctx.principal.require("write_stock")
        return await self._close(ctx, transfer_id, TransferStatus.CANCELED, None)

    async def transfers(
        self,
        ctx: Context,
        *,
        status: TransferStatus | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Transfer]:
        ctx.principal.require("read_stock")
        before = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        items, total = await transfers.transfers(self._db, status=status, before=before, limit=limit + 1)
        last = items[limit - 1] if len(items) > limit else None
        return Page(items[:limit], encode_cursor((last.created_at, last.id)) if last else None, total)

    async def transfer(self, ctx: Context, *, transfer_id: UUID) -> Transfer:
        ctx.principal.require("read_stock")
        return await self._transfer(transfer_id)

    async def _close(
        self, ctx: Context, transfer_id: UUID, status: TransferStatus, lines: list[Demand] | None
    ) -> Transfer:
        """The goods arrive, or are back where they came from. Once: a repeat changes nothing."""
        actor = ctx.principal.label
        async with self._change() as tx:
            found = await transfers.lock(tx, transfer_id=transfer_id)
            if found is None:
                raise _no_transfer()
            arrived = _arrived(found, lines)
            if found.status is status and (lines is None or arrived == _received(found)):
                return found
            if found.status is not TransferStatus.IN_TRANSIT:
                data = {"status": found.status}
                raise Conflict("illegal_transition", f"This transfer is {found.status} already.", data=data)
            goal = found.to_id if status is TransferStatus.RECEIVED else found.from_id
            bookings = [Booking(variant, goal, units) for variant, units in arrived.items() if units]
            if bookings:
                await booking.make_levels(tx, variant_ids=list(arrived), location_id=goal)
                await self._book(
                    tx, bookings, kind=MovementKind.TRANSFERRED_IN, cause=("transfer", transfer_id),
                    actor=actor, reason=found.note,
                )  # fmt: skip
            await transfers.close(
                tx, transfer_id=transfer_id, status=status, received=arrived, now=clock.now(), actor=actor
            )
            before = {"status": found.status}
            after = {"status": status, "units": sum(arrived.values())}
            about = ("transfer", transfer_id)
            await self._acted(tx, ctx, f"transfer.{status.value}", about, before=before, after=after)
        return await self._transfer(transfer_id)

    async def _book(
        self,
        tx: Tx,
        bookings: Sequence[Booking],
        *,
        kind: MovementKind,
        cause: tuple[str, UUID],
        actor: str,
        reason: str,
        keeps_promises: bool = False,
    ) -> BookedRow:
        """Book all in `tx` and tell it afterwards. Raises Conflict("stock_promised"), NotFound."""
        row = await booking.book(
            tx, bookings=bookings, kind=kind, effect=(kind, cause[1]), cause=cause, actor=actor,
            reason=reason or None, keeps_promises=keeps_promises,
        )  # fmt: skip
        if row.refused:
            one = row.refused[0]
            if len(bookings) == 1 and not (one.is_unknown or one.is_over):
                raise promised(row.refused[0].promised)
            raise refusal(row.refused)
        tx.after_commit(self._teller(row.changes))
        return row

    async def _transfer(self, transfer_id: UUID) -> Transfer:
        found = await transfers.transfer(self._db, transfer_id=transfer_id)
        if found is None:
            raise _no_transfer()
        return found


def _arrived(transfer: Transfer, lines: list[Demand] | None) -> dict[UUID, int]:
    """Units per variant that arrived of what was sent. Raises Invalid for other goods or more of them."""
    sent = {line.variant_id: line.quantity for line in transfer.lines}
    if lines is None:
        return sent
    arrived = dict.fromkeys(sent, 0)
    for line in lines:
        arrived[line.variant_id] = arrived.get(line.variant_id, 0) + line.quantity
    if any(not 0 <= units <= sent.get(variant_id, -1) for variant_id, units in arrived.items()):
        raise invalid("lines", "out_of_range", "Only what was sent can arrive, and not more of it.")
    return arrived


def _told(lines: Sequence[Demand]) -> dict[str, int]:
    """How much it is in all, and of the first goods how many each."""
    each = {f"variant {line.variant_id}": line.quantity for line in lines[:TOLD_LINES]}
    return {"lines": len(lines), "units": sum(line.quantity for line in lines), **each}


def _received(transfer: Transfer) -> dict[UUID, int]:
    return {line.variant_id: line.received for line in transfer.lines}


def _no_transfer() -> NotFound:
    return NotFound("not_found", "There is no such transfer.")
