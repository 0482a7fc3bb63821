"""What shapes the price: promotions, price lists, groups, delivery methods, taxes. One kind is one table."""

from typing import Any, TypeVar
from uuid import UUID

import msgspec

from mercato.contracts.carts import (
    CustomerGroup,
    DeliveryArea,
    DeliveryCalendar,
    DeliveryMethodInput,
    DeliveryTier,
    DeliveryZone,
    PriceList,
    Promotion,
    TaxClass,
    TaxRate,
    TaxZone,
    ZoneRate,
)
from mercato.kernel.db import Queries, Row, Tx

T = TypeVar("T", bound=msgspec.Struct)

_TABLES: dict[type[msgspec.Struct], tuple[str, str]] = {
    Promotion: ("carts.promotions", "priority desc, id"),
    DeliveryMethodInput: ("carts.delivery_methods", "channel, position, id"),
    DeliveryZone: ("carts.delivery_zones", "name, id"),
    DeliveryCalendar: ("carts.delivery_calendars", "channel"),
    TaxRate: ("carts.tax_rates", "country, coalesce(region, ''), tax_class, id"),
    TaxZone: ("carts.tax_zones", "name, id"),
    TaxClass: ("carts.tax_classes", "code"),
    CustomerGroup: ("carts.customer_groups", "name, id"),
    PriceList: ("carts.price_lists", "priority desc, id"),
}
_COUNTED = {
    "members": "(select count(*) from carts.group_members m where m.group_id = id)::int as members",
    "entries": "(select count(*) from carts.list_prices p where p.price_list_id = id)::int as entries",
}
_KEPT = {"id", "version", "used", "spent", *_COUNTED}
"""What saving does not overwrite: uses are counted by freezing alone."""


async def every(db: Queries, kind: type[T]) -> list[T]:
    """All rows of a kind, in their order."""
    table, order = _TABLES[kind]
    rows = await db.fetch(f"select {_columns(kind)} from {table} order by {order}")
    return [_struct(row, kind) for row in rows]


async def insert(tx: Tx, value: T, *, new_id: UUID) -> T:
    """Store a new one. Raises UniqueViolationError for a code or place that is taken."""
    kind = type(value)
    table, _ = _TABLES[kind]
    columns = [field for field in kind.__struct_fields__ if field not in _KEPT]
    places = ", ".join(f"${number}" for number in range(2, len(columns) + 2))
    row = await tx.fetchrow(
        f"insert into {table} (id, {', '.join(columns)}) values ($1, {places})"
        f" returning {_columns(kind)}",
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
        f" returning {_columns(kind)}",
        value_id, version, *_values(value, columns),
    )  # fmt: skip
    return None if row is None else _struct(row, kind)


async def lock(tx: Tx, kind: type[T], *, value_id: UUID) -> T | None:
    """One as it is now; others wait to change it until this transaction ends."""
    table, _ = _TABLES[kind]
    row = await tx.fetchrow(f"select {_columns(kind)} from {table} where id = $1 for update", value_id)
    return None if row is None else _struct(row, kind)


async def version_of(tx: Tx, kind: type[msgspec.Struct], *, value_id: UUID) -> int | None:
    table, _ = _TABLES[kind]
    version: int | None = await tx.fetchval(f"select version from {table} where id = $1", value_id)
    return version


async def remove(tx: Tx, kind: type[msgspec.Struct], *, value_id: UUID) -> bool:
    table, _ = _TABLES[kind]
    return bool(await tx.fetchval(f"delete from {table} where id = $1 returning true", value_id))


async def miscounted(db: Queries) -> int:
    """Promotions and codes whose counts are not what their redemptions say."""
    count: int = await db.fetchval(
        """select (select count(*) from carts.promotions p cross join lateral (select count(*) as uses, coalesce(sum(r.amount), 0) as given
             from carts.redemptions r where r.promotion_id = p.id) r where p.used <> r.uses or p.spent <> r.given)
          + (select count(*) from carts.coupons c left join (select coupon_id, count(*) as uses from carts.redemptions where coupon_id is not null group by coupon_id) r
             on r.coupon_id = c.id where c.used <> coalesce(r.uses, 0))"""
    )
    return count


async def is_named(db: Queries, *, group_id: UUID) -> bool:
    """Whether a promotion or a price list is for this customer group."""
    named: bool = await db.fetchval(
        "select exists (select from carts.promotions where $1 = any(group_ids))"
        " or exists (select from carts.price_lists where $1 = any(group_ids))",
        group_id,
    )
    return named


async def goes_to_zone(db: Queries, *, zone_id: UUID) -> bool:
    """Whether a delivery method goes to this zone."""
    goes: bool = await db.fetchval(
        "select exists (select from carts.delivery_methods where $1 = any(zone_ids))", zone_id
    )
    return goes


async def is_taxed(db: Queries, *, class_id: UUID) -> bool:
    """Whether a rate is of this tax class."""
    taxed: bool = await db.fetchval(
        "select exists (select from carts.tax_classes c where c.id = $1 and (exists (select from carts.tax_rates r where r.tax_class = c.code)"
        " or exists (select from carts.tax_zones z where z.rates @> jsonb_build_array(jsonb_build_object('tax_class', c.code)))))",
        class_id,
    )
    return taxed


def _columns(kind: type[msgspec.Struct]) -> str:
    return ", ".join(_COUNTED.get(field, field) for field in kind.__struct_fields__)


_encode = msgspec.json.Encoder().encode
_AS_JSON = {
    "rates": msgspec.json.Decoder(list[ZoneRate]).decode,
    "areas": msgspec.json.Decoder(list[DeliveryArea]).decode,
    "tiers": msgspec.json.Decoder(list[DeliveryTier]).decode,
}
"""Columns that hold lists of structs."""


def _values(value: msgspec.Struct, columns: list[str]) -> list[Any]:
    return [_stored(column, getattr(value, column)) for column in columns]


def _stored(column: str, value: Any) -> Any:
    return _encode(value).decode() if column in _AS_JSON else value


def _struct(row: Row, kind: type[T]) -> T:
    fields = dict(row)
    for column in _AS_JSON.keys() & fields.keys():
        fields[column] = _AS_JSON[column](fields[column])
    return msgspec.convert(fields, kind)
