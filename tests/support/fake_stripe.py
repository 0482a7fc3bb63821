"""A strict stand-in for Stripe's API in a thread: it keeps books of its own and believes nothing.

It knows the few calls that the provider makes, honors idempotency keys as Stripe does, signs its messages,
and can lose or hold back its answers.
"""

import hashlib
import hmac
import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import ThreadingHTTPServer
from typing import Any

from mercato.kernel import clock
from support.fake_http import handler_of
from support.fake_stripe_books import (
    DECLINED,
    NO_FUNDS,
    OK,
    SLOW,
    THREE_D_SECURE,
    Answer,
    Refused,
    StripeBooks,
)

__all__ = [
    "AFTER", "BEFORE", "BROKEN", "DECLINED", "HELD_BACK", "NO_FUNDS", "OK", "SECRET_KEY", "SLOW",
    "THREE_D_SECURE", "WEBHOOK_SECRET", "FakeStripe",
]  # fmt: skip

SECRET_KEY = "sk_test_fake"
WEBHOOK_SECRET = "whsec_fake"

BEFORE, AFTER, HELD_BACK, BROKEN = "lost before", "lost after", "held back", "error 500"


class FakeStripe(StripeBooks):
    """The company: its books, its API, its messages, and its faults on demand."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self.answer))
        self._server.daemon_threads = True
        super().__init__(f"http://127.0.0.1:{self._server.server_address[1]}")
        self.requests: list[str] = []
        self.faults: deque[tuple[str, str]] = deque()
        """(part of `METHOD /path`, what goes wrong), each for one request."""
        self.release = threading.Event()
        """Set to let go of answers that are held back."""
        self._answers: dict[str, tuple[str, Answer]] = {}
        self._at_work: set[str] = set()

    @contextmanager
    def running(self) -> Iterator["FakeStripe"]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.release.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def forget_keys(self) -> None:
        """As Stripe does after a day."""
        self._answers.clear()

    # Messages

    def messages(self) -> list[tuple[dict[str, str], bytes]]:
        """Every event so far, signed now; a test repeats and reorders them as it likes."""
        return [self.signed(event) for event in self.events]

    def signed(
        self, event: dict[str, Any], *, age: timedelta = timedelta(), secret: str = WEBHOOK_SECRET
    ) -> tuple[dict[str, str], bytes]:
        body = json.dumps(event).encode()
        at = int((clock.now() - age).timestamp())
        digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        return {"stripe-signature": f"t={at},v1={digest}"}, body

    def message_about(self, intent_id: str, age: timedelta) -> tuple[dict[str, str], bytes]:
        return self.signed(
            self._event("payment_intent.succeeded", {"id": intent_id, "object": "payment_intent"}), age=age
        )

    # The API

    def answer(self, method: str, path: str, query: dict[str, Any], headers: Any) -> Answer | None:
        """Serve one request; None: the connection breaks without an answer."""
        fault = self._fault(f"{method} {path}")
        if fault == BEFORE:
            return None
        if fault == BROKEN:
            return 500, {"error": {"type": "api_error", "message": "broken"}}
        found = self._once(method, path, query, headers)
        if fault == AFTER:
            return None
        if fault == HELD_BACK:
            self.release.wait(30)
        return found

    def _fault(self, request: str) -> str | None:
        with self._lock:
            self.requests.append(request)
            if self.faults and self.faults[0][0] in request:
                return self.faults.popleft()[1]
            return None

    def _once(self, method: str, path: str, params: dict[str, Any], headers: Any) -> Answer:
        key = headers.get("Idempotency-Key") if method == "POST" else None
        try:
            if headers.get("Authorization") != f"Bearer {SECRET_KEY}":
                raise Refused(401, "invalid_api_key")
            if method == "POST" and not key:
                raise Refused(400, "idempotency_key_missing")
            if key is None:
                with self._lock:
                    return 200, self._do(method, path, params)
            return self._keyed(key, method, path, params)
        except Refused as refused:
            return refused.answer

    def _keyed(self, key: str, method: str, path: str, params: dict[str, Any]) -> Answer:
        wanted = json.dumps([path, params], sort_keys=True)
        with self._lock:
            if key in self._at_work:
                raise Refused(409, "idempotency_key_in_use")
            if key in self._answers:
                before, (status, body) = self._answers[key]
                if before != wanted:
                    raise Refused(400, "idempotency_key_reused", kind="idempotency_error")
                return status, {**body, "_replayed": True}
            self._at_work.add(key)
        try:
            with self._lock:
                try:
                    found = 200, json.loads(json.dumps(self._do(method, path, params)))
                except Refused as refused:
                    found = refused.answer
                self._answers[key] = (wanted, found)
                return found
        finally:
            self._at_work.discard(key)
