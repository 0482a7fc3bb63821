"""One request from arrival to answer: who asks, whether they may, the handler, the answer's dress.

The order matters: nothing is read from the body before the permission is known, nothing is claimed for an
Idempotency-Key before the request is known to be ours, and nothing is kept before it is whole.
"""

import asyncio
from typing import Any

import msgspec
import structlog

from mercato.edge import departures
from mercato.edge.answers import Answer, read_body
from mercato.edge.arrivals import (
    SAFE_METHODS,
    channel_of,
    client_address_of,
    cookies_of,
    headers_of,
    locale_of,
    refuse_large,
    request_id_of,
    trace_id_of,
)
from mercato.edge.context import Asker, context_of
from mercato.edge.exchange import Exchange
from mercato.edge.guesses import FAILURES
from mercato.edge.idempotency import Claim, owner_of
from mercato.edge.plans import is_response, refuse_unknown
from mercato.edge.problems import Malformed, UnsupportedMedia
from mercato.edge.routes import Route
from mercato.edge.routing import Found
from mercato.edge.security import FORM_KEY_FIELD, form_fields, without_own_fields
from mercato.kernel import clock
from mercato.kernel.deadlines import DeadlineExceeded, in_s, watch
from mercato.kernel.errors import Denied, MercatoError, Unauthenticated
from mercato.kernel.telemetry import is_tracing, span
from mercato.kernel.web import CART_COOKIE, PUBLIC, SESSION_COOKIE, SIGNED_IN, STAFF

MAX_USER_AGENT = 300
DEBUG_COST = b"x-debug-cost"
JSON = (b"content-type", b"application/json")

log = structlog.get_logger()


