"""Named places where a test may kill the process; off unless the settings name one.

`MERCATO_FAILPOINT=orders.recorded` kills the process with SIGKILL when the code passes that point;
`orders.recorded:0.01` does so with that probability, `*:0.001` at any point. `orders.recorded:stop` stops it
there once with SIGSTOP, until somebody lets it go on. Refused in production.
"""

import os
import random
import signal

_active: str = ""
_probability: float = 1.0
_signal = signal.SIGKILL
seen: set[str] = set()


def configure(setting: str) -> None:
    """Arm one failpoint (see the module's text); an empty setting disarms all."""
    global _active, _probability, _signal
    name, _, how = setting.partition(":")
    _signal = signal.SIGSTOP if how == "stop" else signal.SIGKILL
    _active, _probability = name, 1.0 if how == "stop" else float(how or 1)


def failpoint(name: str) -> None:
    """A step boundary that a fault test can cut."""
    global _active
    if not _active:
        return
    seen.add(name)
    if _active in (name, "*") and random.random() < _probability:  # noqa: S311 (chance, no secret)
        _active = ""
        os.kill(os.getpid(), _signal)
