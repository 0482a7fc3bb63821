"""What the server's processes have used, read from /proc: CPU of whole trees, memory shared fairly (PSS)."""

import contextlib
import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def tree(root: int) -> list[int]:
    """`root` and all processes below it."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                children[int(_stat(int(entry))[1])].append(int(entry))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children[pid]
    return found


def cpu_ms(pids: Iterable[int]) -> float:
    """User and system time of `pids` and of their children that have ended, in milliseconds."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = _stat(pid)
            ticks += sum(int(value) for value in fields[11:15])
    return ticks * 1000 / TICKS_PER_S


def pss_mib(pids: Iterable[int]) -> float:
    """Proportional set size: memory that is shared counts once over all who share it."""
    kib = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    kib += int(line.split()[1])
    return kib / 1024


class Server:
    """The processes of one running shop, told apart by what they run."""

    def __init__(self, root: int) -> None:
        self.root = root

    def groups(self) -> dict[str, list[int]]:
        """{"web": …, "postgresql": …, "nats": …}: everything that is no engine is ours."""
        found: dict[str, list[int]] = {"web": [], "postgresql": [], "nats": []}
        for pid in tree(self.root):
            found[_kind(pid)].append(pid)
        return found

    def cpu_ms(self) -> dict[str, float]:
        return {name: cpu_ms(pids) for name, pids in self.groups().items()}

    def pss_mib(self) -> dict[str, float]:
        return {name: pss_mib(pids) for name, pids in self.groups().items()}


def _kind(pid: int) -> str:
    with contextlib.suppress(OSError):
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        if name.startswith("postgres"):
            return "postgresql"
        if name.startswith("nats-server"):
            return "nats"
    return "web"


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat behind the command name: state first, then the parent."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
