"""A shop of the benchmark's own: started, furnished through its public doors, stopped by its process id."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from bench.client import Client
from bench.processes import Server
from bench.shopping import all_products
from bench.workloads import FLASH_SKU, Shop

HOST = "127.0.0.1"
START_TIMEOUT_S = 120
EMAIL = "bench@example.com"
PASSWORD = "a passphrase for the benchmark"  # noqa: S105 (the shop lives on loopback for minutes)


class Running(msgspec.Struct):
    """A shop that serves, and what is needed to drive and to measure it."""

    port: int
    data_dir: Path
    server: Server
    database_url: str
    process: Any


@contextlib.asynccontextmanager
async def running_shop(data_dir: Path, *, port: int, workers: int) -> AsyncIterator[Running]:
    """`mercato up` without the demo shop; ended with SIGTERM to its process id when the block ends."""
    process = start(data_dir, port=port, workers=workers)
    try:
        await ready(process, port)
        url = (await _environment_once_written(data_dir))["DATABASE_URL"]
        yield Running(port, data_dir, Server(process.pid), url, process)
    finally:
        stop(process)


def start(data_dir: Path, *, port: int, workers: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "mercato", "up", "--no-demo", "--data-dir", str(data_dir)]
    env = {**os.environ, "MERCATO_OWNER_EMAIL": EMAIL, "MERCATO_OWNER_PASSWORD": PASSWORD}
    data_dir.mkdir(parents=True, exist_ok=True)
    with open(data_dir / "bench-up.log", "ab") as log:
        return subprocess.Popen(
            [*command, "--port", str(port), "--workers", str(workers)], env=env, stdout=log, stderr=log
        )


def stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


async def ready(process: "subprocess.Popen[bytes]", port: int, path: str = "/health/ready") -> float:
    """Wait for the first 200 of `path`; returns how many seconds that took."""
    began = time.perf_counter()
    while time.perf_counter() - began < START_TIMEOUT_S:
        if process.poll() is not None:
            raise SystemExit("the shop did not start; see bench-up.log in its data directory")
        client = Client(HOST, port)
        with contextlib.suppress(OSError, TimeoutError):
            status, _ = await client.request("GET", path, timeout_s=5)
            if status == 200:
                client.close()
                return time.perf_counter() - began
        client.close()
        await asyncio.sleep(0.01)
    raise SystemExit(f"{path} did not answer 200 within {START_TIMEOUT_S} s")


async def furnish(running: Running, catalog: Path, mapping: str) -> Shop:
    """The data set of the workloads: 1,001 products in USD, 20 % tax, one delivery method of 5.00."""
    staff = await sign_in(running.port)
    if not (await staff.call("GET", "/api/v1/products?limit=1"))["items"]:
        channel = await staff.call("GET", "/api/v1/admin/channels/default")
        wanted = {"currency": "USD", "countries": ["US"], "prices_include_tax": False}
        await staff.call("PUT", "/api/v1/admin/channels/default", {**channel, **wanted})
        rate = {"name": "Sales tax", "country": "US", "rate": "0.20"}
        await staff.call("POST", "/api/v1/admin/tax-rates", rate)
        method = {"code": "flat", "name": "Flat rate", "countries": ["US"], "price": 500}
        await staff.call("POST", "/api/v1/admin/delivery-methods", method)
        _import(running, catalog, mapping)
    shop = await read_shop(running.port)
    staff.close()
    return shop


async def read_shop(port: int) -> Shop:
    """The catalog as the workloads need it, once the index holds all of it."""
    client = Client(HOST, port)
    deadline = time.perf_counter() + 60
    while (await client.call("GET", "/api/v1/products?limit=1"))["total"] < 1001:
        if time.perf_counter() > deadline:
            raise SystemExit("the search index does not hold all products after 60 s")
        await asyncio.sleep(0.2)
    categories = (await client.call("GET", "/api/v1/categories"))["items"]
    shop = Shop(await all_products(client), {each["slug"]: each["path"] for each in categories})
    client.close()
    return shop


async def set_flash_stock(running: Running, shop: Shop, on_hand: int) -> None:
    """So many units of the flash-sale item, whatever was there before."""
    staff = await sign_in(running.port)
    levels = await staff.call("GET", f"/api/v1/admin/stock-levels?q={FLASH_SKU}")
    level = next(item for item in levels["items"] if item["variant_id"] == shop.flash)
    body = {
        "variant_id": shop.flash,
        "location_id": level["location_id"],
        "on_hand": on_hand + level["allocated"] + level["reserved"],
    }
    await staff.call("PUT", "/api/v1/admin/stock-levels", body)
    staff.close()


async def sign_in(port: int) -> Client:
    """A client with the owner's access token."""
    client = Client(HOST, port)
    answer = await client.call("POST", "/api/v1/auth/login", {"email": EMAIL, "password": PASSWORD})
    client.headers["Authorization"] = f"Bearer {answer['access_token']}"
    return client


def command(running: Running, *arguments: str) -> str:
    """Run `mercato ARGUMENTS` against the shop and return what it prints."""
    env = {**os.environ, **_environment(running.data_dir)}
    done = subprocess.run(
        [sys.executable, "-m", "mercato", *arguments], env=env, capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        raise SystemExit(f"mercato {' '.join(arguments)} failed: {done.stdout}{done.stderr}")
    return done.stdout


def _import(running: Running, catalog: Path, mapping: str) -> None:
    command(running, "import", "products", str(catalog), "--map", mapping)


async def _environment_once_written(data_dir: Path) -> dict[str, str]:
    """The command says where everything is a moment after the first answer."""
    from mercato.supervisor.directory import running_shop as shop_in

    began = time.perf_counter()
    while shop_in(data_dir.absolute()) is None:
        if time.perf_counter() - began > START_TIMEOUT_S:
            raise SystemExit(f"no shop runs from {data_dir}")
        await asyncio.sleep(0.01)
    return _environment(data_dir)


def _environment(data_dir: Path) -> dict[str, str]:
    from mercato.supervisor.directory import running_shop as shop_in

    found = shop_in(data_dir.absolute())
    if found is None:
        raise SystemExit(f"no shop runs from {data_dir}")
    environment: dict[str, str] = found["environment"]
    return environment
