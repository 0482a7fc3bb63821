"""The other end of remote calls: opens the seal, runs the method until its deadline, replies."""

import asyncio
from time import perf_counter
from typing import Any, TypeVar

import msgspec
import structlog
from nats import errors as nats_errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from mercato.kernel.deadlines import DeadlineExceeded, watch
from mercato.kernel.errors import Invalid, MercatoError, Unavailable
from mercato.kernel.messaging.broker import BrokerClient
from mercato.kernel.rpc import wire
from mercato.kernel.rpc.contract import methods_of, name_of
from mercato.kernel.rpc.discovery import Discovery
from mercato.kernel.rpc.endpoint import Endpoint
from mercato.kernel.rpc.remote import caller_retries, subject_of
from mercato.kernel.telemetry import bound_log, span
from mercato.kernel.telemetry.metrics import Metrics
from mercato.settings import Settings

P = TypeVar("P")

MAX_IN_FLIGHT = 256
"""Calls of one contract that one process works on at once; more are refused, to be asked elsewhere."""
DRAIN_S = 3.0

log = structlog.get_logger()


class Server:
    """Serves one contract in one process, together with all others of the same queue group."""

    def __init__(
        self, contract: type, service: Any, nats: BrokerClient, settings: Settings, metrics: Metrics
    ) -> None:
        self.contract = name_of(contract)
        self._nats = nats
        self._key = wire.key_of(settings.secret_key)
        self._subject = f"{settings.namespace}.rpc.{self.contract}.*"
        self.endpoints = {
            subject_of(settings.namespace, method): Endpoint(
                method,
                subject_of(settings.namespace, method),
                getattr(service, method.name),
                msgspec.msgpack.Decoder(method.arguments),
                metrics.call(method.contract, method.name, "served"),
            )
            for method in methods_of(contract)
        }
        self._running: set[asyncio.Task[None]] = set()
        self._subscription: Subscription | None = None
        self._discovery = Discovery(nats, f"{settings.namespace}-{self.contract}", self.endpoints.values())

    async def start(self) -> None:
        self._subscription = await self._nats.subscribe(self._subject, queue=self.contract, cb=self._take)
        await self._discovery.start()
        await self._nats.flush()

    async def stop(self) -> None:
        """Take no more calls; those under way have `DRAIN_S` to end."""
        await self._discovery.stop()
        if self._subscription is not None and not self._nats.is_closed:
            await self._subscription.unsubscribe()
        if self._running:
            await asyncio.wait(self._running, timeout=DRAIN_S)
        for task in self._running:
            task.cancel()

    async def _take(self, message: Msg) -> None:
        if len(self._running) >= MAX_IN_FLIGHT:
            await self._reply(
                message, wire.encode_error(Unavailable("overloaded", "Too many calls at once."))
            )
            return
        task = asyncio.create_task(self._answer(message))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _answer(self, message: Msg) -> None:
        endpoint = self.endpoints.get(message.subject)
        if endpoint is None:
            await self._reply(message, wire.encode_error(Unavailable("unknown_method", message.subject)))
            return
        started = perf_counter()
        try:
            data = wire.encode_result(await self._run(endpoint, message))
        except Unavailable as error:
            endpoint.timing.errors += 1
            data = wire.encode_error(error)
        except MercatoError as error:
            endpoint.timing.refused += 1
            data = wire.encode_error(error)
        except Exception as error:
            endpoint.timing.errors += 1
            log.exception("call failed", call=endpoint.method.label)
            data = wire.encode_error(error)
        finally:
            endpoint.timing.observe(perf_counter() - started)
        await self._reply(message, data)

    async def _run(self, endpoint: Endpoint, message: Msg) -> Any:
        call = wire.open_call(self._key, message.subject, message.data)
        try:
            arguments = endpoint.decoder.decode(call.arguments)
        except msgspec.ValidationError as error:
            raise Invalid("invalid_arguments", str(error)) from None
        label = endpoint.method.label
        caller_retries.set(endpoint.method.is_idempotent)
        with bound_log(call.request_id, call.trace_id), span(label, "server", call.trace_id) as trace_id:
            ctx = msgspec.structs.replace(call.context(), trace_id=trace_id)
            deadline = watch(ctx.deadline, label)
            try:
                return await endpoint.target(ctx, **msgspec.structs.asdict(arguments))
            except asyncio.CancelledError:
                if deadline is not None and deadline.caused_cancellation():
                    raise DeadlineExceeded(label) from None
                raise
            finally:
                if deadline is not None:
                    deadline.end()

    async def _reply(self, message: Msg, data: bytes) -> None:
        try:
            await self._nats.publish(message.reply, data)
        except nats_errors.MaxPayloadError:
            too_large = Unavailable("too_large", "The answer is too large: ask for a smaller page.")
            await self._nats.publish(message.reply, wire.encode_error(too_large))
        except nats_errors.Error as error:
            log.warning("reply lost", subject=message.subject, error=repr(error))


async def serve(
    contract: type[P], service: P, nats: BrokerClient, settings: Settings, metrics: Metrics
) -> Server:
    """Answer the calls of other processes from now on, until the returned server is stopped."""
    server = Server(contract, service, nats, settings, metrics)
    await server.start()
    return server
