"""Categories, collections, attributes, product types, channels and the shop's texts."""

from typing import Any
from uuid import UUID

import msgspec

from mercato.catalog.records import CategoryRecord, CollectionRecord, ImageRecord
from mercato.contracts.catalog import Attribute, CaptureMode, Channel, OptionValue, ProductType, Shop
from mercato.kernel.db import Queries, Row, Tx

_decode_image = msgspec.json.Decoder(ImageRecord | None).decode
_decode_values = msgspec.json.Decoder(list[OptionValue]).decode


async def categories(db: Queries) -> list[CategoryRecord]:
    """Every category, parents before children, siblings by position and name."""
    rows = await db.fetch(
        "select id, slug, name, description, parent_id, path, lineage, position, image::text, version"
        " from catalog.categories order by cardinality(lineage), position, name"
    )
    return [_category(row) for row in rows]


def _category(row: Row) -> CategoryRecord:
    return CategoryRecord(**{**row, "image": _image(row["image"])})


def _image(text: str | None) -> ImageRecord | None:
    return None if text is None else _decode_image(text)


async def collections(db: Queries) -> list[CollectionRecord]:
    rows = await db.fetch(
        "select id, slug, name, description, position, version from catalog.collections order by position, name"
    )
    return [CollectionRecord(**row) for row in rows]


async def attributes(db: Queries) -> list[Attribute]:
    rows = await db.fetch(
        'select code, label, kind, unit, allowed_values::text as "values", is_filterable, position'
        " from catalog.attributes order by position, code"
    )
    return [msgspec.convert({**row, "values": _decode_values(row["values"])}, Attribute) for row in rows]


async def product_types(db: Queries) -> list[ProductType]:
    rows = await db.fetch(
        "select code, name, product_attributes, variant_attributes, version from catalog.product_types order by code"
    )
    return [ProductType(**row) for row in rows]


async def channels(db: Queries) -> list[Channel]:
    rows = await db.fetch(
        "select code, name, currency, locale, countries, prices_include_tax, is_active, time_zone, capture,"
        " unpaid_days, refund_proof_above from catalog.channels order by code"
    )
    return [Channel(**{**row, "capture": CaptureMode(row["capture"])}) for row in rows]


async def shops(db: Queries) -> list[tuple[Shop, ImageRecord | None]]:
    """The texts of each channel's shop, with its hero picture beside it."""
    rows = await db.fetch(
        "select channel, name, tagline, announcement, hero::text as hero, version from catalog.shops"
    )
    return [(Shop(**{**row, "hero": None}), _image(row["hero"])) for row in rows]


async def category_for_update(tx: Tx, *, category_id: UUID) -> CategoryRecord | None:
    row = await tx.fetchrow(
        "select id, slug, name, description, parent_id, path, lineage, position, image::text, version"
        " from catalog.categories where id = $1 for no key update",
        category_id,
    )
    return None if row is None else _category(row)


async def insert_category(tx: Tx, *, category: CategoryRecord) -> bool:
    """False when the slug or path is taken."""
    return bool(
        await tx.fetchval(
            "insert into catalog.categories (id, slug, name, description, parent_id, path, lineage, position, image, version)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10) on conflict do nothing returning true",
            *_category_values(category),
        )
    )


async def update_category(tx: Tx, *, category: CategoryRecord) -> None:
    await tx.execute(
        "update catalog.categories set slug = $2, name = $3, description = $4, parent_id = $5, path = $6, lineage = $7,"
        " position = $8, image = $9::jsonb, version = $10 where id = $1",
        *_category_values(category),
    )


def _category_values(category: CategoryRecord) -> tuple[Any, ...]:
    image = None if category.image is None else msgspec.json.encode(category.image).decode()
    return (
        category.id, category.slug, category.name, category.description, category.parent_id, category.path,
        category.lineage, category.position, image, category.version,
    )  # fmt: skip


async def move_descendants(
    tx: Tx, *, category_id: UUID, old_path: str, path: str, lineage: list[UUID]
) -> None:
    """Give everything below a category that moved its new path and lineage."""
    await tx.execute(
        "update catalog.categories set path = $3 || substr(path, length($2) + 1),"
        " lineage = $4::uuid[] || lineage[array_position(lineage, $1) + 1:]"
        " where $1 = any(lineage) and id <> $1",
        category_id, old_path, path, lineage,
    )  # fmt: skip


async def delete_category(tx: Tx, *, category_id: UUID) -> None:
    await tx.execute("delete from catalog.categories where id = $1", category_id)


async def category_is_used(tx: Tx, *, category_id: UUID) -> bool:
    """Whether products or other categories stand in it."""
    return bool(
        await tx.fetchval(
            "select exists (select from catalog.products where category_id = $1)"
            " or exists (select from catalog.categories where parent_id = $1)",
            category_id,
        )
    )


