"""OpenTelemetry traces; imported only when an exporter is configured (`MERCATO_TRACES_URL`).

A trace begins at the edge, for a part `traces_share` of the requests; what a traced request causes joins its
trace, through calls and events; everything else costs one comparison.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind as OtelKind
from opentelemetry.trace import Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mercato import __version__
from mercato.kernel.errors import MercatoError, Unavailable
from mercato.kernel.telemetry import SpanKind, Tracer, current_trace

_KINDS = {
    "server": OtelKind.SERVER,
    "client": OtelKind.CLIENT,
    "producer": OtelKind.PRODUCER,
    "consumer": OtelKind.CONSUMER,
    "internal": OtelKind.INTERNAL,
}
_propagator = TraceContextTextMapPropagator()


class Tracing:
    """A tracer that sends its spans to `exporter` in the background."""

    def __init__(self, exporter: SpanExporter, *, share: float) -> None:
        resource = Resource.create({"service.name": "mercato", "service.version": __version__})
        self._provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(share)), resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("mercato")

    @property
    def tracer(self) -> Tracer:
        return self._span

    def shutdown(self) -> None:
        """Send what waits and stop."""
        self._provider.shutdown()

    def _span(self, name: str, kind: SpanKind, parent: str) -> AbstractContextManager[str]:
        if not parent and kind not in ("server", "consumer"):
            return nullcontext("")
        return self._recorded(name, kind, parent)

    @contextmanager
    def _recorded(self, name: str, kind: SpanKind, parent: str) -> Iterator[str]:
        context = _propagator.extract({"traceparent": parent}) if parent else None
        span = self._tracer.start_span(name, context=context, kind=_KINDS[kind])
        carrier: dict[str, str] = {}
        _propagator.inject(carrier, set_span_in_context(span))
        here = carrier.get("traceparent", "")
        token = current_trace.set(here)
        try:
            yield here
        except MercatoError as error:
            span.set_attribute("mercato.code", error.code)
            if isinstance(error, Unavailable):
                span.set_status(Status(StatusCode.ERROR, error.code))
            raise
        except Exception as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            current_trace.reset(token)
            span.end()
