"""`mercato up` as a real process, watched from outside."""

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import psutil

from mercato.engines.child import wait_until

START_TIMEOUT_S = 120.0


class Up:
    """One `mercato up`; `output` grows while it is read."""

    def __init__(
        self, data_dir: Path, *arguments: str, env: Mapping[str, str] | None = None, user: int | None = None
    ):
        self.data_dir = data_dir
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.endswith(("DATABASE_URL", "NATS_URL"))
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mercato", "up", "--data-dir", str(data_dir), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**clean, **(env or {})},
            user=user,
            group=user,
            extra_groups=[] if user is not None else None,
            process_group=0,
        )
        self.output = ""

    @property
    def url(self) -> str:
        found = re.search(r"Storefront +(http\S+)/", self.output)
        assert found, self.output
        return found[1]

    @property
    def password(self) -> str | None:
        found = re.search(r"Password +(\S+)", self.output)
        return found[1] if found else None

    def await_text(self, text: str, timeout_s: float = START_TIMEOUT_S) -> "Up":
        """Read the output until `text` has appeared."""
        assert self.process.stdout is not None
        end = time.monotonic() + timeout_s
        while text not in self.output:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))
            chunk = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            self.output += chunk.decode(errors="replace")
            if not chunk and text not in self.output:
                raise AssertionError(f"{text!r} did not appear in:\n{self.output}\n{self._logs()}")
        return self

    def end(self, timeout_s: float = START_TIMEOUT_S) -> int:
        """Wait for the process to end by itself; its exit code, with all output read."""
        rest, _ = self.process.communicate(timeout=timeout_s)
        self.output += rest.decode(errors="replace")
        return self.process.returncode

    def descendants(self) -> list[psutil.Process]:
        """Every process below this one: servers, sessions, workers."""
        found: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return found

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=10, trust_env=False)

    def _logs(self) -> str:
        parts = [
            f"--- {log}\n{log.read_text(errors='replace')[-3000:]}"
            for log in self.data_dir.glob("**/log*/*.log")
        ]
        return "\n".join(parts)


@contextlib.contextmanager
def mercato_up(
    data_dir: Path, *arguments: str, env: Mapping[str, str] | None = None, user: int | None = None
) -> Iterator[Up]:
    """Start `mercato up` on a free port with one worker and no demo, unless told otherwise."""
    defaults = [] if "--port" in arguments else ["--port", "0"]
    defaults += [] if "--workers" in arguments else ["--workers", "1"]
    defaults += [] if "--demo" in arguments else ["--no-demo"]
    shop = Up(data_dir, *defaults, *arguments, env=env, user=user)
    try:
        yield shop
    finally:
        if shop.process.poll() is None:
            shop.process.send_signal(signal.SIGTERM)
            try:
                shop.process.wait(10)
            except subprocess.TimeoutExpired:
                shop.process.kill()
                shop.process.wait()
        if shop.process.stdout:
            shop.process.stdout.close()


def all_gone(processes: list[psutil.Process], timeout_s: float) -> bool:
    """Whether every one of `processes` has ended before the time is over."""
    return wait_until(lambda: not any(map(_lives, processes)), timeout_s=timeout_s)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
