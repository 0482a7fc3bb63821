"""What `mercato up` keeps in the database: which parts of setting a shop up are done."""

import asyncpg

_JOURNAL = """
create schema if not exists mercato;
create table if not exists mercato.setup_steps (
  name text primary key, done_at timestamptz not null default now())
"""


async def create_database(server_url: str, name: str) -> bool:
    """Make database `name` on our own server unless it is there; whether it was made."""
    connection = await asyncpg.connect(server_url)
    try:
        if await connection.fetchval("select 1 from pg_database where datname = $1", name):
            return False
        await connection.execute(f'create database "{name}"')
        return True
    finally:
        await connection.close()


class Setup:
    """The journal of setting up, in the schema `mercato` beside the journal of migrations."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    @classmethod
    async def open(cls, url: str) -> "Setup":
        connection = await asyncpg.connect(url)
        await connection.execute(_JOURNAL)
        return cls(connection)

    async def is_done(self, step: str) -> bool:
        found = await self._connection.fetchval("select 1 from mercato.setup_steps where name = $1", step)
        return found is not None

    async def mark_done(self, step: str) -> None:
        sql = "insert into mercato.setup_steps (name) values ($1) on conflict do nothing"
        await self._connection.execute(sql, step)

    async def close(self) -> None:
        await self._connection.close()
