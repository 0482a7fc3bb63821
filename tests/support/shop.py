"""A whole shop as real processes: all in one, or each module its own process."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from mercato.compose import EDGE, MODULES
from mercato.engines import child
from support.engines import Engines

if TYPE_CHECKING:
    from support.proof import Auditor

ALL_IN_ONE: Sequence[Sequence[str]] = (("all",),)
DISTRIBUTED: Sequence[Sequence[str]] = tuple((name,) for name in MODULES)
MODES: Mapping[str, Sequence[Sequence[str]]] = {"all in one": ALL_IN_ONE, "distributed": DISTRIBUTED}
START_TIMEOUT_S = 40.0
STOP_TIMEOUT_S = 6.0
SECRET_KEY = "tests-" + "0123456789abcdef" * 4


class ShopProcess:
    """One `mercato run`, with its log."""

    def __init__(self, targets: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.targets, self.log = tuple(targets), log
        self._env = env
        self.process: subprocess.Popen[bytes] | None = None
        self.changes: Mapping[str, str] = {}
        """Of the last start."""

    def start(self, **changes: str) -> None:
        """Start it; `changes` to the environment hold for this start only (a failpoint)."""
        self._seen = self.log.stat().st_size if self.log.exists() else 0
        self.changes = changes
        command = [sys.executable, "-m", "mercato", "run", *self.targets]
        self.process = child.spawn(
            command, on_parent_death=signal.SIGKILL, log=self.log, env={**self._env, **changes}
        )

    def has_said(self, text: str) -> bool:
        """Whether `text` stands in what it has logged since its last start."""
        if not self.log.exists():
            return False
        with open(self.log, "rb") as file:
            file.seek(self._seen)
            return text.encode() in file.read()

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def await_running(self) -> None:
        running = child.wait_until(
            lambda: self.has_said('"event": "running"'), timeout_s=START_TIMEOUT_S, alive=self.is_alive
        )
        assert running, f"{' '.join(self.targets)} does not run:\n{self.text()}"

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def await_death(self, timeout_s: float = START_TIMEOUT_S) -> int:
        """Wait until it ends by itself, as at a failpoint; its return code."""
        assert self.process is not None
        return self.process.wait(timeout_s)

    def stop(self) -> None:
        if self.process is not None:
            child.stop(self.process, signal.SIGTERM, timeout_s=STOP_TIMEOUT_S)

    def text(self) -> str:
        return self.log.read_text(errors="replace")[-5000:] if self.log.exists() else ""


class Shop:
    """All processes of one shop, its address, and what other processes need to know to join it."""

    def __init__(self, mode: Sequence[Sequence[str]], env: Mapping[str, str], logs: Path) -> None:
        self.env = dict(env)
        self.url = env["MERCATO_BASE_URL"]
        self.processes = [
            ShopProcess(targets, self.env, logs / f"{'-'.join(targets)}.log") for targets in mode
        ]
        self.client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        self.auditor: Auditor | None = None
        """Compares the books; made when it is first asked for."""

    def start(self) -> None:
        for process in self.processes:
            process.start()
        self.await_ready()

    def await_ready(self) -> None:
        """Until every process runs and the edge serves."""
        for process in self.processes:
            process.await_running()
        assert self.is_soon_ready(), self.process_of(EDGE).text()

    def is_soon_ready(self) -> bool:
        """Whether the edge serves within its time; False as soon as it has died."""
        edge = self.process_of(EDGE)
        return child.wait_until(self._answers, timeout_s=START_TIMEOUT_S, alive=edge.is_alive)

    def process_of(self, module: str) -> ShopProcess:
        """The process that runs `module`."""
        return next(one for one in self.processes if module in one.targets or "all" in one.targets)

    def turn_clock(self, seconds: int) -> None:
        """From its next start on, every process of the shop lives so many seconds later than it does now."""
        moved = int(self.env.get("MERCATO_CLOCK_OFFSET_S", "0")) + seconds
        self.env["MERCATO_CLOCK_OFFSET_S"] = str(moved)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `mercato ARGUMENTS` against this shop."""
        return subprocess.run(
            [sys.executable, "-m", "mercato", *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def stop(self) -> None:
        self.client.close()
        if self.auditor is not None:
            self.auditor.close()
        for process in self.processes:
            if process.is_alive() and process.process is not None:
                process.process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.stop()

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return self.client.get("/health/ready").status_code == 200
        return False


def shop_environment(
    database_url: str, nats_url: str, namespace: str, data_dir: Path, **changes: str
) -> dict[str, str]:
    """The environment of a test shop on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("MERCATO_")},
        "DATABASE_URL": database_url,
        "NATS_URL": nats_url,
        "MERCATO_NAMESPACE": namespace,
        "MERCATO_DATA_DIR": str(data_dir),
        "MERCATO_ENVIRONMENT": "test",
        "MERCATO_SECRET_KEY": SECRET_KEY,
        "MERCATO_HOST": "127.0.0.1",
        "MERCATO_PORT": str(port),
        "MERCATO_BASE_URL": f"http://127.0.0.1:{port}",
        "MERCATO_POOL_SIZE": "4",
        **changes,
    }


@contextlib.contextmanager
def running_shop(mode: Sequence[Sequence[str]], env: Mapping[str, str], logs: Path) -> Iterator[Shop]:
    """A shop that serves; stopped at the end of the block."""
    shop = Shop(mode, env, logs)
    try:
        shop.start()
        yield shop
    finally:
        shop.stop()


@contextlib.contextmanager
def own_shop(
    engines: Engines,
    name: str,
    folder: Path,
    mode: Sequence[Sequence[str]] = ALL_IN_ONE,
    *,
    nats_url: str = "",
    **changes: str,
) -> Iterator[Shop]:
    """A shop that serves, with a database and streams of its own, which go away with it.

    `nats_url` leads to the session's broker by another way; `changes` are settings.
    """
    unique = f"{name}_{uuid.uuid4().hex[:12]}"
    url = engines.create_database(unique)
    env = shop_environment(url, nats_url or engines.nats_url, unique, folder, **changes)
    try:
        with running_shop(mode, env, folder) as shop:
            yield shop
    finally:
        engines.delete_streams(unique)
        engines.drop_database(unique)
