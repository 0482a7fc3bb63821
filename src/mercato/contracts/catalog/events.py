"""What the catalog publishes."""

from typing import ClassVar
from uuid import UUID

from mercato.kernel.messaging.events import Event


class ProductChanged(Event, frozen=True):
    """A product was created, changed, archived or deleted: caches and the search index follow."""

    subject: ClassVar[str] = "catalog.product_changed"
    product_id: UUID
    slug: str
    variant_ids: list[UUID]
    is_deleted: bool = False

    @property
    def key(self) -> UUID:
        return self.product_id


class NavigationChanged(Event, frozen=True):
    """Categories, collections, attributes or channels changed: every cached page may be stale."""

    subject: ClassVar[str] = "catalog.navigation_changed"
    changed_id: UUID

    @property
    def key(self) -> UUID:
        return self.changed_id
