"""All SQL of privacy."""

from datetime import datetime
from uuid import UUID

import msgspec

from mercato.contracts.personal import Forgotten, Subject
from mercato.contracts.privacy import Erasure, Export, RetentionRun
from mercato.kernel.db import Queries, Row, Tx
from mercato.kernel.personal import Kept, PersonalTable

_EXPORT = "id, status, email, asked_by, asked_at, expires_at, ready_at, size"
_ERASURE = "id, status, waits_for, asked_by, asked_at, done_at, rows_changed"
_results = msgspec.json.Decoder(list[Forgotten]).decode
_subject = msgspec.json.Decoder(Subject).decode

TABLES = (
    PersonalTable(
        section="exports", table="privacy.exports",
        of="t.user_id = s.user_id or lower(t.email) = any(s.emails)",
        columns="t.asked_at, t.status, t.email, t.asked_by = 'self' as by_yourself, t.ready_at, t.expires_at",
        erase="delete",
    ),
)  # fmt: skip
KEPT = (Kept(what="copies of data that expired", days=0, table="privacy.exports", old="t.expires_at < $1"),)


async def begin_export(
    tx: Tx,
    *,
    export_id: UUID,
    user_id: UUID | None,
    email: str,
    name: str,
    locale: str,
    asked_by: str,
    asked_by_id: UUID | None,
    now: datetime,
    expires_at: datetime,
) -> tuple[Export, bool]:
    """The export that is being made of this person for whoever asks, and whether it is new."""
    row = await tx.fetchrow(
        "insert into privacy.exports (id, user_id, email, name, locale, asked_by, asked_by_id, asked_at,"
        f" expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing returning {_EXPORT}",
        export_id, user_id, email, name, locale, asked_by, asked_by_id, now, expires_at,
    )  # fmt: skip
    if row is not None:
        return _export(row), True
    row = await tx.fetchrow(
        f"select {_EXPORT} from privacy.exports where lower(email) = lower($1) and asked_by = $2"
        " and status = 'waiting'",
        email, asked_by,
    )  # fmt: skip
    assert row is not None
    return _export(row), False


async def asked_since(db: Queries, *, user_id: UUID, since: datetime) -> int:
    """How many copies this person has asked for since then."""
    count: int = await db.fetchval(
        "select count(*) from privacy.exports where user_id = $1 and asked_by = 'self' and asked_at > $2",
        user_id, since,
    )  # fmt: skip
    return count


async def waiting_export(db: Queries, *, export_id: UUID) -> Row | None:
    return await db.fetchrow(
        "select user_id, email, name, locale, asked_by from privacy.exports"
        " where id = $1 and status = 'waiting'",
        export_id,
    )


async def keep_export(tx: Tx, *, export_id: UUID, content: bytes, now: datetime) -> bool:
    """False when it is ready already, or gone."""
    done = await tx.fetchval(
        "update privacy.exports set status = 'ready', content = $2::bytea, size = length($2::bytea), ready_at = $3"
        " where id = $1 and status = 'waiting' returning true",
        export_id, content, now,
    )  # fmt: skip
    return bool(done)


async def give_up_export(db: Queries, *, export_id: UUID) -> None:
    await db.execute(
        "update privacy.exports set status = 'failed' where id = $1 and status = 'waiting'", export_id
    )


async def exports_of(db: Queries, *, user_id: UUID, now: datetime) -> list[Export]:
    """What the person asked for and can fetch, or waits for."""
    rows = await db.fetch(
        f"select {_EXPORT} from privacy.exports where user_id = $1 and asked_by = 'self' and expires_at > $2"
        " order by asked_at desc limit 10",
        user_id, now,
    )  # fmt: skip
    return [_export(row) for row in rows]


async def staff_exports(db: Queries, *, limit: int, now: datetime) -> list[Export]:
    rows = await db.fetch(
        f"select {_EXPORT} from privacy.exports where asked_by <> 'self' and expires_at > $2"
        " order by asked_at desc, id desc limit $1",
        limit, now,
    )  # fmt: skip
    return [_export(row) for row in rows]


