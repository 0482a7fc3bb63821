"""This process's answers to the shop looking at itself (see `mercato.kernel.system.client`)."""

import asyncio
import os
import resource
import socket
import sys
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
import structlog
from nats import errors as nats_errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.errors import Error as JetStreamError

from mercato import __version__
from mercato.kernel import clock
from mercato.kernel.acts import acted
from mercato.kernel.background.job_worker import jobs_of, retry_job
from mercato.kernel.background.schedules import statuses
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import MercatoError, Unavailable
from mercato.kernel.host import Host, Hosted
from mercato.kernel.ids import new_id
from mercato.kernel.messaging.consumer import Consumer
from mercato.kernel.messaging.dead_letters import DeadLetters
from mercato.kernel.rpc import wire
from mercato.kernel.runtime import Runtime
from mercato.kernel.system.client import Act
from mercato.kernel.system.report import CallSummary, ConsumerReport, OutboxReport, PoolReport, ProcessReport
from mercato.kernel.telemetry.loop_lag import LoopLag

CONSUMER_INFO_TIMEOUT_S = 0.2

log = structlog.get_logger()


class SystemResponder:
    """Answers for this process."""

    def __init__(self, runtime: Runtime, host: Host) -> None:
        self._runtime = runtime
        self._host = host
        self._key = wire.key_of(runtime.settings.secret_key)
        self._id = str(new_id())
        self._started_at = clock.now()
        self._lag = LoopLag()
        self._subscriptions: list[Subscription] = []
        self._tasks: set[asyncio.Task[None]] = set()
        runtime.metrics.gauge(
            "mercato_loop_lag_seconds",
            "Worst lag of the event loop in ten seconds.",
            lambda: self._lag.worst_s,
        )

    async def start(self) -> None:
        if not self._host.hosted:
            return
        self._lag.start()
        prefix = f"{self._runtime.settings.namespace}.system"
        nats = self._runtime.nats
        self._subscriptions.append(await nats.subscribe(f"{prefix}.report", cb=self._take))
        for one in self._host.hosted.values():
            if one.schema is not None:
                subject = f"{prefix}.owner.{one.schema}"
                self._subscriptions.append(await nats.subscribe(subject, queue="owner", cb=self._take))
        await nats.flush()

    async def stop(self) -> None:
        self._lag.stop()
        for subscription in self._subscriptions:
            if not self._runtime.nats.is_closed:
                await subscription.unsubscribe()
        for task in self._tasks:
            task.cancel()

    async def _take(self, message: Msg) -> None:
        task = asyncio.create_task(self._answer(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: Msg) -> None:
        try:
            call = wire.open_call(self._key, message.subject, message.data)
            if message.subject.endswith(".system.report"):
                call.principal.require("read_system")
                data = wire.encode_result(await self.report())
            else:
                act = msgspec.msgpack.decode(call.arguments, type=Act)
                hosted = self._host.hosted[message.subject.rpartition(".")[2]]
                data = wire.encode_result(await self._act(call.context(), hosted, act))
        except Exception as error:
            if not isinstance(error, MercatoError):
                log.exception("system call failed", subject=message.subject)
            data = wire.encode_error(error)
        await self._runtime.nats.publish(message.reply, data)

    async def _act(self, ctx: Context, hosted: Hosted, act: Act) -> Any:
        letters, database = hosted.dead_letters, self._runtime.database(hosted.name)
        if letters is None:
            raise Unavailable("unavailable", f"{hosted.name} keeps no events.")
        if act.id is None:
            ctx.principal.require("read_system")
            if act.name == "dead_letters":
                return await letters.open_letters(act.limit)
            return await jobs_of(database, hosted.name, limit=act.limit)
        ctx.principal.require("write_system")
        return await self._settle(ctx, hosted.name, letters, act.name, act.id)

    async def _settle(self, ctx: Context, service: str, letters: DeadLetters, name: str, thing: UUID) -> None:
        """Do it, and tell the audit in the same transaction."""
        outbox = self._runtime.outbox(service)

        async def tell(tx: Tx, row: Mapping[str, Any]) -> None:
            done = "dead_letter.retried" if name == "retry_dead_letter" else "dead_letter.discarded"
            label = f"{row['subject']} for {row['consumer']}"
            await outbox.add(tx, acted(ctx, done, "dead_letter", thing, label=label))

        if name == "retry_dead_letter":
            await letters.retry(thing, tell)
        elif name == "discard_dead_letter":
            await letters.discard(thing, tell)
        else:
            async with self._runtime.database(service).transaction() as tx:
                label = f"{service}: {await retry_job(tx, thing)}"
                await outbox.add(tx, acted(ctx, "job.retried", "job", thing, label=label))

    async def report(self) -> ProcessReport:
        """This process; what cannot be learned quickly is left out."""
        hosted = [one for one in self._host.hosted.values() if one.schema is not None]
        outboxes, consumers, schedules = await asyncio.gather(
            _known(self._outbox(one) for one in hosted),
            _known(self._consumer(one, consumer) for one in hosted for consumer in one.consumers),
            _known(
                statuses(self._runtime.database(one.name), [schedule.name for schedule in one.schedules])
                for one in self._host.hosted.values()
                if one.schedules
            ),
        )
        metrics = self._runtime.metrics
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return ProcessReport(
            id=self._id,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=__version__,
            started_at=self._started_at,
            modules=list(self._host.hosted),
            leads=self._host.roles,
            memory_mb=usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024),
            cpu_s=usage.ru_utime + usage.ru_stime,
            loop_lag_ms=1000 * self._lag.worst_s,
            pools=[PoolReport(pool.size, pool.in_use) for pool in self._runtime.pools],
            calls=[
                CallSummary(form, timing.summary(f"{contract}.{method}"))
                for (contract, method, form), timing in metrics.calls.members.items()
                if timing.count
            ],
            routes=[
                timing.summary(f"{method} {route}")
                for (method, route), timing in metrics.routes.members.items()
                if timing.count
            ],
            outboxes=outboxes,
            consumers=consumers,
            schedules=[status for found in schedules for status in found],
            subscribed=[consumer.name for one in hosted for consumer in one.consumers],
        )

    async def _outbox(self, one: Hosted) -> OutboxReport:
        now = clock.now()
        row = await self._runtime.database(one.name).fetchrow(
            f"select (select count(*) from {one.schema}.outbox where sent_seq is null) as unsent,"
            f" (select min(at) from {one.schema}.outbox where sent_seq is null) as oldest,"
            f" (select count(*) from {one.schema}.dead_letters where resolved_at is null) as dead,"
            " count(*) filter (where status = 'queued') as queued,"
            " count(*) filter (where status = 'running') as running,"
            " count(*) filter (where status = 'failed') as failed,"
            " min(run_at) filter (where status = 'queued' and run_at < $2) as oldest_job"
            " from kernel.jobs where service = $1 and status <> 'done'",
            one.name, now,
        )  # fmt: skip
        assert row is not None
        return OutboxReport(
            schema=str(one.schema),
            unsent=row["unsent"],
            oldest_unsent_s=None if row["oldest"] is None else (now - row["oldest"]).total_seconds(),
            dead_letters=row["dead"],
            jobs_queued=row["queued"],
            jobs_running=row["running"],
            jobs_failed=row["failed"],
            oldest_job_s=None if row["oldest_job"] is None else (now - row["oldest_job"]).total_seconds(),
        )

    async def _consumer(self, one: Hosted, consumer: Consumer) -> ConsumerReport:
        if not self._host.leads(str(one.schema), f"consumer:{consumer.name}"):
            raise Unavailable("not_leading")
        broker = self._runtime.broker
        info = await broker.js.consumer_info(broker.stream, consumer.name, timeout=CONSUMER_INFO_TIMEOUT_S)
        return ConsumerReport(
            consumer.name, str(one.schema), info.num_pending or 0, info.num_ack_pending or 0
        )


async def _known(questions: Any) -> list[Any]:
    """The answers of those that could answer."""
    answers = await asyncio.gather(*questions, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(
            answer, (Unavailable, nats_errors.Error, JetStreamError, TimeoutError)
        ):
            log.error("report incomplete", error=repr(answer))
    return [answer for answer in answers if not isinstance(answer, BaseException)]
