"""PostgreSQL access: a small pool of raw connections, explicit transactions, counted statements.

Measured, asyncpg's own pool costs 40 µs per acquire and a reset round trip per release, so the pool here is
a last-in-first-out list and settings are fixed when the connection opens. A transaction is opened at the
edge of a service and passed down as `tx`; it cannot nest, and nothing else may use the database meanwhile
in the same task: a second connection in one task is how pools stall for ever.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, Protocol, TypeAlias

import asyncpg

from mercato.kernel import clock
from mercato.kernel.errors import Invalid, Unavailable

ACQUIRE_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 10.0
STATEMENT_TIMEOUT_MS = 10_000
LOCK_TIMEOUT_MS = 5_000
STATEMENT_CACHE_SIZE = 500
FIRST_OWN_TYPE = 16384
"""PostgreSQL's FirstNormalObjectId: types below have the same number in every database."""

_CONNECTION_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.InternalClientError,  # the server has said goodbye and its end of the stream is not yet read
    ConnectionError,
)

Row: TypeAlias = asyncpg.Record


class Cost:
    """What one request or message has cost so far: statements and seconds spent waiting for them."""

    __slots__ = ("seconds", "statements")

    def __init__(self) -> None:
        self.statements = 0
        self.seconds = 0.0


_cost: ContextVar[Cost | None] = ContextVar("mercato_db_cost", default=None)
_open: ContextVar["Tx | None"] = ContextVar("mercato_db_open", default=None)


def start_cost() -> Cost:
    """Begin to count the statements of this task; the returned object keeps counting."""
    cost = Cost()
    _cost.set(cost)
    return cost


def assert_no_transaction(what: str) -> None:
    """Raise RuntimeError when this task has a transaction open: remote work never happens inside one."""
    if _open.get() is not None:
        raise RuntimeError(f"{what} inside an open transaction: end the transaction first")


class Queries(Protocol):
    """What a store function needs: a `Database` (each statement its own commit) or an open `Tx`."""

    async def fetch(self, sql: str, *args: Any) -> list[Row]: ...
    async def fetchrow(self, sql: str, *args: Any) -> Row | None: ...
    async def fetchval(self, sql: str, *args: Any) -> Any: ...
    async def execute(self, sql: str, *args: Any) -> str: ...


