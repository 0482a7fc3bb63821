"""Forward migrations: numbered SQL files per schema, applied once, in order, under one advisory lock."""

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable

import asyncpg
import msgspec

from mercato.kernel.db import Queries
from mercato.refusals import Refusal

LOCK_KEY = 4_242_001
LOCK_WAIT = "60s"

_JOURNAL = """
create schema if not exists mercato;
create table if not exists mercato.migrations (
  schema_name text not null, name text not null, checksum text not null,
  applied_at timestamptz not null default now(), primary key (schema_name, name))
"""


class MigrationError(Refusal):
    """The database and the files disagree; the message says which file and what to do."""


class Migration(msgspec.Struct, frozen=True):
    """One SQL file of one schema, for example `0001_orders.sql` of `orders`."""

    schema: str
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations_of(package: str, schema: str) -> list[Migration]:
    """The SQL files in the folder `migrations` of `package`, in order of their number."""
    folder: Traversable = files(package).joinpath("migrations")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [Migration(schema, name, folder.joinpath(name).read_text("utf-8")) for name in names]


async def migrate(url: str, migrations: list[Migration]) -> list[str]:
    """Apply what is missing to the database at `url`; returns `schema/name` of each file applied.

    Each file and its journal row are one transaction. Raises MigrationError when a file that was already
    applied has changed, or when the journal names a file that this version does not have.
    """
    connection = await asyncpg.connect(url, server_settings={"lock_timeout": LOCK_WAIT, "timezone": "UTC"})
    try:
        await connection.execute("select pg_advisory_lock($1)", LOCK_KEY)
        await connection.execute(_JOURNAL)
        return await _apply_missing(connection, migrations)
    finally:
        await connection.close()


async def _apply_missing(connection: "asyncpg.Connection", migrations: list[Migration]) -> list[str]:
    rows = await connection.fetch("select schema_name, name, checksum from mercato.migrations")
    applied = {(row["schema_name"], row["name"]): row["checksum"] for row in rows}
    _refuse_newer(applied, migrations)
    done = []
    for migration in migrations:
        known = applied.get((migration.schema, migration.name))
        if known == migration.checksum:
            continue
        if known is not None:
            raise MigrationError(
                f"{migration.schema}/{migration.name} was changed after it was applied: "
                "restore the file and put the change into a new one."
            )
        async with connection.transaction():
            await connection.execute(f"create schema if not exists {migration.schema}")
            await connection.execute(migration.sql)
            await connection.execute(
                "insert into mercato.migrations (schema_name, name, checksum) values ($1, $2, $3)",
                migration.schema, migration.name, migration.checksum,
            )  # fmt: skip
        done.append(f"{migration.schema}/{migration.name}")
    return done


def _refuse_newer(applied: dict[tuple[str, str], str], migrations: list[Migration]) -> None:
    schemas = {migration.schema for migration in migrations}
    known = {(migration.schema, migration.name) for migration in migrations}
    unknown = sorted(
        f"{schema}/{name}" for schema, name in applied if schema in schemas and (schema, name) not in known
    )
    if unknown:
        raise MigrationError(
            f"The database was made by a newer Mercato (it has {unknown[0]}): upgrade Mercato, "
            "or restore a backup from before the upgrade."
        )


async def missing(db: Queries, migrations: list[Migration]) -> list[str]:
    """`schema/name` of each file that the database lacks; for health checks."""
    rows = await db.fetch("select schema_name, name from mercato.migrations")
    applied = {(row["schema_name"], row["name"]) for row in rows}
    return [f"{each.schema}/{each.name}" for each in migrations if (each.schema, each.name) not in applied]
