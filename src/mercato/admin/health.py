"""How the services are doing, from what the processes report: one line per contract."""

from collections import defaultdict

import msgspec

from mercato.kernel.system.report import SystemReport
from mercato.kernel.telemetry.metrics import TimingSummary

SLOW_P95_MS = 1000
"""People wait: nobody notices less."""
TOLERATED_ERRORS = 0.01


class ServiceHealth(msgspec.Struct, frozen=True):
    """One contract over all processes. `state` is ok, degraded or down."""

    name: str
    state: str
    calls: int
    p95: str
    errors: str
    processes: int
    is_slow: bool = False
    fails: bool = False


def services_of(report: SystemReport) -> list[ServiceHealth]:
    """The services that some process runs or calls, in order of their names."""
    running: dict[str, int] = defaultdict(int)
    calls: dict[str, list[TimingSummary]] = defaultdict(list)
    for process in report.processes:
        for module in process.modules:
            running[module] += 1
        for call in process.calls:
            name = call.timing.name.partition(".")[0].lower()
            if call.form != "remote":
                calls[name].append(call.timing)
            else:
                running.setdefault(name, 0)
    return [_health(name, count, calls.get(name, [])) for name, count in sorted(running.items())]


def overall(services: list[ServiceHealth]) -> str:
    """The worst of them; unknown when nothing has reported."""
    states = {service.state for service in services}
    for state in ("down", "degraded", "ok"):
        if state in states:
            return state
    return "unknown"


def _health(name: str, processes: int, timings: list[TimingSummary]) -> ServiceHealth:
    calls = sum(timing.count for timing in timings)
    failed = sum(timing.errors for timing in timings)
    slowest = max((timing.p95_ms for timing in timings if timing.count), default=0.0)
    share = failed / calls if calls else 0.0
    is_slow, fails = slowest > SLOW_P95_MS, share > TOLERATED_ERRORS
    return ServiceHealth(
        name=name.capitalize(),
        state="down" if not processes else "degraded" if is_slow or fails else "ok",
        calls=calls,
        p95=milliseconds(slowest) if calls else "no calls",
        errors=f"{share:.2%}" if calls else "",
        processes=processes,
        is_slow=is_slow,
        fails=fails,
    )


def milliseconds(value: float) -> str:
    """A duration of `value` milliseconds for people: 0.8 ms, 12 ms, 1.4 s."""
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    return f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms"
