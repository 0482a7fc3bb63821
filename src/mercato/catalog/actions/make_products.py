"""Filling a shop with made-up products, as fast as the tables take them."""

from mercato.catalog import synthetic
from mercato.catalog.actions.edit_navigation import save_category
from mercato.catalog.parts import Parts
from mercato.catalog.store import bulk, changes
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import Invalid
from mercato.kernel.ids import new_id

MAKE_MAX = 10_000
REGISTER_BATCH = 5_000


async def make_products(parts: Parts, ctx: Context, *, first: int, count: int) -> int:
    """Write the made-up products `first` … `first + count - 1` that are not there yet; returns how many.

    Stock comes first: when the process dies in between, its levels belong to nothing and do no harm. One
    event stands for all: listeners read everything anew. Raises Invalid("too_many_products").
    """
    if not 1 <= count <= MAKE_MAX:
        raise Invalid("too_many_products", f"Make 1 to {MAKE_MAX} products at once.")
    numbers = range(first, first + count)
    slugs = [synthetic.slug_of_number(number) for number in numbers]
    there = await bulk.existing_slugs(parts.database, slugs=slugs)
    await _ensure_categories(parts, ctx.as_system())
    navigation = await parts.navigation()
    channel = navigation.channel(ctx.channel)
    at = clock.now()
    drafts = [
        synthetic.synthetic_product(
            number, category_id=navigation.category(synthetic.category_of(number)).id, at=at
        )
        for number, slug in zip(numbers, slugs, strict=True)
        if slug not in there
    ]
    if not drafts:
        return 0
    variants = [variant for draft in drafts for variant in draft.variants]
    for start in range(0, len(variants), REGISTER_BATCH):
        some = variants[start : start + REGISTER_BATCH]
        await parts.stock.register_variants(
            ctx.as_system(),
            skus={variant.id: variant.sku for variant in some},
            on_hand={variant.id: synthetic.STOCK for variant in some},
        )
    async with parts.database.transaction() as tx:
        await bulk.copy(
            tx,
            products=synthetic.product_rows(drafts),
            variants=synthetic.variant_rows(drafts),
            prices=synthetic.price_rows(drafts, channel=channel.code, at=at),
        )
        await changes.mark(tx, product_ids=[draft.id for draft in drafts])
        await parts.announce_navigation(tx, new_id())
    return len(drafts)


async def _ensure_categories(parts: Parts, ctx: Context) -> None:
    known = (await parts.navigation()).category_by_slug
    for number in range(synthetic.CATEGORIES):
        slug = synthetic.category_of(number)
        if slug not in known:
            await save_category(
                parts,
                ctx,
                slug=slug,
                name=f"Range {number + 1:02d}",
                description="",
                parent=None,
                position=100 + number,
                category_id=None,
                version=None,
                image=None,
                image_alt="",
            )
