"""How answers leave: errors put into words, headers added, public answers kept, the request counted."""

import itertools
from urllib.parse import quote, urlsplit

import structlog

from mercato.edge.answers import (
    Answer,
    RawHeaders,
    add_vary,
    compress,
    encoding_of,
    etag_of,
    is_known,
    send_answer,
)
from mercato.edge.cache import PUBLIC_POLICY, Entry
from mercato.edge.error_pages import error_page, sign_in_path
from mercato.edge.exchange import Exchange
from mercato.edge.problems import MEDIA_TYPE, ProblemDetails, encode, extra_headers, known, problem_of
from mercato.edge.security import hosted_cookie
from mercato.kernel import clock
from mercato.kernel.web import API_PREFIX

POLICY = b"content-security-policy"
SLOW_S = 0.5
VERIFY = "/account/verify"
PROOFS = {"step_up_required": VERIFY, "mfa_required": "/account/mfa"}
"""Refusals that a person can do something about at once, and the page for it."""
LOGGED_OF = 100
"""One in so many ordinary requests is logged; every slow or failed one is."""
MACHINE_PATHS = (f"{API_PREFIX}/", "/health/", "/metrics", "/csp-reports", "/static/")
VARIES_BY = (b"Accept-Language", b"X-Channel", b"Cookie")

log = structlog.get_logger()
_ordinary = itertools.count()


def refusal(exchange: Exchange, error: Exception) -> Answer:
    """The answer to an error: problem+json for machines, a page or the way to the sign-in page for people."""
    expected = known(error)
    request_id = exchange.request_id
    if expected is None:
        log.error("request failed", request_id=request_id, path=exchange.path, exc_info=error)
    problem = problem_of(expected, request_id)
    headers = extra_headers(expected)
    if not _is_for_people(exchange):
        return Answer(problem.status, [(b"content-type", MEDIA_TYPE), *headers], encode(problem, expected))
    if problem.status == 401:
        return _to_sign_in(exchange)
    if problem.code in PROOFS:
        return _to_proof(exchange, PROOFS[problem.code])
    headers.append((b"content-type", b"text/html; charset=utf-8"))
    return Answer(problem.status, headers, _page(exchange, problem))


async def send(exchange: Exchange, answer: Answer) -> None:
    """Dress `answer`, keep it when it is everyone's, and send it."""
    headers = _common(exchange)
    if answer.header(POLICY) is not None:  # a page with a policy of its own: both would apply at once
        headers = [pair for pair in headers if pair[0] != POLICY]
    answer.headers = _own(exchange, answer.headers)
    found, cached = exchange.found, exchange.found.route.cached if exchange.found is not None else None
    encoding = encoding_of(exchange.headers.get(b"accept-encoding", b""))
    compress(answer, encoding)
    if cached is not None and answer.status == 200:
        for name in VARIES_BY:
            add_vary(answer, name)
    is_kept = _keep(exchange, answer, headers)
    if exchange.gate.parts.is_development and cached is not None:
        headers.append((b"x-cache", b"miss" if is_kept else b"bypass"))
    if is_kept:
        etag = etag_of(answer.body)
        headers += [(b"etag", etag), (b"cache-control", PUBLIC_POLICY)]
        given = exchange.headers.get(b"if-none-match")
        if given is not None and is_known(given, etag):
            answer = Answer(304, [pair for pair in answer.headers if pair[0] == b"vary"], b"")
    elif answer.header(b"cache-control") is None:
        policy = b"private, no-cache" if _is_for_people(exchange) else b"no-store"
        headers.append((b"cache-control", policy))
    if b"x-debug-cost" in exchange.headers and exchange.ctx.principal.is_staff:
        headers.append((b"server-timing", _timing(exchange)))
    is_head = exchange.scope["method"] == "HEAD" or (found is not None and found.is_head)
    await send_answer(exchange.send, answer, headers, is_head=is_head)


def stream_headers(exchange: Exchange, own: RawHeaders) -> RawHeaders:
    """All headers of an answer that is sent piece by piece."""
    headers = [*_common(exchange), *_own(exchange, own)]
    if not any(name == b"cache-control" for name, _ in headers):
        headers.append((b"cache-control", b"no-store"))
    return headers


