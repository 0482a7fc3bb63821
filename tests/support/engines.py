"""One PostgreSQL and one NATS for a whole pytest session, and fresh databases in it."""

import asyncio
import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import nats

from mercato.engines import Nats, Postgres
from support.template import migrate_template

# Databases of tests are thrown away: losing one in a power cut costs nothing, and fsync costs most.
THROW_AWAY = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "400",
    "max_wal_size": "256MB",
    "autovacuum": "off",
    "log_min_duration_statement": "-1",
}
TEMPLATE = "mercato_template"
TEMPLATE_LOCK_KEY = 4_242_900
SHM_MIN_BYTES = 2_000_000_000
T = TypeVar("T")


@contextlib.contextmanager
def running_engines() -> Iterator[tuple[str, str]]:
    """Start both servers in a temporary folder; yields the URL of the database `postgres` and of NATS."""
    directory = Path(tempfile.mkdtemp(prefix="mercato-tests-", dir=_fast_folder()))
    directory.chmod(0o711)
    postgres, broker = Postgres(directory / "postgres", settings=THROW_AWAY), Nats(directory / "nats")
    try:
        postgres.start()
        broker.start()
        yield postgres.url(), broker.url
    finally:
        broker.stop()
        postgres.stop()
        shutil.rmtree(directory, ignore_errors=True)


def _fast_folder() -> str | None:
    """Memory when there is enough: copying the template takes 10 ms there and 135 ms on a disk."""
    memory = Path("/dev/shm")
    enough = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > SHM_MIN_BYTES
    return str(memory) if enough else None


class Engines:
    """The session's servers as one test process sees them; usable from tests with and without a loop."""

    def __init__(self, postgres_url: str, nats_url: str) -> None:
        self.postgres_url = postgres_url
        self.nats_url = nats_url
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="test-engines", daemon=True)
        self._thread.start()
        self._connection: asyncpg.Connection | None = None
        self._has_template = False

    def database_url(self, name: str) -> str:
        return self.postgres_url.replace("/postgres?", f"/{name}?")

    def create_database(self, name: str, *, template: bool = True) -> str:
        """A fresh database, a copy of the migrated template (or an empty one); returns its URL."""
        self._run(self._create(name, template))
        return self.database_url(name)

    def drop_database(self, name: str) -> None:
        self._run(self._execute(f'drop database if exists "{name}" with (force)'))

    def delete_streams(self, namespace: str) -> None:
        """Remove the streams of one test, so that the server's memory does not grow with the suite."""
        self._run(self._delete_streams(namespace))

    def close(self) -> None:
        if self._connection is not None:
            self._run(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    async def _execute(self, sql: str) -> Any:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self.postgres_url)
        return await self._connection.fetchval(sql)

    async def _create(self, name: str, template: bool) -> None:
        if template and not self._has_template:
            await self._ensure_template()
        source = TEMPLATE if template else "template0"
        await self._execute(f'create database "{name}" template {source} strategy file_copy')

    async def _ensure_template(self) -> None:
        """Make the template once for all test processes of the session."""
        await self._execute(f"select pg_advisory_lock({TEMPLATE_LOCK_KEY})")
        try:
            if (
                await self._execute(
                    f"select 1 from pg_database where datname = '{TEMPLATE}' and datistemplate"
                )
                is None
            ):
                await self._execute(f"drop database if exists {TEMPLATE} with (force)")
                await self._execute(f"create database {TEMPLATE} template template0")
                await migrate_template(self.database_url(TEMPLATE))
                await self._execute(f"alter database {TEMPLATE} is_template true")
            self._has_template = True
        finally:
            await self._execute(f"select pg_advisory_unlock({TEMPLATE_LOCK_KEY})")

    async def _delete_streams(self, namespace: str) -> None:
        client = await nats.connect(self.nats_url)
        try:
            js = client.jetstream()
            for info in await js.streams_info():
                if (info.config.name or "").lower().startswith(namespace.lower()):
                    await js.delete_stream(info.config.name or "")
        finally:
            await client.close()
