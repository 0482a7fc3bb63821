"""Signing in with an account elsewhere: providers, the way there and back, links to accounts."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.users.records import SignIn
from mercato.kernel.context import Context
from mercato.kernel.messaging.events import Event
from mercato.kernel.rpc import idempotent

ProviderCode = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
ExternalText = Annotated[str, msgspec.Meta(max_length=4000)]
"""What a provider sends a browser back with."""


class IdentityProvider(msgspec.Struct, frozen=True):
    code: str
    name: str
    for_customers: bool
    for_staff: bool


class Identity(msgspec.Struct, frozen=True):
    """An account elsewhere that signs in to ours."""

    id: UUID
    provider: str
    email: str
    created_at: datetime
    last_used_at: datetime


class ExternalStart(msgspec.Struct, frozen=True):
    """`url` is where the browser goes; it keeps `token` in a cookie, and comes back with both."""

    url: str
    token: str


class ExternalOutcome(StrEnum):
    SIGNED_IN = "signed_in"
    LINKED = "linked"
    MAILED = "mailed"
    """A mail asks for the proof of the mailbox; nothing has changed before that."""


class ExternalResult(msgspec.Struct, frozen=True):
    outcome: ExternalOutcome
    next: str
    provider: str
    sign_in: SignIn | None = None
    """With SIGNED_IN: a session, or a challenge for the second factor."""


class IdentityProofRequested(Event, frozen=True):
    """Somebody came with an account elsewhere that gives this address: `token` links it (single use, 1 h)."""

    subject: ClassVar[str] = "users.identity_proof_requested"
    request_id: UUID
    email: str
    name: str
    locale: str
    provider: str
    token: str

    @property
    def key(self) -> UUID:
        return self.request_id


class ExternalSignIns(Protocol):
    """An identity elsewhere never claims an account without proof of its mailbox."""

    @idempotent
    async def providers(self, ctx: Context) -> list[IdentityProvider]:
        """The ways to sign in with an account elsewhere."""

    async def begin_external(
        self, ctx: Context, *, provider: ProviderCode, next: ExternalText, link: bool = False
    ) -> ExternalStart:
        """Begin to sign in, or to `link` the identity to the account of whoever asks. Raises Unavailable."""

    async def finish_external(
        self, ctx: Context, *, provider: ProviderCode, token: str, state: ExternalText, code: ExternalText
    ) -> ExternalResult:
        """The browser came back. Raises Unauthenticated("external_failed"), Denied, Conflict."""

    async def confirm_external(self, ctx: Context, *, token: str) -> str:
        """Link the identity of a mailed token; the name of its provider. Raises Invalid("token_invalid")."""

    @idempotent
    async def identities(self, ctx: Context) -> list[Identity]: ...

    async def unlink_identity(self, ctx: Context, *, identity_id: UUID) -> None:
        """Raises Conflict("last_way_in") when the account would have no other way to sign in."""
