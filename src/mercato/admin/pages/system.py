"""The system page: processes, calls, queues, dead letters, jobs, schedules; and what can be done."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from mercato.admin import words
from mercato.admin.forms import done, status_of
from mercato.admin.health import milliseconds, overall, services_of
from mercato.admin.shell import shell_of
from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import Orders, StuckWork
from mercato.kernel.context import Context
from mercato.kernel.dead_letters import DeadLetter
from mercato.kernel.errors import MercatoError, Unavailable
from mercato.kernel.jobs import JobInfo
from mercato.kernel.system import SystemClient
from mercato.kernel.system_report import CallSummary, SystemReport
from mercato.ui.rendering import page, see_other

SHOWN_LETTERS = 50
SHOWN_JOBS = 20

AnyRequest = Request[Any, Any, Any]


@get("/admin/system", permission="read_system")
async def show_system(
    ctx: Context,
    request: AnyRequest,
    orders: Orders,
    catalog: Catalog,
    system: SystemClient,
    done: str = "",
) -> Response[str]:
    """The whole shop as its processes report it within a moment."""
    return await _page(ctx, request, orders, catalog, system, said=done)


@get("/admin/health", permission="read_system")
async def show_health(ctx: Context, request: AnyRequest, system: SystemClient) -> Response[str]:
    """The health strip of the overview: loaded after it, so that the overview never waits for it."""
    services = services_of(await system.report(ctx))
    return page(request, "admin/health.html", {"services": services, "overall": overall(services)})


@get("/admin/health/state", permission="read_system")
async def show_health_state(ctx: Context, request: AnyRequest, system: SystemClient) -> Response[str]:
    """The one word in the frame of every page: loaded after the page, which never waits for it."""
    state = overall(services_of(await system.report(ctx)))
    return page(request, "admin/health_state.html", {"state": state})


@post("/admin/system/dead-letters/{schema:str}/{letter_id:uuid}/{act:str}", permission="write_system")
async def settle_dead_letter(
    ctx: Context,
    request: AnyRequest,
    orders: Orders,
    catalog: Catalog,
    system: SystemClient,
    schema: str,
    letter_id: UUID,
    act: str,
) -> Response[str]:
    """Deliver an event again, or give it up for good."""
    try:
        if act == "retry":
            await system.retry_dead_letter(ctx, schema, letter_id)
        else:
            await system.discard_dead_letter(ctx, schema, letter_id)
    except MercatoError as error:
        return await _page(ctx, request, orders, catalog, system, error=error)
    return see_other(request, done("/admin/system", "retried" if act == "retry" else "discarded"))


@post("/admin/system/jobs/{service:str}/{job_id:uuid}/retry", permission="write_system")
async def retry_job(
    ctx: Context,
    request: AnyRequest,
    orders: Orders,
    catalog: Catalog,
    system: SystemClient,
    service: str,
    job_id: UUID,
) -> Response[str]:
    """Queue a failed job once more."""
    try:
        await system.retry_job(ctx, service, job_id)
    except MercatoError as error:
        return await _page(ctx, request, orders, catalog, system, error=error)
    return see_other(request, done("/admin/system", "job_retried"))


async def _page(
    ctx: Context,
    request: AnyRequest,
    orders: Orders,
    catalog: Catalog,
    system: SystemClient,
    *,
    said: str = "",
    error: MercatoError | None = None,
) -> Response[str]:
    report = await system.report(ctx)
    services = services_of(report)
    return page(
        request,
        "admin/system.html",
        {
            "shell": await shell_of(ctx, orders, catalog, "/admin/system", health=overall(services)),
            "locale": ctx.locale,
            "report": report,
            "services": services,
            "may_act": ctx.principal.may("write_system"),
            "calls": _calls(report),
            "stuck": await _stuck(ctx, orders),
            "letters": await _letters(ctx, system, report),
            "jobs": await _jobs(ctx, system, report),
            "milliseconds": milliseconds,
            "label": words.label,
            "said": words.said(said),
            "error": error.detail if error else "",
        },
        status=status_of(error) if error else 200,
    )


def _calls(report: SystemReport) -> list[tuple[str, CallSummary]]:
    """(process, call) of every method that was called, the busiest first."""
    found = [
        (f"{process.pid}", call)
        for process in report.processes
        for call in process.calls
        if call.timing.count
    ]
    return sorted(found, key=lambda each: -each[1].timing.count)


async def _stuck(ctx: Context, orders: Orders) -> list[StuckWork]:
    """A page about failures does not fail with the service that has them."""
    if not ctx.principal.may("read_orders"):
        return []
    try:
        return await orders.stuck(ctx, limit=SHOWN_LETTERS)
    except Unavailable:
        return []


async def _letters(ctx: Context, system: SystemClient, report: SystemReport) -> list[DeadLetter]:
    found: list[DeadLetter] = []
    for outbox in report.outboxes:
        if outbox.dead_letters:
            found += await system.dead_letters(ctx, outbox.schema, limit=SHOWN_LETTERS)
    return found


async def _jobs(ctx: Context, system: SystemClient, report: SystemReport) -> list[JobInfo]:
    found: list[JobInfo] = []
    for outbox in report.outboxes:
        if outbox.jobs_queued or outbox.jobs_running or outbox.jobs_failed:
            found += await system.jobs(ctx, outbox.schema, limit=SHOWN_JOBS)
    return found


routes = [show_system, show_health, show_health_state, settle_dead_letter, retry_job]
