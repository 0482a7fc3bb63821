"""Acts that were done under an idempotency key, for those that nothing else makes unique."""

from datetime import datetime

from mercato.kernel.db import Queries, Tx


async def begin(tx: Tx, *, key: str, now: datetime) -> bool:
    """Note that this is done now. False when it was done before; waits for one that is being done."""
    noted = await tx.fetchval(
        "insert into orders.acts (key, at) values ($1, $2) on conflict do nothing returning true", key, now
    )
    return noted is not None


async def is_known(db: Queries, *, key: str) -> bool:
    """Whether this was done, as far as has been committed."""
    found: bool = await db.fetchval("select exists (select from orders.acts where key = $1)", key)
    return found


async def forget(db: Queries, *, before: datetime) -> None:
    """Keys are kept longer than the API promises to know them."""
    await db.execute("delete from orders.acts where at < $1", before)
