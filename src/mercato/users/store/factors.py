"""Rows of authenticator apps, passkeys and recovery codes."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mercato.kernel.db import Queries, Row, Tx


async def overview(db: Queries, *, user_id: UUID) -> Row | None:
    """What guards an account, in one row; `is_required` when one of its roles asks for a factor."""
    return await db.fetchrow(
        "select u.password_hash is not null as has_password, u.has_short_password,"
        " exists (select 1 from users.authenticators a where a.user_id = u.id and a.confirmed_at is not null)"
        "  as has_app,"
        " (select count(*) from users.passkeys p where p.user_id = u.id)::int as passkeys,"
        " (select count(*) from users.recovery_codes c where c.user_id = u.id and c.used_at is null)::int"
        "  as recovery_codes_left,"
        " exists (select 1 from users.user_roles r join users.roles o on o.code = r.role_code"
        "  where r.user_id = u.id and o.requires_mfa) as is_required"
        " from users.users u where u.id = $1",
        user_id,
    )


async def put_app(db: Queries, *, user_id: UUID, sealed_secret: bytes, now: datetime) -> bool:
    """A secret that waits for its first code; False when a confirmed one is there."""
    done = await db.fetchval(
        "insert into users.authenticators as a (user_id, sealed_secret, created_at) values ($1, $2, $3)"
        " on conflict (user_id) do update set sealed_secret = $2, created_at = $3, last_step = 0"
        " where a.confirmed_at is null returning true",
        user_id, sealed_secret, now,
    )  # fmt: skip
    return bool(done)


async def lock_app(tx: Tx, *, user_id: UUID) -> Row | None:
    """The app of an account; others wait to use a code of it until this transaction ends."""
    return await tx.fetchrow(
        "select sealed_secret, confirmed_at, created_at, last_step from users.authenticators where user_id = $1"
        " for no key update",
        user_id,
    )


async def use_step(db: Queries, *, user_id: UUID, step: int, now: datetime) -> bool:
    """Accept a time step once, and none before it; False for a step that was used."""
    done = await db.fetchval(
        "update users.authenticators set last_step = $2, last_used_at = $3"
        " where user_id = $1 and last_step < $2 returning true",
        user_id, step, now,
    )  # fmt: skip
    return bool(done)


async def confirm_app(db: Queries, *, user_id: UUID, now: datetime) -> None:
    await db.execute("update users.authenticators set confirmed_at = $2 where user_id = $1", user_id, now)


async def delete_app(db: Queries, *, user_id: UUID) -> bool:
    """Take a confirmed app away; False when there is none."""
    done = await db.fetchval(
        "delete from users.authenticators where user_id = $1 and confirmed_at is not null returning true",
        user_id,
    )
    return bool(done)


async def replace_recovery_codes(
    db: Queries, *, user_id: UUID, hashes: Sequence[bytes], now: datetime
) -> None:
    """Put these recovery codes in the place of all earlier ones; an empty list removes them."""
    await db.execute(
        "with gone as (delete from users.recovery_codes where user_id = $1)"
        " insert into users.recovery_codes (user_id, code_hash, created_at)"
        " select $1, unnest($2::bytea[]), $3",
        user_id, hashes, now,
    )  # fmt: skip


async def use_recovery_code(db: Queries, *, user_id: UUID, code_hash: bytes, now: datetime) -> bool:
    """Use a recovery code up; False for one that is unknown or used."""
    done = await db.fetchval(
        "update users.recovery_codes set used_at = $3 where user_id = $1 and code_hash = $2 and used_at is null"
        " returning true",
        user_id, code_hash, now,
    )  # fmt: skip
    return bool(done)


async def delete_factors(db: Queries, *, user_id: UUID) -> None:
    """Take every factor of an account away."""
    await db.execute(
        "with apps as (delete from users.authenticators where user_id = $1),"
        " passkeys as (delete from users.passkeys where user_id = $1)"
        " delete from users.recovery_codes where user_id = $1",
        user_id,
    )


async def forget_password(db: Queries, *, user_id: UUID, now: datetime) -> None:
    """The account keeps no password: a mail sets a new one."""
    await db.execute(
        "update users.users set password_hash = null, has_short_password = false, updated_at = $2,"
        " version = version + 1 where id = $1",
        user_id, now,
    )  # fmt: skip


async def insert_passkey(
    db: Queries,
    *,
    passkey_id: UUID,
    user_id: UUID,
    credential_id: bytes,
    public_key: bytes,
    sign_count: int,
    name: str,
    transports: Sequence[str],
    is_synced: bool,
    now: datetime,
) -> bool:
    """A new passkey; False when some account has it already."""
    done = await db.fetchval(
        "insert into users.passkeys (id, user_id, credential_id, public_key, sign_count, name, transports,"
        " is_synced, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " on conflict (credential_id) do nothing returning true",
        passkey_id, user_id, credential_id, public_key, sign_count, name, transports, is_synced, now,
    )  # fmt: skip
    return bool(done)


async def passkeys_of_user(db: Queries, *, user_id: UUID) -> list[Row]:
    """The passkeys of an account, oldest first."""
    return await db.fetch(
        "select id, credential_id, name, transports, is_synced, created_at, last_used_at"
        " from users.passkeys where user_id = $1 order by created_at, id",
        user_id,
    )


async def passkey_of_credential(db: Queries, *, credential_id: bytes) -> Row | None:
    return await db.fetchrow(
        "select id, user_id, public_key, sign_count from users.passkeys where credential_id = $1",
        credential_id,
    )


async def use_passkey(
    db: Queries, *, passkey_id: UUID, verified_count: int, sign_count: int, now: datetime
) -> bool:
    """Note a use; False when the passkey is gone, or another use has counted meanwhile."""
    done = await db.fetchval(
        "update users.passkeys set sign_count = $3, last_used_at = $4 where id = $1 and sign_count = $2"
        " returning true",
        passkey_id, verified_count, sign_count, now,
    )  # fmt: skip
    return bool(done)


async def rename_passkey(db: Queries, *, passkey_id: UUID, user_id: UUID, name: str) -> Row | None:
    return await db.fetchrow(
        "update users.passkeys set name = $3 where id = $1 and user_id = $2"
        " returning id, name, is_synced, created_at, last_used_at",
        passkey_id, user_id, name,
    )  # fmt: skip


async def delete_passkey(db: Queries, *, passkey_id: UUID, user_id: UUID) -> str | None:
    """The name of the passkey that is gone; None when it is not theirs."""
    name: str | None = await db.fetchval(
        "delete from users.passkeys where id = $1 and user_id = $2 returning name", passkey_id, user_id
    )
    return name
