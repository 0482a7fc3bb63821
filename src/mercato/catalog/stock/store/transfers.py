"""Transfers: what was sent from where to where, and what arrived."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from mercato.contracts.stock import Demand, Transfer, TransferLine, TransferStatus
from mercato.kernel.db import Queries, Row, Tx

_HEAD = """t.id, t.from_id, f.name as from_name, t.to_id, p.name as to_name, t.status, t.note, t.created_at, t.created_by, t.closed_at, t.closed_by,
   (select json_agg(json_build_object('variant_id', l.variant_id, 'sku', i.sku, 'quantity', l.quantity, 'received', l.received) order by i.sku)
    from stock.transfer_lines l join stock.items i using (variant_id) where l.transfer_id = t.id) as lines"""
_FROM = "from stock.transfers t join stock.locations f on f.id = t.from_id join stock.locations p on p.id = t.to_id"

_lines = msgspec.json.Decoder(list[TransferLine])


async def add(
    tx: Tx,
    *,
    transfer_id: UUID,
    from_id: UUID,
    to_id: UUID,
    note: str,
    lines: Sequence[Demand],
    now: datetime,
    actor: str,
) -> bool:
    """Write a transfer that is on its way; False when it is there already. Its goods have to be known."""
    made = await tx.fetchval(
        """with t as (insert into stock.transfers (id, from_id, to_id, status, note, created_at, created_by) values ($1, $2, $3, 'in_transit', $4, $5, $6)
            on conflict (id) do nothing returning id),
          l as (insert into stock.transfer_lines (transfer_id, variant_id, quantity) select t.id, x.* from t, unnest($7::uuid[], $8::int[]) x)
        select id from t""",
        transfer_id, from_id, to_id, note, now, actor, [one.variant_id for one in lines], [one.quantity for one in lines],
    )  # fmt: skip
    return made is not None


async def lock(tx: Tx, *, transfer_id: UUID) -> Transfer | None:
    """The transfer; nobody else closes it before `tx` ends."""
    await tx.execute("select from stock.transfers where id = $1 for update", transfer_id)
    return await transfer(tx, transfer_id=transfer_id)


async def close(
    tx: Tx,
    *,
    transfer_id: UUID,
    status: TransferStatus,
    received: Mapping[UUID, int],
    now: datetime,
    actor: str,
) -> None:
    await tx.execute(
        """with t as (update stock.transfers set status = $2, closed_at = $3, closed_by = $4 where id = $1 returning id)
        update stock.transfer_lines l set received = x.received from t, unnest($5::uuid[], $6::int[]) x(variant_id, received)
        where l.transfer_id = t.id and l.variant_id = x.variant_id""",
        transfer_id, status.value, now, actor, list(received), list(received.values()),
    )  # fmt: skip


async def transfer(db: Queries, *, transfer_id: UUID) -> Transfer | None:
    row = await db.fetchrow(f"select {_HEAD} {_FROM} where t.id = $1", transfer_id)
    return None if row is None else _transfer(row)


async def transfers(
    db: Queries, *, status: TransferStatus | None, before: tuple[datetime, UUID] | None, limit: int
) -> tuple[list[Transfer], int]:
    """Newest first: up to `limit` behind `before`, and how many there are."""
    where = "($1::text is null or t.status = $1)"
    rows = await db.fetch(
        f"select {_HEAD} {_FROM} where {where} and ($2::timestamptz is null or (t.created_at, t.id) < ($2, $3::uuid))"
        " order by t.created_at desc, t.id desc limit $4",
        status and status.value, *(before or (None, None)), limit,
    )  # fmt: skip
    total = await db.fetchval(
        f"select count(*) from stock.transfers t where {where}", status and status.value
    )
    return [_transfer(row) for row in rows], total


def _transfer(row: Row) -> Transfer:
    values = dict(row)
    lines = _lines.decode(values.pop("lines") or b"[]")
    return Transfer(**{**values, "status": TransferStatus(values["status"])}, lines=lines)
