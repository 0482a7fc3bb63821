"""The processes that serve the shop, and what happens when one dies."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mercato.engines import child

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STEADY_AFTER_S = 60.0
LOG_MAX_BYTES = 10_000_000


class Worker:
    """One process that is started again when it ends, after a pause that doubles with each quick death."""

    def __init__(self, name: str, command: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.name, self.log = name, log
        self._command, self._env = command, env
        self._process: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._pause_s = FIRST_PAUSE_S
        self._due_s: float | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def returncode(self) -> int:
        """How the process ended; 0 while it runs."""
        return (self._process.poll() if self._process else None) or 0

    def start(self) -> None:
        """Start the process; it is killed when this one dies, whatever it is doing."""
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > LOG_MAX_BYTES:
                self.log.replace(self.log.with_suffix(".old"))
        self._process = child.spawn(
            self._command, on_parent_death=signal.SIGKILL, log=self.log, env=self._env
        )
        self._started_s, self._due_s = time.monotonic(), None

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def tend(self, say: Callable[[str], None]) -> None:
        """Notice a death and start again when the pause is over. Call it often."""
        if self.is_alive():
            return
        now = time.monotonic()
        if self._due_s is None:
            assert self._process is not None
            if now - self._started_s > STEADY_AFTER_S:
                self._pause_s = FIRST_PAUSE_S
            self._due_s = now + self._pause_s
            how = ended_how(self._process.returncode)
            say(f"  {self.name} {how}; starting again in {self._pause_s:g} s (log: {self.log})")
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        elif now >= self._due_s:
            self.start()

    def ask_to_stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self, timeout_s: float) -> bool:
        """End the process, the hard way after `timeout_s`; True when it ended by itself."""
        if self._process is None:
            return True
        return child.stop(self._process, signal.SIGTERM, timeout_s=timeout_s)


def ended_how(returncode: int) -> str:
    """A return code in words."""
    if returncode < 0:
        return f"was killed by signal {signal.Signals(-returncode).name}"
    return f"ended with exit code {returncode}"


def mercato(*arguments: str) -> list[str]:
    """The command line of another process of this very installation."""
    return [sys.executable, "-m", "mercato", *arguments]


def environment(**changes: str) -> dict[str, str]:
    """This process's environment with `changes`."""
    return {**os.environ, **changes}
