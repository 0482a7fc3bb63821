"""What the kernel keeps is forgotten when it is old."""

from mercato.kernel.background.retention import forget_old
from mercato.kernel.db import Database


async def test_forgets_what_is_old_and_keeps_what_is_not(database: Database) -> None:
    await database.execute(
        "insert into shop.outbox (id, subject, key, body, at, sent_seq) values"
        " (gen_random_uuid(), 'old sent', gen_random_uuid(), '', now() - interval '31 days', 1),"
        " (gen_random_uuid(), 'old unsent', gen_random_uuid(), '', now() - interval '31 days', null),"
        " (gen_random_uuid(), 'young', gen_random_uuid(), '', now() - interval '29 days', 2)"
    )
    await database.execute(
        "insert into shop.inbox (consumer, event_id, at) values"
        " ('old', gen_random_uuid(), now() - interval '46 days'),"
        " ('young', gen_random_uuid(), now() - interval '31 days')"
    )
    assert await forget_old("shop", database, jobs_days=14) == 2
    subjects = await database.fetch("select subject from shop.outbox order by subject")
    assert [row["subject"] for row in subjects] == ["old unsent", "young"]
    assert await database.fetchval("select consumer from shop.inbox") == "young"
