"""Rows of steps that wait for their second half."""

from datetime import datetime
from uuid import UUID

from mercato.kernel.db import Queries, Row


async def insert_challenge(
    db: Queries,
    *,
    token_hash: bytes,
    purpose: str,
    user_id: UUID | None,
    session_id: UUID | None,
    data: bytes,
    now: datetime,
    expires_at: datetime,
) -> None:
    await db.execute(
        "insert into users.challenges (token_hash, purpose, user_id, session_id, data, created_at, expires_at)"
        " values ($1, $2, $3, $4, $5, $6, $7)",
        token_hash, purpose, user_id, session_id, data, now, expires_at,
    )  # fmt: skip


async def try_challenge(
    db: Queries, *, token_hash: bytes, purpose: str, tries_most: int, now: datetime
) -> Row | None:
    """Count a try of a challenge and read it; None when it is unknown, used, expired or tried too often."""
    return await db.fetchrow(
        "update users.challenges set tries = tries + 1"
        " where token_hash = $1 and purpose = $2 and expires_at > $3 and tries < $4"
        " returning user_id, session_id, data",
        token_hash, purpose, now, tries_most,
    )  # fmt: skip


async def use_challenge(db: Queries, *, token_hash: bytes, purpose: str, now: datetime) -> Row | None:
    """Use a challenge up; None when somebody else has, or it is not valid."""
    return await db.fetchrow(
        "delete from users.challenges where token_hash = $1 and purpose = $2 and expires_at > $3"
        " returning user_id, session_id, data",
        token_hash, purpose, now,
    )  # fmt: skip


async def drop_challenges(db: Queries, *, user_id: UUID) -> None:
    """Forget every step that an account has begun."""
    await db.execute("delete from users.challenges where user_id = $1", user_id)


async def sweep_challenges(db: Queries, *, before: datetime) -> None:
    await db.execute("delete from users.challenges where expires_at < $1", before)
