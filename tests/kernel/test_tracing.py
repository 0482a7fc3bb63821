"""One trace from a request through calls and events; nothing at all when nobody asked for traces."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from kernel.conftest import ParcelMoved
from kernel.echo import Echo, EchoService
from kernel.parcels import Mover, consumer_of, effects, publish, relay_of, running
from mercato.kernel.context import Context
from mercato.kernel.ids import new_id
from mercato.kernel.rpc import local, remote, serve
from mercato.kernel.runtime import Runtime
from mercato.kernel.telemetry import configure_tracing, current_trace, span
from mercato.kernel.telemetry.metrics import Metrics
from mercato.kernel.telemetry.tracing import Tracing
from support.broker import connected
from support.waiting import eventually


class Publisher(EchoService):
    """Publishes an event in a call, and tells its trace."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__()
        self._runtime = runtime
        self.parcel = new_id()

    async def count(self, ctx: Context, *, by: int = 1) -> int:
        await publish(self._runtime, ParcelMoved(parcel=self.parcel, step=by))
        return by


@pytest.fixture
async def exporter() -> AsyncIterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter, share=1.0)
    configure_tracing(tracing.tracer)
    exporter.flush = tracing._provider.force_flush  # type: ignore[attr-defined]
    yield exporter
    configure_tracing(None)
    tracing.shutdown()


def spans_of(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    exporter.flush()  # type: ignore[attr-defined]
    return {f"{one.kind.name} {one.name}": one for one in exporter.get_finished_spans()}


@pytest.mark.parametrize("form", ["local", "remote"])
async def test_a_request_its_calls_and_its_events_are_one_trace(
    form: str, exporter: InMemorySpanExporter, runtime: Runtime
) -> None:
    service, metrics, mover = Publisher(runtime), Metrics(), Mover()
    client = await connected(runtime.settings.nats_url)
    server = await serve(Echo, service, client, runtime.settings, metrics)
    echo = (
        local(Echo, service, metrics)
        if form == "local"
        else remote(Echo, runtime.nats, runtime.settings, metrics)
    )
    async with running(relay_of(runtime), consumer_of(runtime, mover)):
        with span("POST /orders", "server") as trace:
            await echo.count(Context(trace_id=trace))
        await eventually(lambda: effects(runtime.database("shop")))
        await eventually(lambda: "CONSUMER mover" in spans_of(exporter))
    spans = spans_of(exporter)
    calls = ["INTERNAL echo.count"] if form == "local" else ["CLIENT echo.count", "SERVER echo.count"]
    chain = ["SERVER POST /orders", *calls, "CONSUMER mover"]
    assert sorted(spans) == sorted(chain)
    assert len({spans[name].context.trace_id for name in chain}) == 1
    for parent, child in itertools.pairwise(chain):
        above = spans[child].parent
        assert above is not None
        assert above.span_id == spans[parent].context.span_id
    await server.stop()
    await client.close()


async def test_a_request_that_is_not_sampled_leaves_no_span(runtime: Runtime) -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter, share=0.0)
    configure_tracing(tracing.tracer)
    try:
        echo = local(Echo, EchoService(), Metrics())
        with span("GET /", "server") as trace:
            assert await echo.count(Context(trace_id=trace)) == 1
    finally:
        configure_tracing(None)
        tracing.shutdown()
    assert exporter.get_finished_spans() == ()


async def test_without_tracing_the_trace_of_the_caller_passes_through_untouched() -> None:
    given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with span("GET /", "server", given) as trace:
        assert trace == given
        assert current_trace.get() == ""


async def test_errors_that_are_expected_do_not_mark_a_span_as_failed(exporter: InMemorySpanExporter) -> None:
    echo = local(Echo, EchoService(), Metrics())
    with span("GET /", "server") as trace:
        results = await asyncio.gather(
            echo.refuse(Context(trace_id=trace)), echo.bug(Context(trace_id=trace)), return_exceptions=True
        )
    assert [type(result).__name__ for result in results] == ["Conflict", "KeyError"]
    spans = spans_of(exporter)
    assert spans["INTERNAL echo.refuse"].status.is_ok or spans["INTERNAL echo.refuse"].status.is_unset
    assert dict(spans["INTERNAL echo.refuse"].attributes or {}) == {"mercato.code": "parcel_sealed"}
    assert (spans["INTERNAL echo.bug"].status.description, spans["INTERNAL echo.bug"].status.is_ok) == (
        "KeyError",
        False,
    )
