"""Start everything in order, watch it, stop it in the reverse order."""

import contextlib
import hashlib
import json
import os
import select
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

from mercato import __version__
from mercato.engines import EngineError, Nats, Postgres
from mercato.engines.child import last_lines, spawn
from mercato.supervisor import port
from mercato.supervisor.directory import DataDirectory, new_password
from mercato.supervisor.options import UpError, UpOptions
from mercato.supervisor.screen import Screen
from mercato.supervisor.workers import Worker, ended_how, environment, mercato

READY_TIMEOUT_S = 120.0
READY_POLL_S = 0.02
WATCH_INTERVAL_S = 1.0
STOP_S = 4.5  # below the 5 s promised for Ctrl-C
ENGINES_STOP_S = 2.0  # the part of it that workers leave to the engines
DATABASE = "mercato"
DEFAULT_OWNER = "owner@example.com"


class _Stopped(BaseException):
    """Somebody asked us to stop; carries the signal."""


def up(options: UpOptions) -> int:
    """Run a shop until a signal ends it; returns the exit code. Prints one line when it cannot."""
    screen = Screen()
    _on_signals(_raise_stopped)
    shop = Shop(options, screen)
    try:
        shop.start()
        shop.watch()
    except _Stopped:
        screen.say("\nStopping …")
        return 0
    except (UpError, EngineError) as error:
        screen.say(f"\nmercato: {error}")
        return 1
    finally:
        _on_signals(signal.SIG_IGN)
        shop.stop()
        if shop.is_started:
            screen.say("Stopped.")


