"""What a handler needs from the web edge: who may call it, how a list is asked for, what an answer needs.

A handler is a plain Litestar function. It gets `ctx`, `request` and the contracts by name, what is
`PerRequest` by its type, and says in its decorator:

    @get("/products/{slug:str}", permission=PUBLIC, cached=("products",))
    @post("/admin/orders/{id:uuid}/refunds", permission="refund_orders", answers={402: "Declined."})
    @post("/admin/images", permission="write_products", request_max_body_size=LARGE_BODY_BYTES)

Options that the edge reads: `permission` (required) · `recent=True` (a sensitive act: whoever did not prove
in the last minutes who they are is asked to; services say the same with `principal.require_recent()`) ·
`cached` (tags; public GETs only) · `answers` (status codes that this route gives beside the usual ones: a
sentence, or the type of the body) · `any_query=True` (the address may name what no parameter is called, as
filters by attribute do; other API routes refuse it) · `csrf=False` (for callers that prove themselves
otherwise, as signed webhooks do) · `throttle="codes"` or `"payments"` (who fails
here again and again has to wait) · `replay=False` (an answer that holds secrets is never kept for an
Idempotency-Key) · `timeout_s` (default 10; None for streams).
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.params import HeaderParameter, QueryParameter

from mercato.kernel.context import Context

PUBLIC: Final = "public"
"""Anyone may call it; the handler or its service looks after tokens and owners."""
SIGNED_IN: Final = "signed_in"
"""Any signed-in principal, user or API key."""
STAFF: Final = "staff"
"""Any principal with at least one permission; the handler shows each only what theirs allow."""

BODY_BYTES: Final = 1024 * 1024
LARGE_BODY_BYTES: Final = 10 * 1024 * 1024
"""`request_max_body_size` of uploads and imports."""

API_PREFIX: Final = "/api/v1"
SESSION_COOKIE: Final = "session"
BACK_COOKIE: Final = "session_back"
"""The own session of whoever acts for a customer, until they come back."""
CART_COOKIE: Final = "cart"
THEME_COOKIE: Final = "theme"

SCOPE_KEY: Final = "mercato"
"""Where the edge keeps what it knows about a request, in its ASGI scope."""

ListLimit = Annotated[int, QueryParameter(name="limit", ge=1, le=100, description="At most 100 items.")]
ListCursor = Annotated[
    str | None,
    QueryParameter(name="cursor", max_length=500, description="`next_cursor` of the page before this one."),
]
CartToken = Annotated[
    str,
    HeaderParameter(name="X-Cart-Token", max_length=100, description="Came with the new cart."),
]

Connection = ASGIConnection[Any, Any, Any, Any]


class PerRequest:
    """Base of what the edge makes anew for each request of a handler that has a parameter of its type.

    The parameters of its constructor are filled like those of a handler: `ctx`, `request`, contracts by name.
    """

    __slots__ = ()


class RequestFacts:
    """What the edge has found out about one request; handlers use the functions below instead."""

    __slots__ = ("csrf", "ctx", "depends_on", "failed", "form_key", "private")

    def __init__(self, ctx: Context, csrf: Callable[[str], str], form_key: Callable[[], str]) -> None:
        self.ctx = ctx
        self.csrf = csrf
        self.form_key = form_key
        self.depends_on: set[str] = set()
        self.private = False
        self.failed = False


def facts(connection: Connection) -> RequestFacts:
    """The facts of this request."""
    found: RequestFacts = connection.scope["state"][SCOPE_KEY]
    return found


def csrf_token(connection: Connection, *, session: str = "") -> str:
    """The value of the form field `_csrf`; empty for a visitor who has no cookie worth protecting.

    A page that gives the visitor another session names it, as its forms will come with that.
    """
    return facts(connection).csrf(session)


def form_key(connection: Connection) -> str:
    """A fresh value for the form field `_idempotency`: sending the form twice then acts once.

    Empty for a visitor without a session or a cart, whose page may be shared with others.
    """
    return facts(connection).form_key()


def depends_on(connection: Connection, tags: Iterable[str]) -> None:
    """Name what a cached answer is made from, for example `product:<id>`: a change drops the answer."""
    facts(connection).depends_on.update(tags)


def keep_private(connection: Connection) -> None:
    """This answer is for this visitor alone: it is not kept in the shared cache."""
    facts(connection).private = True


def count_failure(connection: Connection) -> None:
    """This try failed though its page is shown: it counts where the route is throttled."""
    facts(connection).failed = True


def cookie(name: str, value: str, *, max_age_s: int | None = None) -> Cookie:
    """A cookie that scripts and other sites cannot use; on https the edge adds Secure and `__Host-`."""
    return Cookie(key=name, value=value, path="/", max_age=max_age_s, httponly=True, samesite="lax")


def expired_cookie(name: str) -> Cookie:
    """Takes the cookie `name` away from the browser."""
    return Cookie(key=name, value="", path="/", max_age=0, httponly=True, samesite="lax")


def local_path(target: str, fallback: str = "/") -> str:
    """`target` when it is a path of this shop, otherwise `fallback`: a sign-in sends nobody elsewhere."""
    is_local = target.startswith("/") and not target.startswith(("//", "/\\"))
    has_no_tricks = "\\" not in target and all(ord(character) > 31 for character in target)
    return target if is_local and has_no_tricks else fallback
