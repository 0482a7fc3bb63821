"""Granted refunds of orders, and which of them papers have told of."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from mercato.kernel.db import Queries, Row, Tx
from mercato.orders.granting import Grant, GrantLine, TaxShare
from mercato.orders.records import Intent
from mercato.orders.store import intents

_COLUMNS = ", ".join(Grant.__struct_fields__)
_lines = msgspec.json.Decoder(list[GrantLine])
_taxes = msgspec.json.Decoder(list[TaxShare])


async def insert(tx: Tx, *, grant: Grant) -> None:
    await tx.execute(
        "insert into orders.grants (id, order_id, change_id, key, amount, delivery, lines, taxes, reason, granted_at,"
        " granted_by, intent_id, withdraws) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        grant.id, grant.order_id, grant.change_id, grant.key, grant.amount, grant.delivery, _json(grant.lines),
        _json(grant.taxes), grant.reason, grant.granted_at, grant.granted_by, grant.intent_id, grant.withdraws,
    )  # fmt: skip


async def of_order(db: Queries, *, order_id: UUID) -> list[Grant]:
    """What was granted of an order, oldest first."""
    rows = await db.fetch(
        f"select {_COLUMNS} from orders.grants where order_id = $1 order by granted_at, id", order_id
    )
    return [_grant(row) for row in rows]


async def get(db: Queries, *, grant_id: UUID) -> Grant | None:
    row = await db.fetchrow(f"select {_COLUMNS} from orders.grants where id = $1", grant_id)
    return None if row is None else _grant(row)


async def by_key(db: Queries, *, key: str) -> Grant | None:
    row = await db.fetchrow(f"select {_COLUMNS} from orders.grants where key = $1", key)
    return None if row is None else _grant(row)


async def withdrawal_of(db: Queries, *, grant_id: UUID) -> Grant | None:
    """The grant that took this one back."""
    row = await db.fetchrow(f"select {_COLUMNS} from orders.grants where withdraws = $1", grant_id)
    return None if row is None else _grant(row)


async def executions_of(db: Queries, *, grant_id: UUID) -> list[Intent]:
    """The tries to send a grant, oldest first."""
    prefix = f"refund:grant:{grant_id}:"
    return await intents.of_prefix(db, prefix=prefix)


async def waiting(tx: Tx, *, order_id: UUID) -> int:
    """What staff has granted of an order and nobody has sent: it does not go back by itself."""
    found: int = await tx.fetchval(
        "select coalesce(sum(greatest(0, g.amount - coalesce(i.amount, 0))), 0)::bigint from orders.grants g"
        " left join lateral (select sum(i.amount) as amount from orders.intents i where i.order_id = g.order_id"
        " and i.kind = 'refund' and i.data ->> 'grant_id' = g.id::text and i.error_code is null) i on true"
        " where g.order_id = $1 and g.key is not null"
        " and not exists (select from orders.grants w where w.withdraws = g.id)",
        order_id,
    )
    return found


async def set_papered(tx: Tx, *, order_id: UUID, at: datetime) -> None:
    """The papers of the order tell of all that it has now."""
    await tx.execute(
        "with changed as (update orders.changes set papered_at = $2 where order_id = $1 and papered_at is null"
        " and confirmed_at is not null) update orders.grants set papered_at = $2 where order_id = $1"
        " and papered_at is null",
        order_id, at,
    )  # fmt: skip


async def miscounted(db: Queries, *, limit: int) -> list[tuple[UUID, int, int]]:
    """(order, what it says was credited, what was granted) where these differ."""
    rows = await db.fetch(
        "select o.id, o.credited, coalesce(g.amount, 0)::bigint as granted from orders.orders o left join"
        " (select order_id, sum(amount) as amount from orders.grants group by 1) g on g.order_id = o.id"
        " where o.credited <> coalesce(g.amount, 0) limit $1",
        limit,
    )
    return [(row["id"], row["credited"], row["granted"]) for row in rows]


def grant_of(values: dict[str, Any]) -> Grant:
    """The grant in the columns of its table."""
    return Grant(
        **{**values, "lines": _lines.decode(values["lines"]), "taxes": _taxes.decode(values["taxes"])}
    )


def _grant(row: Row) -> Grant:
    return grant_of(dict(row))


def _json(values: Sequence[Any]) -> str:
    return msgspec.json.encode(values).decode()
