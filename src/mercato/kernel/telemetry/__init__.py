"""Logs and traces. Logs are JSON lines with request and trace ids and no personal data; traces go to
OpenTelemetry when an exporter is configured and cost nothing otherwise.

A trace id of ours is a W3C `traceparent`; it travels in the context of calls and beside events.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Literal

import structlog

from mercato.settings import Settings

SpanKind = Literal["server", "client", "producer", "consumer", "internal"]
Tracer = Callable[[str, SpanKind, str], AbstractContextManager[str]]

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_tracer: Tracer | None = None
current_trace: ContextVar[str] = ContextVar("mercato_trace", default="")
"""The traceparent of the span that this task is in; empty when it is not traced."""


def configure_logging(settings: Settings) -> None:
    """JSON lines on standard error: one object per line with time, level, event and what is bound."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[settings.log_level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")


@contextmanager
def bound_log(request_id: str, trace_id: str = "", **more: str) -> Iterator[None]:
    """Every line logged inside the block names the request (and the trace, when there is one)."""
    values = {"request_id": request_id, **more}
    if trace_id:
        values["trace_id"] = trace_id
    with structlog.contextvars.bound_contextvars(**values):
        yield


def configure_tracing(tracer: Tracer | None) -> None:
    """Switch tracing on (`mercato.kernel.telemetry.tracing` makes a tracer) or, with None, off."""
    global _tracer
    _tracer = tracer


def is_tracing() -> bool:
    return _tracer is not None


def span(name: str, kind: SpanKind, parent: str = "") -> AbstractContextManager[str]:
    """A span around the block, child of the traceparent `parent`; yields the traceparent to pass on."""
    if _tracer is None:
        return nullcontext(parent)
    return _tracer(name, kind, parent)
