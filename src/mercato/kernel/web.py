"""What a handler needs from the web edge: who may call it, how lists are asked for, what an answer depends on.

A handler is a plain Litestar function. It gets `ctx` and the contracts by name, and says in its decorator:

    @get("/products/{slug:str}", permission=PUBLIC, cached=("products",))
    @post("/admin/orders/{id:uuid}/refunds", permission="refund_orders")
    @post("/admin/images", permission="write_products", request_max_body_size=LARGE_BODY_BYTES)

Options that the edge reads: `permission` (required), `cached` (tags; public GETs only), `csrf=False` (signed
webhooks), `timeout_s` (default 10), `answers` (more status codes that this route documents, as {402: "…"}).
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final

from litestar.connection import ASGIConnection
from litestar.params import Parameter

PUBLIC: Final = "public"
"""Anyone may call it; the handler or its service looks after tokens and owners."""
SIGNED_IN: Final = "signed_in"
"""Any signed-in principal, user or API key."""

BODY_BYTES: Final = 1024 * 1024
LARGE_BODY_BYTES: Final = 10 * 1024 * 1024
"""`request_max_body_size` of uploads and imports."""

API_PREFIX: Final = "/api/v1"
SESSION_COOKIE: Final = "session"
CART_COOKIE: Final = "cart"
THEME_COOKIE: Final = "theme"

SCOPE_KEY: Final = "mercato"
"""Where the edge keeps what it knows about a request, in its ASGI scope."""

ListLimit = Annotated[int, Parameter(query="limit", ge=1, le=100, description="How many items, at most 100.")]
ListCursor = Annotated[
    str | None,
    Parameter(query="cursor", max_length=500, description="`next_cursor` of the page before this one."),
]
CartToken = Annotated[
    str,
    Parameter(header="X-Cart-Token", max_length=100, description="The token given when the cart was made."),
]

Connection = ASGIConnection[Any, Any, Any, Any]


class RequestFacts:
    """What the edge has found out about one request; handlers use the functions below instead."""

    __slots__ = ("csrf", "depends_on", "private")

    def __init__(self, csrf: Callable[[], str]) -> None:
        self.csrf = csrf
        self.depends_on: set[str] = set()
        self.private = False


def facts(connection: Connection) -> RequestFacts:
    """The facts of this request."""
    found: RequestFacts = connection.scope["state"][SCOPE_KEY]
    return found


def csrf_token(connection: Connection) -> str:
    """The value of the form field `_csrf`; empty for a visitor who has no cookie worth protecting."""
    return facts(connection).csrf()


def depends_on(connection: Connection, tags: Iterable[str]) -> None:
    """Name what a cached answer is made from, for example `product:<id>`: a change drops the answer."""
    facts(connection).depends_on.update(tags)


def keep_private(connection: Connection) -> None:
    """This answer is for this visitor alone: it is not kept in the shared cache."""
    facts(connection).private = True
