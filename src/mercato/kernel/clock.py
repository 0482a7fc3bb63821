"""The only place that reads the time. Tests and fault runs move it; nothing else may."""

import time
from datetime import UTC, datetime, timedelta

_offset = timedelta(0)


def now() -> datetime:
    """The present moment, timezone-aware, in UTC."""
    return datetime.now(UTC) + _offset


def monotonic_s() -> float:
    """Seconds on a clock that never goes back; for durations and deadlines inside one process."""
    return time.monotonic()


def cpu_s() -> float:
    """Seconds of processor time that this thread has used."""
    return time.thread_time()


def set_offset(offset: timedelta) -> None:
    """Move this process's clock by `offset` from the machine's; `timedelta(0)` puts it right again."""
    global _offset
    _offset = offset
