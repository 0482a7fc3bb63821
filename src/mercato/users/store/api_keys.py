"""Rows of API keys."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mercato.kernel.db import Queries, Row, Tx

_KEY = """
  k.id, k.name, k.prefix, k.permissions, k.channel, k.created_at, coalesce(u.email, '') as created_by,
  k.expires_at, k.last_used_at, k.revoked_at, k.version
from users.api_keys k left join users.users u on u.id = k.created_by
"""
MAKING_LOCK_KEY = 4_242_110


async def key_by_id(db: Queries, *, key_id: UUID) -> Row | None:
    return await db.fetchrow(f"select {_KEY} where k.id = $1", key_id)


async def lock_key(tx: Tx, *, key_id: UUID) -> Row | None:
    """The key as it is now; others wait to change it until this transaction ends."""
    await tx.execute("select 1 from users.api_keys where id = $1 for no key update", key_id)
    return await key_by_id(tx, key_id=key_id)


async def list_keys(
    db: Queries, *, before: tuple[datetime, UUID] | None, limit: int
) -> tuple[list[Row], int]:
    """Newest first: up to `limit` rows after `before`, and how many there are in all."""
    rows = await db.fetch(
        f"select {_KEY} where $1::timestamptz is null or (k.created_at, k.id) < ($1, $2::uuid)"
        " order by k.created_at desc, k.id desc limit $3",
        *(before or (None, None)), limit,
    )  # fmt: skip
    total: int = await db.fetchval("select count(*) from users.api_keys")
    return rows, total


async def lock_making(tx: Tx) -> int:
    """How many keys work today; others make theirs after this transaction."""
    await tx.execute("select pg_advisory_xact_lock($1)", MAKING_LOCK_KEY)
    found: int = await tx.fetchval("select count(*) from users.api_keys where revoked_at is null")
    return found


async def insert_key(
    db: Queries,
    *,
    key_id: UUID,
    name: str,
    prefix: str,
    token_hash: bytes,
    permissions: Sequence[str],
    channel: str | None,
    by: UUID | None,
    now: datetime,
    expires_at: datetime | None,
) -> None:
    await db.execute(
        "insert into users.api_keys (id, name, prefix, token_hash, permissions, channel, created_by, created_at,"
        " expires_at) values ($1, $2, $3, $4, $5, $6, (select id from users.users where id = $7), $8, $9)",
        key_id, name, prefix, token_hash, permissions, channel, by, now, expires_at,
    )  # fmt: skip


async def replace_secret(
    db: Queries, *, key_id: UUID, prefix: str, token_hash: bytes, previous_until: datetime
) -> None:
    """Another secret; the present one works until `previous_until`, earlier ones stop working."""
    await db.execute(
        "update users.api_keys set previous_hash = token_hash, previous_until = $4, token_hash = $3,"
        " prefix = $2, version = version + 1 where id = $1",
        key_id, prefix, token_hash, previous_until,
    )  # fmt: skip


async def revoke_key(db: Queries, *, key_id: UUID, now: datetime) -> bool:
    """False when it was revoked already."""
    done = await db.fetchval(
        "update users.api_keys set revoked_at = $2, version = version + 1"
        " where id = $1 and revoked_at is null returning true",
        key_id, now,
    )  # fmt: skip
    return bool(done)


async def key_of_secret(db: Queries, *, token_hash: bytes, now: datetime) -> Row | None:
    """The key that a secret opens, while it may be used."""
    return await db.fetchrow(
        "select id, name, permissions, channel, last_used_at from users.api_keys"
        " where (token_hash = $1 or (previous_hash = $1 and previous_until > $2))"
        " and revoked_at is null and (expires_at is null or expires_at > $2)",
        token_hash, now,
    )  # fmt: skip


async def touch_key(db: Queries, *, key_id: UUID, now: datetime, unless_after: datetime) -> None:
    """Note that a key is used, when that was last noted before `unless_after`."""
    await db.execute(
        "update users.api_keys set last_used_at = $2"
        " where id = $1 and (last_used_at is null or last_used_at < $3)",
        key_id, now, unless_after,
    )  # fmt: skip
