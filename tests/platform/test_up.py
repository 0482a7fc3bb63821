"""Claims about `mercato up`, each against a real one."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from mercato.engines.child import Account, wait_until
from support.up import all_gone, mercato_up

pytestmark = pytest.mark.timeout(240)  # several whole starts per test, on machines that do other work too
RUNNING = "Ctrl-C stops everything"


def _everybody_may_run(program: str) -> bool:
    return Account("nobody").may_enter(Path(program).resolve())


AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user or to mount")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "a shop with spaces"


def test_first_start_shows_the_addresses_and_a_password_and_the_second_does_not(data_dir: Path) -> None:
    with mercato_up(data_dir) as shop:
        shop.await_text(RUNNING)
        for name in ("Storefront", "Admin", "API docs", "Mailbox", "owner@example.com"):
            assert name in shop.output
        password = shop.password
        assert password is not None and len(password) == 17
        assert shop.get("/health/ready").status_code == 200
        credentials = {"email": "owner@example.com", "password": password}
        signed_in = httpx.post(f"{shop.url}/api/v1/auth/login", json=credentials, timeout=10, trust_env=False)
        assert signed_in.status_code == 200, signed_in.text
    kept = "".join(path.read_text() for path in data_dir.glob("*.json"))
    assert password not in kept
    with mercato_up(data_dir) as shop:
        shop.await_text(RUNNING)
        assert shop.password is None
        signed_in = httpx.post(f"{shop.url}/api/v1/auth/login", json=credentials, timeout=10, trust_env=False)
        assert signed_in.status_code == 200, signed_in.text


def test_the_owner_is_the_one_the_environment_names(data_dir: Path) -> None:
    env = {"MERCATO_OWNER_EMAIL": "ada@example.org", "MERCATO_OWNER_PASSWORD": "correct horse battery staple"}
    with mercato_up(data_dir, env=env) as shop:
        shop.await_text(RUNNING)
        assert shop.password is None
        credentials = {"email": env["MERCATO_OWNER_EMAIL"], "password": env["MERCATO_OWNER_PASSWORD"]}
        assert (
            httpx.post(
                f"{shop.url}/api/v1/auth/login", json=credentials, timeout=10, trust_env=False
            ).status_code
            == 200
        )


def test_refuses_a_busy_port_and_leaves_nothing_behind(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with mercato_up(data_dir, "--port", str(port)) as shop:
            assert shop.end() == 1
    assert f"port {port} is already in use: stop what listens there, or choose another" in shop.output
    assert "Traceback" not in shop.output
    assert not data_dir.exists()


def test_refuses_the_port_of_another_shop(data_dir: Path, tmp_path: Path) -> None:
    with mercato_up(data_dir) as first:
        port = first.await_text(RUNNING).url.rsplit(":", 1)[1]
        with mercato_up(tmp_path / "other", "--port", port) as second:
            assert second.end() == 1
        assert f"port {port} is already in use" in second.output
        assert first.get("/health/ready").status_code == 200


def test_refuses_a_second_shop_in_one_data_directory(data_dir: Path) -> None:
    with mercato_up(data_dir) as first:
        first.await_text(RUNNING)
        with mercato_up(data_dir) as second:
            assert second.end() == 1
        assert (
            f"a shop already runs from {data_dir} ({first.url}, process {first.process.pid})" in second.output
        )
        assert first.get("/health/ready").status_code == 200


def test_two_shops_run_side_by_side(data_dir: Path, tmp_path: Path) -> None:
    with mercato_up(data_dir) as first, mercato_up(tmp_path / "second") as second:
        assert first.await_text(RUNNING).url != second.await_text(RUNNING).url
        assert first.get("/health/ready").status_code == second.get("/health/ready").status_code == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_within_five_seconds(data_dir: Path, number: signal.Signals) -> None:
    with mercato_up(data_dir, "--workers", "2") as shop:
        shop.await_text(RUNNING)
        processes = shop.descendants()
        assert {"postgres", "nats-server"} <= {process.name() for process in processes}
        started = time.monotonic()
        os.killpg(shop.process.pid, number)  # Ctrl-C reaches the whole group
        assert shop.end() == 0
        assert time.monotonic() - started < 5
        assert all_gone(processes, timeout_s=0.5), [one for one in processes if one.is_running()]
    assert "Stopped." in shop.output
    assert not (data_dir / "running.json").exists()


def test_a_signal_while_starting_stops_everything(data_dir: Path) -> None:
    with mercato_up(data_dir) as shop:
        shop.await_text("NATS")
        processes = shop.descendants()
        shop.process.send_signal(signal.SIGTERM)
        assert shop.end() == 0
        assert all_gone(processes, timeout_s=5)
    with mercato_up(data_dir) as shop:
        shop.await_text(RUNNING)
        assert shop.password is not None  # nobody has seen it before


def test_a_killed_supervisor_leaves_no_orphan_and_the_next_start_recovers(data_dir: Path) -> None:
    with mercato_up(data_dir, "--workers", "2") as shop:
        shop.await_text(RUNNING)
        processes = shop.descendants()
        assert len(processes) >= 4
        shop.process.kill()
        shop.process.wait()
        assert all_gone(processes, timeout_s=5)
    with mercato_up(data_dir) as shop:
        assert shop.await_text(RUNNING).get("/health/ready").status_code == 200


def test_the_next_start_need_not_wait_for_a_killed_one(data_dir: Path) -> None:
    with mercato_up(data_dir) as shop:
        shop.await_text(RUNNING)
        shop.process.kill()
        with mercato_up(data_dir) as again:
            assert again.await_text(RUNNING).get("/health/ready").status_code == 200


@pytest.mark.parametrize("name", ["postgres", "nats-server", "python"])
def test_what_dies_is_started_again(data_dir: Path, name: str) -> None:
    with mercato_up(data_dir) as shop:
        shop.await_text(RUNNING)
        children = psutil.Process(shop.process.pid).children()
        victim = next(child for child in children if child.name().startswith(name))
        victim.kill()
        shop.await_text("starting")

        def answers() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return shop.get("/health/ready").status_code == 200
            return False

        assert wait_until(answers, timeout_s=30)
        assert not victim.is_running()


def test_refuses_a_data_directory_of_a_newer_version(data_dir: Path) -> None:
    version = data_dir / "postgres/data/PG_VERSION"
    version.parent.mkdir(parents=True)
    version.write_text("99\n")
    with mercato_up(data_dir) as shop:
        assert shop.end() == 1
    assert "was written by PostgreSQL 99" in shop.output
    assert "Traceback" not in shop.output
    assert [path.name for path in version.parent.iterdir()] == ["PG_VERSION"]


def test_refuses_a_data_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with mercato_up(tmp_path / "file" / "shop") as shop:
        assert shop.end() == 1
    assert "choose another --data-dir" in shop.output
    assert "Traceback" not in shop.output


@AS_ROOT
def test_refuses_a_full_disk_and_leaves_nothing_damaged(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", megabytes=50) as disk, mercato_up(disk / "shop") as shop:
        assert shop.end() == 1
        assert "is full (" in shop.output
        assert "Traceback" not in shop.output
        assert not (disk / "shop/postgres").exists()


@AS_ROOT
@pytest.mark.skipif(not _everybody_may_run(sys.executable), reason="only root may run this Python")
def test_an_ordinary_user_without_a_home_runs_a_shop(tmp_path: Path) -> None:
    home = tmp_path / "of nobody"
    home.mkdir()
    shutil.chown(home, "nobody")
    with reachable(home) as data_dir, mercato_up(data_dir, env={"HOME": "/nonexistent"}, user=65534) as shop:
        assert shop.await_text(RUNNING).get("/health/ready").status_code == 200
        assert all(child.uids().real == 65534 for child in shop.descendants())


def test_the_supervisor_imports_no_more_than_it_needs() -> None:
    code = "import mercato.supervisor.up, sys; print(*sorted(sys.modules))"
    names = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"asyncio", "asyncpg", "msgspec", "nats", "litestar", "granian", "rich", "cyclopts"}
    assert heavy & set(names) == set()


@contextlib.contextmanager
def small_disk(path: Path, *, megabytes: int) -> Iterator[Path]:
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", path], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this machine does not let us mount a small disk")
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


@contextlib.contextmanager
def reachable(home: Path) -> Iterator[Path]:
    """A folder that an ordinary user can reach: pytest's own are closed to others."""
    folder = Path("/var/tmp") / f"mercato-test-{os.getpid()}"
    home.rename(folder)
    try:
        yield folder / "shop"
    finally:
        shutil.rmtree(folder)
