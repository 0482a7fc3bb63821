"""What shoppers see: products, lists, facets, categories; and what carts and orders take of a variant."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from urllib.parse import quote
from uuid import UUID

import msgspec

from mercato.contracts.shared import DEFAULT_LIMIT, Code, Limit, MinorUnits, ShortText
from mercato.contracts.stock import Availability
from mercato.kernel.money import Money

Slug = Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Sku = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
PriceAmount = MinorUnits
OptionText = Annotated[str, msgspec.Meta(max_length=500)]


GIFT_CARD: Final = "gift_card"
"""The type of products that are gift cards, and their tax class: none is due unless it has a rate."""


class ProductStatus(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    ARCHIVED = "archived"


class AttributeKind(StrEnum):
    SELECT = "select"
    MULTISELECT = "multiselect"
    SWATCH = "swatch"
    NUMBER = "number"
    TEXT = "text"
    RICH_TEXT = "rich_text"
    BOOLEAN = "boolean"
    DATE = "date"


class Image(msgspec.Struct, frozen=True, gc=False):
    """A picture. `url` is the page-size rendition; others follow `/media/<key>-<width>.<format>`."""

    id: UUID
    key: str
    url: str
    alt: str
    width: int
    height: int


class OptionValue(msgspec.Struct, frozen=True, gc=False):
    value: OptionText
    label: OptionText
    swatch: ShortText | None = None


class Option(msgspec.Struct, frozen=True):
    code: str
    label: str
    values: list[OptionValue]


class AttributeValue(msgspec.Struct, frozen=True, gc=False):
    code: str
    label: str
    value: str


class Breadcrumb(msgspec.Struct, frozen=True, gc=False):
    name: str
    slug: str
    path: str


class Rating(msgspec.Struct, frozen=True, gc=False):
    average: float
    count: int


class Seo(msgspec.Struct, frozen=True, gc=False):
    title: str
    description: str


class Variant(msgspec.Struct, frozen=True):
    """The sellable form of a product as shoppers see it. Prices are of the context's channel."""

    id: UUID
    sku: str
    options: dict[str, str]
    price: Money
    compare_at_price: Money | None
    lowest_price_30d: Money | None
    availability: Availability
    images: list[UUID]
    """Ids of the product's images that show this variant; empty means all."""


class Product(msgspec.Struct, frozen=True):
    """A product page's worth of data."""

    id: UUID
    slug: str
    name: str
    maker: str
    description: str
    """HTML, cleaned when it was written: a few tags of running text."""
    category: Breadcrumb | None
    breadcrumbs: list[Breadcrumb]
    collections: list[str]
    attributes: list[AttributeValue]
    options: list[Option]
    images: list[Image]
    variants: list[Variant]
    rating: Rating | None
    seo: Seo
    version: int
    created_at: datetime
    updated_at: datetime
    details: dict[str, str] = {}
    """Short named texts such as dimensions, material, care."""
    is_gift_card: bool = False


class ProductCard(msgspec.Struct, frozen=True):
    """A product in a list. `price` is the lowest of its variants, `price_max` the highest."""

    id: UUID
    slug: str
    name: str
    maker: str
    price: Money
    price_max: Money
    compare_at_price: Money | None
    image: Image | None
    availability: Availability
    rating: Rating | None
    swatches: list[str]
    is_new: bool
    single_variant_id: UUID | None
    """Set when there is nothing to choose, so that a card can add to the cart at once."""
    second_image: Image | None = None


class FacetValue(msgspec.Struct, frozen=True, gc=False):
    value: str
    label: str
    count: int
    is_selected: bool = msgspec.field(name="selected", default=False)
    swatch: str | None = None


class Facet(msgspec.Struct, frozen=True):
    code: str
    label: str
    values: list[FacetValue]


class ProductList(msgspec.Struct, frozen=True):
    items: list[ProductCard]
    total: int
    next_cursor: str | None = None
    facets: list[Facet] | None = None
    did_you_mean: str | None = None
    price_min: Money | None = None
    price_max: Money | None = None


