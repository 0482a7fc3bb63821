"""Named places where a test may kill the process; off unless the settings name one.

`MERCATO_FAILPOINT=orders.recorded` kills the process with SIGKILL when the code passes that point;
`orders.recorded:0.01` does so with that probability, `*:0.001` at any point. Refused in production.
"""

import os
import random
import signal

_active: str = ""
_probability: float = 1.0
seen: set[str] = set()


def configure(setting: str) -> None:
    """Arm one failpoint (see the module's text); an empty setting disarms all."""
    global _active, _probability
    name, _, probability = setting.partition(":")
    _active, _probability = name, float(probability or 1)


def failpoint(name: str) -> None:
    """A step boundary that a fault test can cut."""
    if not _active:
        return
    seen.add(name)
    if _active in (name, "*") and random.random() < _probability:  # noqa: S311 (chance, no secret)
        os.kill(os.getpid(), signal.SIGKILL)
