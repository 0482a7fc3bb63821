"""Trying again what the sweeper gave up: somebody has looked, and removed what stood in the way."""

from uuid import UUID

from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, NotFound
from mercato.orders.parts import Parts
from mercato.orders.records import StoryRow
from mercato.orders.store import after, stuck


async def retry(parts: Parts, ctx: Context, *, order_id: UUID) -> None:
    """Give the sweeper all that is parked of this order. Raises Conflict("nothing_stuck"), NotFound."""
    now = clock.now()
    async with parts.db.transaction() as tx:
        if await after.lock(tx, order_id=order_id) is None:
            raise NotFound(detail="There is no such order.")
        if not await stuck.try_again(tx, order_id=order_id, now=now):
            raise Conflict("nothing_stuck", "Nothing of this order waits to be tried again.")
        story = StoryRow("retried", "Tried again", ctx.principal.label)
        await after.tell(tx, order_id=order_id, at=now, story=[story])
        await parts.acted(tx, ctx, "retried", order_id)
        parts.tell_after(tx, order_id)
        tx.after_commit(parts.wake_sweeper)
