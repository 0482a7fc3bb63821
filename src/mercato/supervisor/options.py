"""What `mercato up` can be told."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from mercato.refusals import Refusal


class UpError(Refusal):
    """The shop cannot start or go on; the message is one line that names the cure."""


@dataclass(frozen=True, kw_only=True)
class UpOptions:
    """The arguments of one `mercato up`; `port` 0 takes a free one, `workers` 0 one per core."""

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 0
    data_dir: Path = Path(".mercato")
    demo: bool = True

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "data_dir": str(self.data_dir)})

    @classmethod
    def from_json(cls, text: str) -> "UpOptions":
        values = json.loads(text)
        return cls(**{**values, "data_dir": Path(values["data_dir"])})

    @property
    def worker_count(self) -> int:
        return self.workers or cores()


def cores() -> int:
    """How many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
