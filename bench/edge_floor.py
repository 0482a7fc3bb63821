"""What the edge itself costs per request: CPU of a kept answer, a JSON handler, a page, Litestar alone.

    python bench/edge_floor.py [--seconds 3]

Calls the ASGI application directly, without a socket, so that only our code is counted; Granian adds about
0.02 ms. Prints microseconds of CPU per request.
"""

import argparse
import time
import warnings
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Litestar, Response, get, post

from mercato.edge.app import app_of
from mercato.kernel.context import GUEST, Context, Principal
from mercato.kernel.money import Money
from mercato.kernel.runtime import Runtime
from mercato.kernel.web import PUBLIC, CartToken, ListLimit
from mercato.settings import Settings

PRODUCTS = 24


class Card(msgspec.Struct, gc=False):
    id: UUID
    slug: str
    name: str
    price: Money
    image: str


class Line(msgspec.Struct, forbid_unknown_fields=True):
    variant_id: UUID
    quantity: Annotated[int, msgspec.Meta(ge=1, le=99)]


CARDS = [
    Card(UUID(int=n), f"item-{n}", f"Item number {n}", Money(1299 + n, "EUR"), f"/media/{n}.avif")
    for n in range(PRODUCTS)
]
PAGE = "<!doctype html><html><body>" + "<article class='card'>A product</article>" * 200 + "</body></html>"


class NoUsers:
    async def resolve(self, ctx: Context, *, credential: str) -> Principal:
        return GUEST


class BenchShop:
    def __init__(self, settings: Settings) -> None:
        self.runtime = Runtime(settings)
        self.clients: dict[str, Any] = {"users": NoUsers()}


@get("/kept", permission=PUBLIC, cached=("products",))
async def kept(limit: ListLimit = 24) -> list[Card]:
    """A listing that is kept."""
    return CARDS


@get("/listing", permission=PUBLIC)
async def listing(ctx: Context, limit: ListLimit = 24) -> list[Card]:
    """The same, made for each request."""
    return CARDS


@get("/empty", permission=PUBLIC)
async def empty(ctx: Context) -> bool:
    """Nothing but the way."""
    return True


@post("/carts/{cart_id:uuid}/lines", permission=PUBLIC)
async def add_line(ctx: Context, cart_id: UUID, data: Line, cart_token: CartToken) -> Card:
    """A small body, a path parameter, a header."""
    return CARDS[0]


@get("/kept-page", permission=PUBLIC, cached=("products",))
async def kept_page() -> Response[str]:
    """A page that is kept."""
    return Response(PAGE, media_type="text/html")


@get("/page", permission=PUBLIC)
async def page() -> Response[str]:
    """A page that is made for each request; its text is constant."""
    return Response(PAGE, media_type="text/html")


@get("/plain")
async def plain() -> bool:
    """Litestar alone."""
    return True


class Request:
    """One prepared request; `run` sends it through an application and checks the status."""

    def __init__(self, method: str, path: str, body: bytes = b"", **headers: str) -> None:
        raw = [(b"host", b"shop.test")] + [
            (n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()
        ]
        bare, _, query = path.partition("?")
        self._scope = {
            "type": "http", "method": method, "path": bare, "query_string": query.encode(), "headers": raw,
            "client": ("127.0.0.1", 1), "scheme": "http", "http_version": "1.1",
        }  # fmt: skip
        self._message = {"type": "http.request", "body": body, "more_body": False}
        self._status = 0

    async def run(self, app: Any) -> None:
        await app(dict(self._scope), self._receive, self._send)
        if self._status >= 400:
            raise SystemExit(f"{self._scope['path']} answered {self._status}")

    async def _receive(self) -> Any:
        return self._message

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]


async def microseconds(run: Callable[[], Awaitable[None]], seconds: float) -> float:
    """CPU per call, in microseconds."""
    for _ in range(200):
        await run()
    count, started, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - started < seconds:
        for _ in range(200):
            await run()
        count += 200
    return (time.process_time() - cpu) / count * 1e6


async def main(seconds: float) -> None:
    settings = Settings(database_url="postgresql://unused/unused", secret_key="x" * 32)
    handlers = [kept, listing, empty, add_line]
    pages = [kept_page, page]
    pairs = [("/api/v1", handler) for handler in handlers] + [("", handler) for handler in pages]
    gate = app_of(BenchShop(settings), pairs, with_pages=False)
    gate.cache.is_listening = lambda: True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bare = Litestar([plain], openapi_config=None, logging_config=None)
    line = msgspec.json.encode({"variant_id": UUID(int=1), "quantity": 2})
    json_headers = {"content_type": "application/json", "x_cart_token": "t" * 32}
    rows: list[tuple[str, Any, Request]] = [
        ("kept API answer", gate, Request("GET", "/api/v1/kept?limit=24")),
        ("kept API answer, 304", gate, Request("GET", "/api/v1/kept?limit=24", if_none_match="*")),
        ("kept page, brotli", gate, Request("GET", "/kept-page", accept_encoding="gzip, br")),
        ("JSON handler, no body", gate, Request("GET", "/api/v1/empty")),
        ("JSON handler, 24 products", gate, Request("GET", "/api/v1/listing?limit=24")),
        ("JSON handler, body and token", gate,
         Request("POST", f"/api/v1/carts/{UUID(int=1)}/lines", line, **json_headers)),
        ("page through Litestar", gate, Request("GET", "/page")),
        ("Litestar alone, no edge", bare, Request("GET", "/plain")),
    ]  # fmt: skip
    for name, app, request in rows:
        print(f"{name:32} {await microseconds(lambda a=app, r=request: r.run(a), seconds):8.1f} µs")  # type: ignore[misc]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    import uvloop

    uvloop.run(main(parser.parse_args().seconds))
