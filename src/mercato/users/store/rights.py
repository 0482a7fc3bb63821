"""Rows of roles, who has them, and the keys that access tokens are signed with."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from mercato.kernel.db import Queries, Row, Tx

OWNER_LOCK_KEY = 4_242_101


async def seed_roles(
    db: Queries, *, codes: Sequence[str], names: Sequence[str], permissions: Sequence[Sequence[str]]
) -> None:
    """Add the roles that are missing; a role that a shop has changed stays as it is."""
    await db.execute(
        "insert into users.roles (code, name, permissions, is_seeded) select code, name,"
        " array(select jsonb_array_elements_text(permissions)), true"
        " from unnest($1::text[], $2::text[], $3::jsonb[]) as seed (code, name, permissions)"
        " on conflict (code) do nothing",
        codes, names, [msgspec.json.encode(list(rights)).decode() for rights in permissions],
    )  # fmt: skip


async def lock_roles(tx: Tx, *, codes: Sequence[str]) -> list[Row]:
    """The roles of `codes`; whoever changes who holds one of them waits until this transaction ends."""
    return await tx.fetch(
        "select code, permissions, channels from users.roles where code = any($1::text[]) order by code"
        " for no key update",
        codes,
    )


async def replace_roles(
    db: Queries, *, user_id: UUID, codes: Sequence[str], by: UUID | None, now: datetime
) -> None:
    await db.execute(
        "with gone as (delete from users.user_roles where user_id = $1 and role_code <> all($2::text[])),"
        " new as (insert into users.user_roles (user_id, role_code, granted_by, granted_at)"
        "   select $1, unnest($2::text[]), $3, $4 on conflict do nothing)"
        " update users.users set version = version + 1, updated_at = $4 where id = $1",
        user_id, codes, by, now,
    )  # fmt: skip


async def other_holders(db: Queries, *, code: str, user_id: UUID) -> int:
    """How many active accounts besides `user_id` hold a role."""
    found: int = await db.fetchval(
        "select count(*) from users.user_roles r join users.users u on u.id = r.user_id"
        " where r.role_code = $1 and u.is_active and u.id <> $2",
        code, user_id,
    )  # fmt: skip
    return found


async def lock_owner_creation(tx: Tx) -> None:
    """Only one process at a time looks for an owner and creates one."""
    await tx.execute("select pg_advisory_xact_lock($1)", OWNER_LOCK_KEY)


async def has_holder(db: Queries, *, code: str) -> bool:
    return bool(
        await db.fetchval("select exists (select 1 from users.user_roles where role_code = $1)", code)
    )


async def published_keys(db: Queries, *, retired_after: datetime) -> list[Row]:
    """Signing keys that a living access token may have been signed with, newest first."""
    return await db.fetch(
        "select kid, public_jwk, sealed_private, created_at, retired_at from users.signing_keys"
        " where retired_at is null or retired_at > $1 order by created_at desc, kid",
        retired_after,
    )


async def lock_keys(tx: Tx) -> None:
    await tx.execute("select pg_advisory_xact_lock($1)", OWNER_LOCK_KEY + 1)


async def insert_key(db: Queries, *, kid: str, public_jwk: str, sealed_private: bytes, now: datetime) -> None:
    """A new signing key; earlier ones no longer sign."""
    await db.execute(
        "with old as (update users.signing_keys set retired_at = $4 where retired_at is null)"
        " insert into users.signing_keys (kid, public_jwk, sealed_private, created_at)"
        " values ($1, $2::jsonb, $3, $4)",
        kid, public_jwk, sealed_private, now,
    )  # fmt: skip
