"""The catalog behind its contract: checks permissions, calls one action, returns structs."""

import asyncio
from datetime import datetime
from uuid import UUID

from mercato.catalog.actions import change_product, edit_navigation, save_products
from mercato.catalog.actions.import_file import start_import
from mercato.catalog.actions.make_products import make_products
from mercato.catalog.navigation import Navigation
from mercato.catalog.parts import Parts
from mercato.catalog.records import ProductRecord
from mercato.catalog.search.documents import key_of
from mercato.catalog.search.index import IndexFolder
from mercato.catalog.shopping import Shopping
from mercato.catalog.store import imports as import_store
from mercato.catalog.store import listing as list_store
from mercato.catalog.store import products as store
from mercato.catalog.views import admin_product_of, admin_row_of, image_of
from mercato.contracts.catalog import (
    AdminProduct,
    AdminProductRow,
    Attribute,
    Category,
    Channel,
    Collection,
    Image,
    ImportResult,
    ImportRow,
    ProductImport,
    ProductInput,
    ProductStatus,
    ProductType,
    SaleVariant,
    Shop,
)
from mercato.contracts.shared import DEFAULT_LIMIT, Page
from mercato.kernel import clock
from mercato.kernel.background.jobs import Jobs
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, FieldError, Invalid, NotFound, Unavailable
from mercato.kernel.pages import decode_cursor, encode_cursor

READ = "read_products"
WRITE = "write_products"
WRITE_NAVIGATION = "write_categories"
WRITE_SETTINGS = "write_settings"

CODES_MAX = 10_000
REBUILD_TIMEOUT_S = 300.0
CATCH_UP_TIMEOUT_S = 3.0
POLL_S = 0.05


