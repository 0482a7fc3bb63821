"""`make chaos`: 60 seconds of orders while processes die, then the proof.

Options: `--seconds 60` · `--buyers 8` · `--every 5` (seconds between faults) · `--seed N` (which faults and
purchases; it is printed, to repeat a run) · `--port 8971`. Exit code 1 when anything disagrees.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from bench import report
from bench import shop as shops
from bench.chaos.crowd import Crowd
from bench.chaos.injector import Injector
from bench.client import Client

SCARCE_UNITS = 40
PRODUCTS = 6
WEB_PROCESSES = 2
SETTLE_S = 120
"""Frozen carts without an order open after 40 s, drafts are taken up after 20 s, events after 15 s."""


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description="Kill a shop under load and prove its books.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--buyers", type=int, default=8)
    parser.add_argument("--every", type=float, default=5, help="seconds between two faults")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--port", type=int, default=8971)
    return parser.parse_args()


async def run(chosen: argparse.Namespace, data_dir: Path) -> bool:
    """One run; whether everything agreed."""
    async with shops.running_shop(data_dir, port=chosen.port, workers=WEB_PROCESSES) as running:
        variants, scarce = await _furnish(chosen.port)
        crowd = Crowd(shops.HOST, chosen.port, variants=variants, scarce=scarce, seed=chosen.seed)
        injector = Injector(running.server, data_dir, seed=chosen.seed)
        await asyncio.gather(
            crowd.shop(buyers=chosen.buyers, seconds=chosen.seconds),
            injector.run(seconds=chosen.seconds, every_s=chosen.every),
        )
        began = time.perf_counter()
        wrong = await _proof(running, crowd, scarce)
        _print(chosen, crowd, injector, wrong, time.perf_counter() - began)
    return not wrong


async def _furnish(port: int) -> tuple[list[str], str]:
    """Variants with plenty in stock, and one with few."""
    staff = await shops.sign_in(port)
    method = {"code": "flat", "name": "Flat rate", "countries": ["US"], "price": 500}
    channel = await staff.call("GET", "/api/v1/admin/channels/default")
    await staff.call("PUT", "/api/v1/admin/channels/default", {**channel, "countries": ["US"]})
    await staff.call("POST", "/api/v1/admin/delivery-methods", method)
    ids = []
    for number in range(PRODUCTS):
        units = SCARCE_UNITS if number == 0 else 1_000_000
        variant = {"sku": f"CHAOS-{number}", "price": 1000 + 100 * number, "on_hand": units}
        product = {"name": f"Chaos {number}", "status": "active", "variants": [variant]}
        created = await staff.call("POST", "/api/v1/admin/products", product)
        ids.append(created["variants"][0]["id"])
    await _until(staff, "/api/v1/admin/stock-levels?q=CHAOS", PRODUCTS)
    staff.close()
    return ids[1:], ids[0]


async def _until(client: Client, path: str, total: int) -> None:
    """Wait until a list has so many entries."""
    for _ in range(200):
        if (await client.call("GET", path))["total"] >= total:
            return
        await asyncio.sleep(0.1)
    raise SystemExit(f"{path} has not {total} entries after 20 s")


async def _proof(running: shops.Running, crowd: Crowd, scarce: str) -> list[str]:
    """What is wrong, once the shop has healed: nothing, if it keeps its promises."""
    await shops.ready(running.process, running.port)
    try:
        shops.command(running, "verify", "--wait-s", str(SETTLE_S))
    except SystemExit as failed:
        return [str(failed)]
    wrong = []
    client = Client(shops.HOST, running.port)
    for promise in crowd.promises:
        client.headers["X-Order-Token"] = promise.token
        order = await client.call("GET", f"/api/v1/orders/{promise.number}")
        if order["status"] not in ("placed", "completed") or len(order["lines"]) != len(promise.variant_ids):
            wrong.append(f"{promise.number} was promised and is {order['status']}")
        wrong += await _mails(client, promise.email, promise.number)
    client.close()
    staff = await shops.sign_in(running.port)
    levels = await staff.call("GET", "/api/v1/admin/stock-levels?q=CHAOS-0")
    [level] = [one for one in levels["items"] if one["variant_id"] == scarce]
    sold = sum(scarce in promise.variant_ids for promise in crowd.promises)
    if not sold <= level["allocated"] <= SCARCE_UNITS or level["on_hand"] != SCARCE_UNITS:
        wrong.append(f"of {SCARCE_UNITS} scarce units {sold} were promised: {level}")
    staff.close()
    return wrong


async def _mails(client: Client, email: str, number: str) -> list[str]:
    found: Any = await client.call("GET", f"/api/v1/dev/mailbox?recipient={email}&limit=100")
    count = sum(mail["template"] == "order_placed" for mail in found["items"])
    return [] if count == 1 else [f"{number} was confirmed by {count} mails"]


def _print(
    chosen: argparse.Namespace, crowd: Crowd, injector: Injector, wrong: list[str], healed_s: float
) -> None:
    tried = sum(crowd.outcomes.values())
    print(f"\n{report.machine()}\n")
    print(f"seed {chosen.seed}, {chosen.seconds:.0f} s, {chosen.buyers} buyers at once\n")
    print(f"| orders tried | {tried} |\n|---|---|")
    for outcome, count in crowd.outcomes.most_common():
        print(f"| {outcome} | {count} |")
    print(f"| connections lost, asked again | {crowd.lost_replies} |")
    print(f"| answers 503 and the like, asked again | {crowd.failures} |")
    for fault, count in injector.done.most_common():
        print(f"| {fault} | {count} |")
    print(f"| healed and compared after | {healed_s:.1f} s |")
    print(f"| what disagrees | {len(wrong)} |")
    for line in wrong:
        print(line)


def main() -> None:
    chosen = options()
    with tempfile.TemporaryDirectory(prefix="mercato-chaos-") as folder:
        is_right = uvloop.run(run(chosen, Path(folder)))
    raise SystemExit(0 if is_right else 1)


if __name__ == "__main__":
    main()
