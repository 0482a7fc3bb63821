"""The data directory of one shop: who uses it, its secrets, and where its parts are."""

import fcntl
import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

from mercato.engines.child import cannot_write
from mercato.supervisor.options import UpError

FREE_BYTES_MIN = 300_000_000
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # no characters that look alike


class DataDirectory:
    """A directory that this process alone may run a shop in, from `claim()` until it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._lock: int | None = None

    def claim(self) -> None:
        """Make the directory and take its lock. Raises UpError when another `mercato up` holds it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            # Entered by the user PostgreSQL runs as; each secret inside is closed by its own mode.
            self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self.logs.mkdir(exist_ok=True)
        except OSError as error:
            raise UpError(cannot_write(self.path, error)) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UpError(self._occupied()) from None
        self._refuse_full_disk()

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def nats(self) -> Path:
        return self.path / "nats"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def read_secrets(self) -> dict[str, str]:
        """The secrets of this shop, made at its first start and readable by its owner only."""
        path = self.path / "secrets.json"
        known: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        for name in ("secret_key", "nats_token"):
            known.setdefault(name, secrets.token_hex(32))
        self.write_secrets(known)
        return known

    def write_secrets(self, values: dict[str, str]) -> None:
        _write_private(self.path / "secrets.json", values)

    def write_running(self, facts: dict[str, Any]) -> None:
        """Tell other commands on this machine where the shop is, while it runs."""
        _write_private(self.path / "running.json", facts)

    def forget_running(self) -> None:
        (self.path / "running.json").unlink(missing_ok=True)

    def _occupied(self) -> str:
        facts = running_shop(self.path) or {}
        where = f" ({facts['url']}, process {facts['pid']})" if facts else ""
        return (
            f"a shop already runs from {self.path}{where}: stop it with Ctrl-C in its window,"
            " or give this one another --data-dir and --port"
        )

    def _refuse_full_disk(self) -> None:
        free = shutil.disk_usage(self.path).free
        if free < FREE_BYTES_MIN:
            raise UpError(
                f"the disk of {self.path} is full ({free // 1_000_000} MB free, {FREE_BYTES_MIN // 1_000_000}"
                " MB needed): free some space, or choose another --data-dir"
            )


def running_shop(path: Path) -> dict[str, Any] | None:
    """What the shop that runs from `path` says about itself; None when none runs there."""
    try:
        with open(path / "lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        try:
            facts: dict[str, Any] = json.loads((path / "running.json").read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return facts
    except OSError:
        return None
    return None


def new_password() -> str:
    """A password that can be typed from a screen: 15 characters, 75 bits."""
    letters = [secrets.choice(LETTERS) for _ in range(15)]
    return "-".join("".join(letters[start : start + 5]) for start in (0, 5, 10))


def _write_private(path: Path, values: dict[str, Any]) -> None:
    """Replace the file in one step, so that a crash leaves the old or the new one."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(values, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
