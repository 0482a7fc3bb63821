"""REST routes of the running system: health, processes, queues, jobs, dead letters, policy reports."""

import asyncio
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.params import QueryParameter

from mercato.edge.health import Health, Readiness
from mercato.kernel.background.jobs import JobInfo
from mercato.kernel.background.schedules import ScheduleStatus
from mercato.kernel.context import Context
from mercato.kernel.messaging.dead_letters import DeadLetter
from mercato.kernel.policy_reports import PolicyReport, PolicyReports
from mercato.kernel.system.client import SystemClient
from mercato.kernel.system.report import ConsumerReport, OutboxReport, ProcessReport
from mercato.kernel.web import ListLimit
from mercato.settings import ServiceName

READ, WRITE = "read_system", "write_system"

Service = Annotated[ServiceName | None, QueryParameter(name="service", description="Only of this service.")]


class Queues(msgspec.Struct, frozen=True):
    """What waits: events to be sent, events to be heard, schedules."""

    outboxes: list[OutboxReport]
    consumers: list[ConsumerReport]
    schedules: list[ScheduleStatus]


@get("/admin/system/health", permission=READ)
async def system_health(readiness: Readiness) -> Health:
    """Whether the parts that this process needs are there."""
    return await readiness.health()


@get("/admin/system/services", permission=READ)
async def system_services(ctx: Context, system: SystemClient) -> list[ProcessReport]:
    """Every process of the shop: what it runs, its memory, its calls and routes."""
    return (await system.report(ctx)).processes


@get("/admin/system/queues", permission=READ)
async def system_queues(ctx: Context, system: SystemClient) -> Queues:
    """Outboxes, consumers and schedules."""
    report = await system.report(ctx)
    return Queues(report.outboxes, report.consumers, report.schedules)


@get("/admin/system/jobs", permission=READ)
async def system_jobs(
    ctx: Context, system: SystemClient, service: Service = None, limit: ListLimit = 50
) -> list[JobInfo]:
    """Jobs of one service or of all: waiting, running and failed ones first."""
    services: Sequence[str] = [service] if service else await _schemas(ctx, system)
    found = await asyncio.gather(*(system.jobs(ctx, each, limit=limit) for each in services))
    return sorted((job for jobs in found for job in jobs), key=lambda job: job.created_at, reverse=True)[
        :limit
    ]


@post("/admin/system/jobs/{service:str}/{job_id:uuid}/retry", permission=WRITE, status_code=204)
async def retry_job(ctx: Context, system: SystemClient, service: ServiceName, job_id: UUID) -> None:
    """Queue a failed job once more."""
    await system.retry_job(ctx, service, job_id)


@get("/admin/system/dead-letters", permission=READ)
async def system_dead_letters(
    ctx: Context, system: SystemClient, service: Service = None, limit: ListLimit = 50
) -> list[DeadLetter]:
    """Events that a consumer gave up, newest first."""
    services: Sequence[str] = [service] if service else await _schemas(ctx, system, with_dead_letters=True)
    found = await asyncio.gather(*(system.dead_letters(ctx, each, limit=limit) for each in services))
    return sorted((one for letters in found for one in letters), key=lambda one: one.at, reverse=True)[:limit]


@post("/admin/system/dead-letters/{service:str}/{letter_id:uuid}/retry", permission=WRITE, status_code=204)
async def retry_dead_letter(
    ctx: Context, system: SystemClient, service: ServiceName, letter_id: UUID
) -> None:
    """Handle the event again, now."""
    await system.retry_dead_letter(ctx, service, letter_id)


@post("/admin/system/dead-letters/{service:str}/{letter_id:uuid}/discard", permission=WRITE, status_code=204)
async def discard_dead_letter(
    ctx: Context, system: SystemClient, service: ServiceName, letter_id: UUID
) -> None:
    """Give the event up for good."""
    await system.discard_dead_letter(ctx, service, letter_id)


@get("/admin/system/policy-reports", permission=READ)
async def policy_reports(ctx: Context, reports: PolicyReports) -> list[PolicyReport]:
    """What browsers refused on our pages, each kind once, the one seen last first; at most 300 kinds."""
    return await reports.latest(ctx)


@delete("/admin/system/policy-reports", permission=WRITE)
async def clear_policy_reports(ctx: Context, reports: PolicyReports) -> None:
    """Forget them; what still goes wrong is reported again."""
    await reports.clear(ctx)


async def _schemas(ctx: Context, system: SystemClient, *, with_dead_letters: bool = False) -> list[str]:
    """The services whose owner answers now."""
    outboxes = (await system.report(ctx)).outboxes
    return [each.schema for each in outboxes if each.dead_letters or not with_dead_letters]


routes = [
    system_health,
    system_services,
    system_queues,
    system_jobs,
    retry_job,
    system_dead_letters,
    retry_dead_letter,
    discard_dead_letter,
    policy_reports,
    clear_policy_reports,
]
