"""What happened to an account: facts for mails and for other services."""

from typing import ClassVar
from uuid import UUID

import msgspec

from mercato.kernel.messaging.events import Event


class AccountFact(Event, frozen=True):
    """Base of what the owner of an account is told about by mail."""

    user_id: UUID
    email: str
    name: str
    locale: str

    @property
    def key(self) -> UUID:
        return self.user_id


class UserRegistered(AccountFact, frozen=True):
    """Someone registered; `token` confirms the address (single use, 24 h)."""

    subject: ClassVar[str] = "users.registered"
    token: str


class RegistrationRepeated(AccountFact, frozen=True):
    """Someone tried to register an address that has an account: its owner is told, the page tells nothing."""

    subject: ClassVar[str] = "users.registration_repeated"


class PasswordResetRequested(AccountFact, frozen=True):
    """`token` sets a new password (single use, 1 h)."""

    subject: ClassVar[str] = "users.password_reset_requested"
    token: str


class EmailChangeRequested(AccountFact, frozen=True):
    """The owner wants another address; `token` confirms from the old mailbox (single use, 24 h)."""

    subject: ClassVar[str] = "users.email_change_requested"
    new_email: str
    token: str


class EmailChangeOffered(AccountFact, frozen=True):
    """`token` confirms from the new mailbox, which is `email`."""

    subject: ClassVar[str] = "users.email_change_offered"
    token: str


class EmailChanged(AccountFact, frozen=True):
    """Both mailboxes have confirmed: `new_email` is the address from now on, `email` was it."""

    subject: ClassVar[str] = "users.email_changed"
    new_email: str


class PasswordChanged(AccountFact, frozen=True):
    """The password is another one, by its owner or by a reset."""

    subject: ClassVar[str] = "users.password_changed"


class SignedInFromNewDevice(AccountFact, frozen=True):
    """A sign-in from a kind of device or a network that this account has not used before."""

    subject: ClassVar[str] = "users.signed_in_from_new_device"
    device: str
    client_address: str


class AccountDeleted(AccountFact, frozen=True):
    """The account was deleted. Whoever keeps what belonged to it lets go of what the books do not need."""

    subject: ClassVar[str] = "users.deleted"
    former_emails: list[str] = msgspec.field(default_factory=list)
    """Addresses that the account had before, in lower case."""


class ConsentChanged(Event, frozen=True):
    """Somebody agreed to something or withdrew it."""

    subject: ClassVar[str] = "users.consent_changed"
    user_id: UUID
    purpose: str
    is_given: bool
    source: str

    @property
    def key(self) -> UUID:
        return self.user_id


class StaffInvited(AccountFact, frozen=True):
    """Somebody may join the staff; `token` accepts (single use, 7 days)."""

    subject: ClassVar[str] = "users.staff_invited"
    inviter: str
    token: str


class AccountsMerged(Event, frozen=True):
    """Two accounts were one person's: what belonged to `dropped_id` belongs to `kept_id`."""

    subject: ClassVar[str] = "users.merged"
    kept_id: UUID
    dropped_id: UUID

    @property
    def key(self) -> UUID:
        return self.kept_id


class FactorsChanged(AccountFact, frozen=True):
    """What guards an account has changed, or a recovery code was used: its owner is told by mail.

    `change` is app_added, app_removed, passkey_added, passkey_removed, recovery_code_used,
    recovery_codes_renewed, factors_reset, identity_linked or identity_unlinked; `what` names the thing.
    """

    subject: ClassVar[str] = "users.factors_changed"
    change: str
    what: str = ""


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
