"""What happened to an account."""

from typing import ClassVar
from uuid import UUID

from mercato.kernel.events import Event


class UserRegistered(Event, frozen=True):
    """Someone registered; `token` confirms the address (single use, 24 h)."""

    subject: ClassVar[str] = "users.registered"
    user_id: UUID
    email: str
    name: str
    locale: str
    token: str

    @property
    def key(self) -> UUID:
        return self.user_id


class RegistrationRepeated(Event, frozen=True):
    """Someone tried to register an address that has an account: its owner is told, the page tells nothing."""

    subject: ClassVar[str] = "users.registration_repeated"
    user_id: UUID
    email: str
    name: str
    locale: str

    @property
    def key(self) -> UUID:
        return self.user_id


class PasswordResetRequested(Event, frozen=True):
    """`token` sets a new password (single use, 1 h)."""

    subject: ClassVar[str] = "users.password_reset_requested"
    user_id: UUID
    email: str
    name: str
    locale: str
    token: str

    @property
    def key(self) -> UUID:
        return self.user_id


class UserConfirmed(Event, frozen=True):
    """The address of an account is known to be its own."""

    subject: ClassVar[str] = "users.confirmed"
    user_id: UUID
    email: str

    @property
    def key(self) -> UUID:
        return self.user_id


class AccessChanged(Event, frozen=True):
    """Sessions were revoked or rights changed: whoever caches the principal of `user_id` drops it."""

    subject: ClassVar[str] = "users.access_changed"
    user_id: UUID

    @property
    def key(self) -> UUID:
        return self.user_id


class FactorsChanged(Event, frozen=True):
    """What guards an account has changed, or a recovery code was used: its owner is told by mail.

    `change` is app_added, app_removed, passkey_added, passkey_removed, recovery_code_used,
    recovery_codes_renewed, factors_reset, identity_linked or identity_unlinked; `what` names the thing.
    """

    subject: ClassVar[str] = "users.factors_changed"
    user_id: UUID
    email: str
    name: str
    locale: str
    change: str
    what: str = ""

    @property
    def key(self) -> UUID:
        return self.user_id
