"""Runs a workload at a fixed number of workers and counts what it cost the server."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec

from bench.client import Client, Refused
from bench.postgresql import Counters
from bench.processes import Server
from bench.shopping import WrongAnswer

SETTLE_S = 1.5
"""After the last reply: the relay and the consumers finish, so that their work is counted."""

Step = Callable[[Client, int], Awaitable[None]]


class Result(msgspec.Struct):
    """What one workload cost: milliseconds of CPU and statements per unit (a request or an order).

    `last_…` are of the last request of a unit: of an order, completing its cart.
    """

    name: str
    workers: int
    count: int
    per_second: float
    cpu_ms: dict[str, float]
    p50_ms: float
    p99_ms: float
    last_p50_ms: float
    last_p99_ms: float
    statements: float
    commits: float
    wal_bytes: float
    fsyncs: float
    errors: dict[str, int]

    @property
    def total_ms(self) -> float:
        return sum(self.cpu_ms.values())


async def run(
    name: str,
    step: Step,
    *,
    server: Server,
    counters: Counters,
    host: str,
    port: int,
    workers: int,
    seconds: float,
    warm_s: float = 4,
) -> Result:
    """Warm up, then repeat `step` with `workers` connections for `seconds`."""
    await _phase(step, host, port, workers, warm_s, [], [], Counter())
    await asyncio.sleep(SETTLE_S)
    latencies: list[float] = []
    last: list[float] = []
    errors: Counter[str] = Counter()
    before, used, started = await counters.read(), server.cpu_ms(), time.perf_counter()
    await _phase(step, host, port, workers, seconds, latencies, last, errors)
    took = time.perf_counter() - started
    await asyncio.sleep(SETTLE_S)
    after, used_after = await counters.read(), server.cpu_ms()
    count = max(1, len(latencies))
    spent = {group: round((used_after[group] - used[group]) / count, 3) for group in used}
    change = [(new - old) / count for new, old in zip(after, before, strict=True)]
    return Result(
        name=name,
        workers=workers,
        count=len(latencies),
        per_second=round(count / took, 1),
        cpu_ms=spent,
        p50_ms=percentile(latencies, 0.50),
        p99_ms=percentile(latencies, 0.99),
        last_p50_ms=percentile(last, 0.50),
        last_p99_ms=percentile(last, 0.99),
        statements=round(change[0], 1),
        commits=round(change[1], 1),
        wal_bytes=round(change[2]),
        fsyncs=round(change[3], 2),
        errors=dict(errors),
    )


async def _phase(
    step: Step,
    host: str,
    port: int,
    workers: int,
    seconds: float,
    latencies: list[float],
    last: list[float],
    errors: Counter[str],
) -> None:
    until = time.perf_counter() + seconds

    async def work(number: int) -> None:
        client = Client(host, port)
        turn = number
        while (started := time.perf_counter()) < until:
            try:
                await step(client, turn)
                latencies.append(time.perf_counter() - started)
                last.append(client.took_s)
            except (Refused, WrongAnswer, ConnectionError, TimeoutError) as error:
                errors[str(error)] += 1
                if not isinstance(error, Refused | WrongAnswer):
                    client = Client(host, port)
                    await asyncio.sleep(0.05)
            turn += workers
        client.close()

    await asyncio.gather(*(work(number) for number in range(workers)))


def percentile(values: list[float], share: float) -> float:
    """In milliseconds; 0 when there are no values."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 2) if ordered else 0.0
