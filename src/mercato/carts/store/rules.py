"""What shapes the price: promotions, delivery methods, tax rates."""

from typing import Any, TypeVar
from uuid import UUID

import msgspec

from mercato.contracts.carts import DeliveryMethodInput, Promotion, TaxRate
from mercato.kernel.db import Queries, Row, Tx

T = TypeVar("T", bound=msgspec.Struct)

_TABLES: dict[type[msgspec.Struct], tuple[str, str]] = {
    Promotion: ("carts.promotions", "priority desc, id"),
    DeliveryMethodInput: ("carts.delivery_methods", "channel, position, id"),
    TaxRate: ("carts.tax_rates", "country, coalesce(region, ''), tax_class, id"),
}
_KEPT = {"id", "version", "used"}
"""Columns that saving does not overwrite: `used` is counted by freezing alone."""


async def every(db: Queries, kind: type[T]) -> list[T]:
    """All rows of a kind, in their order."""
    table, order = _TABLES[kind]
    rows = await db.fetch(f"select {', '.join(kind.__struct_fields__)} from {table} order by {order}")
    return [_struct(row, kind) for row in rows]


async def insert(tx: Tx, value: T, *, new_id: UUID) -> T:
    """Store a new one. Raises UniqueViolationError for a code or place that is taken."""
    kind = type(value)
    table, _ = _TABLES[kind]
    columns = [field for field in kind.__struct_fields__ if field not in _KEPT]
    places = ", ".join(f"${number}" for number in range(2, len(columns) + 2))
    row = await tx.fetchrow(
        f"insert into {table} (id, {', '.join(columns)}) values ($1, {places})"
        f" returning {', '.join(kind.__struct_fields__)}",
        new_id, *_values(value, columns),
    )  # fmt: skip
    assert row is not None
    return _struct(row, kind)


async def replace(tx: Tx, value: T, *, value_id: UUID, version: int) -> T | None:
    """Replace one that is still in `version`; None when it is not."""
    kind = type(value)
    table, _ = _TABLES[kind]
    columns = [field for field in kind.__struct_fields__ if field not in _KEPT]
    sets = ", ".join(f"{column} = ${number}" for number, column in enumerate(columns, start=3))
    row = await tx.fetchrow(
        f"update {table} set {sets}, version = version + 1 where id = $1 and version = $2"
        f" returning {', '.join(kind.__struct_fields__)}",
        value_id, version, *_values(value, columns),
    )  # fmt: skip
    return None if row is None else _struct(row, kind)


async def lock(tx: Tx, kind: type[T], *, value_id: UUID) -> T | None:
    """One as it is now; others wait to change it until this transaction ends."""
    table, _ = _TABLES[kind]
    row = await tx.fetchrow(
        f"select {', '.join(kind.__struct_fields__)} from {table} where id = $1 for update", value_id
    )
    return None if row is None else _struct(row, kind)


async def version_of(tx: Tx, kind: type[msgspec.Struct], *, value_id: UUID) -> int | None:
    table, _ = _TABLES[kind]
    version: int | None = await tx.fetchval(f"select version from {table} where id = $1", value_id)
    return version


async def remove(tx: Tx, kind: type[msgspec.Struct], *, value_id: UUID) -> bool:
    table, _ = _TABLES[kind]
    return bool(await tx.fetchval(f"delete from {table} where id = $1 returning true", value_id))


async def miscounted_promotions(db: Queries) -> int:
    """Promotions whose use count is not the number of their redemptions."""
    count: int = await db.fetchval(
        """select count(*) from carts.promotions p where p.used <> (select count(*) from carts.redemptions r where r.promotion_id = p.id)"""
    )
    return count


def _values(value: msgspec.Struct, columns: list[str]) -> list[Any]:
    return [getattr(value, column) for column in columns]


def _struct(row: Row, kind: type[T]) -> T:
    return msgspec.convert(dict(row), kind)
