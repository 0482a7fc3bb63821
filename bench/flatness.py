"""Does a cart slow down with its lines or with the shop's promotions? Measured with one client."""

import random
from collections.abc import Awaitable, Callable

from bench import shop as shops
from bench.client import Client
from bench.shopping import new_cart
from bench.workloads import Shop

SIZES = (1, 50, 200)
PROMOTIONS = (0, 10, 100)
CARTS = 6
READS = 400

Work = Callable[[int], Awaitable[object]]


async def measure(running: shops.Running, shop: Shop) -> dict[str, dict[str, float]]:
    """CPU milliseconds (web + PostgreSQL) of reading and of adding, by lines and by promotions."""
    found = {f"{size} lines": await _at_size(running, shop, size) for size in SIZES}
    staff = await shops.sign_in(running.port)
    for does_apply in (False, True):
        made: list[str] = []
        for count in PROMOTIONS:
            while len(made) < count:
                made.append(await _add_promotion(staff, len(made), does_apply=does_apply))
            name = f"{count} promotions{' that apply' if does_apply else ''}"
            found[name] = await _at_size(running, shop, 10)
        if does_apply:
            found["200 lines, 100 promotions that apply"] = await _at_size(running, shop, 200)
        for promotion_id in made:
            await staff.call("DELETE", f"/api/v1/admin/promotions/{promotion_id}", want=(200, 204))
    staff.close()
    return found


async def _at_size(running: shops.Running, shop: Shop, size: int) -> dict[str, float]:
    source = random.Random(size)  # noqa: S311 (a workload, no secret)
    client = Client(shops.HOST, running.port)
    carts: list[tuple[str, str, list[str]]] = []
    for _ in range(CARTS):
        variants = source.sample(shop.variants, size)
        cart = await new_cart(client, variants[0])
        path = f"/api/v1/carts/{cart['id']}"
        for variant in variants[1:]:
            await client.call("POST", f"{path}/lines", {"variant_id": variant, "quantity": 1})
        carts.append((path, cart["token"], variants))

    async def read(turn: int) -> None:
        path, client.headers["X-Cart-Token"], _ = carts[turn % CARTS]
        await client.call("GET", path)

    async def add(turn: int) -> None:
        path, client.headers["X-Cart-Token"], variants = carts[turn % CARTS]
        await client.call("POST", f"{path}/lines", {"variant_id": variants[0], "quantity": 1})

    result = {"read_ms": await _cost(running, read), "add_ms": await _cost(running, add)}
    client.close()
    return result


async def _cost(running: shops.Running, work: Work) -> float:
    for turn in range(CARTS * 2):
        await work(turn)
    before = running.server.cpu_ms()
    for turn in range(READS):
        await work(turn)
    after = running.server.cpu_ms()
    return round(sum(after[name] - before[name] for name in ("web", "postgresql")) / READS, 2)


async def _add_promotion(staff: Client, number: int, *, does_apply: bool) -> str:
    body = {
        "name": f"Bench {number}",
        "label": f"Bench {number}",
        "reward": "percent",
        "percent": "1",
        "minimum_subtotal": 0 if does_apply else 10**9 + number,
    }
    created = await staff.call("POST", "/api/v1/admin/promotions", body)
    return str(created["id"])
