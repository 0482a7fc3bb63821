"""Tells what was sent: not mail by mail, which would cost as much as the mails, but many in one event."""

from mercato.contracts.notifications import MessagesSent, SentMessage
from mercato.kernel.db import Database
from mercato.kernel.ids import new_id
from mercato.kernel.messaging.outbox import Outbox
from mercato.notifications import domain, store

EVERY_S = 2.0
BATCH = 300


class Announcing:
    """Run by a schedule; what it takes and what it tells are one transaction."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def run(self) -> None:
        while await store.has_announcements(self._database):
            if await self._announce() < BATCH:
                return

    async def _announce(self) -> int:
        async with self._database.transaction() as tx:
            rows = await store.take_announcements(tx, limit=BATCH)
            if rows:
                sent = [
                    SentMessage(
                        order_id=row["order_id"],
                        template=row["template"],
                        title=domain.KINDS[row["template"]].name,
                        recipient=domain.masked(row["recipient"]),
                        sent_at=row["sent_at"],
                    )
                    for row in rows
                ]
                await self._outbox.add(tx, MessagesSent(batch_id=new_id(), messages=sent))
        return len(rows)
