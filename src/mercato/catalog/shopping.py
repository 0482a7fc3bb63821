"""The shoppers' half of the catalog: reads, from memory and the search index."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from mercato.catalog.memory import Memory, uuid_of
from mercato.catalog.navigation import Navigation
from mercato.catalog.records import CategoryRecord, CollectionRecord
from mercato.catalog.search.index import IndexFolder
from mercato.catalog.search.listing import Listing, offset_of, sort_of
from mercato.catalog.search.suggest import suggestions
from mercato.catalog.store import listing as list_store
from mercato.catalog.store import products as store
from mercato.catalog.views import card_of, image_of, product_of
from mercato.contracts.catalog import (
    Attribute,
    Category,
    Channel,
    Collection,
    Product,
    ProductCard,
    ProductList,
    ProductQuery,
    ProductType,
    SaleVariant,
    Shop,
    Suggestions,
)
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Database
from mercato.kernel.errors import Gone, NotFound
from mercato.kernel.pages import encode_cursor
from mercato.kernel.texts import fold

log = structlog.get_logger()

DEFAULT_SHOP_NAME = "Mercato"
SUGGESTIONS_MAX = 20
FALLBACK_WORDS_MAX = 6
WARN_EVERY_S = 60.0


class Shopping:
    """Implements the reading methods of the contract that anyone may call."""

    def __init__(
        self,
        database: Database,
        memory: Memory,
        folder: IndexFolder,
        rendition: Callable[[str, int, str], Awaitable[bytes]],
    ) -> None:
        self._database = database
        self._memory = memory
        self._folder = folder
        self._listing: Listing | None = None
        self._rendition = rendition
        self._warned_until = 0.0
        self._counts: tuple[object, str, dict[str, int]] | None = None

    def open_index(self) -> None:
        """Listings come from the tables until this has succeeded."""
        self._folder.open()
        self._listing = Listing(self._folder)

    async def products(self, ctx: Context, *, query: ProductQuery) -> ProductList:
        navigation = await self._memory.navigation()
        channel = navigation.channel(ctx.channel)
        if self._listing is not None:
            try:
                return self._listing.products(query, channel=channel, navigation=navigation)
            except ValueError as error:
                self._warn(error)
        return await self._products_from_tables(query, channel, navigation)

    async def product(self, ctx: Context, *, slug_or_id: str) -> Product:
        navigation = await self._memory.navigation()
        channel = navigation.channel(ctx.channel)
        found = await self._memory.product(slug_or_id)
        if found is None:
            await self._refuse_former(slug_or_id)
        if found is None or not found.is_on_sale_in(channel.code) or not channel.is_active:
            raise NotFound("product_not_found", "There is no such product.")
        return product_of(found, channel, navigation)

    async def products_by_id(self, ctx: Context, *, product_ids: list[UUID]) -> list[ProductCard]:
        navigation = await self._memory.navigation()
        channel = navigation.channel(ctx.channel)
        found = {
            product.id: card_of(product, channel, navigation)
            for product in await store.by_ids(self._database, product_ids=product_ids)
            if product.is_on_sale_in(channel.code)
        }
        return [found[product_id] for product_id in product_ids if product_id in found]

    async def sale_variants(self, ctx: Context, *, variant_ids: list[UUID]) -> list[SaleVariant]:
        return await self._memory.sale_variants(variant_ids, channel=ctx.channel)

    async def suggest(self, ctx: Context, *, q: str, limit: int = 8) -> Suggestions:
        navigation = await self._memory.navigation()
        channel = navigation.channel(ctx.channel)
        if self._listing is None:
            return Suggestions([], [], [])
        try:
            return suggestions(
                q[:200],
                limit=min(max(1, limit), SUGGESTIONS_MAX),
                searcher=self._folder.searcher(),
                listing=self._listing,
                channel=channel,
                navigation=navigation,
            )
        except ValueError as error:
            self._warn(error)
            return Suggestions([], [], [])

    async def categories(self, ctx: Context) -> list[Category]:
        navigation = await self._memory.navigation()
        counts = await self._product_counts(ctx.channel)
        return [_category(one, navigation, counts) for one in navigation.categories]

    async def category(self, ctx: Context, *, slug: str) -> Category:
        navigation = await self._memory.navigation()
        counts = await self._product_counts(ctx.channel)
        return _category(navigation.category(slug), navigation, counts)

    async def collections(self, ctx: Context) -> list[Collection]:
        navigation = await self._memory.navigation()
        counts = await self._product_counts(ctx.channel)
        return [_collection(one, counts) for one in navigation.collections]

    async def collection(self, ctx: Context, *, slug: str) -> Collection:
        navigation = await self._memory.navigation()
        counts = await self._product_counts(ctx.channel)
        return _collection(navigation.collection(slug), counts)

    async def channel(self, ctx: Context, *, code: str) -> Channel:
        return (await self._memory.navigation()).channel(code)

    async def shop(self, ctx: Context) -> Shop:
        navigation = await self._memory.navigation()
        channel = navigation.channel(ctx.channel)
        kept = navigation.shops.get(channel.code)
        if kept is None:
            return Shop(channel.code, DEFAULT_SHOP_NAME, "", "", None, 0)
        shop, hero = kept
        return Shop(
            shop.channel, shop.name, shop.tagline, shop.announcement,
            image_of(hero) if hero else None, shop.version,
        )  # fmt: skip

    async def rendition(self, ctx: Context, *, key: str, width: int, image_format: str) -> bytes:
        return await self._rendition(key, width, image_format)

    async def attributes(self, ctx: Context) -> list[Attribute]:
        return list((await self._memory.navigation()).attributes.values())

    async def product_types(self, ctx: Context) -> list[ProductType]:
        return (await self._memory.navigation()).product_types

    def _warn(self, error: ValueError) -> None:
        """At most once in a while: an index that is being built is asked often."""
        now = clock.monotonic_s()
        if now > self._warned_until:
            self._warned_until = now + WARN_EVERY_S
            log.warning("listings come from the database", error=str(error))

    async def _refuse_former(self, slug_or_id: str) -> None:
        """Raises Gone for a deleted product, NotFound with the new slug for a renamed one."""
        product_id = uuid_of(slug_or_id)
        if product_id is None:
            product_id = await store.product_of_old_slug(self._database, slug=slug_or_id)
        if product_id is None:
            return
        renamed = await store.by_id(self._database, product_id=product_id)
        if renamed is not None:
            text = "The product has a new address."
            raise NotFound("product_moved", text, data={"slug": renamed.slug})
        if await store.was_deleted(self._database, product_id=product_id):
            raise Gone("product_deleted", "This product is no longer sold.")

    async def _product_counts(self, channel: str) -> dict[str, int]:
        """Category or collection id → products on sale; from the index, kept while it stays the same."""
        if self._listing is None:
            return await list_store.counts(self._database, channel=channel)
        try:
            self._folder.searcher()
            kept = self._counts
            if kept is not None and kept[:2] == (self._folder.generation, channel):
                return kept[2]
            counts = self._listing.counts("category", channel=channel)
            counts |= self._listing.counts("collection", channel=channel)
        except ValueError as error:
            self._warn(error)
            return await list_store.counts(self._database, channel=channel)
        self._counts = (self._folder.generation, channel, counts)
        return counts

    async def _products_from_tables(
        self, query: ProductQuery, channel: Channel, navigation: Navigation
    ) -> ProductList:
        """The same list without facets, typing errors and attribute filters: better than none."""
        offset = offset_of(query)
        ids, total = await list_store.shop_page(
            self._database,
            words=fold(query.q).split()[:FALLBACK_WORDS_MAX],
            channel=channel.code,
            category_id=navigation.category(query.category).id if query.category else None,
            collection_id=navigation.collection(query.collection).id if query.collection else None,
            price_min=query.price_min,
            price_max=query.price_max,
            in_stock=query.in_stock,
            sort=sort_of(query),
            offset=offset,
            limit=query.limit,
        )
        found = {product.id: product for product in await store.by_ids(self._database, product_ids=ids)}
        items = [card_of(found[one], channel, navigation) for one in ids if one in found]
        following = offset + len(ids)
        return ProductList(
            items=items,
            total=total,
            next_cursor=encode_cursor((following,)) if following < total else None,
            facets=[] if query.facets else None,
        )


def _category(record: CategoryRecord, navigation: Navigation, counts: dict[str, int]) -> Category:
    return Category(
        id=record.id,
        slug=record.slug,
        name=record.name,
        description=record.description,
        path=record.path,
        parent_id=record.parent_id,
        position=record.position,
        image=image_of(record.image) if record.image else None,
        breadcrumbs=navigation.breadcrumbs(record),
        product_count=counts.get(str(record.id), 0),
        version=record.version,
    )


def _collection(record: CollectionRecord, counts: dict[str, int]) -> Collection:
    return Collection(
        id=record.id,
        slug=record.slug,
        name=record.name,
        description=record.description,
        position=record.position,
        product_count=counts.get(str(record.id), 0),
        version=record.version,
    )
