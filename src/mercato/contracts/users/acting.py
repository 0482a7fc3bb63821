"""What staff does for people: acting for a customer, merging two accounts, inviting colleagues."""

from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.shared import DEFAULT_LIMIT, Email, Limit, Page, ShortText
from mercato.contracts.users.records import Password, User
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Impersonation(msgspec.Struct, frozen=True):
    """A browser session in which somebody of the staff is seen as `user`, with a shopper's rights only."""

    user: User
    session_token: str
    expires_at: datetime


class Invitation(msgspec.Struct, frozen=True):
    """Somebody who may join the staff. `status` is open, accepted, revoked or expired."""

    id: UUID
    email: str
    name: str
    roles: list[str]
    invited_by: str
    created_at: datetime
    expires_at: datetime
    status: str


class Acting(Protocol):
    """What staff does for people. Never for somebody with rights that the actor does not hold."""

    async def impersonate(self, ctx: Context, *, user_id: UUID, reason: Reason) -> Impersonation:
        """Act for a customer for 30 minutes. Needs `write_customers`; for staff `write_staff` as well.

        Such a session has no rights of staff, and cannot change password, address or consents, delete the
        account or end its sessions. Raises Denied("rights_exceeded"), Conflict, NotFound.
        """

    async def end_impersonation(self, ctx: Context) -> UUID | None:
        """End the session of whoever acts for somebody; the account it was for, None when nobody acted."""

    async def merge_users(self, ctx: Context, *, keep_id: UUID, drop_id: UUID) -> User:
        """Make one account of two of the same person. Needs `write_customers`.

        Addresses and orders go to the one that is kept; the other one is erased and its address is free.
        """

    @idempotent
    async def invitations(
        self, ctx: Context, *, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[Invitation]:
        """Newest first. Needs `read_staff`."""

    async def invite_staff(
        self, ctx: Context, *, email: Email, name: ShortText, roles: list[str]
    ) -> Invitation:
        """Mail a link that joins the staff. Needs `write_staff` and every right of `roles`."""

    async def revoke_invitation(self, ctx: Context, *, invitation_id: UUID) -> Invitation: ...

    async def accept_invitation(self, ctx: Context, *, token: str, password: Password) -> User:
        """Join with a password. Raises Invalid("token_invalid") when too old, or when who invited may no
        longer give these roles."""
