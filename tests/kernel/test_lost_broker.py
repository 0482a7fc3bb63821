"""No event is lost or doubled when the broker forgets, or the process or the database is killed."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import msgspec
import pytest

from kernel.conftest import EFFECTS, ParcelMoved
from kernel.parcels import (
    Mover,
    consumer_of,
    effects,
    effects_are,
    publish,
    relay_of,
    running,
    stream_size,
    unsent_are,
    wipe,
)
from mercato.engines import Nats, Postgres
from mercato.kernel.db import Database, Pool
from mercato.kernel.errors import Unavailable
from mercato.kernel.host import Host
from mercato.kernel.ids import new_id
from mercato.kernel.messaging.outbox import outbox_ddl
from mercato.kernel.migrate import migrate, migrations_of
from mercato.kernel.runtime import Runtime
from mercato.kernel.service import Service
from mercato.settings import Settings
from support.waiting import eventually


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
            await eventually(lambda: effects_are(database, 1))
            own_nats.stop()
            await publish(own, *(ParcelMoved(parcel=parcel, step=n) for n in (2, 3)))
            own_nats.start()
            await eventually(lambda: effects_are(database, 3), timeout_s=20)
        assert await effects(database) == [(parcel, 1), (parcel, 2), (parcel, 3)]

    async def test_sends_again_what_a_wiped_broker_has_lost(
        self, own: Runtime, own_nats: Nats, database: Database
    ) -> None:
        """Sent, not yet consumed, and then the broker's disk is gone."""
        parcels = [new_id() for _ in range(50)]
        relay = relay_of(own)
        async with running(relay):
            await publish(own, *(ParcelMoved(parcel=p, step=1) for p in parcels))
            await eventually(lambda: unsent_are(database, 0))
            await wipe(own_nats)
            mover = Mover()
            async with running(consumer_of(own, mover)):
                await eventually(lambda: effects_are(database, 50), timeout_s=20)
        assert await effects(database) == [(p, 1) for p in parcels]
        assert own.metrics.counter("mercato_outbox_lost_total", "", schema="shop").value == 50

    async def test_notices_the_loss_when_the_new_stream_has_already_grown_past_the_old(
        self, own: Runtime, own_nats: Nats, database: Database
    ) -> None:
        """The position alone would say that nothing is missing: others were sent there meanwhile."""
        lost = ParcelMoved(parcel=new_id(), step=1)
        async with running(relay_of(own)):
            await publish(own, lost)
            await eventually(lambda: unsent_are(database, 0))
        await wipe(own_nats)
        await eventually(lambda: own.broker.connections == 2)
        await own.broker.ensure_stream()
        for _ in range(10):
            await own.broker.js.publish(
                own.broker.subject("other.thing"), b"{}", headers={"Nats-Msg-Id": str(new_id())}
            )
        mover = Mover()
        async with running(relay_of(own), consumer_of(own, mover)):
            await eventually(lambda: effects_are(database, 1), timeout_s=20)
        assert await effects(database) == [(lost.parcel, 1)]

    async def test_sends_nothing_again_when_nothing_was_lost(
        self, runtime: Runtime, database: Database
    ) -> None:
        async with running(relay_of(runtime)):
            await publish(runtime, *(ParcelMoved(parcel=new_id(), step=1) for _ in range(10)))
            await eventually(lambda: unsent_are(database, 0))
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
            await eventually(lambda: effects_are(database, 1))
            await runtime.broker.js.delete_stream(runtime.broker.stream)
            await publish(runtime, ParcelMoved(parcel=second, step=2))
            await eventually(lambda: effects_are(database, 2), timeout_s=20)
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
from kernel.parcels import Mover

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
        await eventually(lambda: effects_are(database, 20), timeout_s=20)
        await eventually(lambda: unsent_are(database, 0))
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
    await eventually(lambda: effects_are(outside, 1))
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
    await eventually(lambda: effects_are(after, 3), timeout_s=20)
    assert await effects(after) == [(parcel, 1), (parcel, 2), (parcel, 3)]
    await host.stop()
    await after.pool.close()
    await runtime.broker.close()
    await runtime.close()
