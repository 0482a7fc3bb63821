"""Categories, collections, attributes, product types, channels and the shop's texts."""

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from mercato.catalog.actions.save_products import refuse_stale
from mercato.catalog.domain import clean_rich_text
from mercato.catalog.parts import Parts
from mercato.catalog.records import CategoryRecord, CollectionRecord, ImageRecord
from mercato.catalog.store import changes, navigation, products
from mercato.contracts.catalog import Attribute, Channel, ProductType
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, FieldError, Invalid, NotFound
from mercato.kernel.ids import new_id
from mercato.kernel.money import exponent

TREE_DEPTH_MAX = 8

Named = CategoryRecord | CollectionRecord | Attribute | ProductType | Channel


async def save_category(
    parts: Parts,
    ctx: Context,
    *,
    slug: str,
    name: str,
    description: str,
    parent: str | None,
    position: int,
    category_id: UUID | None,
    version: int | None,
    image: bytes | None,
    image_alt: str,
) -> UUID:
    """Create it, or change the one of `category_id`; without `image` the picture stays.

    Raises NotFound, Invalid, Conflict("slug_taken", "version_conflict").
    """
    new_image = await _accepted(parts, image, image_alt)
    above = (await parts.navigation()).category(parent) if parent else None
    async with parts.database.transaction() as tx:
        existing = await _category_to_change(tx, category_id, version)
        own_id = existing.id if existing else new_id()
        _refuse_bad_place(above, own_id)
        category = CategoryRecord(
            id=own_id,
            slug=slug,
            name=name.strip(),
            description=clean_rich_text(description),
            parent_id=above.id if above else None,
            path=f"{above.path}/{slug}" if above else slug,
            lineage=[*(above.lineage if above else []), own_id],
            position=position,
            image=new_image or (existing.image if existing else None),
            version=existing.version + 1 if existing else 1,
        )
        if existing is None:
            if not await navigation.insert_category(tx, category=category):
                raise _slug_taken(slug)
        else:
            await _replace_category(tx, existing, category)
        await parts.announce_navigation(tx, own_id)
        await _tell(parts, tx, ctx, "category", existing, category)
    return own_id


async def _accepted(parts: Parts, content: bytes | None, alt: str) -> ImageRecord | None:
    """The uploaded picture, checked and kept; None without one. Raises Invalid."""
    if not content:
        return None
    picture = await parts.media.accept(content)
    return ImageRecord(new_id(), picture.key, alt.strip(), picture.width, picture.height)


async def _replace_category(tx: Tx, existing: CategoryRecord, category: CategoryRecord) -> None:
    if existing.slug != category.slug and await navigation.category_slug_exists(tx, slug=category.slug):
        raise _slug_taken(category.slug)
    await navigation.update_category(tx, category=category)
    if (existing.path, existing.lineage) != (category.path, category.lineage):
        await navigation.move_descendants(
            tx,
            category_id=category.id,
            old_path=existing.path,
            path=category.path,
            lineage=category.lineage,
        )
    if (existing.name, existing.lineage) != (category.name, category.lineage):
        below = await products.ids_below_category(tx, category_id=category.id)
        await changes.mark(tx, product_ids=below)


async def _category_to_change(tx: Tx, category_id: UUID | None, version: int | None) -> CategoryRecord | None:
    if category_id is None:
        return None
    existing = await navigation.category_for_update(tx, category_id=category_id)
    if existing is None:
        raise NotFound("category_not_found", "There is no such category.")
    if version is not None:
        refuse_stale(existing.version, version)
    return existing


def _refuse_bad_place(above: CategoryRecord | None, own_id: UUID) -> None:
    if above is None:
        return
    if own_id in above.lineage:
        text = "A category cannot stand below itself."
        raise Invalid("category_loop", text, errors=[FieldError("parent", "category_loop", text)])
    if len(above.lineage) >= TREE_DEPTH_MAX:
        text = f"The tree is at most {TREE_DEPTH_MAX} levels deep."
        raise Invalid("category_too_deep", text, errors=[FieldError("parent", "category_too_deep", text)])


