"""Events from outbox to effect: in order, at least once on the wire, once in effect, across failures."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from kernel.conftest import EFFECTS, ParcelLost, ParcelMoved
from mercato.engines import Nats, Postgres
from mercato.kernel.consumer import Consumer
from mercato.kernel.db import Database, Pool, Tx
from mercato.kernel.dead_letters import DeadLetters
from mercato.kernel.ending import end
from mercato.kernel.errors import Conflict, NotFound, Unavailable
from mercato.kernel.host import Host
from mercato.kernel.ids import new_id
from mercato.kernel.inbox import Subscription
from mercato.kernel.metrics import Metrics
from mercato.kernel.migrate import migrate, migrations_of
from mercato.kernel.outbox import outbox_ddl
from mercato.kernel.relay import Relay
from mercato.kernel.runtime import Runtime
from mercato.kernel.service import Service
from mercato.settings import Settings
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


class TestOutbox:
    async def test_an_event_leaves_when_the_transaction_commits(self, runtime: Runtime) -> None:
        async with running(relay_of(runtime)):
            event = ParcelMoved(parcel=new_id(), step=1)
            await publish(runtime, event)
            message = await eventually(lambda: _message(runtime, 1))
        assert message.headers["Nats-Msg-Id"] == str(event.event_id)
        assert msgspec.json.decode(message.data, type=ParcelMoved) == event

    async def test_an_event_never_leaves_when_the_transaction_rolls_back(
        self, runtime: Runtime, database: Database
    ) -> None:
        async with running(relay_of(runtime)):
            with pytest.raises(ValueError, match="changed my mind"):
                async with database.transaction() as tx:
                    await runtime.outbox("shop").add(tx, ParcelMoved(parcel=new_id(), step=1))
                    raise ValueError("changed my mind")
            await publish(runtime, ParcelMoved(parcel=new_id(), step=2))
            await eventually(lambda: _message(runtime, 1))
        assert await stream_size(runtime) == 1
        assert await database.fetchval("select count(*) from shop.outbox") == 1

    async def test_rows_fit_a_statement_that_inserts_them_itself(
        self, runtime: Runtime, database: Database
    ) -> None:
        outbox = runtime.outbox("shop")
        event = ParcelMoved(parcel=new_id(), step=1)
        async with running(relay_of(runtime)):
            await database.execute(
                "with guard as (insert into shop.effects (parcel, step) values ($5, 1) returning 1)"
                " insert into shop.outbox (id, subject, key, body) select e.* from guard,"
                " unnest($1::uuid[], $2::text[], $3::uuid[], $4::bytea[]) e",
                *outbox.rows(event), event.parcel,
            )  # fmt: skip
            outbox.ring()
            message = await eventually(lambda: _message(runtime, 1))
        assert message.headers["Nats-Msg-Id"] == str(event.event_id)

    async def test_remembers_where_in_the_stream_each_event_went(
        self, runtime: Runtime, database: Database
    ) -> None:
        async with running(relay_of(runtime)):
            await publish(runtime, *(ParcelMoved(parcel=new_id(), step=n) for n in range(5)))
            await eventually(lambda: _unsent(database, 0))
        rows = await database.fetch("select sent_seq from shop.outbox order by position")
        assert [row["sent_seq"] for row in rows] == [1, 2, 3, 4, 5]

    async def test_an_event_is_sent_only_after_the_earlier_ones_of_its_aggregate_were_taken(
        self, runtime: Runtime, database: Database
    ) -> None:
        parcels = [new_id() for _ in range(20)]
        await publish(runtime, *(ParcelMoved(parcel=p, step=n) for n in range(30) for p in parcels))
        async with running(relay_of(runtime)):
            await eventually(lambda: _unsent(database, 0))
        steps: dict[UUID, list[int]] = {parcel: [] for parcel in parcels}
        for row in await database.fetch("select key, body from shop.outbox order by sent_seq"):
            steps[row["key"]].append(msgspec.json.decode(row["body"])["step"])
        assert all(found == list(range(30)) for found in steps.values())

    async def test_a_process_that_does_not_lead_pings_the_one_that_does(
        self, runtime: Runtime, settings: Settings, database: Database
    ) -> None:
        other = Runtime(settings)
        await other.broker.connect("other")
        relay_of(other)
        leader = relay_of(runtime)
        async with running(leader):
            await eventually(lambda: leader._leads and leader._checked)
            started = asyncio.get_running_loop().time()
            await publish(other, ParcelMoved(parcel=new_id(), step=1))
            await eventually(lambda: _unsent(database, 0), every_s=0.01)
            assert asyncio.get_running_loop().time() - started < 0.6
        await other.broker.close()
        await other.close()


class TestConsumer:
    async def test_hears_what_it_subscribed_to_and_nothing_else(
        self, runtime: Runtime, database: Database
    ) -> None:
        mover, moved = Mover(), ParcelMoved(parcel=new_id(), step=1)
        async with running(relay_of(runtime), consumer_of(runtime, mover)):
            await publish(runtime, ParcelLost(parcel=new_id()), moved)
            await eventually(lambda: effects(database))
        assert await effects(database) == [(moved.parcel, 1)]

    async def test_takes_many_events_in_one_transaction_in_order(
        self, runtime: Runtime, database: Database
    ) -> None:
        mover, parcel = Mover(), new_id()
        await publish(runtime, *(ParcelMoved(parcel=new_id(), step=n) for n in range(900)))
        async with running(relay_of(runtime)):
            await eventually(lambda: _unsent(database, 0))
            async with running(consumer_of(runtime, mover)):
                await eventually(lambda: _count(database, 900))
                await publish(runtime, *(ParcelMoved(parcel=parcel, step=n) for n in range(5)))
                await eventually(lambda: _count(database, 905))
        assert [step for _, step in await effects(database)][:900] == list(range(900))
        assert (await effects(database))[900:] == [(parcel, n) for n in range(5)]
        assert max(mover.batches) == 300
        assert len(mover.batches) < 20

    async def test_an_event_that_is_delivered_twice_has_its_effect_once(
        self, runtime: Runtime, database: Database
    ) -> None:
        mover, event = Mover(), ParcelMoved(parcel=new_id(), step=1)
        relay = relay_of(runtime)
        async with running(relay, consumer_of(runtime, mover)):
            await publish(runtime, event)
            await eventually(lambda: effects(database))
            body = msgspec.json.encode(event)
            ack = await runtime.broker.js.publish(
                runtime.broker.subject(event.subject), body, headers={"Nats-Msg-Id": str(event.event_id)}
            )
            assert ack.duplicate
            await runtime.broker.js.purge_stream(runtime.broker.stream)
            await runtime.broker.js.delete_stream(runtime.broker.stream)
            await relay.rebuild()
            marker = ParcelMoved(parcel=new_id(), step=9)
            await publish(runtime, marker)
            await eventually(lambda: _count(database, 2), timeout_s=20)
        assert await effects(database) == [(event.parcel, 1), (marker.parcel, 9)]

    async def test_two_consumers_each_get_every_event(self, runtime: Runtime, database: Database) -> None:
        first, second, event = Mover("first"), Mover("second"), ParcelMoved(parcel=new_id(), step=1)
        async with running(relay_of(runtime), consumer_of(runtime, first), consumer_of(runtime, second)):
            await publish(runtime, event)
            await eventually(lambda: _count(database, 2))
        assert await effects(database, "first") == [(event.parcel, 1)]
        assert await effects(database, "second") == [(event.parcel, 1)]

    async def test_a_new_leader_goes_on_with_what_the_old_one_left(
        self, runtime: Runtime, database: Database
    ) -> None:
        stuck = Mover()
        hold = asyncio.Event()

        async def never(tx: Tx, events: Sequence[ParcelMoved]) -> None:
            hold.set()
            await asyncio.Event().wait()

        parcel = new_id()
        await publish(runtime, *(ParcelMoved(parcel=parcel, step=n) for n in range(3)))
        dying = Consumer(
            Subscription("mover", (ParcelMoved,), never),
            "shop", database, runtime.broker, Metrics(),
        )  # fmt: skip
        async with running(relay_of(runtime)):
            async with running(dying):
                await hold.wait()
            await publish(runtime, ParcelMoved(parcel=parcel, step=3))
            async with running(consumer_of(runtime, stuck)):
                await eventually(lambda: _count(database, 4), timeout_s=8)
        assert await effects(database) == [(parcel, 0), (parcel, 1), (parcel, 2), (parcel, 3)]


class TestPoison:
    async def test_goes_to_the_dead_letters_after_five_tries_and_holds_up_only_its_own_aggregate(
        self, runtime: Runtime, database: Database
    ) -> None:
        mover, bad, good = Mover(), new_id(), new_id()
        mover.fails_for = {bad}
        poison = ParcelMoved(parcel=bad, step=1)
        await publish(runtime, poison, *(ParcelMoved(parcel=good, step=n) for n in range(3)))
        async with running(relay_of(runtime), consumer_of(runtime, mover)):
            letters = await eventually(lambda: _letters(database, mover))
        assert [(row.event_id, row.deliveries, row.error) for row in letters] == [
            (poison.event_id, 5, "ValueError: no such shelf")
        ]
        assert await effects(database) == [(good, 0), (good, 1), (good, 2)]
        # once in the batch of four, then alone
        assert mover.tries == 6

    async def test_what_no_relay_of_ours_sent_is_buried_and_cannot_be_retried(
        self, runtime: Runtime, database: Database
    ) -> None:
        mover, good = Mover(), ParcelMoved(parcel=new_id(), step=1)
        subject = runtime.broker.subject(ParcelMoved.subject)
        async with running(relay_of(runtime), consumer_of(runtime, mover)):
            await runtime.broker.ensure_stream()
            await runtime.broker.js.publish(subject, b"{")
            await publish(runtime, good)
            (letter,) = await eventually(lambda: _letters(database, mover))
            await eventually(lambda: _count(database, 1))
        assert (letter.deliveries, letter.error) == (1, "DecodeError: Input data was truncated")
        assert await effects(database) == [(good.parcel, 1)]
        letters = DeadLetters("shop", database, {"mover": mover.subscription})
        with pytest.raises(Conflict, match="cannot be read"):
            await letters.retry(letter.id)
        assert [row.id for row in await letters.open_letters()] == [letter.id]

    async def test_later_events_of_the_aggregate_wait_and_then_go_on_in_order(
        self, runtime: Runtime, database: Database
    ) -> None:
        mover, parcel = Mover(), new_id()
        mover.fails_for = {parcel}
        async with running(relay_of(runtime), consumer_of(runtime, mover)):
            await publish(runtime, ParcelMoved(parcel=parcel, step=1))
            await eventually(lambda: mover.tries >= 2)
            mover.fails_for = set()
            await publish(runtime, *(ParcelMoved(parcel=parcel, step=n) for n in (2, 3)))
            await eventually(lambda: _count(database, 3))
        assert await effects(database) == [(parcel, 1), (parcel, 2), (parcel, 3)]
        assert await _letters(database, mover) == []

    async def test_nothing_is_given_up_while_the_database_does_not_answer(
        self, runtime: Runtime, database: Database
    ) -> None:
        mover, parcel = Mover(), new_id()
        mover.fails_for, mover.error = {parcel}, Unavailable("database_unavailable")
        async with running(relay_of(runtime), consumer_of(runtime, mover)):
            await publish(runtime, ParcelMoved(parcel=parcel, step=1))
            await eventually(lambda: mover.tries >= 7, timeout_s=20)
            assert await _letters(database, mover) == []
            mover.fails_for = set()
            await eventually(lambda: _count(database, 1))

    async def test_a_body_that_cannot_be_read_is_a_dead_letter_at_once(
        self, runtime: Runtime, database: Database
    ) -> None:
        mover, event_id, good = Mover(), new_id(), ParcelMoved(parcel=new_id(), step=1)
        await database.execute(
            "insert into shop.outbox (id, subject, key, body) values ($1, 'shop.parcel_moved', $1, $2)",
            event_id, b'{"parcel": 7}',
        )  # fmt: skip
        await publish(runtime, good)
        async with running(relay_of(runtime), consumer_of(runtime, mover)):
            letters = await eventually(lambda: _letters(database, mover))
            await eventually(lambda: _count(database, 1))
        assert [(row.event_id, row.deliveries, row.body) for row in letters] == [
            (event_id, 1, '{"parcel": 7}')
        ]
        assert await effects(database) == [(good.parcel, 1)]

    async def test_a_dead_letter_can_be_retried_once(self, runtime: Runtime, database: Database) -> None:
        mover, letter, parcel = await _one_letter(runtime, database)
        letters = DeadLetters("shop", database, {"mover": mover.subscription})
        with pytest.raises(ValueError, match="no such shelf"):
            await letters.retry(letter)
        assert len(await letters.open_letters()) == 1
        mover.fails_for = set()
        await letters.retry(letter)
        assert await effects(database) == [(parcel, 1)]
        assert await letters.open_letters() == []
        with pytest.raises(Conflict, match="already_resolved"):
            await letters.retry(letter)
        assert await effects(database) == [(parcel, 1)]

    async def test_a_discarded_dead_letter_has_no_effect_and_does_not_come_back(
        self, runtime: Runtime, database: Database
    ) -> None:
        mover, letter, _ = await _one_letter(runtime, database)
        letters = DeadLetters("shop", database, {"mover": mover.subscription})
        await letters.discard(letter)
        assert await letters.open_letters() == []
        with pytest.raises(Conflict, match="already_resolved"):
            await letters.discard(letter)
        with pytest.raises(NotFound):
            await letters.discard(new_id())
        mover.fails_for = set()
        relay = relay_of(runtime)
        await runtime.broker.js.delete_stream(runtime.broker.stream)
        marker = ParcelMoved(parcel=new_id(), step=2)
        await publish(runtime, marker)
        async with running(relay, consumer_of(runtime, mover)):
            await eventually(lambda: _count(database, 1))
        assert await effects(database) == [(marker.parcel, 2)]


class TestLostBroker:
    @pytest.fixture
    async def own(self, own_nats: Nats, settings: Settings) -> AsyncIterator[Runtime]:
        runtime = Runtime(msgspec.structs.replace(settings, nats_url=own_nats.url))
        await runtime.broker.connect("test")
        yield runtime
        await runtime.broker.close()
        await runtime.close()

    async def test_goes_on_after_a_restart_of_the_broker(
        self, own: Runtime, own_nats: Nats, database: Database
    ) -> None:
        mover, parcel = Mover(), new_id()
        async with running(relay_of(own), consumer_of(own, mover)):
            await publish(own, ParcelMoved(parcel=parcel, step=1))
            await eventually(lambda: _count(database, 1))
            own_nats.stop()
            await publish(own, *(ParcelMoved(parcel=parcel, step=n) for n in (2, 3)))
            own_nats.start()
            await eventually(lambda: _count(database, 3), timeout_s=20)
        assert await effects(database) == [(parcel, 1), (parcel, 2), (parcel, 3)]

    async def test_sends_again_what_a_wiped_broker_has_lost(
        self, own: Runtime, own_nats: Nats, database: Database
    ) -> None:
        """Sent, not yet consumed, and then the broker's disk is gone."""
        parcels = [new_id() for _ in range(50)]
        relay = relay_of(own)
        async with running(relay):
            await publish(own, *(ParcelMoved(parcel=p, step=1) for p in parcels))
            await eventually(lambda: _unsent(database, 0))
            await _wipe(own_nats)
            mover = Mover()
            async with running(consumer_of(own, mover)):
                await eventually(lambda: _count(database, 50), timeout_s=20)
        assert await effects(database) == [(p, 1) for p in parcels]
        assert own.metrics.counter("mercato_outbox_lost_total", "", schema="shop").value == 50

    async def test_notices_the_loss_when_the_new_stream_has_already_grown_past_the_old(
        self, own: Runtime, own_nats: Nats, database: Database
    ) -> None:
        """The position alone would say that nothing is missing: others were sent there meanwhile."""
        lost = ParcelMoved(parcel=new_id(), step=1)
        async with running(relay_of(own)):
            await publish(own, lost)
            await eventually(lambda: _unsent(database, 0))
        await _wipe(own_nats)
        await eventually(lambda: own.broker.connections == 2)
        await own.broker.ensure_stream()
        for _ in range(10):
            await own.broker.js.publish(
                own.broker.subject("other.thing"), b"{}", headers={"Nats-Msg-Id": str(new_id())}
            )
        mover = Mover()
        async with running(relay_of(own), consumer_of(own, mover)):
            await eventually(lambda: _count(database, 1), timeout_s=20)
        assert await effects(database) == [(lost.parcel, 1)]

    async def test_sends_nothing_again_when_nothing_was_lost(
        self, runtime: Runtime, database: Database
    ) -> None:
        async with running(relay_of(runtime)):
            await publish(runtime, *(ParcelMoved(parcel=new_id(), step=1) for _ in range(10)))
            await eventually(lambda: _unsent(database, 0))
        relay = relay_of(runtime)
        async with running(relay):
            await eventually(lambda: relay._checked)
        assert runtime.metrics.counter("mercato_outbox_lost_total", "", schema="shop").value == 0
        assert await stream_size(runtime) == 10

    async def test_consumers_go_on_when_the_stream_is_deleted_under_them(
        self, runtime: Runtime, database: Database
    ) -> None:
        mover, first, second = Mover(), new_id(), new_id()
        relay = relay_of(runtime)
        async with running(relay, consumer_of(runtime, mover)):
            await publish(runtime, ParcelMoved(parcel=first, step=1))
            await eventually(lambda: _count(database, 1))
            await runtime.broker.js.delete_stream(runtime.broker.stream)
            await publish(runtime, ParcelMoved(parcel=second, step=2))
            await eventually(lambda: _count(database, 2), timeout_s=20)
        assert await effects(database) == [(first, 1), (second, 2)]


