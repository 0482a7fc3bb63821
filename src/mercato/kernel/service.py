"""What `build` of a service returns: the contract's implementation and its work in the background."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from mercato.kernel.background.jobs import JobKind
from mercato.kernel.background.schedules import Schedule
from mercato.kernel.messaging.inbox import Subscription


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the module table, built and not yet started.

    `impl` implements the contract. `start` does the service's first I/O (warming, compiling statements) and
    ends before its first call, event or schedule; `stop` ends what `start` began. Both are optional.
    """

    impl: Any
    subscriptions: tuple[Subscription, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    jobs: tuple[JobKind, ...] = ()
    start: Callable[[], Awaitable[None]] | None = None
    stop: Callable[[], Awaitable[None]] | None = None
