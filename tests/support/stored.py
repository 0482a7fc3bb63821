"""Everything that a shop keeps, value by value: for tests that look for what may not be kept."""

from collections.abc import AsyncIterator

import asyncpg
import nats
from nats.js.errors import NotFoundError


async def stored_values(database_url: str) -> AsyncIterator[tuple[str, object]]:
    """(`schema.table.column`, value) of every row of every table, nulls left out."""
    connection = await asyncpg.connect(database_url)
    try:
        tables = await connection.fetch(
            "select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema')"
        )
        for (table,) in tables:
            for row in await connection.fetch(f"select * from {table}"):
                for column, value in row.items():
                    if value is not None:
                        yield f"{table}.{column}", value
    finally:
        await connection.close()


async def stored_messages(nats_url: str) -> AsyncIterator[tuple[str, bytes]]:
    """(subject, body) of every message of every stream that the broker keeps."""
    connection = await nats.connect(nats_url)
    try:
        stream = connection.jetstream()
        for info in await connection.jsm().streams_info():
            for number in range(max(1, info.state.first_seq), info.state.last_seq + 1):
                try:
                    message = await stream.get_msg(info.config.name or "", number)
                except NotFoundError:
                    continue
                yield message.subject or "", message.data or b""
    finally:
        await connection.close()
