"""Intents: decisions whose consequences in other services are carried out once, however often it is tried."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from mercato.kernel.db import Queries, Row
from mercato.orders.domain import IntentKind
from mercato.orders.records import Intent

_COLUMNS = "id, order_id, kind, key, amount, actor, reason, data, tries, done_at, error_code, error"


async def add(db: Queries, *, intent: Intent, now: datetime, due: datetime) -> bool:
    """Write the intent. False when one with its key exists."""
    return (
        await db.fetchval(
            "insert into orders.intents (id, order_id, kind, key, amount, actor, reason, data, created_at, due)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (key) do nothing returning id",
            intent.id,
            intent.order_id,
            intent.kind,
            intent.key,
            intent.amount,
            intent.actor,
            intent.reason,
            msgspec.json.encode(intent.data).decode(),
            now,
            due,
        )
        is not None
    )


async def by_key(db: Queries, *, key: str) -> Intent | None:
    row = await db.fetchrow(f"select {_COLUMNS} from orders.intents where key = $1", key)
    return None if row is None else _intent(row)


async def of_prefix(db: Queries, *, prefix: str) -> list[Intent]:
    """Those whose key begins with `prefix`, which ends in a colon; oldest first."""
    rows = await db.fetch(
        f"select {_COLUMNS} from orders.intents where key >= $1 and key < $2 order by created_at, id",
        prefix, prefix[:-1] + ";",
    )  # fmt: skip
    return [_intent(row) for row in rows]


async def open_of_orders(db: Queries, *, order_ids: Sequence[UUID]) -> list[Intent]:
    """What is still to be done for these orders, oldest first."""
    rows = await db.fetch(
        f"select {_COLUMNS} from orders.intents where order_id = any($1) and done_at is null order by id",
        order_ids,
    )
    return [_intent(row) for row in rows]


async def take_due(db: Queries, *, now: datetime, lease_until: datetime, limit: int) -> list[Intent]:
    """Intents whose time has come, each taken by one sweeper at a time."""
    rows = await db.fetch(
        "update orders.intents set due = $2, tries = tries + 1 where id in (select id from orders.intents"
        " where due <= $1 order by due limit $3 for no key update skip locked)"
        f" returning {_COLUMNS}",
        now, lease_until, limit,
    )  # fmt: skip
    return [_intent(row) for row in rows]


async def done(
    db: Queries, *, intent_id: UUID, now: datetime, error_code: str | None = None, error: str | None = None
) -> None:
    """The intent is over: carried out, or refused for good with a code."""
    await db.execute(
        "update orders.intents set done_at = $2, due = null, parked_at = null, error_code = $3, error = $4"
        " where id = $1",
        intent_id, now, error_code, error,
    )  # fmt: skip


async def put_off(db: Queries, *, intent_id: UUID, due: datetime | None, error: str, now: datetime) -> None:
    """Try again at `due`; None parks it for a person to look at."""
    await db.execute(
        "update orders.intents set due = $2::timestamptz, error = $3,"
        " parked_at = case when $2::timestamptz is null then $4::timestamptz end"
        " where id = $1 and done_at is null",
        intent_id, due, error[:1000], now,
    )  # fmt: skip


async def reopen(db: Queries, *, intent_id: UUID, due: datetime, data: dict[str, Any]) -> None:
    """What was done, or parked, is to be done again."""
    await db.execute(
        "update orders.intents set done_at = null, parked_at = null, error_code = null, error = null, tries = 0,"
        " due = $2, data = $3 where id = $1",
        intent_id, due, msgspec.json.encode(data).decode(),
    )  # fmt: skip


async def wait(db: Queries, *, intent_id: UUID, due: datetime) -> None:
    """Nothing went wrong, it only takes time: look again at `due`."""
    await db.execute(
        "update orders.intents set due = $2, tries = 0 where id = $1 and done_at is null", intent_id, due
    )


async def keep_data(db: Queries, *, intent_id: UUID, data: dict[str, Any]) -> None:
    """What has been decided on the way, before anybody acts on it."""
    await db.execute(
        "update orders.intents set data = $2 where id = $1", intent_id, msgspec.json.encode(data).decode()
    )


async def count_of(db: Queries, *, prefix: str) -> int:
    """How many intents have a key that begins with `prefix`, which ends in a colon."""
    found: int = await db.fetchval(
        "select count(*) from orders.intents where key >= $1 and key < $2", prefix, prefix[:-1] + ";"
    )
    return found


def _intent(row: Row) -> Intent:
    values: dict[str, Any] = dict(row)
    values["kind"] = IntentKind(values["kind"])
    values["data"] = msgspec.json.decode(values["data"])
    return Intent(**values)
