"""One method as a server serves it."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from mercato.kernel.metrics import Timing
from mercato.kernel.rpc.contract import Method


class Endpoint(msgspec.Struct):
    """What is called, under which subject, and how its arguments are read."""

    method: Method
    subject: str
    target: Callable[..., Awaitable[Any]]
    decoder: Any
    timing: Timing