async def save_collection(tx: Tx, *, collection: CollectionRecord) -> bool:
    """Insert it, or replace it by id. False when the slug belongs to another."""
    taken = await tx.fetchval(
        "select true from catalog.collections where slug = $1 and id <> $2", collection.slug, collection.id
    )
    if taken:
        return False
    await tx.execute(
        "insert into catalog.collections (id, slug, name, description, position, version) values ($1, $2, $3, $4, $5, $6)"
        " on conflict (id) do update set slug = excluded.slug, name = excluded.name,"
        " description = excluded.description, position = excluded.position, version = excluded.version",
        collection.id, collection.slug, collection.name, collection.description, collection.position,
        collection.version,
    )  # fmt: skip
    return True


async def collection_for_update(tx: Tx, *, collection_id: UUID) -> CollectionRecord | None:
    row = await tx.fetchrow(
        "select id, slug, name, description, position, version from catalog.collections where id = $1"
        " for no key update",
        collection_id,
    )
    return None if row is None else CollectionRecord(**row)


async def delete_collection(tx: Tx, *, collection_id: UUID) -> list[UUID]:
    """Remove it; returns the products that were in it."""
    rows = await tx.fetch(
        "delete from catalog.collection_products where collection_id = $1 returning product_id", collection_id
    )
    await tx.execute("delete from catalog.collections where id = $1", collection_id)
    return [row["product_id"] for row in rows]


async def save_attribute(tx: Tx, *, attribute: Attribute, new_id: UUID) -> UUID:
    """Insert or replace by code; returns the id of the row."""
    values = msgspec.json.encode(attribute.values).decode()
    saved: UUID = await tx.fetchval(
        "insert into catalog.attributes (code, id, label, kind, unit, allowed_values, is_filterable, position)"
        " values ($1, $2, $3, $4, $5, $6::jsonb, $7, $8)"
        " on conflict (code) do update set label = excluded.label, kind = excluded.kind, unit = excluded.unit,"
        " allowed_values = excluded.allowed_values, is_filterable = excluded.is_filterable,"
        " position = excluded.position returning id",
        attribute.code, new_id, attribute.label, attribute.kind, attribute.unit, values,
        attribute.is_filterable, attribute.position,
    )  # fmt: skip
    return saved


async def save_product_type(tx: Tx, *, product_type: ProductType, new_id: UUID) -> UUID | None:
    """Insert, or replace when `version` is the current one; None when it is not."""
    saved: UUID | None = await tx.fetchval(
        "insert into catalog.product_types as t (code, id, name, product_attributes, variant_attributes)"
        " values ($1, $2, $3, $4, $5)"
        " on conflict (code) do update set name = excluded.name, product_attributes = excluded.product_attributes,"
        " variant_attributes = excluded.variant_attributes, version = t.version + 1"
        " where t.version = $6 returning id",
        product_type.code, new_id, product_type.name, product_type.product_attributes,
        product_type.variant_attributes, product_type.version,
    )  # fmt: skip
    return saved


async def save_channel(tx: Tx, *, channel: Channel, new_id: UUID) -> UUID:
    saved: UUID = await tx.fetchval(
        "insert into catalog.channels (code, id, name, currency, locale, countries, prices_include_tax, is_active,"
        " time_zone, capture, unpaid_days, refund_proof_above)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        " on conflict (code) do update set name = excluded.name, currency = excluded.currency,"
        " locale = excluded.locale, countries = excluded.countries,"
        " prices_include_tax = excluded.prices_include_tax, is_active = excluded.is_active,"
        " time_zone = excluded.time_zone, capture = excluded.capture,"
        " unpaid_days = excluded.unpaid_days, refund_proof_above = excluded.refund_proof_above returning id",
        channel.code, new_id, channel.name, channel.currency, channel.locale, channel.countries,
        channel.prices_include_tax, channel.is_active, channel.time_zone, channel.capture, channel.unpaid_days,
        channel.refund_proof_above,
    )  # fmt: skip
    return saved


async def channel_has_prices_in_another_currency(tx: Tx, *, code: str, currency: str) -> bool:
    return bool(
        await tx.fetchval(
            "select exists (select from catalog.channels where code = $1 and currency <> $2)"
            " and exists (select from catalog.prices where channel = $1)",
            code,
            currency,
        )
    )


async def save_shop(
    tx: Tx, *, channel: str, name: str, tagline: str, announcement: str, hero: ImageRecord | None
) -> None:
    """Set the texts; without `hero` the picture stays."""
    await tx.execute(
        "insert into catalog.shops as s (channel, name, tagline, announcement, hero) values ($1, $2, $3, $4, $5::jsonb)"
        " on conflict (channel) do update set name = excluded.name, tagline = excluded.tagline,"
        " announcement = excluded.announcement, hero = coalesce(excluded.hero, s.hero), version = s.version + 1",
        channel, name, tagline, announcement, None if hero is None else msgspec.json.encode(hero).decode(),
    )  # fmt: skip


async def category_slug_exists(tx: Tx, *, slug: str) -> bool:
    return bool(await tx.fetchval("select exists (select from catalog.categories where slug = $1)", slug))
