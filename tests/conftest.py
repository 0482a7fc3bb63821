"""Fixtures for every test: two servers per session, one fresh database and one namespace per test."""

import contextlib
import gc
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from hypothesis import HealthCheck
from xdist.scheduler import LoadScopeScheduling

from mercato.engines import Nats, Postgres
from support.engines import Engines, running_engines
from support.groups import GroupScheduling, rank_of

if TYPE_CHECKING:
    from support.shop import Shop

# A busy machine must not make a property fail.
hypothesis.settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis.settings.load_profile("suite")

# What tests are made of stays: looking through all of it again and again took a tenth of the time.
gc.set_threshold(50_000, 20, 20)

_running = contextlib.ExitStack()

_for_workers: list[tuple[str, str]] = []


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """With xdist, the controlling process owns the engines: it outlives every worker."""
    if not _for_workers:
        _for_workers.append(_running.enter_context(running_engines()))
    node.workerinput["mercato_engines"] = _for_workers[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Hand out whole groups. (xdist's own `loadgroup` renames tests, which pytest no longer heeds.)"""
    return GroupScheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first."""
    items.sort(key=lambda item: rank_of(item.nodeid))


def pytest_collection_finish() -> None:
    gc.freeze()


def pytest_unconfigure() -> None:
    _running.close()


@pytest.fixture(scope="session")
def engines(request: pytest.FixtureRequest) -> Iterator[Engines]:
    """The session's PostgreSQL (fsync off) and NATS, shared by all workers."""
    shared = getattr(request.config, "workerinput", {}).get("mercato_engines")
    postgres_url, nats_url = shared or _running.enter_context(running_engines())
    found = Engines(postgres_url, nats_url)
    yield found
    found.close()


@pytest.fixture
def database_url(engines: Engines) -> Iterator[str]:
    """A fresh database with all migrations applied, dropped after the test."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    yield engines.create_database(name)
    engines.drop_database(name)


@pytest.fixture
def empty_database_url(engines: Engines) -> Iterator[str]:
    """A fresh database without any table."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    yield engines.create_database(name, template=False)
    engines.drop_database(name)


@pytest.fixture(scope="session")
def nats_url(engines: Engines) -> str:
    """The session's NATS server; keep apart from other tests by `namespace`."""
    return engines.nats_url


@pytest.fixture
def namespace(engines: Engines) -> Iterator[str]:
    """A prefix for subjects and streams that no other test has; its streams go away after the test."""
    name = f"t{uuid.uuid4().hex[:12]}"
    yield name
    engines.delete_streams(name)


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[Postgres]:
    """A PostgreSQL of the test's own, durable as in production: it may be killed and started again."""
    server = Postgres(tmp_path / "postgres")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_nats(tmp_path: Path) -> Iterator[Nats]:
    """A NATS of the test's own: it may be stopped, killed, wiped and started again."""
    server = Nats(tmp_path / "nats")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def shop_environment(database_url: str, nats_url: str, namespace: str, tmp_path: Path) -> dict[str, str]:
    """The settings of a shop of the test's own, as environment variables, on a free port."""
    from support.shop import shop_environment

    return shop_environment(database_url, nats_url, namespace, tmp_path / "data")


@pytest.fixture(params=["all in one", "distributed"])
def shop(
    request: pytest.FixtureRequest, shop_environment: dict[str, str], tmp_path: Path
) -> Iterator["Shop"]:
    """A whole empty shop as real processes, once in one process and once with a process per module."""
    from support.shop import MODES, running_shop

    with running_shop(MODES[request.param], shop_environment, tmp_path) as shop:
        yield shop
