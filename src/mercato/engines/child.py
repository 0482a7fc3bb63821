"""Child processes that cannot outlive their parent, not even when it is killed with SIGKILL."""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mercato.engines import watchdog
from mercato.refusals import Refusal

POLL_INTERVAL_S = 0.01
PR_SET_PDEATHSIG = 1


class EngineError(Refusal):
    """The machine keeps an engine from running; the message is one line that names the cure."""


class Account:
    """The operating system user a child runs as."""

    def __init__(self, name: str) -> None:
        entry = pwd.getpwnam(name)
        self.name, self.uid, self.gid = name, entry.pw_uid, entry.pw_gid

    def may_enter(self, path: Path) -> bool:
        """Whether this user can pass every directory on the way to `path` and read `path` itself."""
        return all(self._has(part, 0o1) for part in path.parents) and self._has(path, 0o5)

    def _has(self, path: Path, wanted: int) -> bool:
        status = path.stat()
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid == self.gid else 0
        return (status.st_mode >> shift) & wanted == wanted


def unprivileged_account() -> Account | None:
    """The user for servers that refuse to run as root; None when we are an ordinary user ourselves."""
    return Account("nobody") if os.geteuid() == 0 else None


def spawn(
    command: Sequence[str | Path],
    *,
    on_parent_death: signal.Signals,
    log: Path | None = None,
    account: Account | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    capture: bool = False,
) -> subprocess.Popen[bytes]:
    """Start `command` in a process group of its own; it gets `on_parent_death` when this process ends.

    Output goes to the end of `log`, or nowhere; with `capture`, standard output is the caller's to read.
    Must be called from the main thread: Linux ties the promise to the thread that forked.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("spawn() must run on the main thread: the child would die with this one")
    output = open(log, "ab") if log else None  # noqa: SIM115 (closed below, after the child has its copy)
    try:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if capture else output or subprocess.DEVNULL,
            stderr=output or subprocess.DEVNULL,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            cwd=cwd,
            env=dict(env) if env is not None else None,
            # Ctrl-C reaches the whole foreground group, but only the parent knows in which order to stop.
            process_group=0,
            preexec_fn=_bind_to_parent(on_parent_death),
        )
    finally:
        if output:
            output.close()
    if sys.platform != "linux":
        watchdog.guard(process.pid, on_parent_death)
    return process


def _bind_to_parent(number: signal.Signals) -> Callable[[], None] | None:
    """What runs in the child between fork and exec, after the change of user (which clears the setting)."""
    if sys.platform != "linux":
        return None
    libc, parent = ctypes.CDLL(None, use_errno=True), os.getpid()

    def bind() -> None:
        if libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0) != 0:
            os._exit(126)
        if os.getppid() != parent:  # the parent died before the call above
            os._exit(127)

    return bind


def wait_until(
    ready: Callable[[], bool], *, timeout_s: float, alive: Callable[[], bool] = lambda: True
) -> bool:
    """Poll `ready` until it holds; False when the time is over or `alive` no longer holds."""
    end = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > end or not alive():
            return ready()
        time.sleep(POLL_INTERVAL_S)
    return True


def stop(process: subprocess.Popen[bytes], number: signal.Signals, *, timeout_s: float) -> bool:
    """Ask `process` to end with signal `number`, kill it after `timeout_s`; True when it ended by itself."""
    if process.poll() is not None:
        return True
    process.send_signal(number)
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True


def last_lines(log: Path, count: int = 3) -> str:
    """The end of a log file on one line, for an error message."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return "no log"
    return " | ".join(line.strip() for line in lines[-count:])


def cannot_write(directory: Path, error: OSError) -> str:
    """The line for a data directory that cannot be made or changed."""
    return f"cannot write {directory} ({error.strerror}): choose another --data-dir"
