"""Products as the tables hold them: everything of one product in one struct, read by one statement."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from mercato.contracts.catalog import Option, ProductStatus
from mercato.contracts.stock import Availability


class PriceRecord(msgspec.Struct, frozen=True, gc=False):
    channel: str
    price_amount: int
    compare_at_amount: int | None
    lowest_30d_amount: int | None


class VariantRecord(msgspec.Struct, frozen=True):
    id: UUID
    sku: str
    barcode: str | None
    options: dict[str, str]
    weight_g: int
    image_ids: list[UUID]
    availability: Availability
    prices: list[PriceRecord]
    channel_availability: dict[str, Availability] = {}

    def availability_in(self, channel: str) -> Availability:
        """What shoppers of the channel are told: of its own locations, when it has such."""
        return self.channel_availability.get(channel, self.availability)

    def price(self, channel: str) -> PriceRecord | None:
        for price in self.prices:
            if price.channel == channel:
                return price
        return None


class ImageRecord(msgspec.Struct, frozen=True, gc=False):
    """A stored picture, of a product or of a category or the shop (then `id` is not a row of its own)."""

    id: UUID
    key: str
    alt: str
    width: int
    height: int


class ProductRecord(msgspec.Struct, frozen=True):
    """One product with its variants, prices of every channel, images and collections."""

    id: UUID
    slug: str
    name: str
    maker: str
    description: str
    status: ProductStatus
    product_type: str
    category_id: UUID | None
    attributes: dict[str, Any]
    details: dict[str, str]
    options: list[Option]
    seo_title: str
    seo_description: str
    tax_class: str
    external_reference: str | None
    units_sold: int
    version: int
    created_at: datetime
    updated_at: datetime
    variants: list[VariantRecord]
    images: list[ImageRecord]
    collection_ids: list[UUID]

    def is_on_sale_in(self, channel: str) -> bool:
        """Whether shoppers of `channel` find it: active, with a variant that has a price there."""
        return self.status is ProductStatus.ACTIVE and any(v.price(channel) for v in self.variants)


class CategoryRecord(msgspec.Struct, frozen=True):
    id: UUID
    slug: str
    name: str
    description: str
    parent_id: UUID | None
    path: str
    lineage: list[UUID]
    position: int
    image: ImageRecord | None
    version: int


class CollectionRecord(msgspec.Struct, frozen=True, gc=False):
    id: UUID
    slug: str
    name: str
    description: str
    position: int
    version: int


class SaleRecord(msgspec.Struct, frozen=True):
    """One variant as carts need it."""

    id: UUID
    product_id: UUID
    category_id: UUID | None
    sku: str
    slug: str
    name: str
    status: ProductStatus
    product_options: list[Option]
    options: dict[str, str]
    image_key: str | None
    tax_class: str
    weight_g: int
    price_amount: int | None
    compare_at_amount: int | None
    collection_ids: list[UUID]
    is_gift_card: bool = False
