"""A note of staff on the timeline; buyers do not see it."""

from uuid import UUID

from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import FieldError, Invalid, NotFound
from mercato.orders.parts import Parts
from mercato.orders.records import StoryRow
from mercato.orders.store import after


async def add_note(parts: Parts, ctx: Context, *, order_id: UUID, text: str) -> None:
    """Raises Invalid for a blank text, NotFound."""
    text = text.strip()
    if not text:
        error = FieldError("text", "required", "Write something.")
        raise Invalid("invalid", error.message, errors=[error])
    async with parts.db.transaction() as tx:
        if await after.lock(tx, order_id=order_id) is None:
            raise NotFound(detail="There is no such order.")
        if await parts.is_repeated(tx, ctx, "note", order_id):
            return
        story = StoryRow("note", text, ctx.principal.label)
        await after.tell(tx, order_id=order_id, at=clock.now(), story=[story])
        await parts.acted(tx, ctx, "noted", order_id)
        parts.tell_after(tx, order_id)
