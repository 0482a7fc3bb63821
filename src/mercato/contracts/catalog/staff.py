"""What staff writes and reads: whole products, attributes, product types."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from mercato.contracts.catalog.products import (
    AttributeKind,
    Image,
    Option,
    OptionValue,
    PriceAmount,
    ProductStatus,
    Seo,
    Sku,
    Slug,
)
from mercato.contracts.shared import Code, LongText, ShortText, Whole
from mercato.kernel.money import Money


class VariantInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sku: Sku
    price: PriceAmount
    """Minor units of the channel's currency."""
    compare_at_price: PriceAmount | None = None
    options: dict[str, str] = {}
    barcode: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    weight_g: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0
    on_hand: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] | None = None
    """Opening stock for a new variant; later changes go through stock."""
    image_ids: list[UUID] = []
    id: UUID | None = None


class OptionInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    label: ShortText
    values: list[OptionValue]


class ProductInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole product as staff saves it; used for create and for replace."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    slug: Slug | None = None
    """Made from the name when missing."""
    maker: ShortText = ""
    description: LongText = ""
    status: ProductStatus = ProductStatus.DRAFT
    product_type: Code = "default"
    category: Code | None = None
    collections: list[Code] = []
    attributes: dict[str, Any] = {}
    details: dict[str, str] = {}
    options: Annotated[list[OptionInput], msgspec.Meta(max_length=5)] = []
    variants: Annotated[list[VariantInput], msgspec.Meta(min_length=1, max_length=250)]
    seo_title: ShortText = ""
    seo_description: Annotated[str, msgspec.Meta(max_length=500)] = ""
    tax_class: Code = "standard"
    external_reference: ShortText | None = None


class AdminVariant(msgspec.Struct, frozen=True):
    id: UUID
    sku: str
    barcode: str | None
    options: dict[str, str]
    price: Money
    compare_at_price: Money | None
    weight_g: int
    available: int
    image_ids: list[UUID]


class AdminProduct(msgspec.Struct, frozen=True):
    """A product with everything staff may edit."""

    id: UUID
    slug: str
    name: str
    maker: str
    description: str
    status: ProductStatus
    product_type: str
    category: str | None
    collections: list[str]
    attributes: dict[str, Any]
    details: dict[str, str]
    options: list[Option]
    variants: list[AdminVariant]
    images: list[Image]
    seo: Seo
    tax_class: str
    external_reference: str | None
    why_hidden: list[str]
    """Each reason why shoppers do not see it; empty when it is on sale."""
    version: int
    created_at: datetime
    updated_at: datetime


class AdminProductRow(msgspec.Struct, frozen=True):
    id: UUID
    slug: str
    name: str
    maker: str
    status: ProductStatus
    category: str | None
    image: Image | None
    variant_count: int
    price_min: Money
    price_max: Money
    available: int
    updated_at: datetime
    version: int


class Attribute(msgspec.Struct, frozen=True):
    code: Code
    label: ShortText
    kind: AttributeKind
    unit: ShortText | None
    values: list[OptionValue]
    is_filterable: bool
    position: Whole


class ProductType(msgspec.Struct, frozen=True):
    code: Code
    name: ShortText
    product_attributes: list[Code]
    variant_attributes: list[Code]
    version: Whole
