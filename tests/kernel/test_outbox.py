"""The outbox and its relay: in order, at least once on the wire, across failures."""

import asyncio
from uuid import UUID

import msgspec
import pytest

from kernel.conftest import ParcelMoved
from kernel.parcels import (
    message_at,
    publish,
    relay_of,
    running,
    stream_size,
    unsent_are,
)
from mercato.kernel.db import Database
from mercato.kernel.ids import new_id
from mercato.kernel.messaging.outbox import decoder_of
from mercato.kernel.runtime import Runtime
from mercato.settings import Settings
from support.waiting import eventually


class TestOutbox:
    async def test_an_event_leaves_when_the_transaction_commits(self, runtime: Runtime) -> None:
        async with running(relay_of(runtime)):
            event = ParcelMoved(parcel=new_id(), step=1)
            await publish(runtime, event)
            message = await eventually(lambda: message_at(runtime, 1))
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
            await eventually(lambda: message_at(runtime, 1))
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
            message = await eventually(lambda: message_at(runtime, 1))
        assert message.headers["Nats-Msg-Id"] == str(event.event_id)

    async def test_remembers_where_in_the_stream_each_event_went(
        self, runtime: Runtime, database: Database
    ) -> None:
        async with running(relay_of(runtime)):
            await publish(runtime, *(ParcelMoved(parcel=new_id(), step=n) for n in range(5)))
            await eventually(lambda: unsent_are(database, 0))
        rows = await database.fetch("select sent_seq from shop.outbox order by position")
        assert [row["sent_seq"] for row in rows] == [1, 2, 3, 4, 5]

    async def test_an_event_is_sent_only_after_the_earlier_ones_of_its_aggregate_were_taken(
        self, runtime: Runtime, database: Database
    ) -> None:
        parcels = [new_id() for _ in range(20)]
        await publish(runtime, *(ParcelMoved(parcel=p, step=n) for n in range(30) for p in parcels))
        async with running(relay_of(runtime)):
            await eventually(lambda: unsent_are(database, 0))
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
            await eventually(lambda: unsent_are(database, 0), every_s=0.01)
            assert asyncio.get_running_loop().time() - started < 0.6
        await other.broker.close()
        await other.close()


def test_an_event_with_a_field_of_a_newer_version_can_be_read() -> None:
    event = ParcelMoved(parcel=new_id(), step=1)
    body = msgspec.json.encode(event)[:-1] + b',"traceparent":"00-1-2-01","later":3}'
    assert decoder_of(ParcelMoved)(body) == event
