"""The catalog: products and their variants, categories, collections, prices, images, search."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.shared import DEFAULT_LIMIT, Limit, LongText, Page, ShortText
from mercato.contracts.stock import Availability
from mercato.kernel.context import Context
from mercato.kernel.events import Event
from mercato.kernel.money import Money
from mercato.kernel.rpc import idempotent

Slug = Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Sku = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
PriceAmount = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000_000)]


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
    value: str
    label: str
    swatch: str | None = None


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


class CaptureMode(StrEnum):
    """When held money is taken: as the order is placed, or by staff."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class Channel(msgspec.Struct, frozen=True):
    code: str
    name: str
    currency: str
    locale: str
    countries: list[str]
    prices_include_tax: bool
    is_active: bool
    time_zone: str = "UTC"
    """IANA name; times are shown, days are counted and delivery cut-offs are meant in it."""
    capture: CaptureMode = CaptureMode.AUTOMATIC


class Shop(msgspec.Struct, frozen=True):
    """What pages say about the shop as a whole, per channel."""

    channel: str
    name: str
    tagline: str
    announcement: str
    """One line above every page; empty means no bar."""
    hero: Image | None
    version: int


# Staff: what the admin writes


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
    product_type: str = "default"
    category: str | None = None
    collections: list[str] = []
    attributes: dict[str, Any] = {}
    details: dict[str, str] = {}
    options: Annotated[list[OptionInput], msgspec.Meta(max_length=5)] = []
    variants: Annotated[list[VariantInput], msgspec.Meta(min_length=1, max_length=250)]
    seo_title: ShortText = ""
    seo_description: Annotated[str, msgspec.Meta(max_length=500)] = ""
    tax_class: str = "standard"
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
    code: str
    label: str
    kind: AttributeKind
    unit: str | None
    values: list[OptionValue]
    is_filterable: bool
    position: int


class ProductType(msgspec.Struct, frozen=True):
    code: str
    name: str
    product_attributes: list[str]
    variant_attributes: list[str]
    version: int


class ImportRow(msgspec.Struct, frozen=True, kw_only=True):
    """One product of an import: the shape of the admin's, with images as named files and its source row."""

    row: int
    """1-based line of the source file, for error reports."""
    product: ProductInput
    image_files: list[tuple[str, str]] = []
    """(file name, alt text); read by the importer and sent as bytes with `upload_image`."""


    variant_images: dict[str, list[str]] = {}
    """SKU → names among `image_files` that show this variant."""


class RowError(msgspec.Struct, frozen=True):
    row: int
    field: str
    code: str
    message: str


class ImportResult(msgspec.Struct, frozen=True):
    """What one batch of an import did; a row with an error changed nothing."""

    created: int
    updated: int
    unchanged: int
    errors: list[RowError]
    product_ids: dict[int, UUID]
    """Row number → product, for the images that follow."""


class ImportStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class ProductImport(msgspec.Struct, frozen=True):
    """An uploaded file that is being imported, or was."""

    id: UUID
    status: ImportStatus
    mapping: str
    dry_run: bool
    products: int
    created: int
    updated: int
    unchanged: int
    refused: int
    errors: list[RowError]
    """The first thousand."""
    message: str
    """Why it failed as a whole."""
    created_by: str
    created_at: datetime
    finished_at: datetime | None


class ProductChanged(Event):
    """A product was created, changed, archived or deleted: caches and the search index follow."""

    subject: ClassVar[str] = "catalog.product_changed"
    product_id: UUID
    slug: str
    variant_ids: list[UUID]
    is_deleted: bool = False

    @property
    def key(self) -> UUID:
        return self.product_id


class NavigationChanged(Event):
    """Categories, collections, attributes or channels changed: every cached page may be stale."""

    subject: ClassVar[str] = "catalog.navigation_changed"
    changed_id: UUID

    @property
    def key(self) -> UUID:
        return self.changed_id


