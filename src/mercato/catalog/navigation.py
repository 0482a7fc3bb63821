"""The shop's small tables as one snapshot in memory: categories, collections, attributes, channels, texts."""

from uuid import UUID

import msgspec

from mercato.catalog.records import CategoryRecord, CollectionRecord, ImageRecord
from mercato.catalog.store import navigation as store
from mercato.contracts.catalog import Attribute, Breadcrumb, Channel, ProductType, Shop
from mercato.kernel.db import Queries
from mercato.kernel.errors import NotFound


class Navigation(msgspec.Struct, frozen=True):
    """Everything that is small, read together and replaced together."""

    categories: list[CategoryRecord]
    collections: list[CollectionRecord]
    attributes: dict[str, Attribute]
    product_types: list[ProductType]
    channels: dict[str, Channel]
    shops: dict[str, tuple[Shop, ImageRecord | None]]
    category_by_id: dict[UUID, CategoryRecord]
    category_by_slug: dict[str, CategoryRecord]
    collection_by_slug: dict[str, CollectionRecord]

    def channel(self, code: str) -> Channel:
        """Raises NotFound."""
        found = self.channels.get(code)
        if found is None:
            raise NotFound("channel_not_found", f"There is no channel {code}.")
        return found

    def category(self, slug: str) -> CategoryRecord:
        """Raises NotFound."""
        found = self.category_by_slug.get(slug)
        if found is None:
            raise NotFound("category_not_found", "There is no such category.")
        return found

    def collection(self, slug: str) -> CollectionRecord:
        """Raises NotFound."""
        found = self.collection_by_slug.get(slug)
        if found is None:
            raise NotFound("collection_not_found", "There is no such collection.")
        return found

    def breadcrumb(self, category: CategoryRecord) -> Breadcrumb:
        return Breadcrumb(category.name, category.slug, category.path)

    def breadcrumbs(self, category: CategoryRecord) -> list[Breadcrumb]:
        """From the root to the category itself."""
        return [
            self.breadcrumb(self.category_by_id[one])
            for one in category.lineage
            if one in self.category_by_id
        ]


async def read_navigation(db: Queries) -> Navigation:
    categories = await store.categories(db)
    collections = await store.collections(db)
    return Navigation(
        categories=_in_tree_order(categories),
        collections=collections,
        attributes={attribute.code: attribute for attribute in await store.attributes(db)},
        product_types=await store.product_types(db),
        channels={channel.code: channel for channel in await store.channels(db)},
        shops={shop.channel: (shop, hero) for shop, hero in await store.shops(db)},
        category_by_id={category.id: category for category in categories},
        category_by_slug={category.slug: category for category in categories},
        collection_by_slug={collection.slug: collection for collection in collections},
    )


def _in_tree_order(categories: list[CategoryRecord]) -> list[CategoryRecord]:
    """Each category directly followed by what is below it."""
    children: dict[UUID | None, list[CategoryRecord]] = {}
    for category in categories:
        children.setdefault(category.parent_id, []).append(category)
    ordered: list[CategoryRecord] = []
    waiting = list(reversed(children.get(None, [])))
    while waiting:
        category = waiting.pop()
        ordered.append(category)
        waiting.extend(reversed(children.get(category.id, [])))
    return ordered
