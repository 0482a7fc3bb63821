"""PostgreSQL as a direct child, reached by a unix socket only."""

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from mercato.engines import binaries, child
from mercato.engines.child import EngineError

PORT = 5432  # only names the socket file; nothing listens on the network
SOCKET_PATH_MAX_BYTES = 100  # the kernel's limit is 107 with the terminating zero, 103 on macOS
START_TIMEOUT_S = 120.0  # crash recovery of a large write-ahead log takes its time
STOP_TIMEOUT_S = 3.0
ORPHAN_TIMEOUT_S = 10.0
LOG_MAX_BYTES = 10_000_000

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.max": "2000",
    "jit": "off",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_duration_statement": "1s",
    "logging_collector": "off",
}


class Postgres:
    """One cluster below `directory`: `data/` and `log`; `start()` creates or recovers it."""

    def __init__(self, directory: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.directory = directory.absolute()
        self.data = self.directory / "data"
        self.log = self.directory / "log"
        self.settings = {**SETTINGS, **(settings or {})}
        self.process: subprocess.Popen[bytes] | None = None
        self._account = child.unprivileged_account()
        self._socket_directory: Path | None = None

    def start(self) -> None:
        """Create the cluster when there is none, start the server and wait until it takes connections.

        Raises EngineError when it cannot run, with nothing changed in an existing cluster.
        """
        home = binaries.postgres_home(self._account)
        self._prepare_directory()
        self._refuse_other_version(home)
        self._end_orphan()
        if not (self.data / "PG_VERSION").exists():
            self._create(home)
        self._socket_directory = self._make_socket_directory()
        self._rotate_log()
        started = child.wait_until(lambda: self._launch(home) or not self._waits_for_sessions(), timeout_s=10)
        if not started or not self.is_alive():
            self.stop()
            raise EngineError(_start_failure(self.log))

    def _launch(self, home: Path) -> bool:
        """Start the server once; whether it takes connections."""
        arguments: list[str | Path] = [home / "bin/postgres", "-D", self._data_argument()]
        arguments += ["-k", self._sockets, "-p", str(PORT)]
        for name, value in self.settings.items():
            arguments += ["-c", f"{name}={value}"]
        self.process = child.spawn(
            arguments, on_parent_death=signal.SIGINT, log=self.log, account=self._account, cwd=self.data
        )
        return child.wait_until(self._is_ready, timeout_s=START_TIMEOUT_S, alive=self.is_alive)

    def _waits_for_sessions(self) -> bool:
        """Whether it refused because sessions of a killed server have not noticed its death yet."""
        return not self.is_alive() and "pre-existing shared memory block" in child.last_lines(self.log)

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """End all sessions, write a checkpoint, stop; after `timeout_s` the hard way, which recovers."""
        if self.process is not None:
            child.stop(self.process, signal.SIGINT, timeout_s=timeout_s)
            self.process = None
        if self._socket_directory is not None and self._socket_directory != self.directory:
            shutil.rmtree(self._socket_directory, ignore_errors=True)

    def is_alive(self) -> bool:
        """Whether the server process runs."""
        return self.process is not None and self.process.poll() is None

    def url(self, database: str = "postgres") -> str:
        """The connection URL of a database, as the superuser, by the unix socket."""
        host = quote(str(self._sockets), safe="")
        return f"postgresql://postgres@/{quote(database)}?host={host}&port={PORT}"

    @property
    def _sockets(self) -> Path:
        if self._socket_directory is None:
            raise RuntimeError("the server was not started")
        return self._socket_directory

    def _prepare_directory(self) -> None:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self.directory.chmod(0o700)
            if self._account:
                os.chown(self.directory, self._account.uid, self._account.gid)
        except OSError as error:
            raise EngineError(
                f"cannot write {self.directory} ({error.strerror}): choose another --data-dir"
            ) from None

    def _refuse_other_version(self, home: Path) -> None:
        try:
            written_by = int((self.data / "PG_VERSION").read_text())
        except FileNotFoundError:
            return
        ours = binaries.postgres_major(home)
        if written_by != ours:
            raise EngineError(
                f"{self.data} was written by PostgreSQL {written_by}, this is PostgreSQL {ours}: nothing was"
                " touched. Use the Mercato version that wrote it, or another --data-dir"
            )

    def _end_orphan(self) -> None:
        """End the server a killed parent left behind; make a lock file that names no server harmless."""
        lock = self.data / "postmaster.pid"
        pid = _pid_in(lock)
        if pid is None:
            return
        if not _runs_in(pid, self.data):
            # After a reboot the number may be another process's, which the server takes for a server. It
            # ignores its parent's number, and still sees by the rest of the file whether old sessions live.
            lines = lock.read_text().splitlines(keepends=True)
            lock.write_text("".join([f"{os.getpid()}\n", *lines[1:]]))
            return
        for number in (signal.SIGINT, signal.SIGQUIT):
            os.kill(pid, number)
            if child.wait_until(lambda: not _runs_in(pid, self.data), timeout_s=ORPHAN_TIMEOUT_S):
                return
        raise EngineError(
            f"PostgreSQL process {pid} still uses {self.data} and does not stop: end it with kill -9 {pid}"
        )

    def _create(self, home: Path) -> None:
        """initdb into a folder beside, then rename: a half-made cluster never has the final name."""
        fresh = self.directory / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if self._account:
            os.chown(fresh, self._account.uid, self._account.gid)
        locale = ["--locale=C"]
        if binaries.postgres_major(home) >= 17:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        reachable = self._account is None or self._account.may_enter(self.directory)
        command: list[str | Path] = [home / "bin/initdb", "-D", fresh if reachable else "/proc/self/cwd/"]
        command += ["-U", "postgres", "-E", "UTF8", "--auth=trust", "--no-instructions"]
        done = subprocess.run(
            [*command, *locale],
            capture_output=True,
            text=True,
            cwd=fresh,
            user=self._account.uid if self._account else None,
            group=self._account.gid if self._account else None,
            extra_groups=[] if self._account else None,
        )
        if done.returncode:
            shutil.rmtree(fresh, ignore_errors=True)
            raise EngineError(_create_failure(fresh, done.stderr))
        fresh.rename(self.data)

    def _data_argument(self) -> Path:
        """The data folder as the server sees it: itself, or its working directory when the path is closed.

        As root the server runs as nobody, who may not pass /root. The kernel resolves /proc/self/cwd without
        walking the path, so only the folder itself, which nobody owns, has to be open.
        """
        if self._account is None or self._account.may_enter(self.directory):
            return self.data
        if sys.platform != "linux":
            raise EngineError(
                f"PostgreSQL may not enter {self.directory} as nobody: choose another --data-dir"
            )
        return Path("/proc/self/cwd")

    def _make_socket_directory(self) -> Path:
        length = len(os.fsencode(self.directory / f".s.PGSQL.{PORT}"))
        if length <= SOCKET_PATH_MAX_BYTES and (
            self._account is None or self._account.may_enter(self.directory)
        ):
            return self.directory
        name = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:12]
        for base in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 (owner and mode are checked below)
            if len(os.fsencode(base)) < 60:
                break
        folder = base / f"mercato-{os.geteuid()}-{name}"
        folder.mkdir(mode=0o700, exist_ok=True)
        owners = {os.geteuid(), self._account.uid if self._account else os.geteuid()}
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in owners:
            raise EngineError(f"{folder} belongs to somebody else: remove it, or choose another --data-dir")
        folder.chmod(0o700)
        if self._account:
            os.chown(folder, self._account.uid, self._account.gid)
        return folder

    def _rotate_log(self) -> None:
        try:
            if self.log.stat().st_size > LOG_MAX_BYTES:
                self.log.replace(self.log.with_suffix(".old"))
        except FileNotFoundError:
            return

    def _is_ready(self) -> bool:
        """The server writes its status on the eighth line of its lock file, as pg_ctl reads it."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return (
            len(lines) >= 8
            and self.process is not None
            and lines[0] == str(self.process.pid)
            and "ready" in lines[7]
        )


def _pid_in(lock: Path) -> int | None:
    try:
        return int(lock.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _runs_in(pid: int, data: Path) -> bool:
    """Whether process `pid` is a server whose working directory is `data`."""
    if sys.platform == "linux":
        try:
            return os.path.samefile(f"/proc/{pid}/cwd", data)
        except OSError:
            return False
    shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True).stdout
    return "postgres" in shown and str(data) in shown


def _create_failure(fresh: Path, stderr: str) -> str:
    if "No space left" in stderr:
        return f"the disk of {fresh.parent} is full: free some space or choose another --data-dir"
    return (
        f"PostgreSQL could not create its data folder {fresh}: {' | '.join(stderr.strip().splitlines()[-3:])}"
    )


def _start_failure(log: Path) -> str:
    if "No space left" in child.last_lines(log, 20):
        return f"the disk of {log.parent} is full: free some space and start again"
    return f"PostgreSQL did not start: {child.last_lines(log)} (all of it in {log})"
