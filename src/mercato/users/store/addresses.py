"""Rows of saved addresses; every statement is scoped to their owner."""

from datetime import datetime
from uuid import UUID

from mercato.contracts.shared import Address
from mercato.kernel.db import Queries, Row, Tx

_COLUMNS = "id, name, company, street1, street2, postal_code, city, region, country, phone, is_default"


def _values(address: Address) -> tuple[str | None, ...]:
    return (
        address.name, address.company, address.street1, address.street2, address.postal_code,
        address.city, address.region, address.country, address.phone,
    )  # fmt: skip


async def addresses_of_user(db: Queries, *, user_id: UUID) -> list[Row]:
    return await db.fetch(
        f"select {_COLUMNS} from users.addresses where user_id = $1 order by is_default desc, created_at, id",
        user_id,
    )


async def lock_owner(tx: Tx, *, user_id: UUID) -> int:
    """How many addresses a user has; others add or change theirs after this transaction."""
    await tx.execute("select 1 from users.users where id = $1 for no key update", user_id)
    found: int = await tx.fetchval("select count(*) from users.addresses where user_id = $1", user_id)
    return found


async def clear_default(tx: Tx, *, user_id: UUID, but: UUID | None) -> None:
    await tx.execute(
        "update users.addresses set is_default = false where user_id = $1 and is_default"
        " and id is distinct from $2",
        user_id, but,
    )  # fmt: skip


async def insert_address(
    tx: Tx, *, address_id: UUID, user_id: UUID, address: Address, is_default: bool, now: datetime
) -> None:
    await tx.execute(
        "insert into users.addresses (id, user_id, is_default, created_at, name, company, street1, street2,"
        " postal_code, city, region, country, phone)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        address_id, user_id, is_default, now, *_values(address),
    )  # fmt: skip


async def update_address(
    tx: Tx, *, address_id: UUID, user_id: UUID, address: Address, is_default: bool
) -> bool | None:
    """Change an address; whether it is the default now, None when the user has no such address.

    The default stays the default until another one becomes it.
    """
    found: bool | None = await tx.fetchval(
        "update users.addresses set is_default = is_default or $3, name = $4, company = $5, street1 = $6, street2 = $7,"
        " postal_code = $8, city = $9, region = $10, country = $11, phone = $12"
        " where id = $1 and user_id = $2 returning is_default",
        address_id, user_id, is_default, *_values(address),
    )  # fmt: skip
    return found


async def delete_address(db: Queries, *, address_id: UUID, user_id: UUID) -> bool:
    done = await db.fetchval(
        "delete from users.addresses where id = $1 and user_id = $2 returning true", address_id, user_id
    )
    return bool(done)
