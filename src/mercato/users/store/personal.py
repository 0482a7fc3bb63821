"""Rows of what people decide about their own account: changes of address, consents, known devices."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mercato.kernel.db import Queries, Row, Tx


async def begin_email_change(
    tx: Tx,
    *,
    change_id: UUID,
    user_id: UUID,
    email: str,
    email_key: str,
    old_token_hash: bytes,
    new_token_hash: bytes,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Begin a change of address; one that still waited is ended."""
    await tx.execute(
        "with older as (update users.email_changes set ended_at = $7 where user_id = $2 and ended_at is null)"
        " insert into users.email_changes (id, user_id, email, email_key, old_token_hash, new_token_hash,"
        " created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        change_id, user_id, email, email_key, old_token_hash, new_token_hash, now, expires_at,
    )  # fmt: skip


async def confirm_email_change(tx: Tx, *, token_hash: bytes, now: datetime) -> Row | None:
    """Mark the end that a token belongs to; None when the token is unknown, used or too old."""
    return await tx.fetchrow(
        "update users.email_changes set"
        "  old_confirmed_at = case when old_token_hash = $1 then $2 else old_confirmed_at end,"
        "  new_confirmed_at = case when new_token_hash = $1 then $2 else new_confirmed_at end"
        " where ((old_token_hash = $1 and old_confirmed_at is null)"
        "   or (new_token_hash = $1 and new_confirmed_at is null))"
        " and ended_at is null and expires_at > $2"
        " returning id, user_id, email, email_key, old_confirmed_at, new_confirmed_at",
        token_hash, now,
    )  # fmt: skip


async def end_email_changes(db: Queries, *, user_id: UUID, now: datetime) -> None:
    await db.execute(
        "update users.email_changes set ended_at = $2 where user_id = $1 and ended_at is null", user_id, now
    )


async def clear_unproved(tx: Tx, *, email_key: str) -> None:
    """Take away an account that nobody ever confirmed: its address has turned out to be somebody else's."""
    await tx.execute("delete from users.users where email_key = $1 and confirmed_at is null", email_key)


async def set_email(tx: Tx, *, user_id: UUID, email: str, email_key: str, now: datetime) -> bool:
    """The account's address from now on; False when another account has it."""
    done = await tx.fetchval(
        "update users.users set email = $2, email_key = $3, updated_at = $4, version = version + 1"
        " where id = $1 and not exists (select 1 from users.users o where o.email_key = $3 and o.id <> $1)"
        " returning true",
        user_id, email, email_key, now,
    )  # fmt: skip
    return bool(done)


async def note_former_email(tx: Tx, *, user_id: UUID, email_key: str, now: datetime) -> None:
    """From now on the account has another address; what is kept under this one is still its person's."""
    await tx.execute(
        "insert into users.former_emails (user_id, email_key, until) values ($1, $2, $3)"
        " on conflict (user_id, email_key) do update set until = excluded.until",
        user_id, email_key, now,
    )  # fmt: skip


async def move_former_emails(tx: Tx, *, from_id: UUID, to_id: UUID) -> None:
    """The former addresses of an account belong to another one of the same person."""
    await tx.execute(
        "insert into users.former_emails (user_id, email_key, until) select $2, email_key, until"
        " from users.former_emails where user_id = $1 on conflict do nothing",
        from_id, to_id,
    )  # fmt: skip


async def emails_of(db: Queries, *, user_id: UUID) -> list[str]:
    """The address of an account, then its former ones that nobody else has by now; in lower case."""
    rows = await db.fetch(
        "select lower(u.email) as email, 0 as place from users.users u where u.id = $1"
        " union all select f.email_key, 1 from users.former_emails f where f.user_id = $1 and not exists"
        "   (select from users.users o where o.email_key = f.email_key) order by place, email",
        user_id,
    )
    return [row["email"] for row in rows]


async def sweep_email_changes(db: Queries, *, before: datetime) -> None:
    await db.execute("delete from users.email_changes where expires_at < $1", before)


async def consents_of(db: Queries, *, user_id: UUID, limit: int) -> list[Row]:
    """Decisions, newest first."""
    return await db.fetch(
        "select purpose, is_given, source, at from users.consents where user_id = $1"
        " order by at desc, id desc limit $2",
        user_id, limit,
    )  # fmt: skip


async def given_consents(db: Queries, *, user_id: UUID) -> list[str]:
    """Purposes whose newest decision agrees."""
    rows = await db.fetch(
        "select purpose from (select distinct on (purpose) purpose, is_given from users.consents"
        "  where user_id = $1 order by purpose, at desc, id desc) c where is_given",
        user_id,
    )
    return [row["purpose"] for row in rows]


async def insert_consents(
    db: Queries,
    *,
    ids: Sequence[UUID],
    user_id: UUID,
    purposes: Sequence[str],
    is_given: bool,
    source: str,
    client_address: str,
    now: datetime,
) -> list[str]:
    """Note decisions that change something; returns their purposes."""
    rows = await db.fetch(
        "insert into users.consents (id, user_id, purpose, is_given, source, client_address, at)"
        " select n.id, $2, n.purpose, $4, $5, $6, $7 from unnest($1::uuid[], $3::text[]) as n (id, purpose)"
        " where $4 is distinct from coalesce((select c.is_given from users.consents c where c.user_id = $2"
        "   and c.purpose = n.purpose order by c.at desc, c.id desc limit 1), false) returning purpose",
        ids, user_id, purposes, is_given, source, client_address, now,
    )  # fmt: skip
    return [row["purpose"] for row in rows]


async def note_device(tx: Tx, *, user_id: UUID, fingerprint: bytes, now: datetime) -> bool:
    """Note that a device is used; True when it is new and not the account's first."""
    is_new: bool = await tx.fetchval(
        "with d as (insert into users.devices (user_id, fingerprint, first_seen_at, last_seen_at)"
        "   values ($1, $2, $3, $3) on conflict (user_id, fingerprint) do update set last_seen_at = $3"
        "   returning xmax = 0 as is_new)"
        " select d.is_new and exists (select 1 from users.devices o where o.user_id = $1) from d",
        user_id, fingerprint, now,
    )  # fmt: skip
    return is_new


async def sweep_devices(db: Queries, *, before: datetime) -> None:
    await db.execute("delete from users.devices where last_seen_at < $1", before)


async def forget_person(tx: Tx, *, user_id: UUID, email: str, now: datetime) -> None:
    """Nothing of a person is left in the account but its id; `email` stands for the address."""
    for table in await _tables_of_a_person(tx):
        await tx.execute(f"delete from users.{table} where user_id = $1", user_id)
    await tx.execute(
        "update users.sessions set user_agent = '', client_address = '' where user_id = $1", user_id
    )
    await tx.execute(
        "update users.users set email = $2, email_key = $2, name = '', phone = null, password_hash = null,"
        " is_active = false, confirmed_at = null, last_sign_in_at = null, deleted_at = $3, updated_at = $3,"
        " version = version + 1 where id = $1",
        user_id, email, now,
    )  # fmt: skip


async def _tables_of_a_person(tx: Tx) -> list[str]:
    """Every table with rows of one account, as they are today; sessions stay as the record of what ended."""
    rows = await tx.fetch(
        "select quote_ident(table_name) as name from information_schema.columns"
        " where table_schema = 'users' and column_name = 'user_id' and table_name <> 'sessions' order by 1"
    )
    return [row["name"] for row in rows]
