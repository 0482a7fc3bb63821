"""Whether this process lives, whether it can serve, and its numbers: for supervisors and scrapers."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import msgspec
import structlog
from litestar import Request, Response, get, post
from litestar.enums import MediaType

from mercato.edge.policy_reports import KeptPolicyReports
from mercato.edge.security import REPORT_PATH
from mercato.kernel.errors import NotFound
from mercato.kernel.telemetry.metrics import Metrics
from mercato.kernel.web import PUBLIC
from mercato.settings import Settings

CHECK_TIMEOUT_S = 2.0
LOOPBACK = ("127.0.0.1", "::1")
REPORT_BYTES = 16 * 1024

log = structlog.get_logger()

Check = Callable[[], Awaitable[bool]]
CheckResult = Literal["ok", "failed"]


class Health(msgspec.Struct, frozen=True):
    """`status` is ok when every check is."""

    status: CheckResult
    checks: dict[str, CheckResult] = {}


class Readiness:
    """The parts that this process cannot serve without."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = dict(checks)

    async def health(self) -> Health:
        """Run all checks at once; one that raises or takes longer than CHECK_TIMEOUT_S has failed."""
        results = await asyncio.gather(*(self._run(name, check) for name, check in self._checks.items()))
        checks = dict(zip(self._checks, results, strict=True))
        return Health("ok" if all(result == "ok" for result in results) else "failed", checks)

    async def _run(self, name: str, check: Check) -> CheckResult:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                return "ok" if await check() else "failed"
        except Exception as error:
            log.warning("not ready", check=name, error=repr(error))
            return "failed"


@get("/health/live", permission=PUBLIC, include_in_schema=False)
async def live() -> Health:
    """This process answers."""
    return Health("ok")


@get("/health/ready", permission=PUBLIC, include_in_schema=False)
async def ready(readiness: Readiness) -> Response[Health]:
    """200 when the database, the broker, the migrations and the search index are there, otherwise 503."""
    health = await readiness.health()
    return Response(health, status_code=200 if health.status == "ok" else 503)


@get("/metrics", permission=PUBLIC, include_in_schema=False)
async def numbers(request: Request[Any, Any, Any], metrics: Metrics, settings: Settings) -> Response[str]:
    """The numbers of this process, for a scraper on this host or one that has the token."""
    client = request.scope.get("client")
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    has_token = bool(settings.metrics_token) and hmac.compare_digest(given, settings.metrics_token)
    is_here = client is not None and client[0] in LOOPBACK and "x-forwarded-for" not in request.headers
    if not has_token and not is_here:
        raise NotFound()
    return Response(metrics.exposition(), media_type=MediaType.TEXT)


@post(REPORT_PATH, permission=PUBLIC, csrf=False, request_max_body_size=REPORT_BYTES, status_code=204,
      include_in_schema=False)  # fmt: skip
async def report_policy(request: Request[Any, Any, Any], reports: KeptPolicyReports) -> None:
    """A browser tells that a page wanted something its policy forbids."""
    await reports.take(await request.body(), request.headers.get("host", ""))


routes = [live, ready, numbers, report_policy]
