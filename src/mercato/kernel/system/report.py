"""What a process tells about itself, and all of it together: plain structs for the System page."""

from datetime import datetime

import msgspec

from mercato.kernel.background.schedules import ScheduleStatus
from mercato.kernel.telemetry.metrics import TimingSummary


class CallSummary(msgspec.Struct, frozen=True):
    """Calls of one contract method. `form`: local, remote (the caller's end) or served."""

    form: str
    timing: TimingSummary


class OutboxReport(msgspec.Struct, frozen=True):
    """Events not yet sent, given-up events and jobs of one service. None ages: nothing waits."""

    schema: str
    unsent: int
    oldest_unsent_s: float | None
    dead_letters: int
    jobs_queued: int
    jobs_running: int
    jobs_failed: int
    oldest_job_s: float | None


class ConsumerReport(msgspec.Struct, frozen=True):
    """One durable consumer, told by the process that runs it."""

    name: str
    schema: str
    pending: int
    """Events in the stream that were not delivered yet."""
    unacknowledged: int
    """Events delivered and not finished."""


class PoolReport(msgspec.Struct, frozen=True):
    size: int
    in_use: int


class ProcessReport(msgspec.Struct, frozen=True):
    """One process of the shop."""

    id: str
    host: str
    pid: int
    version: str
    started_at: datetime
    modules: list[str]
    leads: list[str]
    memory_mb: float
    cpu_s: float
    loop_lag_ms: float
    pools: list[PoolReport]
    calls: list[CallSummary]
    routes: list[TimingSummary]
    outboxes: list[OutboxReport]
    consumers: list[ConsumerReport]
    schedules: list[ScheduleStatus]
    subscribed: list[str] = []
    """Consumers that this process would run, if it led them."""


class SystemReport(msgspec.Struct, frozen=True):
    """The whole shop: every process that answered in time, and what they say of the services, merged."""

    at: datetime
    processes: list[ProcessReport]
    outboxes: list[OutboxReport]
    consumers: list[ConsumerReport]
    schedules: list[ScheduleStatus]

    @property
    def silent_consumers(self) -> list[str]:
        """Consumers of which nobody told anything: they have no leader at this moment, or were too busy."""
        told = {consumer.name for consumer in self.consumers}
        return sorted({name for process in self.processes for name in process.subscribed} - told)

    @property
    def dead_letters(self) -> int:
        return sum(outbox.dead_letters for outbox in self.outboxes)


def merge(at: datetime, processes: list[ProcessReport]) -> SystemReport:
    """Each outbox, consumer and schedule once, sorted by name."""
    outboxes = {outbox.schema: outbox for process in processes for outbox in process.outboxes}
    consumers = {consumer.name: consumer for process in processes for consumer in process.consumers}
    schedules = {schedule.name: schedule for process in processes for schedule in process.schedules}
    return SystemReport(
        at=at,
        processes=sorted(processes, key=lambda process: (process.host, process.pid, process.id)),
        outboxes=[outboxes[name] for name in sorted(outboxes)],
        consumers=[consumers[name] for name in sorted(consumers)],
        schedules=[schedules[name] for name in sorted(schedules)],
    )
