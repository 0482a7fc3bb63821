"""What people decide about their own account: its address, what they agree to, its end."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.shared import Email
from mercato.contracts.users.records import Password
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent

TypedPassword = Annotated[str, msgspec.Meta(max_length=256)]
"""Empty where the account has none."""


class Purpose(StrEnum):
    """What a person can agree to."""

    MARKETING_EMAIL = "marketing_email"
    MARKETING_SMS = "marketing_sms"
    PERSONALIZATION = "personalization"


class Consent(msgspec.Struct, frozen=True):
    """One decision. `source` is where it was made: registration, account, api, staff or merge."""

    purpose: Purpose
    is_given: bool
    source: str
    at: datetime


class Consents(msgspec.Struct, frozen=True):
    """What holds now, and every decision, newest first. A purpose never decided is not agreed to."""

    given: list[Purpose]
    history: list[Consent]


class EmailChange(msgspec.Struct, frozen=True):
    """How a change of address stands: `is_done` when both mailboxes have confirmed it."""

    is_done: bool
    waits_for: str
    """`old` or `new`: the mailbox that has not confirmed yet; empty when done."""


class Personal(Protocol):
    """What people decide about their own account. None of it is open to somebody who acts for them."""

    async def request_email_change(self, ctx: Context, *, email: Email, password: Password) -> None:
        """Mail a link to the old and to the new address. The same answer when the new one is taken.

        Raises Invalid (address, password), Throttled.
        """

    async def confirm_email_change(self, ctx: Context, *, token: str) -> EmailChange:
        """Confirm one end; the second one makes the change. Raises Invalid("token_invalid")."""

    async def delete_me(self, ctx: Context, *, password: TypedPassword) -> None:
        """Erase the account; orders stay in the books. Raises Invalid, Conflict("last_owner").

        An account without a password needs a sign-in of the last minutes: Denied("step_up_required").
        """

    async def erase_account(self, ctx: Context, *, user_id: UUID) -> None:
        """Erase the account of a customer who asked for it. Needs `write_customers` and a recent proof.

        Raises NotFound, Conflict("erasure_staff"). Ask `Privacy.erase_customer`, which looks for what is
        still open first.
        """

    @idempotent
    async def emails_of(self, ctx: Context, *, user_id: UUID) -> list[str]:
        """The address of an account, then those it had before and nobody else has; in lower case.

        For Mercato itself.
        """

    @idempotent
    async def consents(self, ctx: Context) -> Consents: ...

    async def set_consent(
        self, ctx: Context, *, purpose: Purpose, is_given: bool, source: str = "account"
    ) -> Consents:
        """Decide; deciding the same again adds nothing."""

    @idempotent
    async def consents_of(self, ctx: Context, *, user_id: UUID) -> Consents:
        """What a customer has agreed to. Needs `read_customers`."""
