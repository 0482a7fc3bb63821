"""The form of a contract inside one process: a plain call, with the same limits as the remote form."""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, TypeVar, cast

import msgspec

from mercato.kernel.context import Context
from mercato.kernel.db import assert_no_transaction
from mercato.kernel.deadlines import DeadlineExceeded, watch
from mercato.kernel.errors import MercatoError, Unavailable
from mercato.kernel.rpc import wire
from mercato.kernel.rpc.contract import Method, methods_of
from mercato.kernel.telemetry import is_tracing, span
from mercato.kernel.telemetry.metrics import Metrics

P = TypeVar("P")


def local(contract: type[P], service: P, metrics: Metrics, *, strict: bool = False) -> P:
    """`service` behind its contract. Raises TypeError when it lacks a method of the contract.

    `strict` (tests) sends arguments and results through the wire format, so that one process cannot hide
    what a remote call would refuse.
    """
    methods: dict[str, Any] = {}
    for method in methods_of(contract):
        target = getattr(service, method.name, None)
        if target is None:
            raise TypeError(f"{type(service).__name__} lacks {method.label}")
        if strict:
            target = _through_the_wire(method, target)
        methods[method.name] = staticmethod(_method(method, target, metrics))
    return cast(P, type(f"Local{contract.__name__}", (), {"__slots__": (), **methods})())


def _method(method: Method, target: Callable[..., Awaitable[Any]], metrics: Metrics) -> Callable[..., Any]:
    timing = metrics.call(method.contract, method.name, "local")
    label = method.label

    async def call(ctx: Context, **arguments: Any) -> Any:
        assert_no_transaction(label)
        deadline = watch(ctx.deadline, label)
        started = perf_counter()
        try:
            if is_tracing():
                with span(label, "internal", ctx.trace_id) as trace_id:
                    return await target(msgspec.structs.replace(ctx, trace_id=trace_id), **arguments)
            return await target(ctx, **arguments)
        except asyncio.CancelledError:
            timing.errors += 1
            if deadline is not None and deadline.caused_cancellation():
                raise DeadlineExceeded(label) from None
            raise
        except Unavailable:
            timing.errors += 1
            raise
        except MercatoError:
            timing.refused += 1
            raise
        except Exception:
            timing.errors += 1
            raise
        finally:
            timing.observe(perf_counter() - started)
            if deadline is not None:
                deadline.end()

    call.__name__ = call.__qualname__ = method.name
    return call


def _through_the_wire(method: Method, target: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
    fields = method.arguments.__struct_fields__

    async def call(ctx: Context, **arguments: Any) -> Any:
        body = wire.encode(method.arguments(**arguments))
        read = msgspec.msgpack.decode(body, type=method.arguments)
        result = await target(ctx, **{field: getattr(read, field) for field in fields})
        return msgspec.msgpack.decode(wire.encode(result), type=method.result)

    return call
