"""The form of a contract that lives in another process: a NATS request per call."""

import asyncio
import random
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from time import perf_counter
from typing import Any, TypeVar, cast

import msgspec
from nats import errors as nats_errors
from nats.aio.client import Client

from mercato.kernel.context import Context
from mercato.kernel.db import assert_no_transaction
from mercato.kernel.deadlines import DeadlineExceeded, in_s, remaining_s
from mercato.kernel.errors import MercatoError, Unavailable
from mercato.kernel.rpc import wire
from mercato.kernel.rpc.contract import Method, methods_of
from mercato.kernel.telemetry import span
from mercato.kernel.telemetry.metrics import Metrics
from mercato.settings import Settings

P = TypeVar("P")

RETRY_AFTER_SHARE = 0.4
"""A retried call waits this share of its time for the first answer before it asks a second process."""
RETRY_PAUSE_S = 0.1
RETRY_EARNED = 0.1
RETRIES_SAVED_MAX = 10.0

caller_retries: ContextVar[bool] = ContextVar("mercato_caller_retries", default=False)
"""Set while a call is served whose caller retries it: then nothing is retried further in."""


class RetryBudget:
    """At most one retry per ten calls in the long run, so that retries never become the load."""

    __slots__ = ("_saved",)

    def __init__(self) -> None:
        self._saved = RETRIES_SAVED_MAX

    def earn(self) -> None:
        self._saved = min(RETRIES_SAVED_MAX, self._saved + RETRY_EARNED)

    def spend(self) -> bool:
        if self._saved < 1:
            return False
        self._saved -= 1
        return True


def remote(contract: type[P], nats: Client, settings: Settings, metrics: Metrics) -> P:
    """A client of `contract`, typed as the contract. Needs no connection until the first call."""
    line = _Line(nats, wire.key_of(settings.secret_key), RetryBudget())
    methods = {
        method.name: staticmethod(_method(method, subject_of(settings.namespace, method), line, metrics))
        for method in methods_of(contract)
    }
    return cast(P, type(f"Remote{contract.__name__}", (), {"__slots__": (), **methods})())


def subject_of(namespace: str, method: Method) -> str:
    return f"{namespace}.rpc.{method.contract}.{method.name}"


def _method(method: Method, subject: str, line: "_Line", metrics: Metrics) -> Callable[..., Any]:
    timing = metrics.call(method.contract, method.name, "remote")
    decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(method.result)
    label = method.label

    async def call(ctx: Context, **arguments: Any) -> Any:
        assert_no_transaction(label)
        body = wire.encode(method.arguments(**arguments))
        started = perf_counter()
        try:
            with span(label, "client", ctx.trace_id) as trace_id:
                request = _Request(
                    subject, label, ctx, trace_id, body, ctx.deadline or in_s(remaining_s(None))
                )
                is_retried = method.is_idempotent and not caller_retries.get()
                reply = await (line.ask_twice(request) if is_retried else line.ask(request))
                return wire.decode_reply(reply, decoder, label)
        except Unavailable:
            timing.errors += 1
            raise
        except MercatoError:
            timing.refused += 1
            raise
        except BaseException:
            timing.errors += 1
            raise
        finally:
            timing.observe(perf_counter() - started)

    call.__name__ = call.__qualname__ = method.name
    return call


class _Request(msgspec.Struct, frozen=True):
    subject: str
    label: str
    ctx: Context
    trace_id: str
    body: bytes
    deadline: datetime


class _Line:
    """Asks the other process, once or twice."""

    def __init__(self, nats: Client, key: bytes, budget: RetryBudget) -> None:
        self._nats = nats
        self._key = key
        self._budget = budget

    async def ask(self, request: _Request) -> bytes:
        """One request and its reply. Raises Unavailable when nobody serves it, DeadlineExceeded."""
        left = remaining_s(request.deadline)
        if left <= 0:
            raise DeadlineExceeded(request.label)
        ctx = msgspec.structs.replace(request.ctx, deadline=request.deadline, trace_id=request.trace_id)
        data = wire.seal_call(self._key, request.subject, ctx, request.body)
        try:
            reply = await self._nats.request(request.subject, data, timeout=left)
        except nats_errors.NoRespondersError:
            raise Unavailable("unavailable", f"No process answers {request.label}.") from None
        except (nats_errors.TimeoutError, TimeoutError):
            raise DeadlineExceeded(request.label) from None
        except nats_errors.MaxPayloadError:
            raise Unavailable("too_large", f"The arguments of {request.label} are too large.") from None
        except nats_errors.Error as error:
            raise Unavailable("unavailable", f"{request.label} cannot be reached.") from error
        return bytes(reply.data)

    async def ask_twice(self, request: _Request) -> bytes:
        """The first good reply; a second request when the first fails or takes long and the budget allows."""
        self._budget.earn()
        first = asyncio.create_task(self.ask(request))
        asked = {first}
        try:
            patience = max(0.0, RETRY_AFTER_SHARE * remaining_s(request.deadline))
            await asyncio.wait(asked, timeout=patience)
            if _is_answered(first) or not self._budget.spend():
                return await first
            if first.done():
                pause = random.uniform(0, RETRY_PAUSE_S)  # noqa: S311 (spreads load, no secret)
                await asyncio.sleep(min(pause, max(0.0, remaining_s(request.deadline))))
            second = asyncio.create_task(self.ask(request))
            asked.add(second)
            await asyncio.wait(
                [task for task in asked if not task.done()], return_when=asyncio.FIRST_COMPLETED
            )
            return await (first if _is_answered(first) else second)
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)


def _is_answered(task: "asyncio.Task[bytes]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
