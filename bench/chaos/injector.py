"""What goes wrong: processes of a running shop are killed or paused, its database is stopped the hard way."""

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.processes import Server, tree

PAUSE_S = 4.0
"""A paused process comes back after its leases and deadlines may have run out."""


class Injector:
    """Breaks one thing at a time, chosen by a seeded generator; the shop's own supervisor heals it."""

    def __init__(self, server: Server, data_dir: Path, *, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self._server, self._data_dir = server, data_dir
        self._chance = random.Random(seed)  # noqa: S311 (a repeatable choice, no secret)
        self._faults: dict[str, tuple[int, Callable[[], Awaitable[bool]]]] = {
            "kill -9 of a web process": (5, self._kill_web),
            "web process paused for 4 s": (2, self._pause_web),
            "kill -9 of NATS": (2, self._kill_nats),
            "kill -9 of a PostgreSQL backend (all sessions lost, WAL replayed)": (2, self._kill_backend),
            "immediate shutdown of PostgreSQL": (1, self._stop_postgresql),
        }

    async def run(self, *, seconds: float, every_s: float) -> None:
        """Inject a fault about every `every_s` until `seconds` have passed."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (left := end - loop.time()) > 0:
            await asyncio.sleep(min(left, self._chance.uniform(0.5, 1.5) * every_s))
            name = self._chance.choices(list(self._faults), [weight for weight, _ in self._faults.values()])[
                0
            ]
            if loop.time() < end and await self._faults[name][1]():
                self.done[name] += 1

    async def _kill_web(self) -> bool:
        return self._signal(self._web(), signal.SIGKILL)

    async def _pause_web(self) -> bool:
        pid = self._web()
        if not self._signal(pid, signal.SIGSTOP):
            return False
        await asyncio.sleep(PAUSE_S)
        return self._signal(pid, signal.SIGCONT)

    async def _kill_nats(self) -> bool:
        return self._signal(self._one_of("nats"), signal.SIGKILL)

    async def _kill_backend(self) -> bool:
        postmaster = self._postmaster()
        backends = [pid for pid in self._server.groups()["postgresql"] if pid != postmaster and _serves(pid)]
        return self._signal(self._chance.choice(backends) if backends else None, signal.SIGKILL)

    async def _stop_postgresql(self) -> bool:
        return self._signal(self._postmaster(), signal.SIGQUIT)

    def _postmaster(self) -> int | None:
        with contextlib.suppress(OSError, ValueError, StopIteration):
            file = next(self._data_dir.glob("postgres*/**/postmaster.pid"))
            return int(file.read_text().split("\n", 1)[0])
        return None

    def _web(self) -> int | None:
        """A process that serves: a child of the supervisor that is no engine and no helper of it."""
        serving = [pid for pid in self._server.groups()["web"] if b"run\0all" in _command(pid)]
        return self._chance.choice(serving) if serving else None

    def _one_of(self, group: str) -> int | None:
        return next(iter(self._server.groups()[group]), None)

    def _signal(self, pid: int | None, number: signal.Signals) -> bool:
        """Send a signal to a process of this shop only; False when it has gone."""
        if pid is None or pid not in tree(self._server.root):
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            return True
        return False


def _command(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _serves(pid: int) -> bool:
    return b"[local]" in _command(pid) or b"mercato" in _command(pid)
