"""From the wire to the effect: once each, in order; what fails again and again is put aside."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from kernel.conftest import ParcelLost, ParcelMoved
from kernel.parcels import (
    Mover,
    consumer_of,
    effects,
    effects_are,
    one_letter,
    open_letters,
    publish,
    relay_of,
    running,
    unsent_are,
)
from mercato.kernel.db import Database, Tx
from mercato.kernel.errors import Conflict, NotFound, Unavailable
from mercato.kernel.ids import new_id
from mercato.kernel.messaging.consumer import Consumer
from mercato.kernel.messaging.dead_letters import DeadLetters
from mercato.kernel.messaging.inbox import Subscription
from mercato.kernel.runtime import Runtime
from mercato.kernel.telemetry.metrics import Metrics
from support.waiting import eventually


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
            await eventually(lambda: unsent_are(database, 0))
            async with running(consumer_of(runtime, mover)):
                await eventually(lambda: effects_are(database, 900))
                await publish(runtime, *(ParcelMoved(parcel=parcel, step=n) for n in range(5)))
                await eventually(lambda: effects_are(database, 905))
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
            await eventually(lambda: effects_are(database, 2), timeout_s=20)
        assert await effects(database) == [(event.parcel, 1), (marker.parcel, 9)]

    async def test_two_consumers_each_get_every_event(self, runtime: Runtime, database: Database) -> None:
        first, second, event = Mover("first"), Mover("second"), ParcelMoved(parcel=new_id(), step=1)
        async with running(relay_of(runtime), consumer_of(runtime, first), consumer_of(runtime, second)):
            await publish(runtime, event)
            await eventually(lambda: effects_are(database, 2))
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
                await eventually(lambda: effects_are(database, 4), timeout_s=8)
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
            letters = await eventually(lambda: open_letters(database, mover))
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
            (letter,) = await eventually(lambda: open_letters(database, mover))
            await eventually(lambda: effects_are(database, 1))
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
            await eventually(lambda: effects_are(database, 3))
        assert await effects(database) == [(parcel, 1), (parcel, 2), (parcel, 3)]
        assert await open_letters(database, mover) == []

    async def test_nothing_is_given_up_while_the_database_does_not_answer(
        self, runtime: Runtime, database: Database
    ) -> None:
        mover, parcel = Mover(), new_id()
        mover.fails_for, mover.error = {parcel}, Unavailable("database_unavailable")
        async with running(relay_of(runtime), consumer_of(runtime, mover)):
            await publish(runtime, ParcelMoved(parcel=parcel, step=1))
            await eventually(lambda: mover.tries >= 7, timeout_s=20)
            assert await open_letters(database, mover) == []
            mover.fails_for = set()
            await eventually(lambda: effects_are(database, 1))

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
            letters = await eventually(lambda: open_letters(database, mover))
            await eventually(lambda: effects_are(database, 1))
        assert [(row.event_id, row.deliveries, row.body) for row in letters] == [
            (event_id, 1, '{"parcel": 7}')
        ]
        assert await effects(database) == [(good.parcel, 1)]

    async def test_a_dead_letter_can_be_retried_once(self, runtime: Runtime, database: Database) -> None:
        mover, letter, parcel = await one_letter(runtime, database)
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
        mover, letter, _ = await one_letter(runtime, database)
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
            await eventually(lambda: effects_are(database, 1))
        assert await effects(database) == [(marker.parcel, 2)]
