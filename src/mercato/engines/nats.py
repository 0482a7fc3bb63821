"""NATS with JetStream as a direct child, on the loopback interface only."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from mercato.engines import binaries, child
from mercato.engines.child import EngineError

MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 3.0
ORPHAN_TIMEOUT_S = 10.0


class Nats:
    """One server below `directory`: its configuration, its log and the JetStream store.

    Ports are free ones, chosen by the server at its first start and kept for a restart of the same object.
    With a `token`, only clients that know it may connect.
    """

    def __init__(self, directory: Path, *, token: str | None = None) -> None:
        self.directory = directory.absolute()
        self.log = self.directory / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self._token = token
        self._port, self._monitor_port = -1, -1

    def start(self) -> None:
        """Start the server and wait until it takes connections. Raises EngineError when it cannot run."""
        program = binaries.nats_server()
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self.directory.chmod(0o700)
            self._end_orphan()
            configuration = self._write_configuration()
        except OSError as error:
            raise EngineError(
                f"cannot write {self.directory} ({error.strerror}): choose another --data-dir"
            ) from None
        self.process = child.spawn(
            [program, "-c", configuration], on_parent_death=signal.SIGTERM, log=self.log, cwd=self.directory
        )
        if not child.wait_until(self._is_ready, timeout_s=START_TIMEOUT_S, alive=self.is_alive):
            self.stop()
            raise EngineError(f"NATS did not start: {child.last_lines(self.log)} (all of it in {self.log})")

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Flush and stop; after `timeout_s` the hard way."""
        if self.process is not None:
            child.stop(self.process, signal.SIGTERM, timeout_s=timeout_s)
            self.process = None

    def is_alive(self) -> bool:
        """Whether the server process runs."""
        return self.process is not None and self.process.poll() is None

    @property
    def url(self) -> str:
        """The address for clients, with the token when there is one."""
        return f"nats://{self._token + '@' if self._token else ''}127.0.0.1:{self._started(self._port)}"

    def _started(self, port: int) -> int:
        if port < 0:
            raise RuntimeError("the server was not started")
        return port

    def _write_configuration(self) -> Path:
        for old in self.directory.glob("*.ports"):
            old.unlink()
        configuration: dict[str, object] = {
            "listen": f"127.0.0.1:{self._port}",
            "http": f"127.0.0.1:{self._monitor_port}",
            "max_payload": MAX_PAYLOAD_BYTES,
            "jetstream": {"store_dir": str(self.directory / "store")},
            "pid_file": str(self.directory / "pid"),
            "ports_file_dir": str(self.directory),
            "logfile_size_limit": 10_000_000,
        }
        if self._token:
            configuration["authorization"] = {"token": self._token}
        path = self.directory / "nats.conf"
        path.touch(mode=0o600)
        path.write_text(json.dumps(configuration, indent=1))
        return path

    def _is_ready(self) -> bool:
        """The server writes its ports into a file once it listens; then it must greet a connection."""
        if self.process is None:
            return False
        try:
            ports = json.loads((self.directory / f"nats-server_{self.process.pid}.ports").read_text())
            self._port = int(ports["nats"][0].rsplit(":", 1)[1])
            self._monitor_port = int(ports["monitoring"][0].rsplit(":", 1)[1])
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
                return connection.recv(4) == b"INFO"
        except (OSError, ValueError, KeyError):
            return False

    def _end_orphan(self) -> None:
        """Two servers on one store would destroy it: end the one a killed parent left behind."""
        try:
            pid = int((self.directory / "pid").read_text())
        except (FileNotFoundError, ValueError):
            return
        if not _runs_in(pid, self.directory):
            return
        os.kill(pid, signal.SIGKILL)
        if not child.wait_until(lambda: not _runs_in(pid, self.directory), timeout_s=ORPHAN_TIMEOUT_S):
            raise EngineError(f"NATS process {pid} still uses {self.directory}: end it with kill -9 {pid}")


def _runs_in(pid: int, directory: Path) -> bool:
    if sys.platform == "linux":
        try:
            return os.path.samefile(f"/proc/{pid}/cwd", directory)
        except OSError:
            return False
    shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True).stdout
    return "nats-server" in shown and str(directory) in shown
