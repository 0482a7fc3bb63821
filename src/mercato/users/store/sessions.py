"""Rows of sessions, refresh tokens and throttled tries."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mercato.kernel.db import Queries, Row

_PRINCIPAL = """
  s.id as session_id, s.last_used_at, coalesce(s.proven_at, s.created_at) as proven_at, s.has_mfa,
  u.id as user_id, u.email, u.name, x.impersonator_id, i.email as impersonator,
  coalesce((select bool_or(o.requires_mfa) from users.user_roles r join users.roles o on o.code = r.role_code
            where r.user_id = u.id), false) as requires_mfa,
  array(select distinct p from users.user_roles r join users.roles o on o.code = r.role_code,
        unnest(o.permissions) p where r.user_id = u.id and o.channels is null) as permissions,
  array(select distinct p || ' ' || c from users.user_roles r join users.roles o on o.code = r.role_code,
        unnest(o.permissions) p, unnest(o.channels) c where r.user_id = u.id) as limited
from users.sessions s join users.users u on u.id = s.user_id
left join users.impersonations x on x.session_id = s.id left join users.users i on i.id = x.impersonator_id
"""
_ALIVE = (
    "s.ended_at is null and s.expires_at > $2 and s.last_used_at + make_interval(secs => s.idle_s) > $2"
    " and u.is_active"
)
_ACTOR_ALIVE = "(x.session_id is null or i.is_active)"


async def principal_of_token(db: Queries, *, token_hash: bytes, now: datetime) -> Row | None:
    """Who is behind a browser's session token, with rights as they are now."""
    return await db.fetchrow(
        f"select {_PRINCIPAL} where s.token_hash = $1 and {_ALIVE} and {_ACTOR_ALIVE}", token_hash, now
    )


async def principal_of_session(db: Queries, *, session_id: UUID, now: datetime) -> Row | None:
    """Who is behind the session that an access token names."""
    return await db.fetchrow(
        f"select {_PRINCIPAL} where s.id = $1 and {_ALIVE} and {_ACTOR_ALIVE}", session_id, now
    )


async def touch_session(db: Queries, *, session_id: UUID, now: datetime, unless_after: datetime) -> None:
    """Note that a session is used, when that was last noted before `unless_after`."""
    await db.execute(
        "update users.sessions set last_used_at = $2 where id = $1 and last_used_at < $3 and ended_at is null",
        session_id, now, unless_after,
    )  # fmt: skip


async def insert_session(
    db: Queries,
    *,
    session_id: UUID,
    user_id: UUID,
    token_hash: bytes | None,
    user_agent: str,
    client_address: str,
    now: datetime,
    idle_s: int,
    expires_at: datetime,
    has_mfa: bool,
) -> None:
    await db.execute(
        "insert into users.sessions (id, user_id, token_hash, user_agent, client_address, created_at,"
        " last_used_at, proven_at, idle_s, expires_at, has_mfa)"
        " values ($1, $2, $3, $4, $5, $6, $6, $6, $7, $8, $9)",
        session_id, user_id, token_hash, user_agent, client_address, now, idle_s, expires_at, has_mfa,
    )  # fmt: skip


async def renew_session(
    db: Queries, *, session_id: UUID, token_hash: bytes, has_mfa: bool, now: datetime
) -> Row | None:
    """Note a proof; a browser's session goes on under a new token. None for one that has ended."""
    return await db.fetchrow(
        "update users.sessions set proven_at = $4, last_used_at = $4, has_mfa = has_mfa or $3,"
        " token_hash = case when token_hash is null then null else $2::bytea end"
        " where id = $1 and ended_at is null returning token_hash is not null as is_browser, expires_at",
        session_id, token_hash, has_mfa, now,
    )  # fmt: skip


async def note_factor(db: Queries, *, session_id: UUID, now: datetime) -> None:
    """This session has shown a second factor."""
    await db.execute(
        "update users.sessions set has_mfa = true, proven_at = $2 where id = $1", session_id, now
    )


async def insert_refresh_token(db: Queries, *, token_hash: bytes, session_id: UUID, now: datetime) -> None:
    await db.execute(
        "insert into users.refresh_tokens (token_hash, session_id, created_at) values ($1, $2, $3)",
        token_hash, session_id, now,
    )  # fmt: skip


async def lock_refresh_token(db: Queries, *, token_hash: bytes, now: datetime) -> Row | None:
    """A refresh token with its session; `is_alive` says whether the session and its user still are."""
    return await db.fetchrow(
        f"select t.spent_at, s.id as session_id, s.user_id, ({_ALIVE}) as is_alive"
        " from users.refresh_tokens t join users.sessions s on s.id = t.session_id"
        " join users.users u on u.id = s.user_id where t.token_hash = $1 for no key update of t, s",
        token_hash, now,
    )  # fmt: skip


