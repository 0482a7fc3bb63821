"""Numbers of this process: counts, durations and gauges, cheap enough for every call.

A duration is one `bisect` and three additions. `exposition` writes the Prometheus text format on demand.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

Outcome = Literal["ok", "refused", "error"]

BOUNDS_S = (
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
"""Upper ends of the duration classes in seconds; one more class holds everything slower."""


class Timing:
    """How often something ran, how it ended and how long it took.

    `refused` counts expected errors (not found, not allowed, ...), `errors` what should not happen.
    """

    __slots__ = ("buckets", "errors", "refused", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS_S) + 1)
        self.seconds = 0.0
        self.refused = 0
        self.errors = 0

    def observe(self, seconds: float) -> None:
        self.buckets[bisect_left(BOUNDS_S, seconds)] += 1
        self.seconds += seconds

    @property
    def count(self) -> int:
        return sum(self.buckets)

    def percentile_s(self, share: float) -> float:
        """The duration that `share` (0.95) of all runs stayed below, interpolated inside its class."""
        if not self.count:
            return 0.0
        rank = share * self.count
        below = 0
        lower = 0.0
        for bound, size in zip((*BOUNDS_S, BOUNDS_S[-1]), self.buckets, strict=True):
            if size and below + size >= rank:
                return lower + (bound - lower) * (rank - below) / size
            below += size
            lower = bound
        return lower

    def summary(self, name: str) -> "TimingSummary":
        return TimingSummary(
            name=name,
            count=self.count,
            refused=self.refused,
            errors=self.errors,
            mean_ms=1000 * self.seconds / max(1, self.count),
            p50_ms=1000 * self.percentile_s(0.5),
            p95_ms=1000 * self.percentile_s(0.95),
        )


class TimingSummary(msgspec.Struct, frozen=True):
    """A `Timing` for people: durations in milliseconds since the process started."""

    name: str
    count: int
    refused: int
    errors: int
    mean_ms: float
    p50_ms: float
    p95_ms: float


class Family:
    """Timings of one kind (contract methods, routes), each with its own label values."""

    def __init__(self, name: str, text: str, labels: tuple[str, ...]) -> None:
        self.name = name
        self.text = text
        self.labels = labels
        self.members: dict[tuple[str, ...], Timing] = {}

    def of(self, *values: str) -> Timing:
        """The timing of these label values; keep it, do not look it up per call."""
        timing = self.members.get(values)
        if timing is None:
            timing = self.members[values] = Timing()
        return timing

    def lines(self) -> Iterable[str]:
        yield f"# HELP {self.name}_seconds {self.text}"
        yield f"# TYPE {self.name}_seconds histogram"
        for values, timing in self.members.items():
            labels = _labels(self.labels, values)
            running = 0
            for bound, size in zip(BOUNDS_S, timing.buckets, strict=False):
                running += size
                yield f'{self.name}_seconds_bucket{{{labels},le="{bound:g}"}} {running}'
            yield f'{self.name}_seconds_bucket{{{labels},le="+Inf"}} {timing.count}'
            yield f"{self.name}_seconds_sum{{{labels}}} {timing.seconds:.6f}"
            yield f"{self.name}_seconds_count{{{labels}}} {timing.count}"
        yield f"# HELP {self.name}_failures_total Runs that ended with an error, by kind."
        yield f"# TYPE {self.name}_failures_total counter"
        for values, timing in self.members.items():
            labels = _labels(self.labels, values)
            yield f'{self.name}_failures_total{{{labels},kind="refused"}} {timing.refused}'
            yield f'{self.name}_failures_total{{{labels},kind="error"}} {timing.errors}'


class Counter:
    """A number that only grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def add(self, count: int = 1) -> None:
        self.value += count


class Metrics:
    """All numbers of one process. `calls` are contract methods, `routes` are HTTP routes."""

    def __init__(self) -> None:
        self.calls = Family("mercato_call", "Contract calls by method.", ("contract", "method", "form"))
        self.routes = Family("mercato_route", "HTTP requests by route.", ("method", "route"))
        self._counters: dict[tuple[str, tuple[tuple[str, str], ...]], Counter] = {}
        self._gauges: dict[tuple[str, tuple[tuple[str, str], ...]], Callable[[], float]] = {}
        self._texts: dict[str, str] = {}

    def call(self, contract: str, method: str, form: str) -> Timing:
        """Calls of one contract method; `form` is local, remote (the caller's end) or served."""
        return self.calls.of(contract, method, form)

    def route(self, method: str, route: str) -> Timing:
        """Requests of one route, named by its path template, for example `/products/{slug}`."""
        return self.routes.of(method, route)

    def counter(self, name: str, text: str, **labels: str) -> Counter:
        """A counter `<name>`, which should end in `_total`; keep it, do not look it up per use."""
        self._texts[name] = text
        return self._counters.setdefault((name, tuple(labels.items())), Counter())

    def gauge(self, name: str, text: str, read: Callable[[], float], **labels: str) -> None:
        """A value that `read` tells when somebody asks for the metrics."""
        self._texts[name] = text
        self._gauges[name, tuple(labels.items())] = read

    def exposition(self) -> str:
        """Everything in the Prometheus text format."""
        lines = [*self.calls.lines(), *self.routes.lines()]
        counters = {key: float(counter.value) for key, counter in self._counters.items()}
        gauges = {key: read() for key, read in self._gauges.items()}
        lines += self._plain(counters, "counter")
        lines += self._plain(gauges, "gauge")
        return "\n".join(lines) + "\n"

    def _plain(
        self, values: dict[tuple[str, tuple[tuple[str, str], ...]], float], kind: str
    ) -> Iterable[str]:
        announced = ""
        for name, labels in sorted(values):
            if name != announced:
                yield f"# HELP {name} {self._texts[name]}"
                yield f"# TYPE {name} {kind}"
                announced = name
            text = _labels([label for label, _ in labels], [value for _, value in labels])
            yield f"{name}{{{text}}} {values[name, labels]:g}" if text else f"{name} {values[name, labels]:g}"


def _labels(names: Iterable[str], values: Iterable[str]) -> str:
    return ",".join(f'{name}="{_escape(value)}"' for name, value in zip(names, values, strict=True))


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
