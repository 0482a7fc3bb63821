"""REST routes of the catalog for staff: categories, collections, attributes, product types, channels."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import delete, get, post, put
from litestar.params import Parameter, QueryParameter

from mercato.contracts.catalog import Attribute, Catalog, Category, Channel, Collection, ProductType, Slug
from mercato.contracts.shared import LongText, Page, ShortText, Version
from mercato.kernel.context import Context
from mercato.kernel.errors import FieldError, Invalid

VersionQuery = Annotated[
    int, QueryParameter(name="version", ge=1, le=2**31 - 1, description="The version you have seen.")
]


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
    list_admin_categories, create_category, replace_category, delete_category,
    list_admin_collections, create_collection, replace_collection, delete_collection,
    list_attributes, save_attribute, list_product_types, save_product_type, get_channel, save_channel,
]  # fmt: skip
