"""Every checker that reads the source without running it, side by side; what one says is shown when it fails.

    .venv/bin/python scripts/lint.py

Rules that need our own eyes are tests, in tests/rules and tests/quality.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CHECKS = {
    "style": ["ruff", "check", "--quiet", "."],
    "layout": ["ruff", "format", "--check", "--quiet", "."],
    "types": ["mypy", "--no-error-summary"],
    "borders": ["lint-imports", "--no-cache"],
    "security": ["bandit", "--quiet", "--configfile", "pyproject.toml", "-ll", "--recursive", "src"],
    "migrations": ["squawk", "--config", ".squawk.toml", "--assume-in-transaction"],
}


def main() -> int:
    migrations = sorted(str(path) for path in (ROOT / "src").rglob("migrations/*.sql"))
    CHECKS["migrations"] += migrations
    with ThreadPoolExecutor(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2) as pool:
        results = dict(zip(CHECKS, pool.map(_run, CHECKS.values()), strict=True))
    failed = {name: done for name, done in results.items() if done.returncode}
    for name, done in failed.items():
        print(f"--- {name}: {' '.join(CHECKS[name][:2])}\n{done.stdout}{done.stderr}")
    print(f"lint: {', '.join(failed)} failed" if failed else f"lint: {', '.join(CHECKS)} are clean")
    return 1 if failed else 0


def _run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    program, *arguments = command
    return subprocess.run(
        [BIN / program, *arguments], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


if __name__ == "__main__":
    sys.exit(main())