class _Statements:
    """The four ways to run a statement on a connection, counted."""

    __slots__ = ("connection",)

    def __init__(self, connection: "asyncpg.Connection[Row]") -> None:
        self.connection = connection

    async def fetch(self, sql: str, *args: Any) -> list[Row]:
        rows: list[Row] = await _counted(self.connection.fetch, sql, args)
        return rows

    async def fetchrow(self, sql: str, *args: Any) -> Row | None:
        return await _counted(self.connection.fetchrow, sql, args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        return await _counted(self.connection.fetchval, sql, args)

    async def execute(self, sql: str, *args: Any) -> str:
        tag: str = await _counted(self.connection.execute, sql, args)
        return tag

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        await _counted(self.connection.executemany, sql, (rows,))

    async def copy_rows(
        self, table: str, *, schema: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> None:
        """Stream `rows` into a table by COPY: for imports and seeds."""
        await self.connection.copy_records_to_table(
            table, schema_name=schema, columns=list(columns), records=rows
        )


async def _counted(run: Callable[..., Any], sql: str, args: Sequence[Any]) -> Any:
    cost = _cost.get()
    if cost is None:
        return await run(sql, *args)
    started = clock.monotonic_s()
    try:
        return await run(sql, *args)
    finally:
        cost.statements += 1
        cost.seconds += clock.monotonic_s() - started


class Tx(_Statements):
    """An open transaction. `after_commit` callbacks run once it is durable, and never when it rolls back."""

    __slots__ = ("_callbacks",)

    def __init__(self, connection: "asyncpg.Connection[Row]") -> None:
        super().__init__(connection)
        self._callbacks: list[Callable[[], None]] = []

    def after_commit(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)

    def committed(self) -> None:
        for callback in self._callbacks:
            callback()


class _Connection(asyncpg.Connection):  # type: ignore[misc]
    """asyncpg asks on every new connection what arrays are, for 10 ms of the server's CPU. Built-in types are
    the same everywhere, so this process asks once."""

    _known: ClassVar[dict[tuple[int, ...], Any]] = {}

    class _Asked:
        name = "asked before"  # in place of the statement: none was run, so none was overwritten

    async def _introspect_types(self, typeoids: Iterable[int], timeout: float | None) -> Any:
        wanted = tuple(sorted(typeoids))
        if wanted in self._known:
            return self._known[wanted], self._Asked
        types, statement = await super()._introspect_types(wanted, timeout)
        if wanted[-1] < FIRST_OWN_TYPE:
            self._known[wanted] = types
        return types, statement


class Pool:
    """Raw connections, last in first out, opened when first needed; waiters are served in order."""

    def __init__(self, url: str, *, size: int, settings: dict[str, str] | None = None) -> None:
        self.url = url
        self.size = size
        self._settings = {
            "application_name": "mercato",
            "timezone": "UTC",
            "statement_timeout": str(STATEMENT_TIMEOUT_MS),
            "lock_timeout": str(LOCK_TIMEOUT_MS),
            "idle_in_transaction_session_timeout": "30000",
            "plan_cache_mode": "force_generic_plan",
            # Generic plans made on tables that are still empty read them whole for ever after: measured, an
            # order costs twice as much in the first minutes of a shop. Every hot statement has an index.
            "enable_seqscan": "off",
            "jit": "off",
            **(settings or {}),
        }
        self._free: list[asyncpg.Connection[Row]] = []
        self._waiters: deque[asyncio.Future[asyncpg.Connection[Row]]] = deque()
        self._count = 0
        self._closed = False

    @property
    def in_use(self) -> int:
        return self._count - len(self._free)

    async def take(self) -> "asyncpg.Connection[Row]":
        """A connection of this task's own. Raises Unavailable when none comes free in time."""
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
            self._count -= 1
        if self._count < self.size:
            return await self._connect()
        waiter: asyncio.Future[asyncpg.Connection[Row]] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            return await asyncio.wait_for(waiter, ACQUIRE_TIMEOUT_S)
        except TimeoutError:
            raise Unavailable("database_busy", "The database has no free connection.") from None
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.give(waiter.result())
            raise

    def give(self, connection: "asyncpg.Connection[Row]") -> None:
        """Put a connection back, or hand it to whoever has waited longest."""
        if connection.is_closed() or self._closed:
            self._count -= 1
            if self._closed:
                connection.terminate()
            elif self._waiters:
                asyncio.get_running_loop().create_task(self._replace_for_waiter())
            return
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        self._free.append(connection)

    async def close(self) -> None:
        self._closed = True
        free, self._free = self._free, []
        for connection in free:
            await connection.close(timeout=2)
        self._count -= len(free)

    async def _replace_for_waiter(self) -> None:
        try:
            self.give(await self._connect())
        except Unavailable as error:
            while self._waiters:
                waiter = self._waiters.popleft()
                if not waiter.done():
                    waiter.set_exception(error)
                    return

    async def _connect(self) -> "asyncpg.Connection[Row]":
        self._count += 1
        try:
            return await asyncpg.connect(
                self.url,
                timeout=CONNECT_TIMEOUT_S,
                connection_class=_Connection,
                server_settings=self._settings,
                statement_cache_size=STATEMENT_CACHE_SIZE,
                max_cached_statement_lifetime=0,
            )
        except (OSError, asyncpg.PostgresError, TimeoutError) as error:
            self._count -= 1
            raise Unavailable("database_unavailable", "The database does not answer.") from error
        except BaseException:
            self._count -= 1
            raise


class Database:
    """One service's door to PostgreSQL: single statements commit alone, `transaction()` groups them."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    async def fetch(self, sql: str, *args: Any) -> list[Row]:
        rows: list[Row] = await self._alone("fetch", sql, args)
        return rows

    async def fetchrow(self, sql: str, *args: Any) -> Row | None:
        return await self._alone("fetchrow", sql, args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        return await self._alone("fetchval", sql, args)

    async def execute(self, sql: str, *args: Any) -> str:
        tag: str = await self._alone("execute", sql, args)
        return tag

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """One transaction; commits when the block ends, rolls back when it raises. Cannot nest."""
        async with self._connection() as connection:
            tx = Tx(connection)
            token = _open.set(tx)
            try:
                async with connection.transaction():
                    yield tx
            finally:
                _open.reset(token)
        tx.committed()

    async def _alone(self, way: str, sql: str, args: Sequence[Any]) -> Any:
        """One statement, the way of nearly all, so it uses no context managers: they cost 10 µs."""
        assert_no_transaction("a second database connection")
        connection = await self.pool.take()
        try:
            return await _counted(getattr(connection, way), sql, args)
        except Exception as error:
            wanted = _in_our_words(error, connection)
            if wanted is None:
                raise
            raise wanted from error
        finally:
            self.pool.give(connection)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator["asyncpg.Connection[Row]"]:
        assert_no_transaction("a second database connection")
        connection = await self.pool.take()
        try:
            yield connection
        except Exception as error:
            wanted = _in_our_words(error, connection)
            if wanted is None:
                raise
            raise wanted from error
        finally:
            self.pool.give(connection)


def _in_our_words(error: Exception, connection: "asyncpg.Connection[Row]") -> Exception | None:
    """What to raise in place of `error`; None when it is to go on as it is."""
    if isinstance(error, _CONNECTION_LOST):
        connection.terminate()
        return Unavailable("database_unavailable", "The database connection was lost.")
    if isinstance(error, asyncpg.InterfaceError) and connection.is_closed():
        return Unavailable("database_unavailable", "The database connection was lost.")
    if isinstance(error, asyncpg.QueryCanceledError):
        return Unavailable("database_slow", "The database took too long to answer.")
    if isinstance(error, asyncpg.LockNotAvailableError):
        return Unavailable("database_locked", "Others are changing the same thing; try again.")
    if isinstance(error, asyncpg.CharacterNotInRepertoireError | asyncpg.UntranslatableCharacterError):
        # PostgreSQL keeps every character but NUL, which JSON can carry and no text needs.
        return Invalid("text_invalid", "A text holds a character that cannot be stored.")
    return None  # also an InterfaceError on an open connection: a mistake in the call
