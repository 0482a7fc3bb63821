"""Facts leave by the outbox: written in the transaction of the change, sent afterwards by the relay.

Every service schema has these tables; the first migration of a service contains them, with its own schema
in place of S: `outbox_ddl("orders")` prints the text.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec

from mercato.kernel.db import Tx
from mercato.kernel.messaging.events import Event
from mercato.kernel.telemetry import current_trace

_DDL = """
create table S.outbox (id uuid primary key, position bigint generated always as identity, subject text not null, key uuid not null, body bytea not null,
  at timestamptz not null default now(), sent_seq bigint);
create index outbox_unsent on S.outbox (position) where sent_seq is null;
create table S.inbox (consumer text not null, event_id uuid not null, at timestamptz not null default now(), primary key (consumer, event_id));
create table S.dead_letters (id uuid primary key, consumer text not null, event_id uuid not null, subject text not null, body bytea not null, error text not null,
  deliveries int not null, at timestamptz not null default now(), resolved_at timestamptz, resolution text);
"""  # noqa: E501

_encode = msgspec.json.Encoder().encode

EventRows = tuple[list[UUID], list[str], list[UUID], list[bytes]]


def outbox_ddl(schema: str) -> str:
    """The tables that events of `schema` need."""
    return _DDL.replace("S.", f"{schema}.")


class Outbox:
    """The one way a service publishes. `ring` wakes the relay; it is called after commit, never before."""

    __slots__ = ("_insert", "ring", "schema")

    def __init__(self, schema: str, ring: Callable[[], None]) -> None:
        self.schema = schema
        self.ring = ring
        self._insert = (
            f"insert into {schema}.outbox (id, subject, key, body)"
            " select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::bytea[])"
        )

    async def add(self, tx: Tx, *events: Event) -> None:
        """Write `events` in the transaction `tx`; they leave when it commits and never when it rolls back."""
        if events:
            await tx.execute(self._insert, *self.rows(*events))
            tx.after_commit(self.ring)

    def rows(self, *events: Event) -> EventRows:
        """(ids, subjects, keys, bodies) for a statement that inserts outbox rows itself; then call `ring`."""
        return (
            [event.event_id for event in events],
            [event.subject for event in events],
            [event.key for event in events],
            _traced([_encode(event) for event in events]),
        )


def _traced(bodies: list[bytes]) -> list[bytes]:
    """Inside a traced call, the bodies with the traceparent as one more field; events ignore it."""
    trace = current_trace.get()
    if not trace:
        return bodies
    return [body[:-1] + b',"traceparent":"' + trace.encode() + b'"}' for body in bodies]


class _Traced(msgspec.Struct):
    traceparent: str = ""


_traced_decoder = msgspec.json.Decoder(_Traced)


def trace_of(body: bytes) -> str:
    """The traceparent in the body of an event; empty when there is none."""
    return _traced_decoder.decode(body).traceparent if b'"traceparent"' in body else ""


def decoder_of(event: type[Event]) -> Callable[[bytes], Any]:
    """Turns the body of an outbox row or a message back into an event of this type."""
    return msgspec.json.Decoder(event).decode
