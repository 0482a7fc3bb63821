"""Connections, transactions and their rules, on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from mercato.kernel import db
from mercato.kernel.db import Database, Pool, start_cost
from mercato.kernel.errors import Unavailable


@pytest.fixture
async def pool(empty_database_url: str) -> AsyncIterator[Pool]:
    pool = Pool(empty_database_url, size=3)
    await Database(pool).execute("create table things (id int primary key, note text)")
    yield pool
    await pool.close()


@pytest.fixture
def database(pool: Pool) -> Database:
    return Database(pool)


async def test_a_transaction_commits_when_its_block_ends(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.execute("insert into things values (1, 'a')")
    assert await database.fetchval("select note from things where id = 1") == "a"


async def test_a_transaction_that_raises_leaves_nothing(database: Database, pool: Pool) -> None:
    with pytest.raises(ValueError, match="stop"):
        async with database.transaction() as tx:
            await tx.execute("insert into things values (1, 'a')")
            raise ValueError("stop")
    assert await database.fetchval("select count(*) from things") == 0
    assert pool.in_use == 0


async def test_callbacks_run_after_the_commit_and_never_after_a_rollback(database: Database) -> None:
    seen: list[str] = []
    async with database.transaction() as tx:
        tx.after_commit(lambda: seen.append("kept"))
        assert seen == []
    with pytest.raises(ValueError, match="stop"):
        async with database.transaction() as tx:
            tx.after_commit(lambda: seen.append("lost"))
            raise ValueError("stop")
    assert seen == ["kept"]


async def test_refuses_a_second_connection_inside_a_transaction(database: Database) -> None:
    async with database.transaction():
        for attempt in (database.fetch, database.execute):
            with pytest.raises(RuntimeError, match="a second database connection inside an open transaction"):
                await attempt("select 1")
        with pytest.raises(RuntimeError, match="inside an open transaction"):
            async with database.transaction():
                pass
    assert await database.fetchval("select 1") == 1


async def test_other_tasks_may_use_the_database_while_one_has_a_transaction(database: Database) -> None:
    other = asyncio.Event()

    async def elsewhere() -> int:
        await other.wait()
        value: int = await database.fetchval("select 7")
        return value

    task = asyncio.create_task(elsewhere())
    async with database.transaction() as tx:
        await tx.execute("select 1")
        other.set()
        assert await task == 7


async def test_serves_more_tasks_than_it_has_connections(database: Database, pool: Pool) -> None:
    async def work(number: int) -> None:
        async with database.transaction() as tx:
            await tx.execute("insert into things values ($1, '')", number)

    await asyncio.gather(*(work(number) for number in range(60)))
    assert await database.fetchval("select count(*) from things") == 60
    assert (pool.in_use, pool._count <= pool.size) == (0, True)


async def test_fails_loudly_instead_of_waiting_for_ever(
    database: Database, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "ACQUIRE_TIMEOUT_S", 0.1)
    taken = [await pool.take() for _ in range(pool.size)]
    with pytest.raises(Unavailable) as caught:
        await database.fetchval("select 1")
    assert caught.value.code == "database_busy"
    for connection in taken:
        pool.give(connection)
    assert await database.fetchval("select 1") == 1


async def test_a_waiter_that_gives_up_takes_no_connection_with_it(database: Database, pool: Pool) -> None:
    taken = [await pool.take() for _ in range(pool.size)]
    waiter = asyncio.create_task(database.fetchval("select 1"))
    await asyncio.sleep(0)
    waiter.cancel()
    for connection in taken:
        pool.give(connection)
    await asyncio.gather(waiter, return_exceptions=True)
    assert pool.in_use == 0
    assert await asyncio.gather(*(database.fetchval("select 2") for _ in range(6))) == [2] * 6


async def test_replaces_connections_that_the_server_has_closed(database: Database, pool: Pool) -> None:
    taken = [await pool.take() for _ in range(pool.size)]
    processes = [connection.get_server_pid() for connection in taken]
    for connection in taken[1:]:
        pool.give(connection)
    await taken[0].execute("select pg_terminate_backend(pid) from unnest($1::int[]) pid", processes[1:])
    pool.give(taken[0])
    assert pool.in_use == 0

    async def answers() -> bool:
        try:
            return bool(await database.fetchval("select 1"))
        except Unavailable:
            return False

    assert (await asyncio.gather(*(answers() for _ in range(6)))).count(False) <= 2
    assert await asyncio.gather(*(database.fetchval("select 3") for _ in range(6))) == [3] * 6


async def test_a_lock_that_does_not_come_is_unavailable_not_a_hang(empty_database_url: str) -> None:
    pool = Pool(empty_database_url, size=2, settings={"lock_timeout": "50"})
    database = Database(pool)
    await database.execute("create table things (id int primary key)")
    await database.execute("insert into things values (1)")
    async with database.transaction() as tx:
        await tx.execute("select * from things for update")
        blocked = asyncio.create_task(_lock(database))
        with pytest.raises(Unavailable) as caught:
            await blocked
    assert caught.value.code == "database_locked"
    assert pool.in_use == 0
    await pool.close()


async def _lock(database: Database) -> None:
    db._open.set(None)
    await database.execute("select * from things for update")


async def test_a_wrong_argument_is_a_mistake_of_ours_not_a_lost_database(database: Database) -> None:
    with pytest.raises(asyncpg.DataError):
        await database.fetchval("select $1::int", "seven")
    assert await database.fetchval("select $1::int", 7) == 7


async def test_counts_the_statements_of_a_task(database: Database) -> None:
    cost = start_cost()
    await database.fetch("select 1")
    async with database.transaction() as tx:
        await tx.execute("insert into things values (1, '')")
        await tx.fetchrow("select 1")
    assert cost.statements == 3
    assert cost.seconds > 0


async def test_nothing_answers_is_unavailable() -> None:
    database = Database(Pool("postgresql://nobody@127.0.0.1:1/none", size=1))
    for _ in range(3):
        with pytest.raises(Unavailable) as caught:
            await database.fetchval("select 1")
        assert caught.value.code == "database_unavailable"
    assert database.pool.in_use == 0
