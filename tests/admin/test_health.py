"""How the services are doing follows from what the processes report."""

from datetime import UTC, datetime

import pytest

from mercato.admin.health import milliseconds, overall, services_of
from mercato.kernel.system.report import CallSummary, ProcessReport, SystemReport
from mercato.kernel.telemetry.metrics import TimingSummary

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def call(name: str, *, form: str = "local", count: int = 100, errors: int = 0, p95: float = 5) -> CallSummary:
    return CallSummary(form, TimingSummary(name, count, 0, errors, p95, p95, p95))


def report(modules: list[str], *calls: CallSummary) -> SystemReport:
    process = ProcessReport(
        id="1", host="h", pid=1, version="1", started_at=NOW, modules=modules, leads=[], memory_mb=1, cpu_s=1,
        loop_lag_ms=1, pools=[], calls=list(calls), routes=[], outboxes=[], consumers=[], schedules=[],
    )  # fmt: skip
    return SystemReport(NOW, [process], [], [], [])


def test_services_are_shown_with_their_slowest_method_and_share_of_errors() -> None:
    calls = (call("stock.hold", p95=3), call("stock.levels", p95=40, errors=1), call("orders.place"))
    orders, stock = services_of(report(["stock", "orders"], *calls))
    assert (stock.name, stock.state, stock.calls, stock.p95, stock.errors) == (
        "Stock", "ok", 200, "40 ms", "0.50%",
    )  # fmt: skip
    assert (orders.name, orders.state, orders.p95) == ("Orders", "ok", "5.0 ms")


@pytest.mark.parametrize(
    ("made", "state", "is_slow", "fails"),
    [
        (call("stock.hold", errors=2), "degraded", False, True),
        (call("stock.hold", p95=1001), "degraded", True, False),
        (call("stock.hold", errors=1, p95=1000), "ok", False, False),
        (call("stock.hold", count=0), "ok", False, False),
    ],
)
def test_errors_and_slowness_degrade_a_service(
    made: CallSummary, state: str, is_slow: bool, fails: bool
) -> None:
    (stock,) = services_of(report(["stock"], made))
    assert (stock.state, stock.is_slow, stock.fails) == (state, is_slow, fails)
    assert overall([stock]) == state


def test_a_service_that_is_called_and_that_nobody_runs_is_down() -> None:
    found = services_of(report(["edge"], call("catalog.product", form="remote")))
    assert [(service.name, service.state) for service in found] == [("Catalog", "down"), ("Edge", "ok")]
    assert overall(found) == "down"


def test_the_callers_end_of_a_remote_call_does_not_count_twice() -> None:
    (stock,) = services_of(
        report(["stock"], call("stock.hold", form="remote", p95=5000), call("stock.hold", form="served"))
    )
    assert (stock.state, stock.calls) == ("ok", 100)


def test_nothing_reported_is_unknown() -> None:
    assert overall(services_of(SystemReport(NOW, [], [], [], []))) == "unknown"


@pytest.mark.parametrize(("value", "written"), [(0.84, "0.8 ms"), (12.4, "12 ms"), (1400, "1.4 s")])
def test_durations_are_written_for_people(value: float, written: str) -> None:
    assert milliseconds(value) == written
