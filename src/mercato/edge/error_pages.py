"""Errors as people see them: a page in the shop's look that says what happened and what to do."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import structlog
from litestar import Request

from mercato.edge.problems import ProblemDetails
from mercato.ui.rendering import page

log = structlog.get_logger()

TITLES: dict[int, tuple[str, str]] = {
    400: ("That did not work", "The request could not be read. Go back and try again."),
    403: ("This is not open to you", "Your account does not have the right that this page needs."),
    404: ("This page does not exist", "The address may be mistyped, or the page has moved."),
    405: ("That did not work", "This address does not take such a request."),
    409: ("Something changed meanwhile", "Go back, reload the page and try again."),
    410: ("This is no longer here", "It was removed from the shop."),
    413: ("That is too large", "Send a smaller file."),
    429: ("One moment, please", "That was a lot in a short time. Wait a minute and try again."),
    500: ("Something broke on our side", "It was noted, and it is not your fault. Try again in a moment."),
    503: (
        "The shop catches its breath",
        "A part of the shop does not answer right now. Try again in a moment.",
    ),
}
SPEAKING = frozenset({400, 403, 409, 422, 429})
"""Statuses whose detail is written for the visitor."""


def sign_in_path(path: str, query: bytes) -> str:
    """Where a guest signs in before they see `path`, and is sent back from."""
    target = path + (f"?{query.decode('latin-1')}" if query else "")
    page_path = "/admin/sign-in" if path == "/admin" or path.startswith("/admin/") else "/sign-in"
    return f"{page_path}?next={quote(target, safe='')}"


def error_page(request: Request[Any, Any, Any], problem: ProblemDetails, locale: str) -> bytes:
    """The page for `problem`; plain text in HTML when even that page cannot be rendered."""
    title, text = TITLES.get(problem.status, TITLES[500 if problem.status >= 500 else 400])
    is_admin = request.scope["path"].startswith("/admin")
    context = {
        "locale": locale,
        "status": problem.status,
        "title": title,
        "text": problem.detail if problem.detail and problem.status in SPEAKING else text,
        "incident": problem.request_id if problem.status >= 500 else "",
        "home": "/admin" if is_admin else "/",
        "home_label": "To the overview" if is_admin else "To the shop",
        "retry": request.scope["path"] if problem.status >= 500 and request.method == "GET" else "",
    }
    return _rendered(lambda: page(request, "errors/error.html", context).content, title, problem)


def _rendered(render: Callable[[], str], title: str, problem: ProblemDetails) -> bytes:
    try:
        return render().encode()
    except Exception:
        log.exception("error page cannot be rendered", request_id=problem.request_id)
        return f"<!doctype html><title>{title}</title><h1>{title}</h1><p>{problem.request_id}</p>".encode()
