"""The system page: processes, calls, queues, dead letters, jobs, schedules; and what can be done."""

from uuid import UUID

from litestar import Response, get, post

from mercato.admin.desk import Desk
from mercato.admin.health import milliseconds, overall, services_of
from mercato.contracts.orders import Orders, StuckWork
from mercato.kernel.background.jobs import JobInfo
from mercato.kernel.context import Context
from mercato.kernel.errors import MercatoError, Unavailable
from mercato.kernel.messaging.dead_letters import DeadLetter
from mercato.kernel.system.client import SystemClient
from mercato.kernel.system.report import CallSummary, SystemReport
from mercato.ui.rendering import page

SHOWN_LETTERS = 50
SHOWN_JOBS = 20


@get("/admin/system", permission="read_system")
async def show_system(desk: Desk, orders: Orders, system: SystemClient) -> Response[str]:
    """The whole shop as its processes report it within a moment."""
    return await _page(desk, orders, system)


@get("/admin/health", permission="read_system")
async def show_health(desk: Desk, system: SystemClient) -> Response[str]:
    """The health strip of the overview: loaded after it, so that the overview never waits for it."""
    services = services_of(await system.report(desk.ctx))
    return page(desk.request, "admin/health.html", {"services": services, "overall": overall(services)})


@get("/admin/health/state", permission="read_system")
async def show_health_state(desk: Desk, system: SystemClient) -> Response[str]:
    """The one word in the frame of every page: loaded after the page, which never waits for it."""
    state = overall(services_of(await system.report(desk.ctx)))
    return page(desk.request, "admin/health_state.html", {"state": state})


@post("/admin/system/dead-letters/{schema:str}/{letter_id:uuid}/{act:str}", permission="write_system")
async def settle_dead_letter(
    desk: Desk, orders: Orders, system: SystemClient, schema: str, letter_id: UUID, act: str
) -> Response[str]:
    """Deliver an event again, or give it up for good."""
    try:
        if act == "retry":
            await system.retry_dead_letter(desk.ctx, schema, letter_id)
        else:
            await system.discard_dead_letter(desk.ctx, schema, letter_id)
    except MercatoError as error:
        return await _page(desk, orders, system, error=error)
    return desk.done("/admin/system", "retried" if act == "retry" else "discarded")


@post("/admin/system/jobs/{service:str}/{job_id:uuid}/retry", permission="write_system")
async def retry_job(
    desk: Desk, orders: Orders, system: SystemClient, service: str, job_id: UUID
) -> Response[str]:
    """Queue a failed job once more."""
    try:
        await system.retry_job(desk.ctx, service, job_id)
    except MercatoError as error:
        return await _page(desk, orders, system, error=error)
    return desk.done("/admin/system", "job_retried")


async def _page(
    desk: Desk, orders: Orders, system: SystemClient, *, error: MercatoError | None = None
) -> Response[str]:
    report = await system.report(desk.ctx)
    services = services_of(report)
    return await desk.page(
        "admin/system.html",
        "/admin/system",
        {
            "report": report,
            "services": services,
            "may_act": desk.ctx.principal.may("write_system"),
            "calls": _calls(report),
            "stuck": await _stuck(desk.ctx, orders),
            "letters": await _letters(desk.ctx, system, report),
            "jobs": await _jobs(desk.ctx, system, report),
            "milliseconds": milliseconds,
            "error": error.detail if error else "",
        },
        error=error,
        health=overall(services),
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