class Catalog(Protocol):
    """The catalog service."""

    @idempotent
    async def products(self, ctx: Context, *, query: ProductQuery) -> ProductList: ...

    @idempotent
    async def product(self, ctx: Context, *, slug_or_id: str) -> Product:
        """An active product. Raises NotFound, Gone (deleted), or NotFound with data["slug"] of a new slug."""

    @idempotent
    async def products_by_id(self, ctx: Context, *, product_ids: list[UUID]) -> list[ProductCard]: ...

    @idempotent
    async def sale_variants(self, ctx: Context, *, variant_ids: list[UUID]) -> list[SaleVariant]:
        """The variants that exist among `variant_ids`, in the price of the context's channel."""

    @idempotent
    async def suggest(self, ctx: Context, *, q: str, limit: int = 8) -> Suggestions: ...

    @idempotent
    async def categories(self, ctx: Context) -> list[Category]:
        """The whole tree, parents before children, in order of position."""

    @idempotent
    async def category(self, ctx: Context, *, slug: str) -> Category: ...

    @idempotent
    async def collections(self, ctx: Context) -> list[Collection]: ...

    @idempotent
    async def collection(self, ctx: Context, *, slug: str) -> Collection: ...

    @idempotent
    async def channel(self, ctx: Context, *, code: str) -> Channel: ...

    @idempotent
    async def shop(self, ctx: Context) -> Shop:
        """Texts and hero picture of the context's channel."""

    @idempotent
    async def rendition(self, ctx: Context, *, key: str, width: int, image_format: str) -> bytes:
        """The picture `key` scaled to a preset width as avif, webp or jpeg; made once, then stored."""

    @idempotent
    async def admin_products(
        self,
        ctx: Context,
        *,
        query: str = "",
        status: ProductStatus | None = None,
        category: str | None = None,
        sort: str = "-updated_at",
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[AdminProductRow]: ...

    @idempotent
    async def export_products(
        self, ctx: Context, *, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[AdminProduct]:
        """Every product in order of creation, for files. Needs `read_products`."""

    @idempotent
    async def admin_product(self, ctx: Context, *, product_id: UUID) -> AdminProduct: ...

    async def create_product(self, ctx: Context, *, product: ProductInput) -> AdminProduct:
        """Needs `write_products`. Raises Conflict("slug_taken"/"sku_taken"), Invalid with fields."""

    async def update_product(
        self, ctx: Context, *, product_id: UUID, version: int, product: ProductInput
    ) -> AdminProduct:
        """Replace it. Raises Conflict("version_conflict") with the current version in data."""

    async def set_status(
        self, ctx: Context, *, product_id: UUID, version: int, status: ProductStatus
    ) -> AdminProduct: ...

    async def set_price(
        self,
        ctx: Context,
        *,
        variant_id: UUID,
        price: PriceAmount,
        compare_at_price: PriceAmount | None = None,
    ) -> AdminProduct: ...

    async def delete_product(self, ctx: Context, *, product_id: UUID, version: int) -> None: ...

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
        """Sniffed, limited in bytes and pixels, stripped of metadata, named by content hash.

        The same picture again only changes its text. `variant_skus` are the variants that it shows.
        """

    async def update_image(
        self,
        ctx: Context,
        *,
        product_id: UUID,
        image_id: UUID,
        alt: str | None = None,
        position: int | None = None,
    ) -> AdminProduct: ...

    async def delete_image(self, ctx: Context, *, product_id: UUID, image_id: UUID) -> AdminProduct: ...

    async def save_category(
        self,
        ctx: Context,
        *,
        slug: Slug,
        name: ShortText,
        description: LongText = "",
        parent: str | None = None,
        position: int = 0,
        category_id: UUID | None = None,
        version: int | None = None,
        image: bytes | None = None,
        image_alt: str = "",
    ) -> Category: ...

    async def delete_category(self, ctx: Context, *, category_id: UUID, version: int) -> None: ...

    async def save_collection(
        self,
        ctx: Context,
        *,
        slug: Slug,
        name: ShortText,
        description: LongText = "",
        position: int = 0,
        collection_id: UUID | None = None,
        version: int | None = None,
    ) -> Collection: ...

    async def delete_collection(self, ctx: Context, *, collection_id: UUID, version: int) -> None: ...

    async def save_shop(
        self,
        ctx: Context,
        *,
        name: ShortText,
        tagline: ShortText = "",
        announcement: ShortText = "",
        hero: bytes | None = None,
        hero_alt: ShortText = "",
    ) -> Shop:
        """Set the texts of the context's channel; without `hero` the picture stays."""

    @idempotent
    async def attributes(self, ctx: Context) -> list[Attribute]: ...

    async def save_attribute(self, ctx: Context, *, attribute: Attribute) -> Attribute: ...

    @idempotent
    async def product_types(self, ctx: Context) -> list[ProductType]: ...

    async def save_product_type(self, ctx: Context, *, product_type: ProductType) -> ProductType: ...

    async def save_channel(self, ctx: Context, *, channel: Channel) -> Channel: ...

    async def import_products(
        self, ctx: Context, *, rows: list[ImportRow], dry_run: bool = False
    ) -> ImportResult:
        """Upsert by SKU (the product that owns the first SKU of the row). Needs `write_products`."""

    async def start_import(
        self, ctx: Context, *, content: bytes, mapping: str = "mercato", dry_run: bool = False
    ) -> ProductImport:
        """Import a CSV file in the background; pictures it names are not read. Needs `write_products`."""

    @idempotent
    async def product_import(self, ctx: Context, *, import_id: UUID) -> ProductImport: ...

    async def make_products(self, ctx: Context, *, first: int, count: int) -> int:
        """For measuring: made-up products by number that are missing; returns how many. At most 10,000."""

    async def rebuild_search(self, ctx: Context) -> int:
        """Write the search index anew from the tables; returns how many products it holds."""

    @idempotent
    async def verify(self, ctx: Context) -> int:
        """Number of products that the search index lacks or has too many."""