async def delete_category(parts: Parts, ctx: Context, *, category_id: UUID, version: int) -> None:
    """Raises NotFound, Conflict("version_conflict"), Conflict("category_in_use")."""
    async with parts.database.transaction() as tx:
        existing = await _category_to_change(tx, category_id, version)
        if await navigation.category_is_used(tx, category_id=category_id):
            raise Conflict("category_in_use", "Move its products and subcategories first.")
        await navigation.delete_category(tx, category_id=category_id)
        await parts.announce_navigation(tx, category_id)
        await _tell(parts, tx, ctx, "category", existing, None)


async def save_collection(
    parts: Parts,
    ctx: Context,
    *,
    slug: str,
    name: str,
    description: str,
    position: int,
    collection_id: UUID | None,
    version: int | None,
) -> UUID:
    """Raises NotFound, Conflict("slug_taken", "version_conflict")."""
    async with parts.database.transaction() as tx:
        existing = None
        if collection_id is not None:
            existing = await _collection_to_change(tx, collection_id, version)
        collection = CollectionRecord(
            id=existing.id if existing else new_id(),
            slug=slug,
            name=name.strip(),
            description=clean_rich_text(description),
            position=position,
            version=existing.version + 1 if existing else 1,
        )
        if not await navigation.save_collection(tx, collection=collection):
            raise _slug_taken(slug)
        await parts.announce_navigation(tx, collection.id)
        await _tell(parts, tx, ctx, "collection", existing, collection)
    return collection.id


async def delete_collection(parts: Parts, ctx: Context, *, collection_id: UUID, version: int) -> None:
    """Raises NotFound, Conflict("version_conflict"). Its products stay."""
    async with parts.database.transaction() as tx:
        existing = await _collection_to_change(tx, collection_id, version)
        were_in = await navigation.delete_collection(tx, collection_id=collection_id)
        await changes.mark(tx, product_ids=were_in)
        await parts.announce_navigation(tx, collection_id)
        await _tell(parts, tx, ctx, "collection", existing, None)


async def _collection_to_change(tx: Tx, collection_id: UUID, version: int | None) -> CollectionRecord:
    existing = await navigation.collection_for_update(tx, collection_id=collection_id)
    if existing is None:
        raise NotFound("collection_not_found", "There is no such collection.")
    if version is not None:
        refuse_stale(existing.version, version)
    return existing


async def save_attribute(parts: Parts, ctx: Context, *, attribute: Attribute) -> None:
    """Raises Invalid("attribute_reserved") for a code that listings already use otherwise."""
    if attribute.code in RESERVED_CODES or not attribute.code.replace("_", "").isalnum():
        text = f"An attribute cannot have the code {attribute.code}."
        raise Invalid("attribute_reserved", text, errors=[FieldError("code", "attribute_reserved", text)])
    before = (await parts.navigation()).attributes.get(attribute.code)
    async with parts.database.transaction() as tx:
        saved_id = await navigation.save_attribute(tx, attribute=attribute, new_id=new_id())
        await changes.mark(tx, product_ids=await products.ids_with_attribute(tx, code=attribute.code))
        await parts.announce_navigation(tx, saved_id)
        await _tell(parts, tx, ctx, "attribute", before, attribute)


RESERVED_CODES = frozenset(
    {"q", "category", "collection", "maker", "price", "price_min", "price_max", "in_stock", "on_sale",
     "sort", "facets", "limit", "cursor", "page", "channel"}
)  # fmt: skip
"""Query parameters of listings: an attribute of the same code could not be asked for."""


