"""Stock-takes: what was counted at a location, and what the books said then."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from mercato.contracts.stock import Demand, StockTake, StockTakeLine, StockTakeStatus
from mercato.kernel.db import Queries, Row, Tx

_HEAD = """t.id, t.location_id, p.name as location, t.status, t.note, t.created_at, t.created_by, t.closed_at, t.closed_by,
   (select count(*) from stock.stock_take_lines l where l.stock_take_id = t.id)::int as line_count"""
_FROM = "from stock.stock_takes t join stock.locations p on p.id = t.location_id"
_LINES = """(select json_agg(json_build_object('variant_id', l.variant_id, 'sku', i.sku, 'counted', l.counted, 'expected', l.expected,
     'counted_at', l.counted_at, 'counted_by', l.counted_by) order by i.sku, l.variant_id)
   from stock.stock_take_lines l join stock.items i using (variant_id) where l.stock_take_id = t.id) as lines"""

_lines = msgspec.json.Decoder(list[StockTakeLine])


async def add(
    db: Queries, *, stock_take_id: UUID, location_id: UUID, note: str, now: datetime, actor: str
) -> bool:
    """Open a count; False when it is there already."""
    made = await db.fetchval(
        "insert into stock.stock_takes (id, location_id, status, note, created_at, created_by)"
        " values ($1, $2, 'open', $3, $4, $5) on conflict (id) do nothing returning true",
        stock_take_id, location_id, note, now, actor,
    )  # fmt: skip
    return bool(made)


async def lock(tx: Tx, *, stock_take_id: UUID) -> StockTake | None:
    """The count with its lines; nobody else changes it before `tx` ends."""
    await tx.execute("select from stock.stock_takes where id = $1 for update", stock_take_id)
    return await stock_take(tx, stock_take_id=stock_take_id)


async def known(db: Queries, *, variant_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these variants stock knows."""
    rows = await db.fetch(
        "select variant_id from stock.items where variant_id = any($1::uuid[])", variant_ids
    )
    return {row["variant_id"] for row in rows}


# What the books say is read by the statement that writes the count down. $7 adds to an earlier count.
COUNT = """insert into stock.stock_take_lines as l (stock_take_id, variant_id, counted, expected, counted_at, counted_by)
   select $1, x.variant_id, x.counted, coalesce(v.on_hand, 0), $5, $6 from unnest($3::uuid[], $4::int[]) x(variant_id, counted)
     left join stock.levels v on v.variant_id = x.variant_id and v.location_id = $2 order by x.variant_id
   on conflict (stock_take_id, variant_id) do update set counted = excluded.counted + case when $7 then l.counted else 0 end,
     expected = excluded.expected, counted_at = excluded.counted_at, counted_by = excluded.counted_by"""


async def count(
    tx: Tx, *, take: StockTake, lines: Sequence[Demand], adds: bool, now: datetime, actor: str
) -> None:
    await tx.execute(
        COUNT, take.id, take.location_id, [one.variant_id for one in lines], [one.quantity for one in lines],
        now, actor, adds,
    )  # fmt: skip


async def uncount(tx: Tx, *, stock_take_id: UUID, variant_id: UUID) -> None:
    await tx.execute(
        "delete from stock.stock_take_lines where stock_take_id = $1 and variant_id = $2",
        stock_take_id, variant_id,
    )  # fmt: skip


async def close(tx: Tx, *, stock_take_id: UUID, status: StockTakeStatus, now: datetime, actor: str) -> None:
    await tx.execute(
        "update stock.stock_takes set status = $2, closed_at = $3, closed_by = $4 where id = $1",
        stock_take_id, status.value, now, actor,
    )  # fmt: skip


async def stock_take(db: Queries, *, stock_take_id: UUID) -> StockTake | None:
    row = await db.fetchrow(f"select {_HEAD}, {_LINES} {_FROM} where t.id = $1", stock_take_id)
    return None if row is None else _take(row, row["lines"])


async def stock_takes(
    db: Queries, *, status: StockTakeStatus | None, before: tuple[datetime, UUID] | None, limit: int
) -> tuple[list[StockTake], int]:
    """Newest first: up to `limit` behind `before`, without their lines, and how many there are."""
    where = "($1::text is null or t.status = $1)"
    rows = await db.fetch(
        f"select {_HEAD} {_FROM} where {where} and ($2::timestamptz is null or (t.created_at, t.id) < ($2, $3::uuid))"
        " order by t.created_at desc, t.id desc limit $4",
        status and status.value, *(before or (None, None)), limit,
    )  # fmt: skip
    total = await db.fetchval(
        f"select count(*) from stock.stock_takes t where {where}", status and status.value
    )
    return [_take(row, None) for row in rows], total


def _take(row: Row, lines: str | None) -> StockTake:
    values = {key: row[key] for key in row.keys() if key != "lines"}  # noqa: SIM118 (a Row iterates values)
    status = StockTakeStatus(values["status"])
    return StockTake(**{**values, "status": status}, lines=_lines.decode(lines) if lines else [])
