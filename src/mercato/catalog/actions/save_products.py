"""Creating and replacing products, one or a batch."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from mercato.catalog.actions.register_stock import register_stock
from mercato.catalog.drafts import Known, ProductDraft, draft_of, is_same
from mercato.catalog.navigation import Navigation
from mercato.catalog.parts import Changed, Parts
from mercato.catalog.records import ProductRecord
from mercato.catalog.store import products, writing
from mercato.catalog.told import Facts, facts_of, tell
from mercato.contracts.catalog import ImportResult, ImportRow, ProductInput, RowError
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, FieldError, Gone, Invalid, NotFound
from mercato.kernel.texts import free_slug, slug_of

IMPORT_ROWS_MAX = 1_000


async def create_product(parts: Parts, ctx: Context, *, product: ProductInput) -> UUID:
    """Returns its id. Raises Invalid with fields, Conflict("slug_taken" or "sku_taken")."""
    navigation = await parts.navigation()
    navigation.channel(ctx.channel)
    slug = product.slug or await _free_slug(parts, product.name)
    draft, errors = draft_of(product, slug=slug, existing=None, known=known_of(navigation), at=clock.now())
    if draft is None:
        raise Invalid(detail="The product cannot be saved like this.", errors=errors)
    await _write(parts, ctx, [draft], at=draft.updated_at, version=None, act="product.created")
    return draft.id


async def update_product(
    parts: Parts, ctx: Context, *, product_id: UUID, version: int, product: ProductInput
) -> None:
    """Raises NotFound, Gone, Invalid with fields, Conflict (of version, slug or SKU)."""
    navigation = await parts.navigation()
    navigation.channel(ctx.channel)
    existing = await existing_product(parts, product_id)
    refuse_stale(existing.version, version)
    draft, errors = draft_of(
        product,
        slug=product.slug or existing.slug,
        existing=existing,
        known=known_of(navigation),
        at=clock.now(),
    )
    if draft is None:
        raise Invalid(detail="The product cannot be saved like this.", errors=errors)
    await _write(
        parts, ctx, [draft], at=draft.updated_at, version=version, act="product.changed",
        also=[one.id for one in existing.variants], before=facts_of(existing),
    )  # fmt: skip


async def import_products(
    parts: Parts, ctx: Context, *, rows: Sequence[ImportRow], dry_run: bool
) -> ImportResult:
    """Upsert each row by its first SKU; a row with an error changes nothing, the others are written.

    Raises Invalid for more than IMPORT_ROWS_MAX rows, Conflict when another writer took a SKU or slug of the
    batch meanwhile (nothing is written then; the same call again reports the row).
    """
    if len(rows) > IMPORT_ROWS_MAX:
        raise Invalid("too_many_rows", f"Send at most {IMPORT_ROWS_MAX} rows at once.")
    navigation = await parts.navigation()
    navigation.channel(ctx.channel)
    at = clock.now()
    batch = await _plan(parts, ctx, rows, known_of(navigation), at)
    if batch.drafts and not dry_run:
        await _write(parts, ctx, batch.drafts, at=at, version=None)
    return ImportResult(
        created=batch.created,
        updated=batch.updated,
        unchanged=batch.unchanged,
        errors=batch.errors,
        product_ids=batch.product_ids,
    )


class _Batch:
    """What an import is going to do."""

    def __init__(self) -> None:
        self.drafts: list[ProductDraft] = []
        self.errors: list[RowError] = []
        self.product_ids: dict[int, UUID] = {}
        self.created = self.updated = self.unchanged = 0

    def refuse(self, row: int, errors: Sequence[FieldError]) -> None:
        self.errors.extend(RowError(row, error.field, error.code, error.message) for error in errors)


async def _plan(parts: Parts, ctx: Context, rows: Sequence[ImportRow], known: Known, at: datetime) -> _Batch:
    skus = [variant.sku.strip() for row in rows for variant in row.product.variants]
    slugs = [row.product.slug or slug_of(row.product.name) for row in rows]
    stored = await products.of_skus_and_slugs(parts.database, skus=skus, slugs=slugs)
    owner_of_sku = {variant.sku: product for product in stored for variant in product.variants}
    owner_of_slug = {product.slug: product.id for product in stored}
    batch, seen_skus = _Batch(), dict[str, int]()
    for index, row in enumerate(rows):
        # A millisecond between rows keeps the order of the file for "newest" and for what nobody bought yet.
        row_at = at + timedelta(milliseconds=index)
        existing = owner_of_sku.get(row.product.variants[0].sku.strip())
        errors = _collisions(row, existing, owner_of_sku, seen_skus)
        slug = _slug_in_batch(row.product, existing, owner_of_slug, errors)
        draft, found = draft_of(row.product, slug=slug, existing=existing, known=known, at=row_at)
        errors += found
        if draft is None or errors:
            batch.refuse(row.row, errors)
            continue
        owner_of_slug[draft.slug] = draft.id
        batch.product_ids[row.row] = draft.id
        if existing is not None and is_same(draft, existing, channel=ctx.channel):
            batch.unchanged += 1
            continue
        batch.drafts.append(draft)
        batch.created += existing is None
        batch.updated += existing is not None
    return batch


def _collisions(
    row: ImportRow,
    existing: ProductRecord | None,
    owner_of_sku: dict[str, ProductRecord],
    seen_skus: dict[str, int],
) -> list[FieldError]:
    errors = []
    for variant in row.product.variants:
        sku = variant.sku.strip()
        owner = owner_of_sku.get(sku)
        if owner is not None and (existing is None or owner.id != existing.id):
            errors.append(FieldError("sku", "sku_taken", f"The SKU {sku} belongs to {owner.slug}."))
        if sku in seen_skus and seen_skus[sku] != row.row:
            text = f"The SKU {sku} is in row {seen_skus[sku]} already."
            errors.append(FieldError("sku", "duplicate", text))
        seen_skus.setdefault(sku, row.row)
    return errors


def _slug_in_batch(
    product: ProductInput,
    existing: ProductRecord | None,
    owner_of_slug: dict[str, UUID],
    errors: list[FieldError],
) -> str:
    if product.slug is None:
        if existing is not None:
            return existing.slug
        return free_slug(slug_of(product.name), set(owner_of_slug))
    owner = owner_of_slug.get(product.slug)
    if owner is not None and (existing is None or owner != existing.id):
        errors.append(FieldError("slug", "slug_taken", f"Another product has the slug {product.slug}."))
    return product.slug


async def _write(
    parts: Parts,
    ctx: Context,
    drafts: Sequence[ProductDraft],
    *,
    at: datetime,
    version: int | None,
    act: str = "",
    also: Sequence[UUID] = (),
    before: Facts | None = None,
) -> None:
    """One transaction for all, told as `act` when it is of one; then stock learns of the new variants."""
    new_variants = [v.id for draft in drafts for v in draft.variants if v.opening_stock is not None]
    changed = [
        Changed(draft.id, draft.slug, list(dict.fromkeys([*(v.id for v in draft.variants), *also])))
        for draft in drafts
    ]
    try:
        async with parts.database.transaction() as tx:
            locked = await writing.lock(tx, product_ids=[draft.id for draft in drafts])
            if version is not None:
                await refuse_stale_in(tx, locked, drafts[0].id, version)
            await writing.save(tx, drafts=drafts, channel=ctx.channel, at=at)
            await parts.announce(tx, changed)
            if act:
                await tell(parts, tx, ctx, act, drafts[0].id, before or {})
    except asyncpg.UniqueViolationError as error:
        raise _conflict_of(error) from None
    except asyncpg.ForeignKeyViolationError:
        raise Conflict(
            "reference_gone", "The category or a collection was deleted meanwhile: load it again."
        ) from None
    if new_variants:
        await register_stock(parts, ctx, variant_ids=new_variants)


async def refuse_stale_in(tx: Tx, locked: dict[UUID, int], product_id: UUID, version: int) -> None:
    """Raises NotFound when it is gone, Conflict("version_conflict") when somebody else saved it."""
    if product_id not in locked:
        raise NotFound("product_not_found", "There is no such product.")
    refuse_stale(locked[product_id], version)


def refuse_stale(current: int, version: int) -> None:
    """Raises Conflict("version_conflict") with the current version."""
    if current != version:
        raise Conflict(
            "version_conflict",
            "Somebody else has saved it meanwhile: load it again, then make your change.",
            data={"version": current},
        )


async def existing_product(parts: Parts, product_id: UUID) -> ProductRecord:
    """Straight from the tables. Raises NotFound, Gone."""
    found = await products.by_id(parts.database, product_id=product_id)
    if found is not None:
        return found
    if await products.was_deleted(parts.database, product_id=product_id):
        raise Gone("product_deleted", "The product was deleted.")
    raise NotFound("product_not_found", "There is no such product.")


def known_of(navigation: Navigation) -> Known:
    return Known(
        categories={one.slug: one.id for one in navigation.categories},
        collections={one.slug: one.id for one in navigation.collections},
        attributes=navigation.attributes,
        product_types={one.code for one in navigation.product_types},
    )


async def _free_slug(parts: Parts, name: str) -> str:
    base = slug_of(name)
    return free_slug(base, await writing.slugs_like(parts.database, base=base))


def _conflict_of(error: asyncpg.UniqueViolationError) -> Conflict:
    if error.constraint_name == "variants_sku_key":
        text = "Another product has one of these SKUs."
        return Conflict("sku_taken", text, errors=[FieldError("variants", "sku_taken", text)])
    if error.constraint_name == "products_external_reference_key":
        text = "Another product has this external reference."
        return Conflict(
            "external_reference_taken",
            text,
            errors=[FieldError("external_reference", "external_reference_taken", text)],
        )
    text = "Another product has this slug."
    return Conflict("slug_taken", text, errors=[FieldError("slug", "slug_taken", text)])
