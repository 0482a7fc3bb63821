"""To whom orders belong."""

from uuid import UUID

from mercato.kernel.db import Tx


async def attach_guest_orders(tx: Tx, *, customer_id: UUID, email: str) -> int:
    """Placed orders of an address that belong to nobody become the customer's; returns how many."""
    rows = await tx.fetch(
        "update orders.orders set customer_id = $1 where placed_at is not null and customer_id is null"
        " and lower(email) = lower($2) returning id",
        customer_id, email,
    )  # fmt: skip
    return len(rows)


async def move_orders(tx: Tx, *, from_id: UUID, to_id: UUID) -> None:
    """Orders of one customer belong to another from now on."""
    await tx.execute("update orders.orders set customer_id = $2 where customer_id = $1", from_id, to_id)
