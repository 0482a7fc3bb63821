"""Tags of staff on orders: whatever words help them to find what belongs together."""

from collections.abc import Callable, Sequence
from uuid import UUID

from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import FieldError, Invalid, NotFound
from mercato.orders.parts import Parts
from mercato.orders.records import StoryRow
from mercato.orders.store import after

MAX_TAGS = 20


async def tag_order(parts: Parts, ctx: Context, *, order_id: UUID, tags: Sequence[str]) -> None:
    """The order has these tags and no others. Raises NotFound."""
    await change_tags(parts, ctx, order_id=order_id, change=lambda known: tags)


async def change_tags(
    parts: Parts, ctx: Context, *, order_id: UUID, change: Callable[[list[str]], Sequence[str]]
) -> None:
    """Let `change` say what the tags are, given those that are there. Raises NotFound, Invalid."""
    async with parts.db.transaction() as tx:
        if await after.lock(tx, order_id=order_id) is None:
            raise NotFound(detail="There is no such order.")
        known = await after.tags_of(tx, order_id=order_id)
        wanted = _once(change(known))
        if len(wanted) > MAX_TAGS:
            error = FieldError("tags", "too_many", f"An order has at most {MAX_TAGS} tags.")
            raise Invalid("invalid", "Some values are refused.", errors=[error])
        if wanted == known:
            return
        await after.set_tags(tx, order_id=order_id, tags=wanted)
        told = {"tags": ", ".join(wanted) or None}
        story = StoryRow("tagged", f"Tags: {', '.join(wanted) or 'none'}", ctx.principal.label)
        await after.tell(tx, order_id=order_id, at=clock.now(), story=[story])
        await parts.acted(tx, ctx, "tagged", order_id, told)
        parts.tell_after(tx, order_id)


def _once(tags: Sequence[str]) -> list[str]:
    """Each tag once, whatever its case, in order of the alphabet."""
    found: dict[str, str] = {}
    for tag in tags:
        stripped = " ".join(tag.split())
        if stripped:
            found.setdefault(stripped.casefold(), stripped)
    return [found[key] for key in sorted(found)]
