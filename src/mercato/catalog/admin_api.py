"""REST routes of the catalog for staff."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import delete, get, patch, post, put
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.params import Body, Parameter

from mercato.contracts.catalog import (
    AdminProduct,
    AdminProductRow,
    Attribute,
    Catalog,
    Category,
    Channel,
    Collection,
    Image,
    PriceAmount,
    ProductInput,
    ProductStatus,
    ProductType,
    Slug,
)
from mercato.contracts.shared import DEFAULT_LIMIT, LongText, Page, ShortText
from mercato.kernel.context import Context
from mercato.kernel.errors import FieldError, Invalid
from mercato.kernel.web import LARGE_BODY_BYTES, ListCursor, ListLimit

Version = Annotated[int, msgspec.Meta(ge=1)]
VersionQuery = Annotated[int, Parameter(query="version", ge=1, description="The version that you have seen.")]


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


class CategoryInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    slug: Slug
    name: ShortText
    description: LongText = ""
    parent: Slug | None = None
    position: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    version: Version | None = None
    """Required to change an existing one."""


class CollectionInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    slug: Slug
    name: ShortText
    description: LongText = ""
    position: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    version: Version | None = None
    """Required to change an existing one."""


@get("/admin/products", permission="read_products")
async def list_admin_products(
    ctx: Context,
    catalog: Catalog,
    q: Annotated[str, Parameter(query="q", max_length=200, description="In name, maker, slug or SKU.")] = "",
    status: Annotated[ProductStatus | None, Parameter(query="status")] = None,
    category: Annotated[str | None, Parameter(query="category", max_length=120)] = None,
    sort: Annotated[str, Parameter(query="sort", max_length=20)] = "-updated_at",
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


@get("/admin/categories", permission="read_categories")
async def list_admin_categories(ctx: Context, catalog: Catalog) -> Page[Category]:
    """The whole tree."""
    found = await catalog.categories(ctx)
    return Page(found, None, len(found))


@post("/admin/categories", permission="write_categories")
async def create_category(ctx: Context, catalog: Catalog, data: CategoryInput) -> Category:
    """Create a category, below `parent` or at the root."""
    return await catalog.save_category(
        ctx, slug=data.slug, name=data.name, description=data.description, parent=data.parent,
        position=data.position,
    )  # fmt: skip


@put("/admin/categories/{category_id:uuid}", permission="write_categories")
async def replace_category(
    ctx: Context, catalog: Catalog, category_id: UUID, data: CategoryInput
) -> Category:
    """Change or move a category; what is below it moves along."""
    return await catalog.save_category(
        ctx, slug=data.slug, name=data.name, description=data.description, parent=data.parent,
        position=data.position, category_id=category_id, version=_required(data.version),
    )  # fmt: skip


@delete("/admin/categories/{category_id:uuid}", permission="write_categories")
async def delete_category(ctx: Context, catalog: Catalog, category_id: UUID, version: VersionQuery) -> None:
    """Delete an empty category; 409 while products or categories stand in it."""
    await catalog.delete_category(ctx, category_id=category_id, version=version)


@get("/admin/collections", permission="read_categories")
async def list_admin_collections(ctx: Context, catalog: Catalog) -> Page[Collection]:
    """Every collection."""
    found = await catalog.collections(ctx)
    return Page(found, None, len(found))


@post("/admin/collections", permission="write_categories")
async def create_collection(ctx: Context, catalog: Catalog, data: CollectionInput) -> Collection:
    """Create a collection; products join it by their own `collections`."""
    return await catalog.save_collection(
        ctx, slug=data.slug, name=data.name, description=data.description, position=data.position
    )


@put("/admin/collections/{collection_id:uuid}", permission="write_categories")
async def replace_collection(
    ctx: Context, catalog: Catalog, collection_id: UUID, data: CollectionInput
) -> Collection:
    """Change a collection."""
    return await catalog.save_collection(
        ctx, slug=data.slug, name=data.name, description=data.description, position=data.position,
        collection_id=collection_id, version=_required(data.version),
    )  # fmt: skip


@delete("/admin/collections/{collection_id:uuid}", permission="write_categories")
async def delete_collection(
    ctx: Context, catalog: Catalog, collection_id: UUID, version: VersionQuery
) -> None:
    """Delete a collection; its products stay."""
    await catalog.delete_collection(ctx, collection_id=collection_id, version=version)


@get("/admin/attributes", permission="read_products")
async def list_attributes(ctx: Context, catalog: Catalog) -> Page[Attribute]:
    """Every attribute with its values."""
    found = await catalog.attributes(ctx)
    return Page(found, None, len(found))


@put("/admin/attributes/{code:str}", permission="write_products")
async def save_attribute(
    ctx: Context, catalog: Catalog, code: Annotated[str, Parameter(max_length=60)], data: Attribute
) -> Attribute:
    """Create or replace an attribute."""
    if data.code != code:
        text = "The code in the address and in the body must be the same."
        raise Invalid(detail=text, errors=[FieldError("code", "mismatch", text)])
    return await catalog.save_attribute(ctx, attribute=data)


@get("/admin/product-types", permission="read_products")
async def list_product_types(ctx: Context, catalog: Catalog) -> Page[ProductType]:
    """Every product type with the attributes it asks for."""
    found = await catalog.product_types(ctx)
    return Page(found, None, len(found))


@put("/admin/product-types/{code:str}", permission="write_products")
async def save_product_type(
    ctx: Context, catalog: Catalog, code: Annotated[str, Parameter(max_length=60)], data: ProductType
) -> ProductType:
    """Create a product type, or replace the one of this version."""
    if data.code != code:
        text = "The code in the address and in the body must be the same."
        raise Invalid(detail=text, errors=[FieldError("code", "mismatch", text)])
    return await catalog.save_product_type(ctx, product_type=data)


@get("/admin/channels/{code:str}", permission="read_settings")
async def get_channel(
    ctx: Context, catalog: Catalog, code: Annotated[str, Parameter(max_length=60)]
) -> Channel:
    """One channel."""
    return await catalog.channel(ctx, code=code)


@put("/admin/channels/{code:str}", permission="write_settings")
async def save_channel(
    ctx: Context, catalog: Catalog, code: Annotated[str, Parameter(max_length=60)], data: Channel
) -> Channel:
    """Create or replace a channel; its currency is fixed once it has prices."""
    if data.code != code:
        text = "The code in the address and in the body must be the same."
        raise Invalid(detail=text, errors=[FieldError("code", "mismatch", text)])
    return await catalog.save_channel(ctx, channel=data)


def _required(version: int | None) -> int:
    if version is None:
        text = "Say which version you have seen."
        raise Invalid(detail=text, errors=[FieldError("version", "missing", text)])
    return version


routes = [
    list_admin_products, create_product, get_admin_product, replace_product, change_status, delete_product,
    set_price, upload_image, change_image, delete_image,
    list_admin_categories, create_category, replace_category, delete_category,
    list_admin_collections, create_collection, replace_collection, delete_collection,
    list_attributes, save_attribute, list_product_types, save_product_type, get_channel, save_channel,
]  # fmt: skip
