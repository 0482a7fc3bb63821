"""Accounts: who people are, how they prove it, what they may do.

Owns users, sessions, refresh tokens, mailed tokens, roles, saved addresses, signing keys and the throttling
of tries. Does not own what people buy (orders), their carts, or the mails that carry its tokens
(notifications).
"""

from mercato.kernel.background.schedules import Schedule
from mercato.kernel.runtime import Runtime
from mercato.kernel.service import Service
from mercato.users.service import UsersService

SWEEP_EVERY_S = 3600.0


def build(runtime: Runtime) -> Service:
    """The users service, not yet started."""
    users = UsersService(runtime)
    return Service(
        impl=users,
        schedules=(
            Schedule("users-sweep", SWEEP_EVERY_S, users.sweep),
            Schedule("users-signing-key", SWEEP_EVERY_S, users.keys.rotate),
        ),
        start=users.start,
        stop=users.stop,
    )
