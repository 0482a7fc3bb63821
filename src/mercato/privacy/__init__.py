"""Privacy: what the shop knows about a person, and that it forgets.

Owns the copies that people ask for, the forgetting of people and the nightly retention. Does not own what is
known: each service tells, erases and forgets its own part through its contract.
"""

from mercato.contracts.audit import Audit
from mercato.contracts.carriers import Carriers
from mercato.contracts.carts import Carts
from mercato.contracts.notifications import Notifications
from mercato.contracts.orders import Orders
from mercato.contracts.payments import Payments
from mercato.contracts.users import AccountDeleted, Users
from mercato.kernel.background.jobs import JobKind
from mercato.kernel.background.schedules import Schedule
from mercato.kernel.messaging.inbox import Subscription
from mercato.kernel.runtime import Runtime
from mercato.kernel.service import Service
from mercato.privacy.actions.erasing import ERASE, Erasing, ErasureWork
from mercato.privacy.actions.exporting import EXPORT, Exporting, ExportWork
from mercato.privacy.parts import Parts
from mercato.privacy.service import PrivacyService

RETENTION_EVERY_S = 86_400.0
RESUME_EVERY_S = 600.0


def build(
    runtime: Runtime,
    *,
    users: Users,
    carts: Carts,
    orders: Orders,
    payments: Payments,
    notifications: Notifications,
    carriers: Carriers,
    audit: Audit,
) -> Service:
    """The privacy service, not yet started."""
    parts = Parts(
        db=runtime.database("privacy"),
        outbox=runtime.outbox("privacy"),
        jobs=runtime.jobs("privacy"),
        users=users,
        orders=orders,
        holders={
            "notifications": notifications,
            "carts": carts,
            "carriers": carriers,
            "payments": payments,
            "orders": orders,
            "users": users,
            "audit": audit,
        },
    )
    service = PrivacyService(parts, runtime)
    exporting, erasing = Exporting(parts, service, runtime.in_thread), Erasing(parts, service)
    return Service(
        impl=service,
        subscriptions=(Subscription("privacy-accounts", (AccountDeleted,), erasing.hear),),
        schedules=(
            Schedule("privacy-retention-nightly", RETENTION_EVERY_S, service.retain),
            Schedule("privacy-erasures", RESUME_EVERY_S, erasing.resume),
        ),
        jobs=(
            JobKind(name=EXPORT, payload=ExportWork, run=exporting.run, concurrency=2),
            JobKind(name=ERASE, payload=ErasureWork, run=erasing.run),
        ),
    )
