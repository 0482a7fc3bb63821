"""The audit log: acts of staff and acts that touch security, in one chain of hashes.

Owns the entries, their order and the proof that none was changed. Does not own what happened: services
record their acts in their own transactions and this one hears them, each exactly once.
"""

from mercato.audit.service import AuditService
from mercato.kernel.acts import Acted
from mercato.kernel.messaging.inbox import Subscription
from mercato.kernel.runtime import Runtime
from mercato.kernel.service import Service


def build(runtime: Runtime) -> Service:
    """The audit service, not yet started."""
    audit = AuditService(runtime)
    return Service(impl=audit, subscriptions=(Subscription("audit-chain", (Acted,), audit.take),))
