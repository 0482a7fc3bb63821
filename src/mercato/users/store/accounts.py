"""Rows of accounts and of the tokens that are mailed to them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mercato.kernel.db import Queries, Row, Tx

_USER = """
  u.id, u.email, u.name, u.phone, u.locale, u.confirmed_at, u.is_active, u.created_at, u.last_sign_in_at,
  u.version, u.deleted_at,
  array(select r.role_code from users.user_roles r where r.user_id = u.id order by 1) as roles,
  array(select distinct p from users.user_roles r join users.roles o on o.code = r.role_code,
        unnest(o.permissions) p where r.user_id = u.id order by 1) as permissions
"""


_FACTORS = """
  u.password_hash, (exists (select 1 from users.passkeys k where k.user_id = u.id) or exists (
    select 1 from users.authenticators a where a.user_id = u.id and a.confirmed_at is not null)) as has_factors
"""


async def user_by_id(db: Queries, *, user_id: UUID) -> Row | None:
    return await db.fetchrow(f"select {_USER} from users.users u where u.id = $1", user_id)


async def account_by_email(db: Queries, *, email_key: str) -> Row | None:
    """The account of an address with what signing in needs."""
    return await db.fetchrow(
        f"select {_USER}, {_FACTORS} from users.users u where u.email_key = $1", email_key
    )


async def account_by_id(db: Queries, *, user_id: UUID) -> Row | None:
    """The account of an id with what signing in needs."""
    return await db.fetchrow(f"select {_USER}, {_FACTORS} from users.users u where u.id = $1", user_id)


async def lock_user(tx: Tx, *, user_id: UUID) -> Row | None:
    """The account as it is now; others wait to change it until this transaction ends."""
    await tx.execute("select 1 from users.users where id = $1 for no key update", user_id)
    return await user_by_id(tx, user_id=user_id)


async def insert_user(
    db: Queries,
    *,
    user_id: UUID,
    email: str,
    email_key: str,
    name: str,
    locale: str,
    password_hash: str | None,
    confirmed_at: datetime | None,
    now: datetime,
) -> bool:
    """A new account; False when the address has one already."""
    done = await db.fetchval(
        "insert into users.users (id, email, email_key, name, locale, password_hash, confirmed_at,"
        " created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $8)"
        " on conflict (email_key) do nothing returning true",
        user_id, email, email_key, name, locale, password_hash, confirmed_at, now,
    )  # fmt: skip
    return bool(done)


async def update_profile(
    db: Queries,
    *,
    user_id: UUID,
    name: str | None,
    phone: str | None,
    locale: str | None,
    now: datetime,
) -> None:
    """Change what is given; an empty phone number is taken away."""
    await db.execute(
        "update users.users set name = coalesce($2, name), phone = nullif(coalesce($3, phone), ''),"
        " locale = coalesce($4, locale), updated_at = $5, version = version + 1 where id = $1",
        user_id, name, phone, locale, now,
    )  # fmt: skip


async def set_password(
    db: Queries, *, user_id: UUID, password_hash: str, is_short: bool = False, now: datetime
) -> None:
    """`is_short` notes that it is allowed beside a second factor only."""
    await db.execute(
        "update users.users set password_hash = $2, has_short_password = $4, updated_at = $3,"
        " version = version + 1 where id = $1",
        user_id, password_hash, now, is_short,
    )  # fmt: skip


async def confirm_user(db: Queries, *, user_id: UUID, now: datetime) -> bool:
    """Mark the mailbox as proved; False when it was already."""
    done = await db.fetchval(
        "update users.users set confirmed_at = $2, updated_at = $2, version = version + 1"
        " where id = $1 and confirmed_at is null returning true",
        user_id, now,
    )  # fmt: skip
    return bool(done)


async def set_name(db: Queries, *, user_id: UUID, name: str) -> None:
    await db.execute("update users.users set name = $2 where id = $1", user_id, name)


async def mark_signed_in(
    db: Queries, *, user_id: UUID, verified_hash: str | None, newer_hash: str | None, now: datetime
) -> bool:
    """Note a sign-in, and a hash with newer parameters when one was made.

    False when the password that was verified is no longer the account's, or the account was switched off.
    """
    done = await db.fetchval(
        "update users.users set last_sign_in_at = $4, password_hash = coalesce($3, password_hash)"
        " where id = $1 and password_hash is not distinct from $2 and is_active returning true",
        user_id, verified_hash, newer_hash, now,
    )  # fmt: skip
    return bool(done)


async def insert_email_token(
    db: Queries,
    *,
    token_hash: bytes,
    user_id: UUID,
    purpose: str,
    name: str | None,
    password_hash: str | None,
    now: datetime,
    expires_at: datetime,
    consents: Sequence[str] = (),
) -> None:
    """A link for an account; without effect when there is no such account."""
    await db.execute(
        "insert into users.email_tokens (token_hash, user_id, purpose, name, password_hash, created_at,"
        " expires_at, consents) select $1, id, $3, $4, $5, $6, $7, $8 from users.users where id = $2",
        token_hash, user_id, purpose, name, password_hash, now, expires_at, consents,
    )  # fmt: skip


async def tell_nobody(tx: Tx) -> None:
    """As much work as telling somebody: whoever waits for the answer learns nothing from its time."""
    await tx.execute(
        "insert into users.outbox (id, subject, key, body) select n.id, '', n.id, '' from unnest($1::uuid[]) n (id)",
        [],
    )


async def email_token(db: Queries, *, token_hash: bytes, purpose: str, now: datetime) -> Row | None:
    """A token that can still be used, without using it."""
    return await db.fetchrow(
        "select t.user_id, u.email, u.name from users.email_tokens t join users.users u on u.id = t.user_id"
        " where t.token_hash = $1 and t.purpose = $2 and t.used_at is null and t.expires_at > $3"
        " and u.is_active",
        token_hash, purpose, now,
    )  # fmt: skip


async def use_email_token(db: Queries, *, token_hash: bytes, purpose: str, now: datetime) -> Row | None:
    """Use a token up, and with it every other token of its account; None when it is not valid."""
    return await db.fetchrow(
        "with t as (update users.email_tokens set used_at = $3 where token_hash = $1 and purpose = $2"
        "   and used_at is null and expires_at > $3 returning user_id, name, password_hash, consents, created_at),"
        " others as (update users.email_tokens o set used_at = $3 from t where o.user_id = t.user_id"
        "   and o.used_at is null and o.token_hash <> $1)"
        " select t.user_id, t.name, t.password_hash, t.consents, t.created_at from t"
        " join users.users u on u.id = t.user_id where u.is_active",
        token_hash, purpose, now,
    )  # fmt: skip


async def end_email_tokens(db: Queries, *, user_id: UUID, now: datetime) -> None:
    """No link that was mailed to an account works any more."""
    await db.execute(
        "update users.email_tokens set used_at = $2 where user_id = $1 and used_at is null", user_id, now
    )


async def sweep_email_tokens(db: Queries, *, before: datetime) -> None:
    await db.execute("delete from users.email_tokens where expires_at < $1", before)


async def list_users(
    db: Queries,
    *,
    pattern: str | None,
    staff: bool | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> tuple[list[Row], int]:
    """Newest first: up to `limit` rows after `before`, and how many there are in all."""
    where = (
        "($1::text is null or u.email_key like $1 or lower(u.name) like $1) and ($2::boolean is null or"
        " $2 = exists (select 1 from users.user_roles r where r.user_id = u.id))"
    )
    rows = await db.fetch(
        f"select {_USER} from users.users u where {where}"
        " and ($3::timestamptz is null or (u.created_at, u.id) < ($3, $4::uuid))"
        " order by u.created_at desc, u.id desc limit $5",
        pattern, staff, *(before or (None, None)), limit,
    )  # fmt: skip
    total = await db.fetchval(f"select count(*) from users.users u where {where}", pattern, staff)
    return rows, int(total)


async def set_active(db: Queries, *, user_id: UUID, is_active: bool, now: datetime) -> None:
    await db.execute(
        "update users.users set is_active = $2, updated_at = $3, version = version + 1 where id = $1",
        user_id, is_active, now,
    )  # fmt: skip