class Answering(Exchange):
    """The steps of one request, in their order. `run` answers it whatever happens."""

    __slots__ = ()

    async def run(self) -> None:
        try:
            answer = await self._answer()
        except asyncio.CancelledError:
            if self._watch is None or not self._watch.caused_cancellation() or self.streams:
                raise
            answer = departures.refusal(self, DeadlineExceeded(self.path))
        except Exception as error:
            if self.streams:
                log.exception("stream broke", request_id=self.request_id, path=self.path)
                raise
            answer = departures.refusal(self, error)
        finally:
            if self._watch is not None:
                self._watch.end()
        if answer is not None:
            self.status = answer.status
            await departures.send(self, answer)
        departures.account(self)

    async def _answer(self) -> Answer | None:
        self.headers = headers_of(self.scope)
        if DEBUG_COST in self.headers:
            self.cpu_s = clock.cpu_s()
        self.request_id = request_id_of(self.headers)
        refuse_large(self.headers)
        parts = self.gate.parts
        self.cookies = cookies_of(self.headers, is_https=parts.is_https)
        self.begun = parts.cache.begin()
        found = self.found = self.gate.find(self.scope)
        self.trace_id = trace_id_of(self.headers)
        if not is_tracing():
            return await self._routed(found)
        with span(f"{self.scope['method']} {found.template}", "server", self.trace_id) as self.trace_id:
            return await self._routed(found)

    async def _routed(self, found: Found) -> Answer | None:
        await self._know_who(found)
        route = found.route
        if route.permission is not PUBLIC:
            self._require(route.permission)
            if route.recent:
                self.ctx.principal.require_recent()
        if self.scope["method"] in SAFE_METHODS:
            return await self._call(found)
        self.body = await read_body(self.receive, self.headers, route.body_bytes)
        self._refuse_forged(found)
        key = self._idempotency_key(found)
        return await (self._tried(found) if key is None else self._call_once(found, key))

    async def _tried(self, found: Found) -> Answer | None:
        """Call the handler; where failing often means guessing, a failure makes the next try wait."""
        name = found.route.throttle
        if not name:
            return await self._call(found)
        guesses = self.gate.parts.guesses
        guesses.admit(name, self.ctx)
        try:
            answer = await self._call(found)
        except MercatoError as error:
            if error.code in FAILURES[name]:
                await guesses.failed(name, self.ctx)
            raise
        if self.facts is not None and self.facts.failed:
            await guesses.failed(name, self.ctx)
        return answer

    async def _know_who(self, found: Found) -> None:
        parts, timeout_s = self.gate.parts, found.route.timeout_s
        deadline = in_s(timeout_s) if timeout_s is not None else None
        if deadline is not None:
            self._watch = watch(deadline, self.path)
        asker = Asker(
            request_id=self.request_id,
            trace_id=self.trace_id,
            channel=channel_of(self.headers, self.query),
            locale=locale_of(self.headers),
            client_address=client_address_of(self.scope, self.headers, parts.trusted_proxies),
            user_agent=self.headers.get(b"user-agent", b"").decode("latin-1")[:MAX_USER_AGENT],
            deadline=deadline,
            takes_bearer=found.route.is_api,
        )
        key = self.headers.get(b"idempotency-key")
        text = key.decode("latin-1") if key is not None else None
        self.ctx = await context_of(asker, self.headers, self.cookies, parts.principals, text)
        self.facts = self.new_facts()

    def _require(self, permission: str) -> None:
        principal = self.ctx.principal
        if permission not in (SIGNED_IN, STAFF):
            principal.require_somewhere(permission)
        elif not principal.is_signed_in:
            raise Unauthenticated(detail="Sign in to go on.")
        elif permission == STAFF and not principal.is_staff:
            principal.refuse_without_mfa()
            raise Denied(detail="This is for staff.")

    def _refuse_forged(self, found: Found) -> None:
        """A browser's request must come from our page; one that proves itself by a header need not."""
        if b"authorization" in self.headers or not found.route.checks_csrf:
            return
        if found.route.is_api and SESSION_COOKIE not in self.cookies:
            return
        self._form = form_fields(self.headers, self.body)
        self.gate.parts.forgery.check(self.headers, self.cookies, self._form)
        self.body = without_own_fields(self.headers, self.body)

    def _idempotency_key(self, found: Found) -> str | None:
        if not found.route.replays:
            return None
        key = self.headers.get(b"idempotency-key")
        if key is not None:
            return key.decode("latin-1")
        owned = SESSION_COOKIE in self.cookies or CART_COOKIE in self.cookies
        return (self._form.get(FORM_KEY_FIELD) or None) if owned else None

    async def _call_once(self, found: Found, key: str) -> Answer | None:
        """Run the request under its key, or give the first reply again."""
        replies = self.gate.parts.replies
        token = self.headers.get(b"x-cart-token", b"").decode("latin-1") or self.cookies.get(CART_COOKIE, "")
        self._know_key(key)
        content = self.query + b"\0" + _without_boundary(self.headers, self.body)
        claim = await replies.begin(key, owner_of(self.ctx, token), self.scope["method"], self.path, content)
        if isinstance(claim, Answer):
            return claim
        answer: Answer | None = None
        kept: Answer | None = None
        try:
            answer = kept = await self._tried(found)
        except Exception as error:
            answer = departures.refusal(self, error)
            # Whoever has proved themselves sends the same request again.
            waits = isinstance(error, MercatoError) and error.code in departures.PROOFS
            kept = None if waits else answer
        finally:
            await self._finish(claim, kept)
        return answer

    async def _finish(self, claim: Claim, answer: Answer | None) -> None:
        try:
            await self.gate.parts.replies.finish(claim, answer)
        except MercatoError:
            # The effect is done and the lease will end: the client must get its answer all the same.
            log.warning("reply not kept", request_id=self.request_id, path=self.path)

    def _know_key(self, key: str) -> None:
        if self.ctx.idempotency_key != key:
            self.ctx = msgspec.structs.replace(self.ctx, idempotency_key=key)
            if self.facts is not None:
                self.facts.ctx = self.ctx

    async def _call(self, found: Found) -> Answer | None:
        plan, known = found.route.plan, found.route.known_query
        if self.query and known is not None:
            refuse_unknown(self.query, known)
        if plan is None:
            self._refuse_other_forms(found.route)
            return await self._through_litestar(found, found.asgi)
        given = plan.arguments(self.headers, found.path_params, self.query, self.body)
        result = await plan.fn(**plan.bindings.add_to(given, self.ctx, self.litestar_request))
        if is_response(result):
            request = self.litestar_request()
            response = await found.handler.to_response(app=self.gate.app, data=result, request=request)
            return await self._through_litestar(found, response)
        return Answer(plan.status, [JSON] if result is not None else [], plan.encode(result))

    def _refuse_other_forms(self, route: Route) -> None:
        if not route.form_type:
            return
        if not self.body:
            raise Malformed("body_missing", f"Send the body as {route.form_type}.")
        if not self.headers.get(b"content-type", b"").startswith(route.form_type.encode()):
            raise UnsupportedMedia("unsupported_media_type", f"Send the body as {route.form_type}.")

    async def _through_litestar(self, found: Found, asgi: Any) -> Answer | None:
        """Run an ASGI application of Litestar; its whole answer, or None when it has streamed one."""
        self.litestar_request()
        start: Any = None
        answer: Answer | None = None

        async def capture(message: Any) -> None:
            nonlocal start, answer
            if message["type"] == "http.response.start":
                start = message
            elif self.streams:
                await self.send(message)
            elif message.get("more_body"):
                self.streams, self.status = True, start["status"]
                headers = departures.stream_headers(self, list(start["headers"]))
                await self.send({**start, "headers": headers})
                await self.send(message)
            else:
                answer = Answer(start["status"], list(start["headers"]), message.get("body", b""))

        await asgi(self.scope, self.receive_again(), capture)
        return answer


def _without_boundary(headers: dict[bytes, bytes], body: bytes) -> bytes:
    """The body without the separator that a browser invents for each multipart form."""
    _, found, boundary = headers.get(b"content-type", b"").partition(b"boundary=")
    return body.replace(boundary.strip(b'"'), b"") if found and boundary else body
