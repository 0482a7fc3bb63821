"""REST routes of the catalog for staff: products and their files. The rest is in `admin_navigation_api`."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import delete, get, patch, post, put
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.params import Body, QueryParameter
from litestar.response import Stream

from mercato.catalog import admin_navigation_api
from mercato.contracts.catalog import (
    AdminProduct,
    AdminProductRow,
    Catalog,
    Image,
    PriceAmount,
    ProductImport,
    ProductInput,
    ProductStatus,
)
from mercato.contracts.shared import DEFAULT_LIMIT, Page, ShortText, Version
from mercato.imports.export import csv_pages
from mercato.kernel.context import Context
from mercato.kernel.errors import FieldError, Invalid
from mercato.kernel.web import LARGE_BODY_BYTES, ListCursor, ListLimit

VersionQuery = Annotated[
    int, QueryParameter(name="version", ge=1, le=2**31 - 1, description="The version you have seen.")
]


class ProductChange(ProductInput, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole product as it shall be, and the version it is made from."""

    version: Version


class ProductPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change of status alone."""

    version: Version
    status: ProductStatus


class PriceChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    price: PriceAmount
    compare_at_price: PriceAmount | None = None


class ImageChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    alt: ShortText | None = None
    position: Annotated[int, msgspec.Meta(ge=0, le=1000)] | None = None


@get("/admin/products", permission="read_products")
async def list_admin_products(
    ctx: Context,
    catalog: Catalog,
    q: Annotated[
        str, QueryParameter(name="q", max_length=200, description="In name, maker, slug, SKU.")
    ] = "",
    status: Annotated[ProductStatus | None, QueryParameter(name="status")] = None,
    category: Annotated[str | None, QueryParameter(name="category", max_length=120)] = None,
    sort: Annotated[str, QueryParameter(name="sort", max_length=20)] = "-updated_at",
    limit: ListLimit = DEFAULT_LIMIT,
    cursor: ListCursor = None,
) -> Page[AdminProductRow]:
    """Products of every status, sorted by `updated_at`, `created_at` or `name` (with a minus: downwards)."""
    return await catalog.admin_products(
        ctx, query=q, status=status, category=category, sort=sort, limit=limit, cursor=cursor
    )


@post("/admin/products", permission="write_products")
async def create_product(ctx: Context, catalog: Catalog, data: ProductInput) -> AdminProduct:
    """Create a product with its variants; `on_hand` is their opening stock."""
    return await catalog.create_product(ctx, product=data)


@post(
    "/admin/products/import",
    permission="write_products",
    status_code=202,
    request_max_body_size=LARGE_BODY_BYTES + 64 * 1024,
    timeout_s=60,
)
async def import_products(
    ctx: Context,
    catalog: Catalog,
    data: Annotated[dict[str, Any], Body(media_type=RequestEncodingType.MULTI_PART)],
    mapping: Annotated[str, QueryParameter(name="map", max_length=40)] = "mercato",
    dry_run: Annotated[bool, QueryParameter(name="dry_run")] = False,
) -> ProductImport:
    """Import a CSV file in the background: multipart with `file`. `map` is mercato, demo or vendure."""
    file = data.get("file")
    if not isinstance(file, UploadFile):
        text = "Send the table as the file `file`."
        raise Invalid("file_missing", text, errors=[FieldError("file", "missing", text)])
    return await catalog.start_import(ctx, content=await file.read(), mapping=mapping, dry_run=dry_run)


@get("/admin/products/imports/{import_id:uuid}", permission="read_products")
async def get_import(ctx: Context, catalog: Catalog, import_id: UUID) -> ProductImport:
    """How far an import is, and the rows it refused."""
    return await catalog.product_import(ctx, import_id=import_id)


@get("/admin/products/export", permission="read_products", timeout_s=None)
async def export_products(ctx: Context, catalog: Catalog) -> Stream:
    """Every product as a CSV file that the import reads back; one row per variant."""
    pages = csv_pages(catalog, ctx)
    first = await anext(pages, None)  # who may not read products is refused before the answer begins
    headers = {"Content-Disposition": 'attachment; filename="products.csv"'}
    return Stream(_texts(first, pages), media_type="text/csv", headers=headers)


async def _texts(first: tuple[str, int] | None, pages: AsyncIterator[tuple[str, int]]) -> AsyncIterator[str]:
    if first is not None:
        yield first[0]
    async for text, _ in pages:
        yield text


@get("/admin/products/{product_id:uuid}", permission="read_products")
async def get_admin_product(ctx: Context, catalog: Catalog, product_id: UUID) -> AdminProduct:
    """Everything about one product, with each reason why shoppers do not see it."""
    return await catalog.admin_product(ctx, product_id=product_id)


@put("/admin/products/{product_id:uuid}", permission="write_products")
async def replace_product(
    ctx: Context, catalog: Catalog, product_id: UUID, data: ProductChange
) -> AdminProduct:
    """Replace a product. Variants keep their id by `id` or SKU; those that are missing are removed."""
    given = {name: getattr(data, name) for name in ProductInput.__struct_fields__}
    return await catalog.update_product(
        ctx, product_id=product_id, version=data.version, product=ProductInput(**given)
    )


@patch("/admin/products/{product_id:uuid}", permission="write_products")
async def change_status(ctx: Context, catalog: Catalog, product_id: UUID, data: ProductPatch) -> AdminProduct:
    """Publish, hide or archive a product."""
    return await catalog.set_status(ctx, product_id=product_id, version=data.version, status=data.status)


@delete("/admin/products/{product_id:uuid}", permission="write_products")
async def delete_product(ctx: Context, catalog: Catalog, product_id: UUID, version: VersionQuery) -> None:
    """Delete a product for good; its address answers 410 from then on."""
    await catalog.delete_product(ctx, product_id=product_id, version=version)


@put("/admin/variants/{variant_id:uuid}/price", permission="write_products")
async def set_price(ctx: Context, catalog: Catalog, variant_id: UUID, data: PriceChange) -> AdminProduct:
    """Set the price of a variant in the request's channel."""
    return await catalog.set_price(
        ctx, variant_id=variant_id, price=data.price, compare_at_price=data.compare_at_price
    )