async def export_part(
    db: Queries, *, export_id: UUID, user_id: UUID | None, offset: int, length: int, now: datetime
) -> Row | None:
    """A piece of a file that this person asked for; with no `user_id`, of one that staff asked for."""
    return await db.fetchrow(
        "select size, asked_at, substring(content from $3::int + 1 for $4::int) as content from privacy.exports"
        " where id = $1 and status = 'ready' and expires_at > $5"
        " and case when $2::uuid is null then asked_by <> 'self' else user_id = $2 and asked_by = 'self' end",
        export_id, user_id, offset, length, now,
    )  # fmt: skip


async def begin(tx: Tx, *, erasure_id: UUID, subject: Subject, asked_by: str, now: datetime) -> UUID | None:
    """None when this account's erasure is noted already."""
    found: UUID | None = await tx.fetchval(
        "insert into privacy.erasures (id, user_id, subject, asked_by, asked_at) values ($1, $2, $3, $4, $5)"
        " on conflict do nothing returning id",
        erasure_id, subject.user_id, msgspec.json.encode(subject), asked_by, now,
    )  # fmt: skip
    return found


async def subject_of(db: Queries, *, erasure_id: UUID) -> Subject | None:
    """Whom an erasure is for; None when it is done."""
    found = await db.fetchval(
        "select subject from privacy.erasures where id = $1 and status = 'waiting'", erasure_id
    )
    return None if found is None else _subject(found)


async def remember(db: Queries, *, erasure_id: UUID, subject: Subject) -> None:
    await db.execute(
        "update privacy.erasures set subject = $2 where id = $1 and status = 'waiting'",
        erasure_id, msgspec.json.encode(subject),
    )  # fmt: skip


async def wait(db: Queries, *, erasure_id: UUID, waits_for: str) -> None:
    await db.execute("update privacy.erasures set waits_for = $2 where id = $1", erasure_id, waits_for)


async def finish(tx: Tx, *, erasure_id: UUID, rows_changed: int, now: datetime) -> None:
    await tx.execute(
        "update privacy.erasures set status = 'done', done_at = $3, rows_changed = $2, subject = null,"
        " waits_for = '' where id = $1 and status = 'waiting'",
        erasure_id, rows_changed, now,
    )  # fmt: skip


async def waiting_erasures(db: Queries, *, limit: int) -> list[UUID]:
    rows = await db.fetch(
        "select id from privacy.erasures where status = 'waiting' order by asked_at limit $1", limit
    )
    return [row["id"] for row in rows]


async def erasures(db: Queries, *, limit: int) -> list[Erasure]:
    rows = await db.fetch(
        f"select {_ERASURE} from privacy.erasures order by asked_at desc, id desc limit $1", limit
    )
    return [_erasure(row) for row in rows]


async def erasure(db: Queries, *, erasure_id: UUID) -> Erasure | None:
    row = await db.fetchrow(f"select {_ERASURE} from privacy.erasures where id = $1", erasure_id)
    return None if row is None else _erasure(row)


async def note_run(db: Queries, *, run_id: UUID, run: RetentionRun, keep: int) -> None:
    """Keep what a run did; only the latest runs stay."""
    await db.execute(
        "with old as (delete from privacy.retention_runs where id in (select id from privacy.retention_runs"
        "   order by started_at desc offset $6))"
        " insert into privacy.retention_runs (id, started_at, ended_at, asked_by, results)"
        " values ($1, $2, $3, $4, $5)",
        run_id, run.started_at, run.ended_at, run.asked_by, msgspec.json.encode(run.results), keep,
    )  # fmt: skip


async def last_run(db: Queries) -> RetentionRun | None:
    row = await db.fetchrow(
        "select started_at, ended_at, asked_by, results from privacy.retention_runs"
        " order by started_at desc limit 1"
    )
    if row is None:
        return None
    return RetentionRun(row["started_at"], row["ended_at"], row["asked_by"], _results(row["results"]))


def _export(row: Row) -> Export:
    return msgspec.convert(dict(row), Export)


def _erasure(row: Row) -> Erasure:
    return msgspec.convert(dict(row), Erasure)
