"""Papers follow orders a moment later: a job, because issuing one may ask for the channel."""

from typing import Final
from uuid import UUID

import msgspec

from mercato.kernel.db import Tx
from mercato.orders.parts import Parts
from mercato.orders.store import papers

PAPERS: Final = "papers"


class PapersBehind(msgspec.Struct, frozen=True):
    """An order whose papers may be behind, and why."""

    order_id: UUID
    reason: str = ""


async def papers_behind(parts: Parts, tx: Tx, *, order_id: UUID, reason: str) -> None:
    """The papers of this order, when it has any, do not tell of what happens in this transaction.

    Without a job key on purpose: a job that runs already may have looked before this.
    """
    if await papers.has_any(tx, order_id=order_id):
        await parts.jobs.add(tx, PAPERS, PapersBehind(order_id, reason))
