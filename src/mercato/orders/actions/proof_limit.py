"""Above which amount a refund asks for a recent proof: a setting of the order's channel."""

from uuid import UUID

from mercato.kernel.errors import NotFound, Unavailable
from mercato.orders.parts import Parts
from mercato.orders.store import papers


async def proof_limit(parts: Parts, *, order_id: UUID) -> int | None:
    """In minor units; None for the usual one, also while the catalog is away. Not within a transaction."""
    code = await papers.channel_of(parts.db, order_id=order_id)
    try:
        return None if code is None else (await parts.channels.of(code)).refund_proof_above
    except (NotFound, Unavailable):
        return None
