"""One request between its arrival and its answer."""

from functools import partial
from typing import Any

from litestar import Request
from litestar.utils.scope.state import ScopeState

from mercato.edge.arrivals import SAFE_METHODS
from mercato.edge.cache import Key
from mercato.edge.routing import Found, Routing
from mercato.edge.security import Forgery
from mercato.kernel.context import Context
from mercato.kernel.db import start_cost
from mercato.kernel.ids import new_token
from mercato.kernel.web import CART_COOKIE, SCOPE_KEY, SESSION_COOKIE, RequestFacts


class Exchange:
    """One request: what is known of it until it is answered."""

    __slots__ = (
        "_form", "_watch", "begun", "body", "cookies", "cost", "cpu_s", "ctx", "facts", "found",
        "gate", "headers", "key", "path", "query", "receive", "request_id", "scope", "send", "started",
        "status", "streams", "trace_id",
    )  # fmt: skip

    def __init__(
        self, gate: Routing, scope: Any, receive: Any, send: Any, key: Key | None, started: float
    ) -> None:
        self.gate = gate
        self.scope = scope
        self.receive = receive
        self.send = send
        self.key = key
        self.started = started
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.headers: dict[bytes, bytes] = {}
        self.cookies: dict[str, str] = {}
        self.body = b""
        self.request_id = ""
        self.trace_id = ""
        self.ctx = Context()
        self.found: Found | None = None
        self.facts: RequestFacts | None = None
        self.cost = start_cost()
        self.status = 0
        self.begun = 0
        self._form: dict[str, str] = {}
        self.streams = False
        self.cpu_s = 0.0
        self._watch: Any = None

    def litestar_request(self) -> Request[Any, Any, Any]:
        """The request as Litestar's handlers know it; prepares the scope the first time."""
        scope, app, found = self.scope, self.gate.app, self.found
        if "litestar_app" not in scope:
            scope["app"] = scope["litestar_app"] = app
            state = scope.setdefault("state", {})
            # An error page may be wanted before it is known who asks.
            state[SCOPE_KEY] = self.facts = self.facts or self.new_facts()
            ScopeState.from_scope(scope)
            if found is not None:
                scope["route_handler"] = found.handler
                scope["path_params"] = found.path_params
                scope["path_template"] = found.template
                scope["method"] = "GET" if found.is_head else scope["method"]
            if self.gate.parts.is_https and b"cookie" in self.headers:
                plain = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
                kept = [pair for pair in scope["headers"] if pair[0] != b"cookie"]
                scope["headers"] = [*kept, (b"cookie", plain.encode("latin-1"))]
        return Request(scope, self.receive_again(), self.send)

    def receive_again(self) -> Any:
        """The body that was read, once; after that whatever the client does next."""
        if self.scope["method"] in SAFE_METHODS:
            return self.receive
        sent = False

        async def receive() -> Any:
            nonlocal sent
            if sent:
                return await self.receive()
            sent = True
            return {"type": "http.request", "body": self.body, "more_body": False}

        return receive

    def new_facts(self) -> RequestFacts:
        # Without a way back to this exchange: a cycle would leave all of it to the garbage collector.
        return RequestFacts(
            self.ctx,
            partial(_form_token, self.gate.parts.forgery, self.cookies),
            partial(_form_key, self.cookies),
        )


def _form_token(forgery: Forgery, cookies: dict[str, str], session: str) -> str:
    return forgery.token({**cookies, SESSION_COOKIE: session} if session else cookies)


def _form_key(cookies: dict[str, str]) -> str:
    return new_token() if SESSION_COOKIE in cookies or CART_COOKIE in cookies else ""
