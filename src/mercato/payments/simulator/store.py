"""All SQL on the simulator's books."""

from datetime import datetime
from typing import Any

import msgspec

from mercato.kernel.db import Queries, Row, Tx

_CHARGE = "key, reference, token, status, amount, currency, captures, authorized, captured, refunded, voided, decline_code, return_url, at"


async def insert_charge(db: Queries, values: dict[str, Any]) -> Row | None:
    """Book a new charge; None when its key is already booked."""
    return await db.fetchrow(
        f"""insert into simulator.charges (key, reference, token, status, amount, currency, captures, authorized, captured,
              decline_code, return_url, metadata, decide_at, at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
            on conflict (key) do nothing returning {_CHARGE}""",
        values["key"], values["reference"], values["token"], values["status"], values["amount"], values["currency"],
        values["captures"], values["authorized"], values["captured"], values["decline_code"], values["return_url"],
        msgspec.json.encode(values["metadata"]).decode(), values["decide_at"], values["at"],
    )  # fmt: skip


async def charge_by_key(db: Queries, key: str) -> Row | None:
    return await db.fetchrow(f"select {_CHARGE} from simulator.charges where key = $1", key)


async def charge_by_reference(db: Queries, reference: str) -> Row | None:
    return await db.fetchrow(f"select {_CHARGE} from simulator.charges where reference = $1", reference)


async def decide(db: Queries, reference: str, *, approved: bool, decline_code: str) -> Row | None:
    """Answer a charge that waits; None when it has been answered before."""
    return await db.fetchrow(
        f"""update simulator.charges set decide_at = null,
              status = case when $2 then 'completed' else 'failed' end,
              authorized = case when $2 then amount else 0 end,
              captured = case when $2 and captures then amount else 0 end,
              decline_code = case when $2 then null else $3 end
            where reference = $1 and status in ('requires_action', 'processing') returning {_CHARGE}""",
        reference, approved, decline_code,
    )  # fmt: skip


async def undecided(db: Queries, *, now: datetime, limit: int) -> list[Row]:
    return await db.fetch(
        "select reference, token from simulator.charges where decide_at <= $1 order by decide_at limit $2",
        now,
        limit,
    )


async def lock_charge(tx: Tx, reference: str) -> Row | None:
    return await tx.fetchrow(
        f"select {_CHARGE} from simulator.charges where reference = $1 for no key update", reference
    )


async def insert_operation(tx: Tx, *, key: str, reference: str, kind: str, amount: int, at: datetime) -> bool:
    """Note an operation; False when its key was noted before."""
    done = await tx.fetchval(
        """insert into simulator.operations (key, reference, kind, amount, at) values ($1, $2, $3, $4, $5)
           on conflict (key) do nothing returning true""",
        key, reference, kind, amount, at,
    )  # fmt: skip
    return bool(done)


async def operation_exists(tx: Tx, key: str) -> bool:
    return bool(await tx.fetchval("select true from simulator.operations where key = $1", key))


async def add_to_charge(
    tx: Tx, reference: str, *, captured: int = 0, refunded: int = 0, voided: int = 0
) -> None:
    await tx.execute(
        """update simulator.charges set captured = captured + $2, refunded = refunded + $3, voided = voided + $4
           where reference = $1""",
        reference, captured, refunded, voided,
    )  # fmt: skip


async def queue_webhook(
    db: Queries, *, webhook_id: str, reference: str, kind: str, deliver_at: datetime, wanted: int = 1
) -> None:
    await db.execute(
        """insert into simulator.webhooks (id, reference, type, deliver_at, wanted) values ($1, $2, $3, $4, $5)
           on conflict (id) do nothing""",
        webhook_id, reference, kind, deliver_at, wanted,
    )  # fmt: skip


async def due_webhooks(db: Queries, *, now: datetime, limit: int) -> list[Row]:
    return await db.fetch(
        """select id, reference, type, deliveries, wanted from simulator.webhooks
           where deliveries < wanted and deliver_at <= $1 order by deliver_at limit $2""",
        now, limit,
    )  # fmt: skip


async def mark_delivered(db: Queries, webhook_id: str) -> None:
    await db.execute("update simulator.webhooks set deliveries = deliveries + 1 where id = $1", webhook_id)


async def charges(db: Queries, *, after: tuple[datetime, str] | None, limit: int) -> list[Row]:
    """The books in order of time, from just behind `after` on."""
    if after is None:
        return await db.fetch(
            f"select {_CHARGE} from simulator.charges order by at, reference limit $1", limit
        )
    return await db.fetch(
        f"select {_CHARGE} from simulator.charges where (at, reference) > ($2, $3) order by at, reference limit $1",
        limit, after[0], after[1],
    )  # fmt: skip


async def count_charges(db: Queries) -> int:
    return int(await db.fetchval("select count(*) from simulator.charges"))


async def known_references(db: Queries, references: list[str]) -> set[str]:
    rows = await db.fetch("select reference from simulator.charges where reference = any($1)", references)
    return {row["reference"] for row in rows}


async def refunds_of(db: Queries, reference: str) -> list[Row]:
    return await db.fetch(
        "select key, amount from simulator.operations where reference = $1 and kind = 'refund' order by at, key",
        reference,
    )


async def disputes_of(db: Queries, reference: str) -> list[Row]:
    return await db.fetch(
        """select reference, amount, status, reason, evidence_due_at from simulator.disputes
           where charge = $1 order by reference""",
        reference,
    )


async def keep_dispute(
    tx: Tx, *, charge: str, amount: int, status: str, reason: str, due_at: datetime, at: datetime
) -> None:
    await tx.execute(
        """insert into simulator.disputes (reference, charge, amount, status, reason, evidence_due_at, at)
           values ('dp_' || $1, $1, $2, $3, $4, $5, $6) on conflict (reference) do update set status = excluded.status""",
        charge, amount, status, reason, due_at, at,
    )  # fmt: skip