async def save_product_type(parts: Parts, ctx: Context, *, product_type: ProductType) -> None:
    """Raises Invalid for an unknown attribute, Conflict("version_conflict")."""
    known_now = await parts.navigation()
    known = known_now.attributes
    before = next((one for one in known_now.product_types if one.code == product_type.code), None)
    for code in (*product_type.product_attributes, *product_type.variant_attributes):
        if code not in known:
            text = f"There is no attribute {code}."
            raise Invalid(detail=text, errors=[FieldError("product_attributes", "unknown", text)])
    async with parts.database.transaction() as tx:
        saved_id = await navigation.save_product_type(tx, product_type=product_type, new_id=new_id())
        if saved_id is None:
            raise Conflict("version_conflict", "Somebody else has saved it meanwhile: load it again.")
        await parts.announce_navigation(tx, saved_id)
        await _tell(parts, tx, ctx, "product_type", before, product_type)


async def save_channel(parts: Parts, ctx: Context, *, channel: Channel) -> None:
    """Raises Invalid for a currency or time zone that is none, Conflict("channel_has_prices") when the
    currency of prices would change."""
    if len(channel.currency) != 3 or not channel.currency.isalpha() or not channel.currency.isupper():
        text = "A currency is three capital letters, for example EUR."
        raise Invalid(detail=text, errors=[FieldError("currency", "invalid", text)])
    exponent(channel.currency)
    _check_time_zone(channel.time_zone)
    before = (await parts.navigation()).channels.get(channel.code)
    async with parts.database.transaction() as tx:
        if await navigation.channel_has_prices_in_another_currency(
            tx, code=channel.code, currency=channel.currency
        ):
            raise Conflict(
                "channel_has_prices", "The channel has prices: its currency cannot change any more."
            )
        saved_id = await navigation.save_channel(tx, channel=channel, new_id=new_id())
        await parts.announce_navigation(tx, saved_id)
        await changes.mark_all(tx)
        await _tell(parts, tx, ctx, "channel", before, channel)


def _check_time_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        text = "A time zone is named like Europe/Amsterdam."
        raise Invalid(detail=text, errors=[FieldError("time_zone", "unknown", text)]) from None


async def save_shop(
    parts: Parts,
    ctx: Context,
    *,
    name: str,
    tagline: str,
    announcement: str,
    hero: bytes | None,
    hero_alt: str,
) -> None:
    """Raises NotFound for an unknown channel, Invalid("image_…")."""
    known = await parts.navigation()
    known.channel(ctx.channel)
    before = known.shops[ctx.channel][0] if ctx.channel in known.shops else None
    image = await _accepted(parts, hero, hero_alt)
    async with parts.database.transaction() as tx:
        await navigation.save_shop(
            tx, channel=ctx.channel, name=name.strip(), tagline=tagline.strip(),
            announcement=announcement.strip(), hero=image,
        )  # fmt: skip
        await parts.announce_navigation(tx, new_id())
        after = {"name": name.strip(), "tagline": tagline.strip(), "announcement": announcement.strip()}
        await parts.acted(
            tx, ctx, "shop.changed", ("channel", ctx.channel), label=name, before=before, after=after,
            only=after.keys(),
        )  # fmt: skip


async def _tell(
    parts: Parts, tx: Tx, ctx: Context, kind: str, before: Named | None, after: Named | None
) -> None:
    """An act on something that has a code, or an id and a slug."""
    found = after or before
    assert found is not None
    done = "created" if before is None else "deleted" if after is None else "changed"
    about = found.id if isinstance(found, CategoryRecord | CollectionRecord) else found.code
    label = found.label if isinstance(found, Attribute) else found.name
    await parts.acted(
        tx, ctx, f"{kind}.{done}", (kind, about), label=label,
        before=before and _facts(before), after=after and _facts(after),
    )  # fmt: skip


def _facts(found: Named) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(found).items() if name not in _UNTOLD}


_UNTOLD = frozenset({"id", "version", "lineage", "path"})


def _slug_taken(slug: str) -> Conflict:
    text = f"The slug {slug} is taken."
    return Conflict("slug_taken", text, errors=[FieldError("slug", "slug_taken", text)])