async def spend_refresh_token(db: Queries, *, token_hash: bytes, session_id: UUID, now: datetime) -> None:
    await db.execute(
        "with t as (update users.refresh_tokens set spent_at = $3 where token_hash = $1)"
        " update users.sessions set last_used_at = $3 where id = $2",
        token_hash, session_id, now,
    )  # fmt: skip


async def session_of_secret(db: Queries, *, token_hash: bytes) -> Row | None:
    """The session that a browser token or a refresh token belongs to."""
    return await db.fetchrow(
        "select s.id, s.user_id from users.sessions s where s.token_hash = $1 union all"
        " select s.id, s.user_id from users.refresh_tokens t join users.sessions s on s.id = t.session_id"
        " where t.token_hash = $1 limit 1",
        token_hash,
    )


async def end_session(db: Queries, *, session_id: UUID, user_id: UUID, reason: str, now: datetime) -> bool:
    """End one session of a user; False when it is not theirs or already ended."""
    done = await db.fetchval(
        "update users.sessions set ended_at = $3, end_reason = $4"
        " where id = $1 and user_id = $2 and ended_at is null returning true",
        session_id, user_id, now, reason,
    )  # fmt: skip
    return bool(done)


async def end_sessions(db: Queries, *, user_id: UUID, keep: UUID | None, reason: str, now: datetime) -> int:
    """End all sessions of a user but `keep`; returns how many."""
    rows = await db.fetch(
        "update users.sessions set ended_at = $3, end_reason = $4"
        " where id in (select s.id from users.sessions s where s.user_id = $1 and s.ended_at is null union all"
        "   select x.session_id from users.impersonations x where x.impersonator_id = $1)"
        " and ended_at is null and id is distinct from $2 returning id",
        user_id, keep, now, reason,
    )  # fmt: skip
    return len(rows)


async def sessions_of_user(db: Queries, *, user_id: UUID, now: datetime, limit: int) -> list[Row]:
    return await db.fetch(
        "select s.id, s.user_agent, s.client_address, s.created_at, s.last_used_at,"
        " exists (select 1 from users.impersonations x where x.session_id = s.id) as is_acted"
        " from users.sessions s"
        f" join users.users u on u.id = s.user_id where s.user_id = $1 and {_ALIVE}"
        " order by s.last_used_at desc limit $3",
        user_id, now, limit,
    )  # fmt: skip


async def sweep_sessions(db: Queries, *, before: datetime) -> None:
    """Forget sessions (with their refresh tokens) that ended or could only have ended before `before`."""
    await db.execute("delete from users.sessions where expires_at < $1 or ended_at < $1", before)


async def count_try(
    db: Queries, *, key: bytes, waits_s: Sequence[int], forget_before: datetime, now: datetime
) -> datetime | None:
    """Count one try; None when it may go ahead, else the moment until which it is refused (and not counted).

    `waits_s[n - 1]` is the wait that the nth try brings for those after it; the last one stays. Tries that run
    at once may come in another order than their `now`: each counts as no earlier than the last.
    """
    row = await db.fetchrow(
        "insert into users.throttles as t (key, tries, blocked_until, last_at)"
        " values ($1, 1, $4::timestamptz + make_interval(secs => ($2::int[])[1]), $4)"
        " on conflict (key) do update set"
        "  tries = case when t.last_at < $3 then 1 else t.tries + 1 end,"
        "  blocked_until = greatest($4, t.last_at) + make_interval(secs => ($2::int[])["
        "    case when t.last_at < $3 then 1 else least(t.tries + 1, cardinality($2::int[])) end]),"
        "  last_at = greatest($4, t.last_at)"
        " where t.blocked_until <= greatest($4, t.last_at) returning tries",
        key, waits_s, forget_before, now,
    )  # fmt: skip
    if row is not None:
        return None
    blocked_until: datetime = await db.fetchval(
        "select blocked_until from users.throttles where key = $1", key
    )
    return blocked_until


async def give_try_back(db: Queries, *, key: bytes) -> None:
    """Count one try less, and wait no longer."""
    await db.execute(
        "update users.throttles set tries = greatest(tries - 1, 0), blocked_until = last_at where key = $1",
        key,
    )


async def forget_tries(db: Queries, *, key: bytes) -> None:
    await db.execute("delete from users.throttles where key = $1", key)


async def sweep_tries(db: Queries, *, before: datetime) -> None:
    await db.execute("delete from users.throttles where last_at < $1", before)
