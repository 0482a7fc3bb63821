"""All SQL of the edge: replies kept for Idempotency-Keys, reports about our policy, failures at guessing."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from mercato.kernel.db import Queries
from mercato.kernel.policy_reports import PolicyReport

PURGE_BATCH = 5_000
MAX_POLICY_REPORTS = 300
MAX_FAILURES = 20_000


async def answers(db: Queries) -> bool:
    """Whether the database answers and has the edge's tables."""
    return bool(await db.fetchval("select to_regclass('edge.replies') is not null"))


class KeptReply(msgspec.Struct, frozen=True):
    """What stands under a key: the hash of the first request, and its reply once there is one."""

    request_hash: bytes
    leased_until: datetime
    status: int | None
    head: bytes | None
    body: bytes | None


async def claim_key(
    db: Queries,
    *,
    id: bytes,
    request_hash: bytes,
    claim: UUID,
    now: datetime,
    leased_until: datetime,
    expires_at: datetime,
) -> bool:
    """True when `claim` may run the request: the key is new or expired, or its first run was cut off."""
    return bool(
        await db.fetchval(
            """
            insert into edge.replies as kept (id, request_hash, claim, leased_until, expires_at)
            values ($1, $2, $3, $5, $6)
            on conflict (id) do update
               set request_hash = excluded.request_hash, claim = excluded.claim,
                   leased_until = excluded.leased_until, expires_at = excluded.expires_at,
                   status = null, head = null, body = null
             where kept.expires_at <= $4
                or (kept.status is null and kept.leased_until <= $4 and kept.request_hash = excluded.request_hash)
            returning true
            """,
            id, request_hash, claim, now, leased_until, expires_at,
        )
    )  # fmt: skip


async def reply_of(db: Queries, *, id: bytes) -> KeptReply | None:
    """What stands under the key `id`."""
    row = await db.fetchrow(
        "select request_hash, leased_until, status, head, body from edge.replies where id = $1", id
    )
    return KeptReply(*row) if row is not None else None


async def keep_reply(db: Queries, *, id: bytes, claim: UUID, status: int, head: bytes, body: bytes) -> None:
    """Keep the reply of `claim`; nothing when another run has taken the key over meanwhile."""
    await db.execute(
        "update edge.replies set status = $3, head = $4, body = $5 where id = $1 and claim = $2",
        id, claim, status, head, body,
    )  # fmt: skip


async def release_key(db: Queries, *, id: bytes, claim: UUID) -> None:
    """Forget the claim, so that the same request may be sent again."""
    await db.execute("delete from edge.replies where id = $1 and claim = $2 and status is null", id, claim)


async def purge_replies(db: Queries, *, now: datetime) -> int:
    """Delete up to PURGE_BATCH expired replies; returns how many."""
    return int(
        await db.fetchval(
            """
            with gone as (
              delete from edge.replies where id in (
                select id from edge.replies where expires_at <= $1 order by expires_at limit $2)
              returning 1)
            select count(*) from gone
            """,
            now, PURGE_BATCH,
        )
    )  # fmt: skip


async def note_reports(
    db: Queries, *, tally: Sequence[tuple[tuple[str, str, str], int]], now: datetime
) -> int:
    """Count reports (directive, blocked, page), each with how often it came; returns how many were counted.

    A kind that is not known is refused when there are MAX_POLICY_REPORTS, so that a stranger's inventions
    push nothing out.
    """
    kinds = [kind for kind, _ in tally]
    return int(
        await db.fetchval(
            """
            with told as (
              select t.*, k.count is not null as is_known,
                     row_number() over (partition by k.count is null order by t.directive, t.blocked, t.page) as place
                from unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) as t (directive, blocked, page, times)
                left join edge.policy_reports k using (directive, blocked, page)),
            kept as (
              insert into edge.policy_reports as kept (directive, blocked, page, count, first_at, last_at)
              select directive, blocked, page, times, $5, $5 from told
               where is_known or place <= $6 - (select count(*) from edge.policy_reports)
               order by directive, blocked, page
              on conflict (directive, blocked, page) do update
                 set count = kept.count + excluded.count, last_at = excluded.last_at
              returning directive, blocked, page)
            select coalesce(sum(times), 0) from told join kept using (directive, blocked, page)
            """,
            *map(list, zip(*kinds, strict=True)), [times for _, times in tally], now, MAX_POLICY_REPORTS,
        )
    )  # fmt: skip


async def latest_reports(db: Queries) -> list[PolicyReport]:
    """Every kind of report, the one seen last first."""
    rows = await db.fetch(
        "select directive, blocked, page, count, first_at, last_at from edge.policy_reports"
        " order by last_at desc, directive, blocked, page limit $1",
        MAX_POLICY_REPORTS,
    )
    return [PolicyReport(**row) for row in rows]


async def clear_reports(db: Queries) -> None:
    await db.execute("delete from edge.policy_reports")


async def purge_reports(db: Queries, *, before: datetime) -> None:
    """Forget the kinds that were last seen before a moment."""
    await db.execute("delete from edge.policy_reports where last_at < $1", before)


async def note_failure(
    db: Queries, *, rule: str, who: bytes, now: datetime, forget_before: datetime, window_before: datetime
) -> tuple[int, int]:
    """Count a failure; returns how many `who` has now, and how many everybody had within the minute."""
    row = await db.fetchrow(
        """
        with mine as (
          insert into edge.failures as f (rule, who, count, last_at) values ($1, $2, 1, $3)
          on conflict (rule, who) do update
             set count = case when f.last_at < $4 then 1 else f.count + 1 end, last_at = $3
          returning count),
        everybody as (
          insert into edge.failures as f (rule, who, count, last_at) values ($1, '', 1, $3)
          on conflict (rule, who) do update
             set count = case when f.last_at < $5 then 1 else f.count + 1 end,
                 last_at = case when f.last_at < $5 then $3 else f.last_at end
          returning count)
        select (select count from mine), (select count from everybody)
        """,
        rule, who, now, forget_before, window_before,
    )  # fmt: skip
    assert row is not None
    return row[0], row[1]


async def failures_since(db: Queries, *, since: datetime) -> list[tuple[str, bytes, int, datetime]]:
    """Who failed since then: rule, who, how often, when last; the latest MAX_FAILURES of them."""
    rows = await db.fetch(
        "select rule, who, count, last_at from edge.failures where last_at >= $1 and who <> ''"
        " order by last_at desc limit $2",
        since, MAX_FAILURES,
    )  # fmt: skip
    return [(row["rule"], row["who"], row["count"], row["last_at"]) for row in reversed(rows)]


async def purge_failures(db: Queries, *, before: datetime) -> None:
    """Forget whose last failure is older."""
    await db.execute("delete from edge.failures where last_at < $1", before)