class ProductSort(StrEnum):
    RELEVANCE = "relevance"
    NAME = "name"
    PRICE = "price"
    PRICE_DESCENDING = "-price"
    NEWEST = "newest"
    BEST_SELLING = "best_selling"


class ProductQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A listing or a search. Values of one attribute are alternatives, attributes narrow each other."""

    q: Annotated[str, msgspec.Meta(max_length=200)] = ""
    category: str | None = None
    """Slug of a category; its descendants count as well."""
    collection: str | None = None
    price_min: int | None = None
    price_max: int | None = None
    in_stock: bool = False
    on_sale: bool = False
    attributes: dict[str, list[str]] = {}
    sort: ProductSort | None = None
    facets: bool = False
    limit: Limit = DEFAULT_LIMIT
    cursor: str | None = None
    page: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None
    """1-based page number, for pages with numbered links; not together with `cursor`."""


class SuggestedProduct(msgspec.Struct, frozen=True, gc=False):
    slug: str
    name: str
    price: Money
    image: Image | None


class Suggestions(msgspec.Struct, frozen=True):
    queries: list[str]
    categories: list[Breadcrumb]
    products: list[SuggestedProduct]


class Category(msgspec.Struct, frozen=True):
    id: UUID
    slug: str
    name: str
    description: str
    path: str
    """Slugs from the root, joined with `/`: the address of its page under `/c/`."""
    parent_id: UUID | None
    position: int
    image: Image | None
    breadcrumbs: list[Breadcrumb]
    product_count: int
    version: int


class Collection(msgspec.Struct, frozen=True):
    id: UUID
    slug: str
    name: str
    description: str
    position: int
    product_count: int
    version: int


class SaleVariant(msgspec.Struct, frozen=True, gc=False):
    """What carts and orders need of a variant: identity, snapshot texts, price of the channel."""

    id: UUID
    product_id: UUID
    category_ids: list[UUID]
    sku: str
    slug: str
    name: str
    options: dict[str, str]
    """Option labels, for people: {"Glaze": "Sage"}."""
    image: str | None
    price: Money
    compare_at_price: Money | None
    tax_class: str
    weight_g: int
    is_available: bool
    """False when the product is not active in the channel; it may then not be bought."""

    @property
    def title(self) -> str:
        """Its name with what was chosen: "Fika mug, Sage"; at most 200 letters."""
        return ", ".join([self.name, *self.options.values()])[:200]

    @property
    def path(self) -> str:
        """Its page in the shop."""
        return f"/p/{quote(self.slug, safe='')}"

    collection_ids: list[UUID] = []
    is_gift_card: bool = False
    """Issued when the order is paid: it has no stock and no delivery, and no balance pays for it."""


class CaptureMode(StrEnum):
    """When held money is taken: as the order is placed, or by staff."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class Channel(msgspec.Struct, frozen=True):
    code: Code
    name: ShortText
    currency: Code
    locale: Code
    countries: list[Code]
    prices_include_tax: bool
    is_active: bool
    time_zone: Code = "UTC"
    """IANA name; times are shown, days are counted and delivery cut-offs are meant in it."""
    capture: CaptureMode = CaptureMode.AUTOMATIC
    unpaid_days: Annotated[int, msgspec.Meta(ge=1, le=365)] | None = None
    """Orders that are paid outside, as by bank transfer, are canceled when this many days brought no money;
    None: they wait."""
    refund_proof_above: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000_000)] | None = None
    """Whoever refunds more at once proves again who they are; minor units. None: 500 of the currency."""


class Shop(msgspec.Struct, frozen=True):
    """What pages say about the shop as a whole, per channel."""

    channel: str
    name: str
    tagline: str
    announcement: str
    """One line above every page; empty means no bar."""
    hero: Image | None
    version: int
