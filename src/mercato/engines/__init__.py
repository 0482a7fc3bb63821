"""The two servers a shop needs, as child processes: PostgreSQL and NATS.

Owns finding their binaries, their settings, starting, waiting until they answer, stopping, and the promise
that they die with the process that started them. Does not own what is stored in them (migrations, streams),
nor which of them a deployment runs itself (see `mercato.supervisor`).
"""

from mercato.engines.child import EngineError
from mercato.engines.nats import Nats
from mercato.engines.postgres import Postgres

__all__ = ["EngineError", "Nats", "Postgres"]
