"""mercato up"""

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

from cyclopts import Parameter, validators

from mercato.supervisor.options import UpOptions


def up(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65535))] = 8000,
    workers: Annotated[int, Parameter(validator=validators.Number(gte=0, lte=64))] = 0,
    data_dir: Path = Path(".mercato"),
    demo: bool = True,
) -> NoReturn:
    """Run a whole shop on this machine: PostgreSQL, NATS, migrations, demo shop, web and workers.

    Stop it with Ctrl-C; the next `mercato up` goes on with the same data. With DATABASE_URL or NATS_URL set,
    those servers are used instead of own ones.

    Parameters
    ----------
    host
        Address to listen on; 0.0.0.0 is reachable from other machines.
    port
        Port to listen on; 0 takes a free one.
    workers
        Web processes; 0 starts one per core.
    data_dir
        Where everything is kept.
    demo
        Fill an empty shop with the demo catalog.
    """
    _stop_with_make()
    # The process that stays gives back the 6 MB that reading the command line has cost.
    options = UpOptions(host=host, port=port, workers=workers, data_dir=data_dir, demo=demo)
    os.execv(sys.executable, [sys.executable, "-m", "mercato.supervisor", options.to_json()])


def _stop_with_make() -> None:
    """Started by `make up`, stop when make is killed: whoever kills make means the shop."""
    if "MAKELEVEL" in os.environ and sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(signal.SIGTERM), 0, 0, 0)