def account(exchange: Exchange) -> None:
    """Count the request and, when it was slow, failed or its turn has come, log one line."""
    seconds = clock.monotonic_s() - exchange.started
    found, status = exchange.found, exchange.status
    label = found.route.label if found is not None else ""
    metrics = exchange.gate.parts.metrics
    timing = found.timing if found is not None else metrics.route(exchange.scope["method"], "")
    timing.observe(seconds)
    if status >= 500:
        timing.errors += 1
    elif status >= 400:
        timing.refused += 1
    exchange.gate.statements.add(exchange.cost.statements)
    is_slow = seconds > SLOW_S and not exchange.streams
    if status >= 500 or is_slow or next(_ordinary) % LOGGED_OF == 0:
        log.info(
            "request",
            request_id=exchange.request_id,
            trace_id=exchange.ctx.trace_id,
            method=exchange.scope["method"],
            route=label,
            status=status,
            ms=round(1000 * seconds, 2),
            statements=exchange.cost.statements,
        )


def _keep(exchange: Exchange, answer: Answer, headers: RawHeaders) -> bool:
    """Keep a public answer for others; says whether this answer may be kept by anyone at all."""
    found, facts, key = exchange.found, exchange.facts, exchange.key
    if found is None or facts is None or key is None or found.route.cached is None:
        return False
    if answer.status != 200 or facts.private or answer.header(b"set-cookie") is not None:
        return False
    shared = [pair for pair in headers if pair[0] != b"x-request-id"]
    if exchange.gate.parts.is_development:
        shared.append((b"x-cache", b"hit"))
    tags = frozenset(facts.depends_on).union(found.route.cached)
    exchange.gate.cache.keep(key, Entry(answer, shared, tags, found.timing), exchange.begun)
    return True


def _common(exchange: Exchange) -> RawHeaders:
    return [(b"x-request-id", exchange.request_id.encode()), *exchange.gate.base_headers(exchange.path)]


def _own(exchange: Exchange, headers: RawHeaders) -> RawHeaders:
    if not exchange.gate.parts.is_https:
        return headers
    return [
        (name, hosted_cookie(value, is_https=True)) if name == b"set-cookie" else (name, value)
        for name, value in headers
    ]


def _is_for_people(exchange: Exchange) -> bool:
    if exchange.path.startswith(MACHINE_PATHS):
        return False
    accepted = exchange.headers.get(b"accept", b"*/*")
    return b"text/html" in accepted or b"*/*" in accepted


def _to_sign_in(exchange: Exchange) -> Answer:
    is_read = exchange.scope["method"] in ("GET", "HEAD")
    target = sign_in_path(exchange.path if is_read else "/", exchange.query if is_read else b"").encode()
    if not is_read and exchange.path.startswith("/admin"):
        target = sign_in_path("/admin", b"").encode()
    if exchange.headers.get(b"hx-request") == b"true":
        return Answer(200, [(b"hx-redirect", target)], b"")
    return Answer(303, [(b"location", target)], b"")


def _to_proof(exchange: Exchange, place: str) -> Answer:
    """Whoever has to prove something first is led there, and back; a posted form waits there meanwhile."""
    target = exchange.path + (f"?{exchange.query.decode('latin-1')}" if exchange.query else "")
    if exchange.headers.get(b"hx-request") == b"true":
        seen = urlsplit(exchange.headers.get(b"hx-current-url", b"").decode("latin-1")).path
        return Answer(200, [(b"hx-redirect", f"{place}?next={quote(seen or '/', safe='')}".encode())], b"")
    if exchange.scope["method"] in ("GET", "HEAD"):
        return Answer(303, [(b"location", f"{place}?next={quote(target, safe='')}".encode())], b"")
    if place == VERIFY:
        return Answer(307, [(b"location", f"{VERIFY}/act?to={quote(target, safe='')}".encode())], b"")
    return Answer(303, [(b"location", place.encode())], b"")


def _page(exchange: Exchange, problem: ProblemDetails) -> bytes:
    request = exchange.litestar_request()
    return error_page(request, problem, exchange.ctx.locale)


def _timing(exchange: Exchange) -> bytes:
    """CPU is that of the whole loop meanwhile: exact when nothing else runs."""
    cpu_ms = 1000 * (clock.cpu_s() - exchange.cpu_s)
    sql_ms = 1000 * exchange.cost.seconds
    total_ms = 1000 * (clock.monotonic_s() - exchange.started)
    count = exchange.cost.statements
    text = f'cpu;dur={cpu_ms:.3f}, sql;dur={sql_ms:.3f};desc="{count} statements", total;dur={total_ms:.3f}'
    return text.encode()
