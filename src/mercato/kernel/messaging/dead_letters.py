"""Events that a consumer gave up: kept with their body until a person retries or discards them."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from mercato.kernel import clock
from mercato.kernel.db import Database, Queries, Tx
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.ids import new_id
from mercato.kernel.messaging.inbox import Subscription
from mercato.kernel.messaging.outbox import decoder_of

ERROR_LENGTH = 2000

Tell = Callable[[Tx, Mapping[str, Any]], Awaitable[None]]
"""Records who has dealt with a letter: its consumer and subject, in the transaction of that."""


class DeadLetter(msgspec.Struct, frozen=True):
    """One given-up event. `body` is the event as JSON text; it may hold personal data."""

    id: UUID
    schema: str
    consumer: str
    event_id: UUID
    subject: str
    body: str
    error: str
    deliveries: int
    at: datetime


async def bury(
    database: Database,
    schema: str,
    *,
    consumer: str,
    event_id: UUID,
    subject: str,
    body: bytes,
    error: str,
    deliveries: int,
) -> None:
    """Write a dead letter, once; the inbox takes the event too, so that a resend does not run it."""
    await database.execute(
        f"with taken as (insert into {schema}.inbox (consumer, event_id) values ($2, $3)"
        "  on conflict do nothing returning 1)"
        f" insert into {schema}.dead_letters (id, consumer, event_id, subject, body, error, deliveries)"
        " select $1, $2, $3, $4, $5, $6, $7 from taken",
        new_id(), consumer, event_id, subject, body, error[:ERROR_LENGTH], deliveries,
    )  # fmt: skip


class DeadLetters:
    """The dead letters of one service."""

    def __init__(self, schema: str, database: Database, subscriptions: Mapping[str, Subscription]) -> None:
        self.schema = schema
        self._database = database
        self._subscriptions = subscriptions

    async def open_letters(self, limit: int = 100) -> list[DeadLetter]:
        """The newest unresolved ones."""
        rows = await self._database.fetch(
            "select id, consumer, event_id, subject, body, error, deliveries, at"
            f" from {self.schema}.dead_letters where resolved_at is null order by id desc limit $1",
            limit,
        )
        return [
            DeadLetter(
                **dict(row) | {"schema": self.schema, "body": bytes(row["body"]).decode(errors="replace")}
            )
            for row in rows
        ]

    async def retry(self, letter_id: UUID, tell: Tell | None = None) -> None:
        """Handle the event now, resolve the letter and `tell` of it, all in one transaction.

        Raises what the handler raises (then nothing changed), NotFound, and Conflict when the letter was
        resolved before, cannot be read, or its consumer is gone.
        """
        async with self._database.transaction() as tx:
            row = await self._resolve(tx, letter_id, "retried")
            if tell is not None:
                await tell(tx, row)
            subscription = self._subscriptions.get(row["consumer"])
            kinds = {event.subject: event for event in subscription.events} if subscription else {}
            if subscription is None or row["subject"] not in kinds:
                raise Conflict(
                    "no_consumer", f"Nothing handles {row['subject']} as {row['consumer']} any more."
                )
            try:
                event = decoder_of(kinds[row["subject"]])(row["body"])
            except msgspec.MsgspecError as error:
                raise Conflict("event_unreadable", f"The event cannot be read: {error}.") from None
            await subscription.handle(tx, [event])

    async def discard(self, letter_id: UUID, tell: Tell | None = None) -> None:
        """Resolve the letter without an effect. Raises NotFound, and Conflict when it was resolved before."""
        async with self._database.transaction() as tx:
            row = await self._resolve(tx, letter_id, "discarded")
            if tell is not None:
                await tell(tx, row)

    async def _resolve(self, db: Queries, letter_id: UUID, resolution: str) -> Mapping[str, Any]:
        row = await db.fetchrow(
            f"update {self.schema}.dead_letters set resolved_at = $2, resolution = $3"
            " where id = $1 and resolved_at is null returning consumer, subject, body",
            letter_id, clock.now(), resolution,
        )  # fmt: skip
        if row is not None:
            return dict(row)
        if await db.fetchval(f"select 1 from {self.schema}.dead_letters where id = $1", letter_id):
            raise Conflict("already_resolved", "Somebody has already dealt with this event.")
        raise NotFound(detail="There is no such dead letter.")
