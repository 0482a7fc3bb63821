"""Numbers: cheap to take, right to read."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mercato.kernel.telemetry.metrics import BOUNDS_S, Metrics, Timing


def test_percentiles_lie_in_the_class_of_the_observation() -> None:
    timing = Timing()
    for milliseconds in range(1, 101):
        timing.observe(milliseconds / 1000)
    assert timing.count == 100
    assert timing.seconds == pytest.approx(5.05)
    assert timing.percentile_s(0.5) == pytest.approx(0.05, rel=0.05)
    assert timing.percentile_s(0.95) == pytest.approx(0.095, rel=0.05)


def test_an_observation_beyond_the_last_class_is_counted() -> None:
    timing = Timing()
    timing.observe(3600)
    assert (timing.count, timing.percentile_s(0.5)) == (1, BOUNDS_S[-1])


def test_nothing_observed_is_zero() -> None:
    assert (Timing().count, Timing().percentile_s(0.95)) == (0, 0.0)


def test_prometheus_reads_what_we_write() -> None:
    metrics = Metrics()
    call = metrics.call("orders", "place", "local")
    call.observe(0.0002)
    call.observe(30)
    call.errors += 1
    metrics.route("GET", '/a"b\\c').observe(0.3)
    metrics.counter("mercato_events_handled_total", "Events handled.", consumer="a").add(7)
    metrics.counter("mercato_events_handled_total", "Events handled.", consumer="b").add(2)
    metrics.gauge("mercato_loop_lag_seconds", "Lag.", lambda: 0.25)
    families = {family.name: family for family in text_string_to_metric_families(metrics.exposition())}
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for sample in families["mercato_call_seconds"].samples
    }
    labels = (("contract", "orders"), ("form", "local"), ("method", "place"))
    assert samples["mercato_call_seconds_count", labels] == 2
    assert samples["mercato_call_seconds_sum", labels] == pytest.approx(30.0002)
    at_most = {
        dict(key[1])["le"]: value for key, value in samples.items() if key[0] == "mercato_call_seconds_bucket"
    }
    assert (at_most["0.0001"], at_most["0.00025"], at_most["10"], at_most["+Inf"]) == (0, 1, 1, 2)
    handled = {
        sample.labels["consumer"]: sample.value for sample in families["mercato_events_handled"].samples
    }
    assert handled == {"a": 7, "b": 2}
    assert families["mercato_loop_lag_seconds"].samples[0].value == 0.25
    assert families["mercato_route_seconds"].samples[0].labels["route"] == '/a"b\\c'


def test_a_counter_is_the_same_wherever_it_is_asked_for() -> None:
    metrics = Metrics()
    metrics.counter("x_total", "X.", kind="a").add()
    assert metrics.counter("x_total", "X.", kind="a").value == 1
    assert metrics.counter("x_total", "X.", kind="b").value == 0
