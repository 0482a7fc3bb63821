"""The HTTP side of a stand-in for another company: forms with brackets in, JSON out, or no answer at all."""

import contextlib
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Answering = Callable[[str, str, dict[str, Any], Any], tuple[int, dict[str, Any]] | None]
"""(method, path, parameters, headers) → (status, body), or None to break the connection."""


def nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """`a[b][0]=c` as dicts in dicts."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        first, *rest = name.replace("]", "").split("[")
        at = found
        for step, following in zip([first, *rest], rest, strict=False):
            at = at.setdefault(step, {})
            first = following
        at[first] = value
    return found


def handler_of(answer: Answering) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve(urlsplit(self.path).query)

        def do_POST(self) -> None:
            self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

        def _serve(self, form: str) -> None:
            path = urlsplit(self.path).path
            found = answer(self.command, path, nested(parse_qsl(form)), self.headers)
            if found is None:
                self.close_connection = True
                return
            status, body = found
            is_replayed = body.pop("_replayed", False)
            content = json.dumps(body).encode()
            with contextlib.suppress(ConnectionError):  # the client may have given up waiting
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                if is_replayed:
                    self.send_header("Idempotent-Replayed", "true")
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """The test's own output is enough."""

    return Handler