class Shop:
    """The processes of one `mercato up` and the data directory they share."""

    def __init__(self, options: UpOptions, screen: Screen) -> None:
        self._options, self._screen = options, screen
        self._directory = DataDirectory(options.data_dir)
        self._reserved: socket.socket | None = None
        self._postgres: Postgres | None = None
        self._nats: Nats | None = None
        self._workers: list[Worker] = []
        self._env: dict[str, str] = {}
        self._secrets: dict[str, str] = {}

    def start(self) -> None:
        """Bring everything up. Raises UpError or EngineError, each one line that names the cure."""
        self._reserved = port.reserve(self._options.host, self._options.port)
        self._directory.claim()
        self._secrets = self._directory.read_secrets()
        self._screen.say("Mercato\n")
        self._start_engines()
        self._prepare()
        self._start_workers()
        self._directory.write_running(self._facts())
        self._show_addresses()

    @property
    def is_started(self) -> bool:
        """Whether there is anything to stop."""
        return bool(self._secrets)

    def watch(self) -> NoReturn:
        """Restart what dies, until a signal raises out of here."""
        with _bell() as bell:
            while True:
                for engine in (self._postgres, self._nats):
                    if engine is not None and not engine.is_alive():
                        self._screen.say(f"  {type(engine).__name__} ended; starting it again")
                        engine.start()
                for worker in self._workers:
                    worker.tend(self._screen.say)
                if select.select([bell], [], [], WATCH_INTERVAL_S)[0]:
                    bell.recv(4096)

    def stop(self) -> None:
        """Stop everything in reverse order, within 5 seconds."""
        end = time.monotonic() + STOP_S
        for worker in self._workers:
            worker.ask_to_stop()
        for worker in self._workers:
            worker.stop(max(0.0, end - ENGINES_STOP_S - time.monotonic()))
        for engine in (self._nats, self._postgres):
            if engine is not None:
                engine.stop(max(0.0, end - time.monotonic()))
        if self._env:
            self._directory.forget_running()

    def _start_engines(self) -> None:
        database_url, nats_url = os.environ.get("DATABASE_URL"), os.environ.get("NATS_URL")
        with self._screen.step("PostgreSQL") as note:
            if database_url is None:
                self._postgres = Postgres(self._directory.postgres)
                self._postgres.start()
                database_url = self._postgres.url(DATABASE)
            note("own cluster" if self._postgres else "by DATABASE_URL")
        with self._screen.step("NATS") as note:
            if nats_url is None:
                self._nats = Nats(self._directory.nats, token=self._secrets["nats_token"])
                self._nats.start()
                nats_url = self._nats.url
            note("own server" if self._nats else "by NATS_URL")
        self._env = self._environment(database_url, nats_url)

    def _environment(self, database_url: str, nats_url: str) -> dict[str, str]:
        found = environment(
            DATABASE_URL=database_url,
            NATS_URL=nats_url,
            MERCATO_HOST=self._address[0],
            MERCATO_PORT=str(self._address[1]),
            MERCATO_DATA_DIR=str(self._directory.path),
        )
        found.setdefault("MERCATO_SECRET_KEY", self._secrets["secret_key"])
        found.setdefault("MERCATO_BASE_URL", self._url)
        return found

    def _prepare(self) -> None:
        """Migrations, owner and demo shop, in a process that ends and gives its memory back.

        Nothing to do when our own server's data were prepared by these very migrations: that saves half a
        second of each start.
        """
        mark = self._postgres.data / "mercato-prepared" if self._postgres else None
        wanted = migrations_digest()
        if mark is None or not mark.exists() or mark.read_text() != wanted:
            self._run_prepare()
            if mark is not None:
                mark.write_text(wanted)

    def _run_prepare(self) -> None:
        command = mercato("prepare", *([] if self._options.demo else ["--no-demo"]))
        log = self._directory.logs / "prepare.log"
        process = spawn(
            command, on_parent_death=signal.SIGKILL, log=log, env={**self._env, **self._owner()}, capture=True
        )
        assert process.stdout is not None
        with contextlib.ExitStack() as steps, process.stdout:
            title, note = None, None
            for line in process.stdout:
                message = json.loads(line)
                if message["step"] != title:
                    steps.close()
                    title, note = message["step"], steps.enter_context(self._screen.step(message["step"]))
                assert note is not None
                note(message["note"])
                if "password" in message:
                    self._secrets["owner_password"] = message["password"]
            if process.wait() != 0:
                raise UpError(_failure("the preparation", process.returncode, last_lines(log, 1), str(log)))

    def _owner(self) -> dict[str, str]:
        """Who the first owner is. A generated password is kept until the moment it has been shown."""
        email = os.environ.get("MERCATO_OWNER_EMAIL") or self._secrets.get("owner_email", DEFAULT_OWNER)
        is_first = "owner_email" not in self._secrets
        self._secrets["owner_email"] = email
        password = os.environ.get("MERCATO_OWNER_PASSWORD")
        if is_first and not password:
            self._secrets["owner_password"] = new_password()
        self._directory.write_secrets(self._secrets)
        password = password or self._secrets.get("owner_password")
        return {"MERCATO_OWNER_EMAIL": email} | ({"MERCATO_OWNER_PASSWORD": password} if password else {})

    def _start_workers(self) -> None:
        count = self._options.worker_count
        with self._screen.step("Web") as note:
            for number in range(1, count + 1):
                log = self._directory.logs / f"worker-{number}.log"
                self._workers.append(Worker(f"worker {number}", mercato("run", "all"), self._env, log))
            # The first one has the cores to itself: on two of them the shop answers a second sooner.
            self._workers[0].start()
            self._await_answer()
            for worker in self._workers[1:]:
                worker.start()
            note(f"{count} worker{'s' if count > 1 else ''}")

    def _await_answer(self) -> None:
        host, number = self._probe_address
        tries = int(READY_TIMEOUT_S / READY_POLL_S)
        for _ in range(tries):
            if port.answers(host, number, "/health/ready"):
                return
            worker = self._workers[0]
            if not worker.is_alive():
                raise UpError(
                    _failure(worker.name, worker.returncode, last_lines(worker.log, 1), str(worker.log))
                )
            select.select([], [], [], READY_POLL_S)
        raise UpError(f"the shop does not answer after {READY_TIMEOUT_S:.0f} s: see {self._directory.logs}")

    @property
    def _address(self) -> tuple[str, int]:
        assert self._reserved is not None
        host, number = self._reserved.getsockname()[:2]
        return str(host), int(number)

    @property
    def _probe_address(self) -> tuple[str, int]:
        host, number = self._address
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), number  # noqa: S104 (compared, not bound)

    @property
    def _url(self) -> str:
        host, number = self._probe_address
        shown = "localhost" if self._options.host in ("localhost", "0.0.0.0", "::") else host  # noqa: S104
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{number}"

    def _facts(self) -> dict[str, object]:
        names = ("DATABASE_URL", "NATS_URL", "MERCATO_SECRET_KEY", "MERCATO_BASE_URL", "MERCATO_DATA_DIR")
        return {
            "pid": os.getpid(),
            "url": self._url,
            "workers": [worker.pid for worker in self._workers],
            "environment": {name: self._env[name] for name in names},
        }

    def _show_addresses(self) -> None:
        say, url = self._screen.say, self._env["MERCATO_BASE_URL"]
        say(f"\n  Storefront   {url}/")
        say(f"  Admin        {url}/admin")
        say(f"  API docs     {url}/api/docs")
        say(f"  Mailbox      {url}/dev/mailbox")
        say(f"\n  Owner        {self._secrets['owner_email']}")
        password = self._secrets.pop("owner_password", None)
        if password is not None:
            say(f"  Password     {password}   (shown only now: keep it)")
            self._directory.write_secrets(self._secrets)
        say(f"\n  Data in {self._directory.path}. Ctrl-C stops everything.")


def migrations_digest() -> str:
    """A name for this version's set of migration files."""
    package = Path(__file__).parent.parent
    digest = hashlib.sha256(__version__.encode())
    for file in sorted(package.glob("**/migrations/*.sql")):
        digest.update(f"{file.relative_to(package)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _failure(what: str, returncode: int, said: str, log: str) -> str:
    if said.startswith("mercato: "):
        return said.removeprefix("mercato: ")
    return f"{what} {ended_how(returncode)}: {said} (all of it in {log})"


def _raise_stopped(number: int, _frame: FrameType | None) -> NoReturn:
    raise _Stopped(number)


def _on_signals(handler: object) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)  # type: ignore[arg-type]


@contextlib.contextmanager
def _bell() -> Iterator[socket.socket]:
    """A socket that becomes readable when a child ends."""
    ours, rings = socket.socketpair()
    rings.setblocking(False)
    before = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(rings.fileno())
    try:
        yield ours
    finally:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, before)
        ours.close()
        rings.close()
