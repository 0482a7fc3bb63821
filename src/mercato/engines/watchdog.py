"""Ends child processes after the death of their parent where the kernel has no such promise (macOS).

A small process holds the read end of a pipe whose only write end belongs to the parent. Each line names a
process to end and how; the end of the pipe is the parent's death.
"""

import os
import signal
import subprocess
import sys

_guard: "subprocess.Popen[bytes] | None" = None


def guard(pid: int, number: signal.Signals) -> None:
    """From now on process `pid` gets signal `number` when this process ends."""
    global _guard
    if _guard is None or _guard.poll() is not None:
        _guard = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__], stdin=subprocess.PIPE, process_group=0, bufsize=0
        )
    assert _guard.stdin is not None
    _guard.stdin.write(f"{pid} {int(number)}\n".encode())


def watch() -> None:
    """Read lines until the parent is gone, then signal those that still lead the group they started."""
    wanted = [tuple(map(int, line.split())) for line in sys.stdin]
    for pid, number in reversed(wanted):
        try:
            if os.getpgid(pid) == pid:
                os.kill(pid, number)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    watch()