@post(
    "/admin/products/{product_id:uuid}/images",
    permission="write_products",
    request_max_body_size=LARGE_BODY_BYTES + 64 * 1024,
    timeout_s=60,
)
async def upload_image(
    ctx: Context,
    catalog: Catalog,
    product_id: UUID,
    data: Annotated[dict[str, Any], Body(media_type=RequestEncodingType.MULTI_PART)],
) -> Image:
    """Add a JPEG, PNG, WebP, AVIF or GIF up to 10 MiB: multipart, the file `image` and the text `alt`."""
    file, alt = data.get("image"), data.get("alt", "")
    if not isinstance(file, UploadFile) or not isinstance(alt, str):
        text = "Send the picture as the file `image`, and `alt` as text."
        raise Invalid("image_missing", text, errors=[FieldError("image", "missing", text)])
    return await catalog.upload_image(
        ctx, product_id=product_id, content=await file.read(), alt=alt[:500], file_name=file.filename[:200]
    )


@patch("/admin/products/{product_id:uuid}/images/{image_id:uuid}", permission="write_products")
async def change_image(
    ctx: Context, catalog: Catalog, product_id: UUID, image_id: UUID, data: ImageChange
) -> AdminProduct:
    """Change the text of a picture, or its place among the others (0 is first)."""
    return await catalog.update_image(
        ctx, product_id=product_id, image_id=image_id, alt=data.alt, position=data.position
    )


@delete(
    "/admin/products/{product_id:uuid}/images/{image_id:uuid}", permission="write_products", status_code=200
)
async def delete_image(ctx: Context, catalog: Catalog, product_id: UUID, image_id: UUID) -> AdminProduct:
    """Take a picture off a product."""
    return await catalog.delete_image(ctx, product_id=product_id, image_id=image_id)


routes = [
    list_admin_products, import_products, get_import, export_products, create_product, get_admin_product,
    replace_product, change_status, delete_product, set_price, upload_image, change_image, delete_image,
    *admin_navigation_api.routes,
]  # fmt: skip
