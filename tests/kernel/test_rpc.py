"""Contract calls: the same claims hold in one process and between two."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec
import pytest
from nats.aio.client import Client

from kernel.echo import Echo, EchoService, Parcel, Refusing
from mercato.kernel import clock
from mercato.kernel.context import Context, Principal, PrincipalKind
from mercato.kernel.db import Database, Pool
from mercato.kernel.deadlines import DeadlineExceeded, in_s
from mercato.kernel.errors import Conflict, Denied, FieldError, Invalid, Unavailable
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.kernel.rpc import RemoteError, Server, idempotent, local, methods_of, remote, serve, wire
from mercato.kernel.telemetry.metrics import Metrics
from mercato.settings import Settings
from support.broker import connected
from support.waiting import eventually

KEY = "k" * 32
ANN = Principal(
    kind=PrincipalKind.USER, id=UUID(int=7), email="ann@example.org", permissions=frozenset({"read_orders"})
)


@pytest.fixture
async def connect(nats_url: str) -> AsyncIterator[Callable[[], "asyncio.Future[Client]"]]:
    async with contextlib.AsyncExitStack() as stack:

        async def one() -> Client:
            client = await connected(nats_url)
            stack.push_async_callback(client.close)
            return client

        yield one


@pytest.fixture
def settings(namespace: str) -> Settings:
    return Settings(namespace=namespace, secret_key=KEY, environment="test")


@pytest.fixture
def service() -> EchoService:
    return EchoService()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture(params=["local", "strict", "remote"])
async def echo(request, service, settings, metrics, connect) -> AsyncIterator[Echo]:
    if request.param != "remote":
        yield local(Echo, service, metrics, strict=request.param == "strict")
        return
    server = await serve(Echo, service, await connect(), settings, metrics)
    yield remote(Echo, await connect(), settings, metrics)
    await server.stop()


class TestBothForms:
    async def test_carries_every_type_of_a_contract_unchanged(self, echo: Echo) -> None:
        parcel = Parcel(
            id=new_id(),
            at=datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC),
            price=Money(1999, "EUR"),
            counts={UUID(int=1): 2, UUID(int=5): 0},
            tags=frozenset({"a", "b"}),
        )
        assert await echo.parcel(Context(), parcel=parcel) == parcel

    async def test_tells_the_service_who_asks(self, echo: Echo) -> None:
        ctx = Context(principal=ANN, channel="b2b", request_id="r-1", idempotency_key="i-1")
        assert await echo.who(ctx) == (ANN, "b2b", "r-1", "i-1")

    async def test_uses_the_defaults_of_the_contract(self, echo: Echo) -> None:
        assert await echo.count(Context()) == 1
        assert await echo.count(Context(), by=5) == 6

    async def test_raises_the_error_of_the_service_with_its_code_and_data(self, echo: Echo) -> None:
        with pytest.raises(Conflict) as caught:
            await echo.refuse(Context())
        assert (caught.value.code, caught.value.detail, caught.value.data) == (
            "parcel_sealed",
            "Open it first.",
            {"left": 3},
        )

    async def test_raises_field_errors(self, echo: Echo) -> None:
        with pytest.raises(Invalid) as caught:
            await echo.invalid(Context())
        assert caught.value.errors == (FieldError("address.city", "required", "Name the city."),)

    async def test_ends_a_call_at_its_deadline_and_tells_the_service(
        self, echo: Echo, service: EchoService
    ) -> None:
        with pytest.raises(DeadlineExceeded if "Local" in type(echo).__name__ else Unavailable) as caught:
            await echo.slow(Context(deadline=in_s(0.2)), seconds=30)
        assert caught.value.code == "timeout"
        async with asyncio.timeout(2):
            await service.canceled.wait()
        assert service.finished == 0

    async def test_does_not_start_a_call_whose_deadline_is_over(
        self, echo: Echo, service: EchoService
    ) -> None:
        with pytest.raises(Unavailable) as caught:
            await echo.count(Context(deadline=clock.now() - timedelta(seconds=1)))
        assert caught.value.code == "timeout"
        assert service.calls == 0

    async def test_passes_the_remaining_time_on(self, echo: Echo) -> None:
        left = await echo.time_left(Context(deadline=in_s(2)))
        assert 1.5 < left <= 2.001

    async def test_gives_a_call_five_seconds_when_nobody_says_otherwise(self, echo: Echo) -> None:
        assert 4 < await echo.time_left(Context()) <= 5

    async def test_is_refused_inside_an_open_transaction(
        self, echo: Echo, service: EchoService, database_url: str
    ) -> None:
        pool = Pool(database_url, size=1)
        async with Database(pool).transaction():
            with pytest.raises(RuntimeError, match=r"echo\.count inside an open transaction"):
                await echo.count(Context())
        assert service.calls == 0
        assert await echo.count(Context()) == 1
        await pool.close()

    async def test_counts_calls_refusals_and_errors(self, echo: Echo, metrics: Metrics) -> None:
        await echo.count(Context())
        with pytest.raises(Conflict):
            await echo.refuse(Context())
        with pytest.raises((KeyError, RemoteError)):
            await echo.bug(Context())
        form = "local" if "Local" in type(echo).__name__ else "remote"
        counted = metrics.call("echo", "count", form)
        refused = metrics.call("echo", "refuse", form)
        broken = metrics.call("echo", "bug", form)
        assert (counted.count, counted.refused, counted.errors) == (1, 0, 0)
        assert (refused.count, refused.refused, refused.errors) == (1, 1, 0)
        assert (broken.count, broken.refused, broken.errors) == (1, 0, 1)

    async def test_has_no_other_method_than_the_contract(self, echo: Echo) -> None:
        with pytest.raises(AttributeError):
            echo.finished  # noqa: B018


async def _pair(connect, settings, service, metrics=None) -> tuple[Server, Echo]:
    server = await serve(Echo, service, await connect(), settings, metrics or Metrics())
    return server, remote(Echo, await connect(), settings, metrics or Metrics())


async def test_hides_the_text_of_a_bug_from_other_processes(connect, settings, service) -> None:
    server, echo = await _pair(connect, settings, service)
    with pytest.raises(RemoteError) as caught:
        await echo.bug(Context())
    assert "nobody should see this" not in str(caught.value)
    assert "KeyError" in str(caught.value)
    await server.stop()


async def test_says_at_once_when_nobody_serves_the_contract(connect, settings) -> None:
    echo = remote(Echo, await connect(), settings, Metrics())
    started = clock.monotonic_s()
    with pytest.raises(Unavailable) as caught:
        await echo.count(Context())
    assert caught.value.code == "unavailable"
    assert clock.monotonic_s() - started < 0.5


async def test_refuses_arguments_outside_the_limits_of_the_contract(connect, settings, service) -> None:
    server, echo = await _pair(connect, settings, service)
    with pytest.raises(Invalid) as caught:
        await echo.short(Context(), text="long")
    assert caught.value.code == "invalid_arguments"
    await server.stop()


async def test_asks_again_when_an_idempotent_call_gets_no_answer(connect, settings, service) -> None:
    server, echo = await _pair(connect, settings, service)
    assert await echo.counted(Context(deadline=in_s(2)), fail_first=1) == 2
    assert service.calls == 2
    await server.stop()


async def test_never_asks_again_when_a_call_is_not_idempotent(connect, settings, service) -> None:
    server, echo = await _pair(connect, settings, service)
    with pytest.raises(Unavailable):
        await echo.slow(Context(deadline=in_s(0.3)), seconds=30)
    assert service.calls == 1
    await server.stop()


async def test_does_not_ask_again_when_the_service_itself_answers_unavailable(connect, settings) -> None:
    service = Refusing()
    server, echo = await _pair(connect, settings, service)
    with pytest.raises(Unavailable) as caught:
        await echo.counted(Context(), fail_first=0)
    assert caught.value.code == "database_busy"
    assert service.calls == 1
    await server.stop()


async def test_stops_asking_again_when_the_budget_is_spent(connect, settings) -> None:
    echo = remote(Echo, await connect(), settings, Metrics())
    asked = 0

    async def silent(message) -> None:
        nonlocal asked
        asked += 1

    listener = await connect()
    await listener.subscribe(f"{settings.namespace}.rpc.echo.counted", cb=silent)
    await listener.flush()
    calls = 30
    results = await asyncio.gather(
        *(echo.counted(Context(deadline=in_s(2)), fail_first=0) for _ in range(calls)),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [DeadlineExceeded] * calls
    assert asked == calls + 10


async def test_a_call_that_its_caller_retries_retries_nothing_further_in(connect, settings) -> None:
    """One layer retries: the outermost idempotent call."""
    inner_asked = 0
    listener = await connect()

    async def silent(message) -> None:
        nonlocal inner_asked
        inner_asked += 1

    inner_settings = msgspec.structs.replace(settings, namespace=f"{settings.namespace}x")
    await listener.subscribe(f"{inner_settings.namespace}.rpc.echo.counted", cb=silent)
    await listener.flush()
    inner = remote(Echo, await connect(), inner_settings, Metrics())

    class Outer(EchoService):
        async def counted(self, ctx: Context, *, fail_first: int) -> int:
            self.calls += 1
            return await inner.counted(ctx, fail_first=fail_first)

    outer = Outer()
    server, echo = await _pair(connect, settings, outer)
    with pytest.raises(Unavailable):
        await echo.counted(Context(deadline=in_s(2)), fail_first=0)
    assert (outer.calls, inner_asked) == (2, 2)
    await server.stop()


async def test_refuses_a_call_whose_rights_were_changed_on_the_way(connect, settings, service) -> None:
    server, _ = await _pair(connect, settings, service)
    subject = f"{settings.namespace}.rpc.echo.count"
    arguments = wire.encode({"by": 1})
    sealed = wire.seal_call(wire.key_of(KEY), subject, Context(principal=ANN), arguments)
    forged = sealed.replace(b"read_orders", b"ruin_orders")
    assert forged != sealed
    with pytest.raises(Denied) as caught:
        wire.open_call(wire.key_of(KEY), subject, forged)
    assert caught.value.code == "bad_seal"
    reply = await (await connect()).request(subject, forged, timeout=2)
    with pytest.raises(Denied):
        wire.decode_reply(reply.data, msgspec.msgpack.Decoder(int), "echo.count")
    assert service.calls == 0
    await server.stop()


async def test_refuses_a_call_sealed_for_another_method(settings) -> None:
    sealed = wire.seal_call(wire.key_of(KEY), "x.rpc.echo.count", Context(), b"")
    with pytest.raises(Denied, match="bad_seal"):
        wire.open_call(wire.key_of(KEY), "x.rpc.echo.slow", sealed)


async def test_refuses_a_recorded_call_after_a_minute(settings) -> None:
    sealed = wire.seal_call(wire.key_of(KEY), "x.rpc.echo.count", Context(), b"")
    clock.set_offset(timedelta(seconds=61))
    try:
        with pytest.raises(Denied, match="stale_call"):
            wire.open_call(wire.key_of(KEY), "x.rpc.echo.count", sealed)
    finally:
        clock.set_offset(timedelta(0))


async def test_refuses_a_process_with_another_secret_key(connect, settings, service) -> None:
    server, _ = await _pair(connect, settings, service)
    stranger = remote(
        Echo, await connect(), msgspec.structs.replace(settings, secret_key="z" * 32), Metrics()
    )
    with pytest.raises(Denied, match="bad_seal"):
        await stranger.count(Context())
    assert service.calls == 0
    await server.stop()


async def test_finishes_calls_under_way_before_it_stops(connect, settings, service) -> None:
    server, echo = await _pair(connect, settings, service)
    call = asyncio.create_task(echo.slow(Context(), seconds=0.3))
    await eventually(lambda: service.calls == 1)
    await server.stop()
    await call
    assert service.finished == 1
    with pytest.raises(Unavailable):
        await echo.count(Context())


async def test_two_processes_share_the_calls(connect, settings) -> None:
    services = [EchoService(), EchoService()]
    servers = [await serve(Echo, one, await connect(), settings, Metrics()) for one in services]
    echo = remote(Echo, await connect(), settings, Metrics())
    await asyncio.gather(*(echo.count(Context()) for _ in range(100)))
    assert services[0].calls + services[1].calls == 100
    assert min(services[0].calls, services[1].calls) > 0
    for server in servers:
        await server.stop()


async def test_answers_the_statistics_protocol_of_nats(connect, settings, service) -> None:
    server, echo = await _pair(connect, settings, service)
    await echo.count(Context())
    name = f"{settings.namespace}-echo"
    reply = await (await connect()).request(f"$SRV.STATS.{name}", timeout=2)
    stats = json.loads(reply.data)
    assert (stats["type"], stats["name"]) == ("io.nats.micro.v1.stats_response", name)
    requests = {endpoint["name"]: endpoint["num_requests"] for endpoint in stats["endpoints"]}
    assert requests["count"] == 1
    assert requests["who"] == 0
    await server.stop()


class TestContractOfParts:
    """A contract may be made of several Protocols; a caller sees one."""

    class Greeting(Protocol):
        async def greet(self, ctx: Context, *, name: str) -> str: ...

    class Farewell(Protocol):
        @idempotent
        async def part(self, ctx: Context, *, name: str) -> str: ...

    class Manners(Greeting, Farewell, Protocol):
        pass

    def test_has_the_methods_of_every_part(self) -> None:
        found = {method.name: method for method in methods_of(self.Manners)}
        assert set(found) == {"greet", "part"}
        assert found["greet"].contract == "manners" and found["part"].is_idempotent
