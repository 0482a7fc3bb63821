"""Writes results down: one table for people, one JSON line per run for comparisons."""

import json
import os
import platform
from datetime import date
from pathlib import Path

import msgspec

from bench.load import Result

MUST = {"W1": 0.40, "W2": 0.40, "W3": 2.0, "W4": 1.0, "W5": 10.0}
STRETCH = {"W1": 0.10, "W2": 0.10, "W3": 1.0, "W4": 0.6, "W5": 7.0}
PEERS_BEST = {"W1": 7.8, "W2": 9.6, "W3": 78.0, "W4": 30.0, "W5": 310.0}
"""Milliseconds of CPU of the best peer, server and database together (docs/performance.md)."""


def table(results: list[Result]) -> str:
    """A Markdown table: CPU by process group, the bar, and how many times less than the best peer."""
    heads = (
        "workload", "workers", "web", "PostgreSQL", "NATS", "total ms", "must", "stretch", "best peer",
        "times less", "per s", "p50 ms", "p99 ms", "last p50", "last p99", "SQL", "commits", "WAL kB",
        "errors",
    )  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for result in results:
        key = result.name.split()[0].rstrip("h")
        must, best = MUST.get(key), PEERS_BEST.get(key)
        cells = [
            result.name,
            str(result.workers),
            f"{result.cpu_ms['web']:.2f}",
            f"{result.cpu_ms['postgresql']:.2f}",
            f"{result.cpu_ms['nats']:.2f}",
            f"**{result.total_ms:.2f}**",
            f"{must:.2f}" if must else "",
            f"{STRETCH[key]:.2f}" if must else "",
            f"{best:.1f}" if best else "",
            f"{best / result.total_ms:.0f}" if best and result.total_ms else "",
            f"{result.per_second:.0f}",
            f"{result.p50_ms:.1f}",
            f"{result.p99_ms:.1f}",
            f"{result.last_p50_ms:.1f}",
            f"{result.last_p99_ms:.1f}",
            f"{result.statements:.1f}",
            f"{result.commits:.1f}",
            f"{result.wal_bytes / 1024:.1f}",
            ", ".join(f"{count}× {what}" for what, count in result.errors.items()) or "0",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def machine() -> str:
    """The machine and the day, as every table of figures must say."""
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{date.today().isoformat()}, {os.cpu_count()} cores, {gib:.0f} GiB, {platform.platform()}, "
        f"CPython {platform.python_version()}"
    )


def append(path: Path, results: list[Result], more: dict[str, object]) -> None:
    """Add one line with everything measured."""
    entry = {"machine": machine(), "results": msgspec.to_builtins(results), **more}
    with open(path, "a") as file:
        file.write(json.dumps(entry) + "\n")
