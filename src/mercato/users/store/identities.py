"""Rows of accounts elsewhere that sign in to ours."""

from datetime import datetime
from uuid import UUID

from mercato.kernel.db import Queries, Row


async def identity_of(db: Queries, *, issuer: str, subject: str) -> Row | None:
    """Whose account an identity signs in to."""
    return await db.fetchrow(
        "select id, user_id from users.identities where issuer = $1 and subject = $2", issuer, subject
    )


async def insert_identity(
    db: Queries,
    *,
    identity_id: UUID,
    user_id: UUID,
    provider: str,
    issuer: str,
    subject: str,
    email: str,
    now: datetime,
) -> bool:
    """Let an identity sign in to an account; False when it signs in to one already."""
    done = await db.fetchval(
        "insert into users.identities (id, user_id, provider, issuer, subject, email, created_at, last_used_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $7) on conflict (issuer, subject) do nothing returning true",
        identity_id, user_id, provider, issuer, subject, email, now,
    )  # fmt: skip
    return bool(done)


async def touch_identity(db: Queries, *, identity_id: UUID, email: str, now: datetime) -> None:
    await db.execute(
        "update users.identities set last_used_at = $3, email = $2 where id = $1", identity_id, email, now
    )


async def identities_of_user(db: Queries, *, user_id: UUID) -> list[Row]:
    return await db.fetch(
        "select id, provider, email, created_at, last_used_at from users.identities where user_id = $1"
        " order by created_at, id",
        user_id,
    )


async def delete_identity(db: Queries, *, identity_id: UUID, user_id: UUID) -> str | None:
    """The provider of the identity that is gone; None when it is not theirs."""
    provider: str | None = await db.fetchval(
        "delete from users.identities where id = $1 and user_id = $2 returning provider", identity_id, user_id
    )
    return provider
