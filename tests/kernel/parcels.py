"""Events of a small shop that moves parcels: publish them, move them, look at what came of it."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from kernel.conftest import ParcelMoved
from mercato.engines import Nats
from mercato.kernel.db import Database, Tx
from mercato.kernel.ending import end
from mercato.kernel.ids import new_id
from mercato.kernel.messaging.consumer import Consumer
from mercato.kernel.messaging.dead_letters import DeadLetters
from mercato.kernel.messaging.inbox import Subscription
from mercato.kernel.messaging.relay import Relay
from mercato.kernel.runtime import Runtime
from mercato.kernel.telemetry.metrics import Metrics
from support.waiting import eventually

QUICK = (0.02, 0.02, 0.02, 0.02)


class Mover:
    """A handler that writes one effect row per event, and fails where a test says."""

    def __init__(self, name: str = "mover") -> None:
        self.name = name
        self.batches: list[int] = []
        self.tries = 0
        self.fails_for: set[UUID] = set()
        self.error: Exception = ValueError("no such shelf")

    async def __call__(self, tx: Tx, events: Sequence[ParcelMoved]) -> None:
        self.batches.append(len(events))
        for event in events:
            await tx.execute(
                "insert into shop.effects (consumer, parcel, step) values ($1, $2, $3)",
                self.name, event.parcel, event.step,
            )  # fmt: skip
            if event.parcel in self.fails_for:
                self.tries += 1
                raise self.error

    @property
    def subscription(self) -> Subscription:
        return Subscription(self.name, (ParcelMoved,), self)


@contextlib.asynccontextmanager
async def running(*workers: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    try:
        yield
    finally:
        await end(*tasks)


def relay_of(runtime: Runtime) -> Relay:
    relay = Relay(
        "shop", runtime.database("shop"), runtime.broker, runtime.settings.namespace, runtime.metrics
    )
    runtime.outbox_bells.connect("shop", relay.ring)
    return relay


def consumer_of(runtime: Runtime, mover: Mover) -> Consumer:
    return Consumer(
        mover.subscription, "shop", runtime.database("shop"), runtime.broker, Metrics(), retry_pauses_s=QUICK
    )


async def publish(runtime: Runtime, *events: Any) -> None:
    async with runtime.database("shop").transaction() as tx:
        await runtime.outbox("shop").add(tx, *events)


async def effects(database: Database, consumer: str = "mover") -> list[tuple[UUID, int]]:
    rows = await database.fetch(
        "select parcel, step from shop.effects where consumer = $1 order by id", consumer
    )
    return [(row["parcel"], row["step"]) for row in rows]


async def stream_size(runtime: Runtime) -> int:
    return (await runtime.broker.ensure_stream()).state.messages


async def message_at(runtime: Runtime, seq: int) -> Any:
    try:
        return await runtime.broker.js.get_msg(runtime.broker.stream, seq=seq)
    except Exception:
        return None


async def unsent_are(database: Database, expected: int) -> bool:
    return await database.fetchval("select count(*) from shop.outbox where sent_seq is null") == expected


async def effects_are(database: Database, expected: int) -> bool:
    return await database.fetchval("select count(*) from shop.effects") >= expected


async def open_letters(database: Database, mover: Mover) -> list[Any]:
    return await DeadLetters("shop", database, {mover.name: mover.subscription}).open_letters()


async def one_letter(runtime: Runtime, database: Database) -> tuple[Mover, UUID, UUID]:
    mover, parcel = Mover(), new_id()
    mover.fails_for = {parcel}
    async with running(relay_of(runtime), consumer_of(runtime, mover)):
        await publish(runtime, ParcelMoved(parcel=parcel, step=1))
        letters = await eventually(lambda: open_letters(database, mover))
    return mover, letters[0].id, parcel


async def wipe(server: Nats) -> None:
    server.stop()
    shutil.rmtree(server.directory / "store")
    server.start()
