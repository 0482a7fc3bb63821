"""Runs the services of one process: starts them in order, keeps their background work going, stops them."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import msgspec
import structlog
from nats.js.errors import NotFoundError

from mercato.kernel.background.job_worker import JobWorker
from mercato.kernel.background.leadership import Leadership
from mercato.kernel.background.retention import retention_of
from mercato.kernel.background.schedules import Clockwork, Schedule
from mercato.kernel.messaging.consumer import Consumer
from mercato.kernel.messaging.dead_letters import DeadLetters
from mercato.kernel.messaging.relay import Relay
from mercato.kernel.rpc import Server, serve
from mercato.kernel.runtime import Runtime
from mercato.kernel.service import Service

STOP_STEP_S = 2.0

log = structlog.get_logger()


class Hosted(msgspec.Struct):
    """One service in this process and what the kernel does for it; no `schema` when it keeps no events."""

    name: str
    contract: type | None
    schema: str | None
    service: Service
    relay: Relay | None = None
    consumers: list[Consumer] = []
    schedules: list[Schedule] = []
    worker: JobWorker | None = None
    server: Server | None = None
    dead_letters: DeadLetters | None = None


class Host:
    """The services of one process. `add` in the order of their needs, then `start`."""

    def __init__(self, runtime: Runtime) -> None:
        self.hosted: dict[str, Hosted] = {}
        self._runtime = runtime
        self._leaderships: dict[str, Leadership] = {}
        self._started: list[Hosted] = []

    def add(self, name: str, contract: type | None, schema: str | None, service: Service) -> None:
        """Take `service` in; no I/O."""
        one = Hosted(name, contract, schema, service)
        if schema is not None:
            self._equip(one, schema)
        elif service.schedules:
            self._repeat(one)
        self.hosted[name] = one

    async def start(self) -> None:
        """Start the services, then answer calls, then relay, consume, repeat and work off jobs."""
        for one in self.hosted.values():
            if one.service.start is not None:
                await one.service.start()
            self._started.append(one)
        runtime = self._runtime
        for one in self.hosted.values():
            if one.contract is not None:
                one.server = await serve(
                    one.contract, one.service.impl, runtime.nats, runtime.settings, runtime.metrics
                )
        for leadership in self._leaderships.values():
            await leadership.start()
        for one in self.hosted.values():
            if one.worker is not None:
                one.worker.start()

    async def stop(self) -> None:
        """Stop in the opposite order; no step may take longer than `STOP_STEP_S`."""
        started = list(reversed(self._started))
        self._started.clear()
        await _all(one.server.stop() for one in started if one.server is not None)
        await _all(leadership.stop() for leadership in self._leaderships.values())
        await _all(one.worker.stop() for one in started if one.worker is not None)
        for one in started:
            if one.service.stop is not None:
                await _all([one.service.stop()])

    def leads(self, schema: str, role: str) -> bool:
        """Whether this process leads `role` in the database of `schema`."""
        leadership = self._leaderships.get(self._runtime.settings.database_url_of(schema))
        return leadership is not None and leadership.leads(role)

    async def is_drained(self) -> bool:
        """Whether no event of the services here waits to be sent or handled. Dead letters do not wait."""
        broker = self._runtime.broker
        for one in self.hosted.values():
            if one.schema is not None and await self._runtime.database(one.schema).fetchval(
                f"select exists(select from {one.schema}.outbox where sent_seq is null)"
            ):
                return False
        for one in self.hosted.values():
            for consumer in one.consumers:
                try:
                    info = await broker.js.consumer_info(broker.stream, consumer.name)
                except NotFoundError:
                    return False
                if info.num_pending or info.num_ack_pending:
                    return False
        return True

    @property
    def roles(self) -> list[str]:
        """What this process leads at the moment."""
        return sorted(role for leadership in self._leaderships.values() for role in leadership.led)

    def _equip(self, one: Hosted, schema: str) -> None:
        runtime, service = self._runtime, one.service
        durable, relaxed = runtime.database(schema), runtime.database(schema, relaxed=True)
        leadership = self._leadership(schema)
        one.relay = Relay(schema, relaxed, runtime.broker, runtime.settings.namespace, runtime.metrics)
        leadership.add(f"relay:{schema}", one.relay.run)
        runtime.outbox_bells.connect(schema, one.relay.ring)
        for subscription in service.subscriptions:
            consumer = Consumer(subscription, schema, durable, runtime.broker, runtime.metrics)
            leadership.add(f"consumer:{consumer.name}", consumer.run)
            one.consumers.append(consumer)
        one.schedules = [
            *service.schedules,
            retention_of(schema, durable, jobs_days=runtime.settings.keep_jobs_days),
        ]
        for schedule in one.schedules:
            leadership.add(f"schedule:{schedule.name}", Clockwork(schedule, relaxed).run)
        one.dead_letters = DeadLetters(
            schema, durable, {subscription.consumer: subscription for subscription in service.subscriptions}
        )
        if service.jobs:
            one.worker = JobWorker(one.name, service.jobs, durable, runtime.metrics)
            runtime.job_bells.connect(one.name, one.worker.bell.ring)

    def _repeat(self, one: Hosted) -> None:
        """The schedules of a service that keeps no events."""
        database, leadership = self._runtime.database(one.name), self._leadership(one.name)
        one.schedules = list(one.service.schedules)
        for schedule in one.schedules:
            leadership.add(f"schedule:{schedule.name}", Clockwork(schedule, database).run)

    def _leadership(self, schema: str) -> Leadership:
        url = self._runtime.settings.database_url_of(schema)
        if url not in self._leaderships:
            self._leaderships[url] = Leadership(url)
        return self._leaderships[url]


async def _all(steps: Any) -> None:
    """Await every step, each for a bounded time; a step that fails is logged and the others go on."""
    results = await asyncio.gather(*(_bounded(step) for step in steps), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            log.error("could not stop cleanly", error=repr(result))


async def _bounded(step: Awaitable[None]) -> None:
    async with asyncio.timeout(STOP_STEP_S):
        await step
