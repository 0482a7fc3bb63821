"""Health, numbers, streams, the system's routes and the description of the API."""

import asyncio
from typing import Any

import msgspec
import pytest
from litestar import Request, get
from litestar.response import Stream

from mercato.kernel import sse
from mercato.kernel.errors import Throttled
from mercato.kernel.messaging.live import Live
from mercato.kernel.sse import ServerEvent, stream
from mercato.kernel.web import PUBLIC


async def test_lives_and_is_ready(open_door: Any) -> None:
    door = await open_door([], prefix="")
    assert (await door.get("/health/live")).json() == {"status": "ok", "checks": {}}
    reply = await door.get("/health/ready")
    checks = {"postgresql": "ok", "nats": "ok", "migrations": "ok", "search": "ok"}
    assert (reply.status_code, reply.json()) == (200, {"status": "ok", "checks": checks})


async def test_is_not_ready_without_the_broker_and_lives_on(open_door: Any, shop: Any) -> None:
    door = await open_door([], prefix="")
    await shop.runtime.nats.close()
    reply = await door.get("/health/ready")
    assert reply.status_code == 503
    assert reply.json()["status"] == "failed"
    assert reply.json()["checks"] == {
        "postgresql": "ok",
        "nats": "failed",
        "migrations": "ok",
        "search": "ok",
    }
    assert (await door.get("/health/live")).status_code == 200


async def test_is_not_ready_before_its_migrations(open_door: Any, shop: Any) -> None:
    door = await open_door([], prefix="")
    await shop.runtime.database("edge").execute("delete from mercato.migrations where schema_name = 'edge'")
    reply = await door.get("/health/ready")
    assert (reply.status_code, reply.json()["checks"]["migrations"]) == (503, "failed")


async def test_shows_its_numbers_to_this_host_or_with_the_token_only(open_door: Any, shop: Any) -> None:
    shop.runtime.settings = msgspec.structs.replace(shop.runtime.settings, metrics_token="s3cret-token")
    door = await open_door([], prefix="")
    await door.get("/health/live")
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"X-Forwarded-For": "127.0.0.1"}):
        assert (await door.get("/metrics", headers=headers)).status_code == 404
    reply = await door.get("/metrics", headers={"Authorization": "Bearer s3cret-token"})
    assert reply.status_code == 200
    assert 'mercato_route_seconds_count{method="GET",route="/health/live"} 1' in reply.text
    assert "mercato_edge_cache_bytes 0" in reply.text


async def test_counts_refusals_and_failures_of_a_route(open_door: Any, shop: Any) -> None:
    @get("/breaks", permission=PUBLIC)
    async def breaks(limit: int) -> str:
        raise ZeroDivisionError

    door = await open_door([breaks])
    await door.get("/api/v1/breaks")
    await door.get("/api/v1/breaks?limit=1")
    timing = shop.runtime.metrics.route("GET", "/api/v1/breaks")
    assert (timing.count, timing.refused, timing.errors) == (2, 1, 1)


class Pages:
    """Renders of one streaming page, and what it was asked with."""

    def __init__(self) -> None:
        self.count = 0
        self.asked: list[str] = []

    async def render(self, last_id: str) -> list[ServerEvent]:
        self.count += 1
        self.asked.append(last_id)
        return [ServerEvent(f"<p>\n{self.count}</p>", event="cart", id=str(self.count))]


async def _read(lines: Any, count: int) -> list[str]:
    found: list[str] = []
    async with asyncio.timeout(5):
        async for line in lines:
            if line:
                found.append(line)
            if len(found) == count:
                return found
    raise AssertionError(found)


async def test_streams_the_state_at_once_and_after_each_hint(shop: Any) -> None:
    pages, request = Pages(), _request({"last-event-id": "7"})
    answer = stream(request, shop.runtime.live, ["cart.1", "stock.2"], pages.render)
    lines = _lines(answer)
    assert await _read(lines, 5) == ["retry: 3000", "event: cart", "id: 1", "data: <p>", "data: 1</p>"]
    shop.runtime.live.publish("stock.2")
    assert await _read(lines, 4) == ["event: cart", "id: 2", "data: <p>", "data: 2</p>"]
    assert pages.asked == ["7", "1"]
    assert sse.open_streams() == 1
    await lines.aclose()
    assert sse.open_streams() == 0
    assert shop.runtime.live.listener_count == 0


async def test_hints_that_come_together_are_one_rendering(shop: Any) -> None:
    pages = Pages()
    lines = _lines(stream(_request({}), shop.runtime.live, ["cart.1"], pages.render, first=False))
    assert await _read(lines, 1) == ["retry: 3000"]
    reading = asyncio.create_task(_read(lines, 4))
    for number in range(20):
        shop.runtime.live.publish("cart.1", str(number).encode())
    assert (await reading)[1] == "id: 1"
    assert pages.count == 1
    await lines.aclose()


async def test_says_that_it_is_still_there_when_nothing_happens(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.01)
    lines = _lines(stream(_request({}), shop.runtime.live, ["cart.1"], Pages().render, first=False))
    assert await _read(lines, 3) == ["retry: 3000", ": still here", ": still here"]
    await lines.aclose()


async def test_refuses_more_streams_than_it_can_serve(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_STREAMS", 0)
    with pytest.raises(Throttled) as refusal:
        stream(_request({}), shop.runtime.live, ["cart.1"], Pages().render)
    assert refusal.value.data == {"retry_after_s": 30}


async def test_a_stream_passes_the_gate_piece_by_piece(open_door: Any) -> None:
    async def numbers() -> Any:
        for number in range(3):
            yield f"data: {number}\n\n".encode()

    @get("/events", permission=PUBLIC, timeout_s=None)
    async def events() -> Stream:
        """Three numbers."""
        return Stream(numbers(), media_type="text/event-stream")

    door = await open_door([events])
    reply = await door.get("/api/v1/events")
    assert reply.text == "data: 0\n\ndata: 1\n\ndata: 2\n\n"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["x-request-id"] and "content-length" not in reply.headers


def _request(headers: dict[str, str]) -> Request[Any, Any, Any]:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope: Any = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": raw,
        "state": {},
    }
    return Request(scope)


async def _lines(answer: Stream) -> Any:
    iterator: Any = answer.iterator
    rest = ""
    try:
        async for chunk in iterator:
            *whole, rest = (rest + chunk.decode()).split("\n")
            for line in whole:
                yield line
    finally:
        await iterator.aclose()


async def test_hears_live_hints_of_other_processes(shop: Any) -> None:
    other = Live(shop.runtime.nats, shop.runtime.settings.namespace)
    pages = Pages()
    lines = _lines(stream(_request({}), shop.runtime.live, ["order.9"], pages.render, first=False))
    assert await _read(lines, 1) == ["retry: 3000"]
    reading = asyncio.create_task(_read(lines, 4))
    other.publish("order.9")
    assert (await reading)[0] == "event: cart"
    await lines.aclose()
