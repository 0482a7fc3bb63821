"""The same door behind its real server: a socket, keep-alive, streams that end when the reader leaves."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar import Request, get, post
from litestar.response import Stream

from mercato.edge.app import app_of
from mercato.kernel import sse
from mercato.kernel.http_server import HttpServer
from mercato.kernel.messaging.live import Live
from mercato.kernel.sse import ServerEvent, stream
from mercato.kernel.web import PUBLIC
from support.waiting import eventually


@get("/ping", permission=PUBLIC, cached=("products",))
async def ping() -> str:
    """Answer."""
    return "pong"


@post("/echo", permission=PUBLIC)
async def echo(data: dict[str, str]) -> dict[str, str]:
    """Give the body back."""
    return data


@get("/events", permission=PUBLIC, timeout_s=None)
async def events(request: Request[Any, Any, Any], live: Live) -> Stream:
    """A stream of one topic."""

    async def render(last_id: str) -> list[ServerEvent]:
        return [ServerEvent("now")]

    return stream(request, live, ["cart.1"], render)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def client(shop: Any) -> AsyncIterator[httpx.AsyncClient]:
    gate = app_of(shop, [("/api/v1", each) for each in (ping, echo, events)], with_pages=False)
    port = free_port()
    server = HttpServer(gate, "127.0.0.1", port)
    await server.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

        async def answers() -> bool:
            try:
                return (await client.get("/health/live")).status_code == 200
            except httpx.ConnectError:
                return False

        await eventually(answers)
        yield client
    await server.stop()


async def test_serves_over_a_socket_and_keeps_answers(client: httpx.AsyncClient) -> None:
    replies = [await client.get("/api/v1/ping") for _ in range(3)]
    assert [reply.json() for reply in replies] == ["pong"] * 3
    assert [reply.headers["x-cache"] for reply in replies] == ["miss", "hit", "hit"]
    assert (await client.post("/api/v1/echo", json={"a": "b"})).json() == {"a": "b"}


async def test_refuses_a_large_body_over_a_socket(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    reply = await client.post("/api/v1/echo", content=pieces(), headers={"Content-Type": "application/json"})
    assert (reply.status_code, reply.json()["code"]) == (413, "body_too_large")
    assert (await client.get("/api/v1/ping")).status_code == 200


async def test_a_stream_ends_when_its_reader_leaves(client: httpx.AsyncClient, shop: Any) -> None:
    before = shop.runtime.live.listener_count
    async with client.stream("GET", "/api/v1/events") as reply:
        lines = reply.aiter_lines()
        async with asyncio.timeout(5):
            async for line in lines:
                if line == "data: now":
                    break
        assert (sse.open_streams(), shop.runtime.live.listener_count) == (1, before + 1)
    await eventually(lambda: sse.open_streams() == 0)
    assert shop.runtime.live.listener_count == before, "only the edge itself listens on"
