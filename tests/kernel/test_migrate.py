"""Migrations are applied once, in order, whole or not at all."""

import asyncio

import asyncpg
import pytest

from mercato.kernel.migrate import Migration, MigrationError, migrate

FIRST = Migration("things", "0001_things.sql", "create table things.things (id int primary key);")
SECOND = Migration("things", "0002_note.sql", "alter table things.things add note text;")


async def _columns(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(
        "select column_name from information_schema.columns where table_schema = 'things' order by 1"
    )
    await connection.close()
    return [row["column_name"] for row in rows]


async def test_applies_what_is_missing_in_order_and_only_once(empty_database_url: str) -> None:
    assert await migrate(empty_database_url, [FIRST]) == ["things/0001_things.sql"]
    assert await migrate(empty_database_url, [FIRST, SECOND]) == ["things/0002_note.sql"]
    assert await migrate(empty_database_url, [FIRST, SECOND]) == []
    assert await _columns(empty_database_url) == ["id", "note"]


async def test_a_file_that_fails_leaves_nothing_behind(empty_database_url: str) -> None:
    broken = Migration("things", "0002_broken.sql", "alter table things.things add note text; select wrong;")
    await migrate(empty_database_url, [FIRST])
    with pytest.raises(asyncpg.UndefinedColumnError):
        await migrate(empty_database_url, [FIRST, broken])
    assert await _columns(empty_database_url) == ["id"]
    assert await migrate(empty_database_url, [FIRST, SECOND]) == ["things/0002_note.sql"]


async def test_refuses_a_file_that_was_changed_after_it_was_applied(empty_database_url: str) -> None:
    await migrate(empty_database_url, [FIRST])
    changed = Migration("things", "0001_things.sql", "create table things.others (id int);")
    with pytest.raises(MigrationError, match=r"things/0001_things\.sql was changed after it was applied"):
        await migrate(empty_database_url, [changed])
    assert await _columns(empty_database_url) == ["id"]


async def test_refuses_a_database_of_a_newer_version(empty_database_url: str) -> None:
    await migrate(empty_database_url, [FIRST, SECOND])
    with pytest.raises(MigrationError, match="made by a newer Mercato"):
        await migrate(empty_database_url, [FIRST])


async def test_processes_that_start_together_apply_each_file_once(empty_database_url: str) -> None:
    applied = await asyncio.gather(*(migrate(empty_database_url, [FIRST, SECOND]) for _ in range(4)))
    assert sorted(name for names in applied for name in names) == [
        "things/0001_things.sql",
        "things/0002_note.sql",
    ]
