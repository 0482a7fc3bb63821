"""`python -m bench`: run the workloads against a shop of its own and print what they cost.

Options: `--only W1,W5` · `--seconds 10` · `--workers 1` (web processes) · `--keep DIR` (data directory to
keep and use again) · `--port 8970` · `--statements` (the statements that took PostgreSQL's time).
"""

import argparse
import asyncio
import contextlib
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import uvloop

from bench import flatness, floor, gen_catalog, report, workloads
from bench import shop as shops
from bench.client import Client
from bench.load import Result, Step, percentile, run
from bench.postgresql import Counters
from bench.processes import Server

RESULTS = Path("bench/results.jsonl")
FLASH_BUYERS, FLASH_STOCK, FLASH_WORKERS = 300, 100, 32
HOT_BUYERS, HOT_STOCK = 1000, 1000
WEB_PROCESSES = 2
"""Of W6, whatever the other workloads use."""
IDLE_S = 10


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measure a Mercato of its own.")
    parser.add_argument("--only", default="", help="workloads, for example W1,W5")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--workers", type=int, default=1, help="web processes")
    parser.add_argument("--port", type=int, default=8970)
    parser.add_argument("--keep", type=Path, help="a data directory to keep")
    parser.add_argument("--statements", action="store_true")
    return parser.parse_args()


def steps(shop: workloads.Shop) -> dict[str, tuple[Step, int]]:
    """Name → (what one worker repeats, workers)."""
    return {
        "W1": (workloads.listing(shop), 16),
        "W1 cold": (workloads.listing(shop, cold=True), 16),
        "W1h": (workloads.listing_page(shop), 16),
        "W2": (workloads.detail(shop), 16),
        "W2 cold": (workloads.detail(shop, cold=True), 16),
        "W2h": (workloads.detail_page(shop), 16),
        "W3": (workloads.search(), 16),
        "W3 cold": (workloads.search(cold=True), 16),
        "W4": (workloads.cart(shop), 16),
        "W5 c=1": (workloads.order(shop), 1),
        "W5 c=8": (workloads.order(shop), 8),
    }


async def measure(chosen: argparse.Namespace, data_dir: Path) -> None:
    wanted = {name for name in chosen.only.split(",") if name}
    results: list[Result] = []
    more: dict[str, object] = {}
    catalog = data_dir / "catalog" / "products.csv"
    gen_catalog.write(catalog.parent)
    async with shops.running_shop(data_dir, port=chosen.port, workers=chosen.workers) as running:
        shop = await shops.furnish(running, catalog, "vendure")
        counters = await Counters.connect(running.database_url)
        await counters.execute("analyze")
        loads = {**steps(shop), "W8 static": (await floor.static_file(running.port), 16)}
        for name, (step, workers) in loads.items():
            if wanted and name.split()[0] not in wanted:
                continue
            await counters.reset_statements()
            result = await run(
                name,
                step,
                server=running.server,
                counters=counters,
                host=shops.HOST,
                port=running.port,
                workers=workers,
                seconds=chosen.seconds,
            )
            results.append(result)
            print(
                f"{name}: {result.total_ms:.2f} ms, {result.per_second:.0f}/s {result.errors or ''}",
                flush=True,
            )
            if chosen.statements:
                for row in await counters.top_statements(25):
                    print(f"  {row['calls']:>7} × {row['mean_ms']} ms  {row['query']}")
        if not wanted or "W7" in wanted:
            more["W7"] = await flash_sale(running, shop, buyers=FLASH_BUYERS, units=FLASH_STOCK)
        if not wanted or "W9" in wanted:
            more["W9"] = await flash_sale(running, shop, buyers=HOT_BUYERS, units=HOT_STOCK)
        if not wanted or "FLAT" in wanted:
            more["FLAT"] = await flatness.measure(running, shop)
        if not wanted or "W8" in wanted:
            more["W8 pgbench -N"] = await floor.pgbench(running)
        more["verify"] = shops.command(running, "verify").strip().splitlines()[-1:]
        await counters.close()
        slug = shop.slugs[0]
    if not wanted or "W6" in wanted:
        more["W6"] = await start_up(chosen, data_dir, f"/api/v1/products/{slug}")
    print("\n" + report.machine() + "\n\n" + report.table(results))
    print(json.dumps(more, indent=2))
    report.append(RESULTS, results, more)


async def flash_sale(
    running: shops.Running, shop: workloads.Shop, *, buyers: int, units: int
) -> dict[str, object]:
    """W7 and W9: so many buyers of one item, 32 at a time, no retries; then the books are read."""
    await shops.set_flash_stock(running, shop, units)
    waiting, outcomes = list(range(buyers)), Counter[str]()
    latencies: list[float] = []
    before = running.server.cpu_ms()

    async def work() -> None:
        while waiting:
            client = Client(shops.HOST, running.port)
            arrived = time.perf_counter()
            outcomes[await workloads.flash_buyer(client, shop, waiting.pop())] += 1
            latencies.append(time.perf_counter() - arrived)
            client.close()

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(FLASH_WORKERS)))
    took = time.perf_counter() - began
    await asyncio.sleep(1.5)
    after = running.server.cpu_ms()
    cost = {name: round((after[name] - before[name]) / buyers, 2) for name in after}
    return {
        "seconds": round(took, 2),
        "outcomes": dict(outcomes),
        "cpu_ms_per_buyer": cost,
        "buyers_per_second": round(buyers / took),
        "p50_ms": round(percentile(latencies, 0.50)),
        "p99_ms": round(percentile(latencies, 0.99)),
    }


async def start_up(chosen: argparse.Namespace, data_dir: Path, path: str) -> dict[str, object]:
    """W6: from the start of the command to the first 200 of a product, three times; then idle memory."""
    took: list[float] = []
    for _ in range(3):
        began = time.perf_counter()
        process = shops.start(data_dir, port=chosen.port, workers=WEB_PROCESSES)
        await shops.ready(process, chosen.port, path)
        took.append(round(time.perf_counter() - began, 2))
        await asyncio.sleep(IDLE_S)
        memory = {name: round(mib) for name, mib in Server(process.pid).pss_mib().items()}
        shops.stop(process)
    return {"start_s": took, "pss_mib": memory, "pss_mib_total": sum(memory.values())}


@contextlib.contextmanager
def folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="mercato-bench-") as name:
        yield Path(name)


def main() -> None:
    chosen = options()
    with folder(chosen.keep) as data_dir:
        uvloop.run(measure(chosen, data_dir))


main()