class CatalogService(Shopping):
    """Implements `contracts.catalog.Catalog`; the methods that anyone may call are in `Shopping`."""

    def __init__(self, parts: Parts, folder: IndexFolder, jobs: Jobs) -> None:
        super().__init__(parts.database, parts.memory, folder, parts.media.rendition)
        self._parts = parts
        self._jobs = jobs

    async def admin_products(
        self,
        ctx: Context,
        *,
        query: str = "",
        status: ProductStatus | None = None,
        category: str | None = None,
        sort: str = "-updated_at",
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[AdminProductRow]:
        ctx.principal.require(READ)
        navigation = await self._memory.navigation()
        if not list_store.is_admin_sort(sort):
            text = "Sort by updated_at, created_at or name, with a minus for the other way."
            raise Invalid(detail=text, errors=[FieldError("sort", "unknown", text)])
        kind = tuple[str, UUID] if sort.endswith("name") else tuple[datetime, UUID]
        found, total = await list_store.admin_page(
            self._database,
            query=query.strip(),
            status=status,
            category_id=navigation.category(category).id if category else None,
            sort=sort,
            after=decode_cursor(cursor, kind) if cursor else None,
            limit=limit,
        )
        ids = [product_id for _, product_id in found]
        records = {one.id: one for one in await store.by_ids(self._database, product_ids=ids)}
        shown = [records[one] for one in ids if one in records]
        available = await self._available(ctx, shown)
        channel = navigation.channel(ctx.channel)
        return Page(
            items=[admin_row_of(one, channel, navigation, available) for one in shown],
            next_cursor=encode_cursor(found[-1]) if len(found) == limit else None,
            total=total,
        )

    async def export_products(
        self, ctx: Context, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[AdminProduct]:
        ctx.principal.require(READ)
        (after,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=0),)
        found = await store.after(self._database, product_id=after, limit=limit)
        items = await self._admin_products(ctx, found)
        return Page(items, encode_cursor((found[-1].id,)) if len(found) == limit else None)

    async def admin_product(self, ctx: Context, *, product_id: UUID) -> AdminProduct:
        ctx.principal.require(READ)
        product = await save_products.existing_product(self._parts, product_id)
        return (await self._admin_products(ctx, [product]))[0]

    async def create_product(self, ctx: Context, *, product: ProductInput) -> AdminProduct:
        ctx.principal.require(WRITE)
        product_id = await save_products.create_product(self._parts, ctx, product=product)
        return await self._saved(ctx, product_id)

    async def update_product(
        self, ctx: Context, *, product_id: UUID, version: int, product: ProductInput
    ) -> AdminProduct:
        ctx.principal.require(WRITE)
        await save_products.update_product(
            self._parts, ctx, product_id=product_id, version=version, product=product
        )
        return await self._saved(ctx, product_id)

    async def set_status(
        self, ctx: Context, *, product_id: UUID, version: int, status: ProductStatus
    ) -> AdminProduct:
        ctx.principal.require(WRITE)
        await change_product.set_status(
            self._parts, ctx, product_id=product_id, version=version, status=status
        )
        return await self._saved(ctx, product_id)

    async def set_price(
        self, ctx: Context, *, variant_id: UUID, price: int, compare_at_price: int | None = None
    ) -> AdminProduct:
        ctx.principal.require_in(WRITE, ctx.channel)
        product_id = await change_product.set_price(
            self._parts, ctx, variant_id=variant_id, price=price, compare_at_price=compare_at_price
        )
        return await self._saved(ctx, product_id)

    async def delete_product(self, ctx: Context, *, product_id: UUID, version: int) -> None:
        ctx.principal.require(WRITE)
        await change_product.delete_product(self._parts, ctx, product_id=product_id, version=version)

    async def upload_image(
        self,
        ctx: Context,
        *,
        product_id: UUID,
        content: bytes,
        alt: str,
        file_name: str = "",
        variant_skus: list[str] | None = None,
    ) -> Image:
        ctx.principal.require(WRITE)
        record = await change_product.upload_image(
            self._parts, ctx, product_id=product_id, content=content, alt=alt, variant_skus=variant_skus or []
        )
        return image_of(record)

    async def update_image(
        self,
        ctx: Context,
        *,
        product_id: UUID,
        image_id: UUID,
        alt: str | None = None,
        position: int | None = None,
    ) -> AdminProduct:
        ctx.principal.require(WRITE)
        await change_product.update_image(
            self._parts, ctx, product_id=product_id, image_id=image_id, alt=alt, position=position
        )
        return await self._saved(ctx, product_id)

    async def delete_image(self, ctx: Context, *, product_id: UUID, image_id: UUID) -> AdminProduct:
        ctx.principal.require(WRITE)
        await change_product.delete_image(self._parts, ctx, product_id=product_id, image_id=image_id)
        return await self._saved(ctx, product_id)

    async def save_category(
        self,
        ctx: Context,
        *,
        slug: str,
        name: str,
        description: str = "",
        parent: str | None = None,
        position: int = 0,
        category_id: UUID | None = None,
        version: int | None = None,
        image: bytes | None = None,
        image_alt: str = "",
    ) -> Category:
        ctx.principal.require(WRITE_NAVIGATION)
        saved = await edit_navigation.save_category(
            self._parts, ctx, slug=slug, name=name, description=description, parent=parent, position=position,
            category_id=category_id, version=version, image=image, image_alt=image_alt,
        )  # fmt: skip
        return next(one for one in await self.categories(ctx) if one.id == saved)

    async def delete_category(self, ctx: Context, *, category_id: UUID, version: int) -> None:
        ctx.principal.require(WRITE_NAVIGATION)
        await edit_navigation.delete_category(self._parts, ctx, category_id=category_id, version=version)

    async def save_collection(
        self,
        ctx: Context,
        *,
        slug: str,
        name: str,
        description: str = "",
        position: int = 0,
        collection_id: UUID | None = None,
        version: int | None = None,
    ) -> Collection:
        ctx.principal.require(WRITE_NAVIGATION)
        saved = await edit_navigation.save_collection(
            self._parts, ctx, slug=slug, name=name, description=description, position=position,
            collection_id=collection_id, version=version,
        )  # fmt: skip
        return next(one for one in await self.collections(ctx) if one.id == saved)

    async def delete_collection(self, ctx: Context, *, collection_id: UUID, version: int) -> None:
        ctx.principal.require(WRITE_NAVIGATION)
        await edit_navigation.delete_collection(
            self._parts, ctx, collection_id=collection_id, version=version
        )

    async def save_attribute(self, ctx: Context, *, attribute: Attribute) -> Attribute:
        ctx.principal.require(WRITE)
        await edit_navigation.save_attribute(self._parts, ctx, attribute=attribute)
        return (await self._memory.navigation()).attributes[attribute.code]

    async def save_product_type(self, ctx: Context, *, product_type: ProductType) -> ProductType:
        ctx.principal.require(WRITE)
        await edit_navigation.save_product_type(self._parts, ctx, product_type=product_type)
        types = (await self._memory.navigation()).product_types
        return next(one for one in types if one.code == product_type.code)

    async def save_channel(self, ctx: Context, *, channel: Channel) -> Channel:
        ctx.principal.require(WRITE_SETTINGS)
        await edit_navigation.save_channel(self._parts, ctx, channel=channel)
        return (await self._memory.navigation()).channel(channel.code)

    async def save_shop(
        self,
        ctx: Context,
        *,
        name: str,
        tagline: str = "",
        announcement: str = "",
        hero: bytes | None = None,
        hero_alt: str = "",
    ) -> Shop:
        ctx.principal.require(WRITE_SETTINGS)
        await edit_navigation.save_shop(
            self._parts,
            ctx,
            name=name,
            tagline=tagline,
            announcement=announcement,
            hero=hero,
            hero_alt=hero_alt,
        )
        return await self.shop(ctx)

    async def import_products(
        self, ctx: Context, *, rows: list[ImportRow], dry_run: bool = False
    ) -> ImportResult:
        ctx.principal.require(WRITE)
        return await save_products.import_products(self._parts, ctx, rows=rows, dry_run=dry_run)

    async def start_import(
        self, ctx: Context, *, content: bytes, mapping: str = "mercato", dry_run: bool = False
    ) -> ProductImport:
        ctx.principal.require(WRITE)
        import_id = await start_import(
            self._parts, self._jobs, ctx, content=content, mapping=mapping, dry_run=dry_run
        )
        return await self.product_import(ctx, import_id=import_id)

    async def product_import(self, ctx: Context, *, import_id: UUID) -> ProductImport:
        ctx.principal.require(READ)
        found = await import_store.find(self._database, import_id=import_id)
        if found is None:
            raise NotFound("import_not_found", "There is no such import.")
        return found

    async def make_products(self, ctx: Context, *, first: int, count: int) -> int:
        ctx.principal.require(WRITE)
        return await make_products(self._parts, ctx, first=first, count=count)

    async def rebuild_search(self, ctx: Context) -> int:
        ctx.principal.require(WRITE)
        before = self._folder.state()
        self._folder.request_rebuild()
        self._parts.follower.hint()
        async with asyncio.timeout(REBUILD_TIMEOUT_S):
            # Another process may be the one that builds: its state file is all that we share with it.
            while (state := self._folder.state()) is None or (before and state.build == before.build):  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)
        self._folder.reload()
        return self._folder.searcher().num_docs

    async def variants_by_code(self, ctx: Context, *, codes: list[str]) -> dict[str, UUID]:
        ctx.principal.require("read_stock")
        if len(codes) > CODES_MAX:
            text = f"At most {CODES_MAX} codes at once."
            raise Invalid(detail=text, errors=[FieldError("codes", "out_of_range", text)])
        return await store.variants_by_code(self._database, codes=codes)

    async def waitable(self, ctx: Context, *, variant_id: UUID) -> SaleVariant:
        found = await self.sale_variants(ctx, variant_ids=[variant_id])
        if not found or not found[0].is_available:
            raise NotFound(detail="There is no such product.")
        (units,) = await self._parts.stock.available(ctx, variant_ids=[variant_id])
        if units.available > 0:
            raise Conflict("in_stock", "It is in stock: you can buy it now.", data={"path": found[0].path})
        return found[0]

    async def verify(self, ctx: Context) -> int:
        ctx.principal.require(READ)
        navigation = await self._memory.navigation()
        self._parts.follower.hint()
        until = clock.monotonic_s() + CATCH_UP_TIMEOUT_S
        # Another process may be the one that follows.
        while (wrong := await self._differences(navigation)) and clock.monotonic_s() < until:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
        return wrong

    async def _differences(self, navigation: Navigation) -> int:
        """Products whose document is missing, left over or of another version, as of now."""
        expected: dict[str, str] = {}
        async for batch in store.batches(self._database, size=1000):
            for product in batch:
                for channel in navigation.channels:
                    if product.is_on_sale_in(channel):
                        expected[key_of(channel, product.id)] = str(product.version)
        try:
            self._folder.reload()
            found = self._folder.keys()
        except ValueError:
            found = {}
        return len({key for key, _ in expected.items() ^ found.items()})

    async def _saved(self, ctx: Context, product_id: UUID) -> AdminProduct:
        """The answer to a write: staff who may write may see what they wrote."""
        product = await save_products.existing_product(self._parts, product_id)
        return (await self._admin_products(ctx, [product]))[0]

    async def _admin_products(self, ctx: Context, found: list[ProductRecord]) -> list[AdminProduct]:
        navigation = await self._memory.navigation()
        channel = navigation.channel(ctx.channel)
        available = await self._available(ctx, found)
        return [admin_product_of(product, channel, navigation, available) for product in found]

    async def _available(self, ctx: Context, found: list[ProductRecord]) -> dict[UUID, int]:
        """Units per variant; nothing when stock does not answer, because editing must go on."""
        variant_ids = [variant.id for product in found for variant in product.variants]
        try:
            units = await self._parts.stock.available(ctx, variant_ids=variant_ids)
        except Unavailable:
            return {}
        return {unit.variant_id: unit.available for unit in units}
