"""The shop looks at itself: every process answers a broadcast, and one that owns a schema acts on it.

`SystemClient` is what the admin's System page uses. Rights are checked where the answer is made:
`read_system` to look, `write_system` to act.
"""

import asyncio
from typing import Any
from uuid import UUID

import msgspec
from nats import errors as nats_errors
from nats.aio.msg import Msg

from mercato.kernel import clock
from mercato.kernel.background.jobs import JobInfo
from mercato.kernel.bell import Bell
from mercato.kernel.context import Context
from mercato.kernel.deadlines import DEFAULT_DEADLINE_S, DeadlineExceeded
from mercato.kernel.errors import NotFound, Unavailable
from mercato.kernel.messaging.dead_letters import DeadLetter
from mercato.kernel.rpc import wire
from mercato.kernel.runtime import Runtime
from mercato.kernel.system.report import ProcessReport, SystemReport, merge
from mercato.settings import DATABASES

GATHER_S = 0.3
FIRST_REPLY_S = 2.0
"""A busy machine answers late; where nothing runs, the broker says so at once."""


class Act(msgspec.Struct, frozen=True, array_like=True):
    """Something to do or to read in the schema of a service."""

    name: str
    id: UUID | None = None
    limit: int = 100


class SystemClient:
    """Asks all processes of the shop, from any of them."""

    def __init__(self, runtime: Runtime) -> None:
        self._nats = runtime.nats
        self._namespace = runtime.settings.namespace
        self._key = wire.key_of(runtime.settings.secret_key)

    async def report(self, ctx: Context) -> SystemReport:
        """What every process says within 0.3 s of the first answer. Raises Denied without `read_system`."""
        ctx.principal.require("read_system")
        subject = f"{self._namespace}.system.report"
        replies: list[ProcessReport] = []
        answered = Bell()
        inbox = self._nats.new_inbox()
        decoder = msgspec.msgpack.Decoder(ProcessReport)

        async def collect(message: Msg) -> None:
            if message.data:
                replies.append(wire.decode_reply(message.data, decoder, "system.report"))
            answered.ring()

        subscription = await self._nats.subscribe(inbox, cb=collect)
        try:
            sealed = wire.seal_call(self._key, subject, ctx, b"")
            await self._nats.publish(subject, sealed, reply=inbox)
            await answered.wait(FIRST_REPLY_S)
            if replies:
                await asyncio.sleep(GATHER_S)
        finally:
            await subscription.unsubscribe()
        return merge(clock.now(), replies)

    async def dead_letters(self, ctx: Context, schema: str, *, limit: int = 100) -> list[DeadLetter]:
        """The newest unresolved ones of a service. Raises Denied, Unavailable."""
        answer: list[DeadLetter] = await self._act(
            ctx, schema, Act("dead_letters", None, limit), list[DeadLetter]
        )
        return answer

    async def retry_dead_letter(self, ctx: Context, schema: str, letter_id: UUID) -> None:
        """Handle the event again, now. Raises what `DeadLetters.retry` raises."""
        await self._act(ctx, schema, Act("retry_dead_letter", letter_id), None)

    async def discard_dead_letter(self, ctx: Context, schema: str, letter_id: UUID) -> None:
        """Give the event up for good. Raises NotFound, Conflict."""
        await self._act(ctx, schema, Act("discard_dead_letter", letter_id), None)

    async def jobs(self, ctx: Context, service: str, *, limit: int = 50) -> list[JobInfo]:
        """Waiting, running and failed jobs of a service first, then the newest done ones."""
        answer: list[JobInfo] = await self._act(ctx, service, Act("jobs", None, limit), list[JobInfo])
        return answer

    async def retry_job(self, ctx: Context, service: str, job_id: UUID) -> None:
        """Queue a failed job once more. Raises NotFound."""
        await self._act(ctx, service, Act("retry_job", job_id), None)

    async def _act(self, ctx: Context, schema: str, act: Act, answer: Any) -> Any:
        if schema not in DATABASES:  # it is part of a subject: a dot or a star would ask somebody else
            raise NotFound("service_not_found", "There is no such service.")
        subject = f"{self._namespace}.system.owner.{schema}"
        sealed = wire.seal_call(self._key, subject, ctx, wire.encode(act))
        try:
            reply = await self._nats.request(subject, sealed, timeout=DEFAULT_DEADLINE_S)
        except nats_errors.NoRespondersError:
            raise Unavailable("unavailable", f"No process runs {schema}.") from None
        except (nats_errors.TimeoutError, TimeoutError):
            raise DeadlineExceeded(f"system.{act.name}") from None
        return wire.decode_reply(reply.data, msgspec.msgpack.Decoder(answer), f"system.{act.name}")
