"""The product editor: text, variants and prices, stock, status, pictures."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Response, get, post

from mercato.admin import words
from mercato.admin.forms import FormData, errors_by_field, text, whole
from mercato.admin.product_desk import ProductDesk
from mercato.admin.product_form import (
    EMPTY_ROWS,
    ProductFields,
    VariantRow,
    fields_of,
    fields_typed,
    product_of,
)
from mercato.admin.variant_rows import with_all_variants
from mercato.contracts.catalog import AdminProduct, Catalog, ProductStatus
from mercato.contracts.stock import Stock, StockLevel
from mercato.kernel.context import Context
from mercato.kernel.errors import FieldError, Invalid, MercatoError


@get("/admin/products/new", permission="write_products")
async def new_product(desk: ProductDesk, catalog: Catalog) -> Response[str]:
    """An empty form."""
    return await _page(desk, catalog, ProductFields())


@post("/admin/products", permission="write_products")
async def create_product(desk: ProductDesk, catalog: Catalog, data: FormData) -> Response[str]:
    """Save a new product and go on to its pictures and stock."""
    if text(data, "act") == "variants":
        return await _page(desk, catalog, with_all_variants(fields_typed(data, None)))
    channel = await catalog.channel(desk.ctx, code=desk.ctx.channel)
    try:
        wanted = product_of(data, currency=channel.currency, stored=None)
        created = await catalog.create_product(desk.ctx, product=wanted)
    except MercatoError as error:
        return await _page(desk, catalog, fields_typed(data, None), error=error)
    return desk.done(f"/admin/products/{created.id}", "created")


@get("/admin/products/{product_id:uuid}", permission="read_products")
async def show_product(desk: ProductDesk, catalog: Catalog, stock: Stock, product_id: UUID) -> Response[str]:
    """The product with everything that may be edited."""
    product = await catalog.admin_product(desk.ctx, product_id=product_id)
    levels = await _levels(desk.ctx, stock, product)
    return await _page(desk, catalog, fields_of(product), product=product, levels=levels)


@post("/admin/products/{product_id:uuid}", permission="write_products")
async def save_product(
    desk: ProductDesk, catalog: Catalog, stock: Stock, product_id: UUID, data: FormData
) -> Response[str]:
    """Save what was typed; when somebody else saved meanwhile, say so and keep what was typed."""
    product = await catalog.admin_product(desk.ctx, product_id=product_id)
    currency = product.variants[0].price.currency
    levels = await _levels(desk.ctx, stock, product)
    if text(data, "act") == "variants":
        fields = with_all_variants(fields_typed(data, product))
        return await _page(desk, catalog, fields, product=product, levels=levels, version=_version(data))
    try:
        await catalog.update_product(
            desk.ctx,
            product_id=product_id,
            version=_version(data),
            product=product_of(data, currency=currency, stored=product),
        )
    except MercatoError as error:
        is_outdated = error.code == "version_conflict"
        return await _page(
            desk,
            catalog,
            fields_typed(data, product),
            product=product,
            levels=levels,
            version=product.version if is_outdated else _version(data),
            error=error,
        )
    return desk.done(f"/admin/products/{product_id}", "saved")


def _version(data: dict[str, Any]) -> int:
    """The version that the form was filled from. Raises Invalid."""
    return whole(data, "version") or 0


@post("/admin/products/{product_id:uuid}/deletion", permission="write_products")
async def delete_product(
    desk: ProductDesk, catalog: Catalog, stock: Stock, product_id: UUID, data: FormData
) -> Response[str]:
    """Delete the product for good; orders keep what they recorded of it."""

    async def act() -> None:
        await catalog.delete_product(desk.ctx, product_id=product_id, version=_version(data))

    return await act_on(desk, catalog, stock, product_id, act, "/admin/products?done=deleted")


async def act_on(
    desk: ProductDesk,
    catalog: Catalog,
    stock: Stock,
    product_id: UUID,
    act: Callable[[], Awaitable[object]],
    back: str,
    *,
    typed_alt: str = "",
) -> Response[str]:
    """Do it and go `back`; a refusal shows the stored product with the reason at its top."""
    try:
        await act()
    except (MercatoError, ValueError) as error:
        refused = error if isinstance(error, MercatoError) else Invalid(detail="The form was not complete.")
        product = await catalog.admin_product(desk.ctx, product_id=product_id)
        levels = await _levels(desk.ctx, stock, product)
        return await _page(
            desk,
            catalog,
            fields_of(product),
            product=product,
            levels=levels,
            typed_alt=typed_alt,
            error=refused,
        )
    return desk.go(back)


async def _levels(ctx: Context, stock: Stock, product: AdminProduct) -> list[StockLevel] | None:
    """The stock of the product's variants; None when this person may not see it, or stock is down."""
    try:
        found = await stock.levels(ctx, variant_ids=[each.id for each in product.variants], limit=100)
    except MercatoError:
        return None
    return found.items


async def _page(
    desk: ProductDesk,
    catalog: Catalog,
    fields: ProductFields,
    *,
    product: AdminProduct | None = None,
    levels: list[StockLevel] | None = None,
    version: int | None = None,
    typed_alt: str = "",
    error: MercatoError | None = None,
) -> Response[str]:
    channel = await catalog.channel(desk.ctx, code=desk.ctx.channel)
    first_new = max((row.index for row in fields.rows), default=-1) + 1
    empty = [VariantRow(first_new + at) for at in range(EMPTY_ROWS)] if product else []
    found: list[FieldError] = list(error.errors) if error else []
    is_outdated = error is not None and error.code == "version_conflict"
    return await desk.page(
        "admin/product.html",
        "/admin/products",
        {
            "fields": fields,
            "rows": [*fields.rows, *empty],
            "product": product,
            "levels": levels,
            "axes": fields.axes,
            "version": product.version if product and version is None else version,
            "typed_alt": typed_alt,
            "currency": channel.currency,
            "error": (error.detail or str(error)) if error and not found and not is_outdated else "",
            "is_outdated": is_outdated,
            "errors": found,
            "wrong": errors_by_field(error),
            "may_write": desk.ctx.principal.may("write_products"),
            "may_stock": desk.ctx.principal.may("write_stock"),
            "status_options": words.options(ProductStatus),
            "tax_options": await desk.tax_options(fields.tax_class),
            "category_options": [
                ("", "None"),
                *((c.slug, c.name) for c in await catalog.categories(desk.ctx)),
            ],
            "collection_options": [(c.slug, c.name) for c in await catalog.collections(desk.ctx)],
        },
        error=error,
    )


routes = [
    new_product,
    create_product,
    show_product,
    save_product,
    delete_product,
]