KILLED = """
import asyncio, sys
from uuid import UUID
import msgspec
from kernel.conftest import ParcelMoved
from mercato.kernel import failpoints
from mercato.kernel.host import Host
from mercato.kernel.runtime import Runtime
from mercato.kernel.service import Service
from mercato.settings import Settings
from kernel.test_events import Mover

async def main():
    settings = msgspec.json.decode(sys.argv[1], type=Settings)
    failpoints.configure(settings.failpoint)
    runtime = Runtime(settings)
    await runtime.broker.connect("victim")
    host = Host(runtime)
    host.add("shop", None, "shop", Service(impl=None, subscriptions=(Mover().subscription,)))
    await host.start()
    async with runtime.database("shop").transaction() as tx:
        for n in range(20):
            await runtime.outbox("shop").add(tx, ParcelMoved(parcel=UUID(int=n % 4), step=n))
    failpoints.failpoint("test.committed")
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize(
    "place", ["test.committed", "relay.selected", "relay.published", "consumer.committed"]
)
async def test_no_event_is_lost_or_doubled_when_the_process_is_killed(
    place: str, runtime: Runtime, settings: Settings, database: Database
) -> None:
    victim = msgspec.structs.replace(settings, failpoint=place)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, msgspec.json.encode(victim).decode(),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert await asyncio.wait_for(process.wait(), 30) == -signal.SIGKILL
    assert await database.fetchval("select count(*) from shop.outbox") == 20
    async with running(relay_of(runtime), consumer_of(runtime, Mover())):
        await eventually(lambda: _count(database, 20), timeout_s=20)
        await eventually(lambda: _unsent(database, 0))
    for parcel in range(4):
        steps = [step for found, step in await effects(database) if found == UUID(int=parcel)]
        assert steps == list(range(parcel, 20, 4))


async def test_goes_on_after_the_database_was_killed(own_postgres: Postgres, settings: Settings) -> None:
    url = own_postgres.url()
    await migrate(url, migrations_of("mercato.kernel", "kernel"))
    connection = await asyncpg.connect(url)
    await connection.execute("create schema shop;" + outbox_ddl("shop") + EFFECTS)
    await connection.close()
    runtime = Runtime(msgspec.structs.replace(settings, database_url=url))
    await runtime.broker.connect("test")
    host, mover, parcel = Host(runtime), Mover(), new_id()
    host.add("shop", None, "shop", Service(impl=None, subscriptions=(mover.subscription,)))
    await host.start()
    await publish(runtime, ParcelMoved(parcel=parcel, step=1))
    outside = Database(Pool(url, size=1))
    await eventually(lambda: _count(outside, 1))
    await publish(runtime, ParcelMoved(parcel=parcel, step=2))
    assert own_postgres.process is not None
    own_postgres.process.kill()
    own_postgres.process.wait()
    own_postgres.start()

    async def again() -> bool:
        try:
            await publish(runtime, ParcelMoved(parcel=parcel, step=3))
            return True
        except Unavailable:
            return False

    await eventually(again, timeout_s=20)
    after = Database(Pool(url, size=1))
    await eventually(lambda: _count(after, 3), timeout_s=20)
    assert await effects(after) == [(parcel, 1), (parcel, 2), (parcel, 3)]
    await host.stop()
    await after.pool.close()
    await runtime.broker.close()
    await runtime.close()


async def _message(runtime: Runtime, seq: int) -> Any:
    try:
        return await runtime.broker.js.get_msg(runtime.broker.stream, seq=seq)
    except Exception:
        return None


async def _unsent(database: Database, expected: int) -> bool:
    return await database.fetchval("select count(*) from shop.outbox where sent_seq is null") == expected


async def _count(database: Database, expected: int) -> bool:
    return await database.fetchval("select count(*) from shop.effects") >= expected


async def _letters(database: Database, mover: Mover) -> list[Any]:
    return await DeadLetters("shop", database, {mover.name: mover.subscription}).open_letters()


async def _one_letter(runtime: Runtime, database: Database) -> tuple[Mover, UUID, UUID]:
    mover, parcel = Mover(), new_id()
    mover.fails_for = {parcel}
    async with running(relay_of(runtime), consumer_of(runtime, mover)):
        await publish(runtime, ParcelMoved(parcel=parcel, step=1))
        letters = await eventually(lambda: _letters(database, mover))
    return mover, letters[0].id, parcel


async def _wipe(server: Nats) -> None:
    server.stop()
    shutil.rmtree(server.directory / "store")
    server.start()
