"""Rows of what staff does for people: sessions in which they act, merged accounts, invitations."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mercato.kernel.db import Queries, Row, Tx


async def insert_impersonation(
    tx: Tx,
    *,
    session_id: UUID,
    user_id: UUID,
    impersonator_id: UUID,
    token_hash: bytes,
    user_agent: str,
    client_address: str,
    now: datetime,
    idle_s: int,
    expires_at: datetime,
) -> None:
    await tx.execute(
        "with s as (insert into users.sessions (id, user_id, token_hash, user_agent, client_address,"
        "   created_at, last_used_at, idle_s, expires_at) values ($1, $2, $4, $5, $6, $7, $7, $8, $9)"
        "   returning id)"
        " insert into users.impersonations (session_id, impersonator_id) select id, $3 from s",
        session_id, user_id, impersonator_id, token_hash, user_agent, client_address, now, idle_s, expires_at,
    )  # fmt: skip


async def lock_two(tx: Tx, *, ids: Sequence[UUID]) -> None:
    """Two accounts, locked in the order of their ids."""
    await tx.execute(
        "select 1 from users.users where id = any($1::uuid[]) order by id for no key update", ids
    )


async def move_addresses(tx: Tx, *, from_id: UUID, to_id: UUID) -> None:
    """Addresses follow; the default of the account that is kept stays."""
    await tx.execute(
        "update users.addresses set user_id = $2, is_default = false where user_id = $1", from_id, to_id
    )


async def mark_merged(tx: Tx, *, user_id: UUID, into: UUID) -> None:
    await tx.execute("update users.users set merged_into = $2 where id = $1", user_id, into)


_INVITATION = """
  i.id, i.email, i.email_key, i.name, i.roles, coalesce(u.email, '') as invited_by_email, i.invited_by,
  i.created_at, i.expires_at, i.accepted_at, i.revoked_at
from users.invitations i left join users.users u on u.id = i.invited_by
"""


async def insert_invitation(
    tx: Tx,
    *,
    invitation_id: UUID,
    email: str,
    email_key: str,
    name: str,
    roles: Sequence[str],
    token_hash: bytes,
    by: UUID | None,
    now: datetime,
    expires_at: datetime,
) -> None:
    """A new invitation; an open one for the same address is over."""
    await tx.execute(
        "with older as (update users.invitations set revoked_at = $8"
        "   where email_key = $3 and accepted_at is null and revoked_at is null)"
        " insert into users.invitations (id, email, email_key, name, roles, token_hash, invited_by, created_at,"
        " expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        invitation_id, email, email_key, name, roles, token_hash, by, now, expires_at,
    )  # fmt: skip


async def invitation_by_id(db: Queries, *, invitation_id: UUID) -> Row | None:
    return await db.fetchrow(f"select {_INVITATION} where i.id = $1", invitation_id)


async def open_invitation(db: Queries, *, token_hash: bytes, now: datetime) -> Row | None:
    """The invitation of a link that still works."""
    return await db.fetchrow(
        f"select {_INVITATION} where i.token_hash = $1 and i.accepted_at is null and i.revoked_at is null"
        " and i.expires_at > $2",
        token_hash, now,
    )  # fmt: skip


async def use_invitation(tx: Tx, *, invitation_id: UUID, now: datetime) -> bool:
    """False when somebody was faster."""
    done = await tx.fetchval(
        "update users.invitations set accepted_at = $2"
        " where id = $1 and accepted_at is null and revoked_at is null returning true",
        invitation_id, now,
    )  # fmt: skip
    return bool(done)


async def revoke_invitation(tx: Tx, *, invitation_id: UUID, now: datetime) -> bool:
    """False when it is not open any more."""
    done = await tx.fetchval(
        "update users.invitations set revoked_at = $2"
        " where id = $1 and accepted_at is null and revoked_at is null returning true",
        invitation_id, now,
    )  # fmt: skip
    return bool(done)


async def list_invitations(
    db: Queries, *, before: tuple[datetime, UUID] | None, limit: int
) -> tuple[list[Row], int]:
    """Newest first: up to `limit` rows after `before`, and how many there are in all."""
    rows = await db.fetch(
        f"select {_INVITATION} where $1::timestamptz is null or (i.created_at, i.id) < ($1, $2::uuid)"
        " order by i.created_at desc, i.id desc limit $3",
        *(before or (None, None)), limit,
    )  # fmt: skip
    total: int = await db.fetchval("select count(*) from users.invitations")
    return rows, total


async def rights_of(db: Queries, *, user_id: UUID) -> Row | None:
    """What an active account may do: everywhere, and (`permission channel`) in some channels only."""
    return await db.fetchrow(
        "select u.id,"
        " array(select distinct p from users.user_roles r join users.roles o on o.code = r.role_code,"
        "   unnest(o.permissions) p where r.user_id = u.id and o.channels is null) as permissions,"
        " array(select distinct p || ' ' || c from users.user_roles r join users.roles o on o.code = r.role_code,"
        "   unnest(o.permissions) p, unnest(o.channels) c where r.user_id = u.id) as limited"
        " from users.users u where u.id = $1 and u.is_active",
        user_id,
    )
