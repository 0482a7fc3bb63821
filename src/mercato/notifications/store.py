"""All SQL of notifications: messages, what is due, the development mailbox."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from mercato.kernel.db import Queries, Row
from mercato.kernel.ids import new_id
from mercato.notifications.events import NewMessage
from mercato.notifications.letters import Letter

_ROW = "id, template, recipient, subject, status, tries, created_at, sent_at, error"
_FULL = f"{_ROW}, html, text, locale, data"


async def insert_messages(db: Queries, *, messages: Sequence[NewMessage], now: datetime) -> int:
    """Queue messages; those whose event, recipient and template are there already stay alone. How many are new."""
    rows = await db.fetch(
        "insert into notifications.messages (id, event_id, about, recipient, template, locale, data, status,"
        " due_at, created_at) select *, 'queued', $8, $8 from unnest($1::uuid[], $2::uuid[], $3::uuid[],"
        " $4::text[], $5::text[], $6::text[], $7::jsonb[])"
        " on conflict (event_id, recipient, template) do nothing returning id",
        sorted(new_id() for _ in messages),  # in one moment, too, the first event is told first
        [message.event_id for message in messages],
        [message.about for message in messages],
        [message.recipient for message in messages],
        [message.template for message in messages],
        [message.locale for message in messages],
        [message.data for message in messages],
        now,
    )
    return len(rows)


async def paid_when_placed(db: Queries, *, order_ids: Sequence[UUID]) -> set[UUID]:
    """Those orders whose mail said at once that they are paid."""
    rows = await db.fetch(
        "select about from notifications.messages where about = any($1::uuid[])"
        " and template = 'order_placed' and (data->>'is_paid')::boolean",
        order_ids,
    )
    return {row["about"] for row in rows}


async def claim_due(db: Queries, *, now: datetime, lease: timedelta, limit: int) -> list[Row]:
    """Take messages that are due; until the lease ends nobody else takes them."""
    rows = await db.fetch(
        "with due as (select id from notifications.messages where status = 'queued' and due_at <= $1"
        "   order by due_at, id limit $3 for no key update skip locked)"
        " update notifications.messages m set due_at = $2, tries = m.tries + 1 from due"
        " where m.id = due.id returning m.id, m.recipient, m.template, m.locale, m.data, m.tries",
        now, now + lease, limit,
    )  # fmt: skip
    return sorted(rows, key=lambda row: row["id"])


async def mark_sent(
    db: Queries,
    *,
    sent: Sequence[tuple[UUID, str, str]],
    provider: str,
    hidden: str,
    forget: Sequence[str | None],
    now: datetime,
) -> None:
    """Keep (id, subject, text) of what was sent, with secrets hidden; `forget` names, for each, a variable that
    is of no more use: its value becomes `hidden`.

    What was about an order is to be announced.
    """
    await db.execute(
        "with sent as (update notifications.messages m set status = 'sent', sent_at = $2, provider = $3, error = null,"
        " subject = x.subject, text = x.text,"
        " data = case when x.secret is null then m.data else m.data || jsonb_build_object(x.secret, $7::text) end"
        " from unnest($1::uuid[], $4::text[], $5::text[], $6::text[])"
        " x(id, subject, text, secret) where m.id = x.id"
        " returning m.id, m.about, m.template, m.recipient, m.sent_at)"
        " insert into notifications.announcements (message_id, order_id, template, recipient, sent_at)"
        " select * from sent where starts_with(template, 'order_') on conflict do nothing",
        [one[0] for one in sent], now, provider, [one[1] for one in sent], [one[2] for one in sent],
        forget, hidden,
    )  # fmt: skip


async def has_announcements(db: Queries) -> bool:
    return bool(await db.fetchval("select exists (select from notifications.announcements)"))


async def take_announcements(db: Queries, *, limit: int) -> list[Row]:
    """Take what was sent and not told yet, oldest first; gone when the transaction commits."""
    rows = await db.fetch(
        "delete from notifications.announcements where message_id in (select message_id"
        " from notifications.announcements order by message_id limit $1 for update skip locked)"
        " returning order_id, template, recipient, sent_at, message_id",
        limit,
    )
    return sorted(rows, key=lambda row: row["message_id"])


async def mark_refused(
    db: Queries, *, message_id: UUID, provider: str, error: str, try_at: datetime | None
) -> None:
    """Note why a message was not sent; it is tried again at `try_at`, or has failed when that is None."""
    await db.execute(
        "update notifications.messages set provider = $2, error = $3,"
        " status = case when $4::timestamptz is null then 'failed' else 'queued' end,"
        " due_at = coalesce($4, due_at) where id = $1",
        message_id, provider, error, try_at,
    )  # fmt: skip


async def list_messages(
    db: Queries,
    *,
    status: str | None,
    recipient: str | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> tuple[list[Row], int]:
    """Newest first: up to `limit` rows after `before`, and how many there are in all."""
    where = "($1::text is null or status = $1) and ($2::text is null or lower(recipient) = lower($2))"
    rows = await db.fetch(
        f"select {_FULL} from notifications.messages where {where}"
        " and ($3::timestamptz is null or (created_at, id) < ($3, $4::uuid))"
        " order by created_at desc, id desc limit $5",
        status, recipient, *(before or (None, None)), limit,
    )  # fmt: skip
    total = await db.fetchval(f"select count(*) from notifications.messages where {where}", status, recipient)
    return rows, int(total)


async def message(db: Queries, *, message_id: UUID) -> Row | None:
    return await db.fetchrow(f"select {_FULL} from notifications.messages where id = $1", message_id)


async def requeue(db: Queries, *, message_id: UUID, now: datetime) -> Row | None:
    return await db.fetchrow(
        "update notifications.messages set status = 'queued', tries = 0, due_at = $2, error = null"
        f" where id = $1 returning {_FULL}",
        message_id, now,
    )  # fmt: skip


async def receive(db: Queries, *, letters: Sequence[Letter], now: datetime) -> None:
    """Put letters into the development mailbox."""
    await db.execute(
        "insert into notifications.mailbox (id, message_id, template, recipient, subject, html, text,"
        " received_at) select *, $8 from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[],"
        " $6::text[], $7::text[])",
        sorted(new_id() for _ in letters),
        [letter.id for letter in letters],
        [letter.template for letter in letters],
        [letter.recipient for letter in letters],
        [letter.subject for letter in letters],
        [letter.html for letter in letters],
        [letter.text for letter in letters],
        now,
    )


async def mailbox(
    db: Queries, *, recipient: str | None, before: tuple[datetime, UUID] | None, limit: int
) -> tuple[list[Row], int]:
    where = "($1::text is null or lower(recipient) = lower($1))"
    rows = await db.fetch(
        f"select * from notifications.mailbox where {where}"
        " and ($2::timestamptz is null or (received_at, id) < ($2, $3::uuid))"
        " order by received_at desc, id desc limit $4",
        recipient, *(before or (None, None)), limit,
    )  # fmt: skip
    total = await db.fetchval(f"select count(*) from notifications.mailbox where {where}", recipient)
    return rows, int(total)


async def mail(db: Queries, *, mail_id: UUID) -> Row | None:
    return await db.fetchrow("select * from notifications.mailbox where id = $1", mail_id)


async def sweep(
    db: Queries,
    *,
    secret: str,
    hidden: str,
    templates: Sequence[str],
    secrets_before: datetime,
    mailbox_before: datetime,
) -> None:
    """Forget secrets whose links have expired, and old mails of the mailbox."""
    await db.execute(
        "update notifications.messages set data = data || jsonb_build_object($1::text, $4::text)"
        " where template = any($2::text[]) and created_at < $3 and data ->> $1 <> $4",
        secret, templates, secrets_before, hidden,
    )  # fmt: skip
    await db.execute("delete from notifications.mailbox where received_at < $1", mailbox_before)
