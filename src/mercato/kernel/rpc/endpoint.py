"""One method as a server serves it."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from mercato.kernel.rpc.contract import Method
from mercato.kernel.telemetry.metrics import Timing


class Endpoint(msgspec.Struct):
    """What is called, under which subject, and how its arguments are read."""

    method: Method
    subject: str
    target: Callable[..., Awaitable[Any]]
    decoder: Any
    timing: Timing
