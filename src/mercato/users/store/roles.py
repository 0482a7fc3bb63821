"""Rows of roles, for whoever edits them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mercato.kernel.db import Queries, Row, Tx

_ROLE = (
    "o.code, o.name, o.description, o.permissions, o.channels, o.requires_mfa, o.is_seeded, o.version,"
    " (select count(*) from users.user_roles r where r.role_code = o.code) as holders"
)


async def all_roles(db: Queries) -> list[Row]:
    return await db.fetch(f"select {_ROLE} from users.roles o")


async def role(db: Queries, *, code: str) -> Row | None:
    return await db.fetchrow(f"select {_ROLE} from users.roles o where o.code = $1", code)


async def lock_role(tx: Tx, *, code: str) -> Row | None:
    """The role as it is now; whoever gives, takes or changes it waits until this transaction ends."""
    await tx.execute("select 1 from users.roles where code = $1 for update", code)
    return await role(tx, code=code)


async def insert_role(
    tx: Tx,
    *,
    code: str,
    name: str,
    description: str,
    permissions: Sequence[str],
    channels: Sequence[str] | None,
    requires_mfa: bool,
    now: datetime,
) -> bool:
    """False when there is a role with this code."""
    done = await tx.fetchval(
        "insert into users.roles (code, name, description, permissions, channels, requires_mfa, created_at,"
        " updated_at) values ($1, $2, $3, $4, $5, $6, $7, $7) on conflict (code) do nothing returning true",
        code, name, description, permissions, channels, requires_mfa, now,
    )  # fmt: skip
    return bool(done)


async def update_role(
    tx: Tx,
    *,
    code: str,
    name: str,
    description: str,
    permissions: Sequence[str],
    channels: Sequence[str] | None,
    requires_mfa: bool,
    now: datetime,
) -> None:
    await tx.execute(
        "update users.roles set name = $2, description = $3, permissions = $4, channels = $5,"
        " requires_mfa = $6, updated_at = $7, version = version + 1 where code = $1",
        code, name, description, permissions, channels, requires_mfa, now,
    )  # fmt: skip


async def delete_role(tx: Tx, *, code: str) -> None:
    await tx.execute("delete from users.roles where code = $1", code)


async def holders(db: Queries, *, code: str, limit: int) -> list[UUID]:
    rows = await db.fetch("select user_id from users.user_roles where role_code = $1 limit $2", code, limit)
    return [row["user_id"] for row in rows]


async def roles_of(db: Queries, *, user_id: UUID) -> list[Row]:
    """The roles that an account holds."""
    return await db.fetch(
        f"select {_ROLE} from users.roles o join users.user_roles r on r.role_code = o.code"
        " where r.user_id = $1 order by o.code",
        user_id,
    )
