"""Notifications: what people are told about their orders and accounts, and whether it arrived.

Owns messages, their templates, the providers that send them and the development mailbox. Does not own what
happened (it hears events) nor the tokens in its links (users, orders).
"""

from mercato.contracts.stock import StockBack
from mercato.kernel.background.schedules import Schedule
from mercato.kernel.messaging.inbox import Subscription
from mercato.kernel.runtime import Runtime
from mercato.kernel.service import Service
from mercato.notifications.announcing import EVERY_S, Announcing
from mercato.notifications.events import HEARD
from mercato.notifications.service import NotificationsService

SWEEP_EVERY_S = 3600.0
MAIL_LINGER_S = 0.1


def build(runtime: Runtime) -> Service:
    """The notifications service, not yet started."""
    notifications = NotificationsService(runtime)
    announcing = Announcing(runtime.database("notifications"), runtime.outbox("notifications"))
    return Service(
        impl=notifications,
        subscriptions=(
            Subscription("notifications-mail", HEARD, notifications.queue, MAIL_LINGER_S),
            Subscription("notifications-stock-back", (StockBack,), notifications.alerts.hear),
        ),
        schedules=(
            Schedule("notifications-sweep", SWEEP_EVERY_S, notifications.sweep),
            Schedule("notifications-announce", EVERY_S, announcing.run),
        ),
        start=notifications.start,
        stop=notifications.stop,
    )
