"""Contract calls: both forms of a contract, derived from its Protocol.

Owns how arguments, results, errors, the caller's rights and the deadline travel, in process (`local`) and
over NATS (`remote`, `serve`). Does not own which form is used: that is decided in `compose.py` only.
"""

from mercato.kernel.rpc.contract import Method, idempotent, methods_of, name_of
from mercato.kernel.rpc.local import local
from mercato.kernel.rpc.remote import remote
from mercato.kernel.rpc.server import Server, serve
from mercato.kernel.rpc.wire import RemoteError

__all__ = [
    "Method",
    "RemoteError",
    "Server",
    "idempotent",
    "local",
    "methods_of",
    "name_of",
    "remote",
    "serve",
]
