"""Work that repeats: one process of the shop at a time runs it, and everyone can see when it last did."""

from collections.abc import Awaitable, Callable

import msgspec


class Schedule(msgspec.Struct, frozen=True):
    """Run `run` every `every_s` seconds, from start to start. `name` is unique in the shop.

    It may be stopped between any two awaits and is run again later: it must be safe to repeat.
    """

    name: str
    every_s: float
    run: Callable[[], Awaitable[None]]
