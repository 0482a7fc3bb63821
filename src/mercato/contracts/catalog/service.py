"""The catalog contract."""

from typing import Protocol
from uuid import UUID

from mercato.contracts.catalog.imports import ImportResult, ImportRow, ProductImport
from mercato.contracts.catalog.products import (
    Category,
    Channel,
    Collection,
    Image,
    PriceAmount,
    Product,
    ProductCard,
    ProductList,
    ProductQuery,
    ProductStatus,
    SaleVariant,
    Shop,
    Slug,
    Suggestions,
)
from mercato.contracts.catalog.staff import (
    AdminProduct,
    AdminProductRow,
    Attribute,
    ProductInput,
    ProductType,
)
from mercato.contracts.shared import DEFAULT_LIMIT, Limit, LongText, Page, ShortText
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent


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
        """Those of `variant_ids` that exist, in the order asked for, in prices of the context's channel."""

    @idempotent
    async def variants_by_code(self, ctx: Context, *, codes: list[str]) -> dict[str, UUID]:
        """The variants that these SKUs or barcodes name exactly, a SKU before a barcode; codes that name
        none, or several, are missing. Needs `read_stock`."""

    @idempotent
    async def waitable(self, ctx: Context, *, variant_id: UUID) -> SaleVariant:
        """A variant that is shown and that a shopper can only wait for. Raises NotFound;
        Conflict("in_stock") when it can be bought."""

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
