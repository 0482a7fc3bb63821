"""What events leave behind of a person: rows of the outbox, messages in the stream, dead letters, jobs."""

from uuid import UUID

from nats.js.errors import NotFoundError

from mercato.kernel.db import Database
from mercato.kernel.errors import Unavailable
from mercato.kernel.messaging.broker import Broker

PURGE_BATCH = 500


class Traces:
    """The traces in one schema. `needles` are patterns of LIKE for what names the person, in lower case."""

    def __init__(self, schema: str, database: Database, broker: Broker) -> None:
        self._schema = schema
        self._db = database
        self._broker = broker

    async def refuse_unsettled(self, needles: list[str]) -> None:
        """Raise Unavailable("events_on_their_way") while somebody has yet to hear of this person."""
        outbox = await self._db.fetchrow(
            "select coalesce(max(sent_seq), 0) as last, count(*) filter (where sent_seq is null) as unsent"
            f" from {self._schema}.outbox where {_named_in('body')}",
            needles,
        )
        waiting = await self._db.fetchval(
            "select exists(select from kernel.jobs where service = $2 and status in ('queued', 'running')"
            f" and {_named_in('payload')})",
            needles, self._schema,
        )  # fmt: skip
        assert outbox is not None
        if waiting or outbox["unsent"]:
            raise _unsettled()
        if not outbox["last"]:
            return
        for consumer in await self._broker.js.consumers_info(self._broker.stream):
            heard = consumer.ack_floor.stream_seq if consumer.ack_floor else 0
            if heard < outbox["last"] and (consumer.num_pending or consumer.num_ack_pending):
                raise _unsettled()

    async def purge(self, needles: list[str]) -> int:
        """Take what names this person out of the stream, then out of the tables; returns how many rows.

        In this order, because the outbox is what knows where in the stream an event stands.
        """
        purged = 0
        while rows := await self._db.fetch(
            f"select id, sent_seq from {self._schema}.outbox where {_named_in('body')}"
            f" order by position limit {PURGE_BATCH}",
            needles,
        ):
            if any(row["sent_seq"] is None for row in rows):
                raise _unsettled()
            for row in rows:
                await self._take_out(row["id"], row["sent_seq"])
            ids = [row["id"] for row in rows]
            await self._db.execute(f"delete from {self._schema}.outbox where id = any($1)", ids)
            purged += len(rows)
        letters = await self._db.execute(
            f"delete from {self._schema}.dead_letters where {_named_in('body')}", needles
        )
        jobs = await self._db.execute(
            "delete from kernel.jobs where service = $2 and status in ('done', 'failed')"
            f" and {_named_in('payload')}",
            needles, self._schema,
        )  # fmt: skip
        return purged + rows_of(letters) + rows_of(jobs)

    async def _take_out(self, event_id: UUID, sequence: int) -> None:
        """Overwrite one message of the stream; nothing when another one stands in its place."""
        try:
            message = await self._broker.js.get_msg(self._broker.stream, seq=sequence)
            if (message.headers or {}).get("Nats-Msg-Id") == str(event_id):
                await self._broker.js.delete_msg(self._broker.stream, sequence)
        except NotFoundError:
            return


def rows_of(tag: str) -> int:
    """How many rows a statement changed, from its command tag."""
    return int(tag.rpartition(" ")[2])


def _named_in(column: str) -> str:
    return f"lower(convert_from({column}, 'UTF8')) like any($1::text[])"


def _unsettled() -> Unavailable:
    return Unavailable("events_on_their_way", "Some services have yet to hear of this person.")
