"""Forgetting on time: sent events, inbox entries, resolved dead letters, finished jobs."""

from datetime import timedelta

from mercato.kernel import clock
from mercato.kernel.background.schedules import Schedule
from mercato.kernel.db import Database
from mercato.kernel.messaging.broker import KEPT_S

EVERY_S = 3600.0
BATCH = 5000
OUTBOX_KEPT = timedelta(seconds=KEPT_S)
INBOX_KEPT = timedelta(days=45)
"""Longer than the outbox: an event that can still be sent again must still be known as had."""
LETTERS_KEPT = timedelta(days=90)


def retention_of(schema: str, database: Database, *, jobs_days: int) -> Schedule:
    """The schedule that clears the kernel's tables of one service."""

    async def forget() -> None:
        await forget_old(schema, database, jobs_days=jobs_days)

    return Schedule(f"{schema}-retention", EVERY_S, forget)


async def forget_old(schema: str, database: Database, *, jobs_days: int) -> int:
    """Delete what is older than its time, in batches; returns how many rows."""
    now = clock.now()
    return (
        await _delete(database, f"{schema}.outbox", "sent_seq is not null and at < $1", now - OUTBOX_KEPT)
        + await _delete(database, f"{schema}.inbox", "at < $1", now - INBOX_KEPT)
        + await _delete(database, f"{schema}.dead_letters", "resolved_at < $1", now - LETTERS_KEPT)
        + await _delete(database, "kernel.jobs", "finished_at < $1", now - timedelta(days=jobs_days))
    )


async def _delete(database: Database, table: str, condition: str, before: object) -> int:
    deleted = 0
    while True:
        tag = await database.execute(
            f"delete from {table} where ctid = any(array("
            f"select ctid from {table} where {condition} limit {BATCH}))",
            before,
        )
        count = int(tag.rpartition(" ")[2])
        deleted += count
        if count < BATCH:
            return deleted
