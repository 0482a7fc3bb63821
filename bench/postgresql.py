"""What PostgreSQL counted: statements, commits, WAL bytes and fsyncs of the whole server."""

from typing import Self

import asyncpg

_COUNTERS = """
select (select coalesce(sum(calls), 0) from pg_stat_statements
        where dbid = (select oid from pg_database where datname = current_database()) and query !~ 'pg_stat'),
  (select xact_commit from pg_stat_database where datname = current_database()),
  (select wal_bytes from pg_stat_wal),
  (select coalesce(sum(fsyncs), 0) from pg_stat_io where object = 'wal')
"""

_STATEMENTS = """
select calls, round((total_exec_time / calls)::numeric, 3) as mean_ms,
  round(total_exec_time::numeric) as total_ms, plans,
  left(regexp_replace(query, '\\s+', ' ', 'g'), 150) as query
from pg_stat_statements where dbid = (select oid from pg_database where datname = current_database())
order by total_exec_time desc limit $1
"""


class Counters:
    """One connection that reads the server's own statistics."""

    def __init__(self, connection: "asyncpg.Connection") -> None:
        self._connection = connection

    @classmethod
    async def connect(cls, url: str) -> Self:
        connection = await asyncpg.connect(url)
        await connection.execute("create extension if not exists pg_stat_statements")
        return cls(connection)

    async def read(self) -> list[float]:
        """(statements, commits, WAL bytes, fsyncs) since the server began."""
        row = await self._connection.fetchrow(_COUNTERS)
        assert row is not None
        return [float(value) for value in row]

    async def reset_statements(self) -> None:
        await self._connection.execute("select pg_stat_statements_reset()")

    async def top_statements(self, limit: int = 20) -> list[dict[str, object]]:
        return [dict(row) for row in await self._connection.fetch(_STATEMENTS, limit)]

    async def value(self, sql: str, *args: object) -> object:
        return await self._connection.fetchval(sql, *args)

    async def execute(self, sql: str) -> None:
        await self._connection.execute(sql)

    async def close(self) -> None:
        await self._connection.close()
