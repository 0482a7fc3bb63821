"""Smaller changes of one product: status, price, deletion, pictures."""

from uuid import UUID

from mercato.catalog.actions.save_products import existing_product, refuse_stale_in
from mercato.catalog.parts import Changed, Parts
from mercato.catalog.pictures import Picture, key_of
from mercato.catalog.records import ImageRecord, ProductRecord
from mercato.catalog.store import products, writing
from mercato.catalog.told import facts, facts_of, tell
from mercato.contracts.catalog import ProductStatus
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import FieldError, Invalid, NotFound
from mercato.kernel.ids import new_id

IMAGES_MAX = 50


def changed_of(product: ProductRecord, *, is_deleted: bool = False) -> Changed:
    variant_ids = [variant.id for variant in product.variants]
    return Changed(product.id, product.slug, variant_ids, is_deleted)


async def set_status(
    parts: Parts, ctx: Context, *, product_id: UUID, version: int, status: ProductStatus
) -> None:
    """Raises NotFound, Gone, Conflict("version_conflict"). The same status again changes nothing."""
    product = await existing_product(parts, product_id)
    async with parts.database.transaction() as tx:
        locked = await writing.lock(tx, product_ids=[product_id])
        await refuse_stale_in(tx, locked, product_id, version)
        if product.status is not status:
            await writing.touch(tx, product_id=product_id, at=clock.now(), status=status)
            await parts.announce(tx, [changed_of(product)])
            await tell(parts, tx, ctx, "product.status_set", product_id, facts_of(product))


async def set_price(
    parts: Parts, ctx: Context, *, variant_id: UUID, price: int, compare_at_price: int | None
) -> UUID:
    """Returns the product. Raises NotFound, Invalid when the former price is not higher."""
    if compare_at_price is not None and compare_at_price <= price:
        text = "The former price must be higher than the price."
        raise Invalid(detail=text, errors=[FieldError("compare_at_price", "too_low", text)])
    (await parts.navigation()).channel(ctx.channel)
    product_id = await products.product_of_variant(parts.database, variant_id=variant_id)
    if product_id is None:
        raise NotFound("variant_not_found", "There is no such variant.")
    product = await existing_product(parts, product_id)
    at = clock.now()
    async with parts.database.transaction() as tx:
        await _lock_existing(tx, product_id)
        before = await facts(tx, ctx, product_id)
        await writing.set_price_amounts(
            tx, prices=[(variant_id, price, compare_at_price)], channel=ctx.channel, at=at
        )
        await writing.touch(tx, product_id=product_id, at=at)
        await parts.announce(tx, [changed_of(product)])
        await tell(parts, tx, ctx, "product.price_set", product_id, before)
    return product_id


async def delete_product(parts: Parts, ctx: Context, *, product_id: UUID, version: int) -> None:
    """Raises NotFound, Gone, Conflict("version_conflict")."""
    product = await existing_product(parts, product_id)
    async with parts.database.transaction() as tx:
        locked = await writing.lock(tx, product_ids=[product_id])
        await refuse_stale_in(tx, locked, product_id, version)
        await writing.delete(tx, product_id=product_id)
        await parts.announce(tx, [changed_of(product, is_deleted=True)])
        await tell(parts, tx, ctx, "product.deleted", product_id, facts_of(product))


async def upload_image(
    parts: Parts, ctx: Context, *, product_id: UUID, content: bytes, alt: str, variant_skus: list[str]
) -> ImageRecord:
    """Raises NotFound, Gone, Invalid("image_…"), Invalid("too_many_images")."""
    product = await existing_product(parts, product_id)
    if len(product.images) >= IMAGES_MAX:
        raise Invalid("too_many_images", f"A product has at most {IMAGES_MAX} pictures.")
    known = _known_image(product, key_of(content), alt.strip(), variant_skus)
    if known is not None:
        return known
    size = await products.picture_size(parts.database, key=key_of(content))
    picture = Picture(key_of(content), content, *size) if size else await parts.media.accept(content)
    async with parts.database.transaction() as tx:
        await _lock_existing(tx, product_id)
        before = await facts(tx, ctx, product_id)
        image_id = await writing.insert_image(
            tx, image_id=new_id(), product_id=product_id, key=picture.key, alt=alt.strip(),
            width=picture.width, height=picture.height,
        )  # fmt: skip
        if variant_skus:
            await writing.show_variants(tx, product_id=product_id, image_id=image_id, skus=variant_skus)
        await writing.touch(tx, product_id=product_id, at=clock.now())
        await parts.announce(tx, [changed_of(product)])
        await tell(parts, tx, ctx, "product.image_added", product_id, before)
    return ImageRecord(image_id, picture.key, alt.strip(), picture.width, picture.height)


async def update_image(
    parts: Parts, ctx: Context, *, product_id: UUID, image_id: UUID, alt: str | None, position: int | None
) -> None:
    """Raises NotFound, Gone."""
    product = await existing_product(parts, product_id)
    _require_image(product, image_id)
    order = [image.id for image in product.images if image.id != image_id]
    async with parts.database.transaction() as tx:
        await _lock_existing(tx, product_id)
        before = await facts(tx, ctx, product_id)
        await writing.update_image(tx, image_id=image_id, alt=alt)
        if position is not None:
            order.insert(max(0, position), image_id)
            await writing.order_images(tx, image_ids=order)
        await writing.touch(tx, product_id=product_id, at=clock.now())
        await parts.announce(tx, [changed_of(product)])
        await tell(parts, tx, ctx, "product.image_changed", product_id, before)


async def delete_image(parts: Parts, ctx: Context, *, product_id: UUID, image_id: UUID) -> None:
    """Raises NotFound, Gone. The stored picture stays: others may show the same one."""
    product = await existing_product(parts, product_id)
    _require_image(product, image_id)
    async with parts.database.transaction() as tx:
        await _lock_existing(tx, product_id)
        before = await facts(tx, ctx, product_id)
        await writing.delete_image(tx, product_id=product_id, image_id=image_id)
        await writing.touch(tx, product_id=product_id, at=clock.now())
        await parts.announce(tx, [changed_of(product)])
        await tell(parts, tx, ctx, "product.image_deleted", product_id, before)


def _known_image(product: ProductRecord, key: str, alt: str, skus: list[str]) -> ImageRecord | None:
    """The picture when the product has it already, with this text and for these variants."""
    for image in product.images:
        if (image.key, image.alt) == (key, alt):
            shown = {variant.sku for variant in product.variants if image.id in variant.image_ids}
            return image if set(skus) <= shown else None
    return None


def _require_image(product: ProductRecord, image_id: UUID) -> None:
    if all(image.id != image_id for image in product.images):
        raise NotFound("image_not_found", "The product has no such picture.")


async def _lock_existing(tx: Tx, product_id: UUID) -> None:
    if not await writing.lock(tx, product_ids=[product_id]):
        raise NotFound("product_not_found", "There is no such product.")
