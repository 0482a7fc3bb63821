"""Hearing facts: a subscription, and the inbox that lets each of its consumers take an event once."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from mercato.kernel.db import Tx
from mercato.kernel.messaging.events import Event

Handler = Callable[[Tx, Sequence[Any]], Awaitable[None]]


class Subscription(msgspec.Struct, frozen=True):
    """A durable consumer of some kinds of event.

    `handle` gets up to 300 events at once, in order per aggregate and without those it has already had, in
    one transaction that it must not leave. When it raises, the events are tried again one by one; an event
    that fails five times goes to the dead letters. Work on other systems is written as a job or row in `tx`.
    """

    consumer: str
    """Durable name, for example `stock-allocation`; unique in the shop and never reused."""
    events: tuple[type[Event], ...]
    handle: Handler
    linger_s: float = 0.025
    """How long more events are waited for after the first, below a second: a longer time costs less."""


async def take_new(tx: Tx, schema: str, consumer: str, event_ids: Sequence[UUID]) -> set[UUID]:
    """Enter `event_ids` into the inbox of `schema`; returns those that `consumer` has not had before."""
    rows = await tx.fetch(
        f"insert into {schema}.inbox (consumer, event_id) select $1, unnest($2::uuid[])"
        " on conflict do nothing returning event_id",
        consumer, event_ids,
    )  # fmt: skip
    return {row["event_id"] for row in rows}
