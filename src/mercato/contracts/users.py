"""Accounts: who people are, how they sign in, what they may do."""

from datetime import datetime
from typing import Annotated, ClassVar, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.shared import DEFAULT_LIMIT, Address, Email, Limit, Page, ShortText
from mercato.kernel.context import Context, Principal
from mercato.kernel.events import Event
from mercato.kernel.rpc import idempotent

RESOURCES = (
    "orders",
    "products",
    "categories",
    "stock",
    "customers",
    "promotions",
    "fulfillments",
    "payments",
    "refunds",
    "gift_cards",
    "settings",
    "staff",
    "api_keys",
    "webhooks",
    "notifications",
    "analytics",
    "audit",
    "system",
)
PERMISSIONS = tuple(f"{right}_{resource}" for resource in RESOURCES for right in ("read", "write"))
"""Every right that a role or an API key can name; `*` stands for all of them."""

Password = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class User(msgspec.Struct, frozen=True):
    id: UUID
    email: str
    name: str
    locale: str
    is_confirmed: bool
    is_active: bool
    roles: list[str]
    permissions: list[str]
    created_at: datetime
    last_sign_in_at: datetime | None
    version: int
    phone: str | None = None


class SavedAddress(msgspec.Struct, frozen=True):
    id: UUID
    address: Address
    is_default: bool


class SessionInfo(msgspec.Struct, frozen=True):
    """One device that is signed in; `is_current` marks the one that asks."""

    id: UUID
    user_agent: str
    client_address: str
    created_at: datetime
    last_used_at: datetime
    is_current: bool


class SignIn(msgspec.Struct, frozen=True):
    """`session_token` for a browser cookie, or the token pair for the API; the other half is None."""

    user: User
    session_token: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None
    expires_in: int | None = None
    """Seconds until the access token, or the browser session, ends."""


class Role(msgspec.Struct, frozen=True):
    code: str
    name: str
    permissions: list[str]
    is_seeded: bool
    version: int


class PublicKey(msgspec.Struct, frozen=True):
    """A key that access tokens are signed with, in JWK form (RFC 8037); only its public half."""

    kid: str
    x: str
    kty: str = "OKP"
    crv: str = "Ed25519"
    alg: str = "EdDSA"
    use: str = "sig"


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


class Users(Protocol):
    """The users service. Answers never tell whether an address has an account."""

    async def register(self, ctx: Context, *, email: Email, password: Password, name: ShortText) -> None:
        """Create an unconfirmed account and mail its token. Same answer for a known address."""

    async def confirm(self, ctx: Context, *, token: str) -> User:
        """Confirm the address of `token`. Raises Invalid("token_invalid") when used or expired."""

    async def sign_in(self, ctx: Context, *, email: Email, password: Password, browser: bool) -> SignIn:
        """Raises Unauthenticated("sign_in_failed") with one text for every reason; Throttled."""

    async def refresh(self, ctx: Context, *, refresh_token: str) -> SignIn:
        """Rotate a refresh token; reuse of a spent one ends the whole session. Raises Unauthenticated."""

    async def sign_out(self, ctx: Context, *, token: str | None = None) -> None:
        """End the session of the principal, or of the browser or refresh `token`."""

    @idempotent
    async def resolve(self, ctx: Context, *, credential: str) -> Principal:
        """The principal of a browser session token, access token or API key; a guest when not valid."""

    async def request_password_reset(self, ctx: Context, *, email: Email) -> None:
        """Mail a reset token when there is an account; the same answer when not."""

    async def reset_password(self, ctx: Context, *, token: str, password: Password) -> None:
        """Set a new password and end all sessions. Raises Invalid("token_invalid" or field errors)."""

    @idempotent
    async def me(self, ctx: Context) -> User: ...

    async def update_me(
        self,
        ctx: Context,
        *,
        name: ShortText | None = None,
        phone: str | None = None,
        locale: str | None = None,
    ) -> User: ...

    async def change_password(self, ctx: Context, *, current: Password, new: Password) -> None: ...

    @idempotent
    async def addresses(self, ctx: Context) -> list[SavedAddress]: ...

    async def add_address(
        self, ctx: Context, *, address: Address, is_default: bool = False
    ) -> SavedAddress: ...

    async def update_address(
        self, ctx: Context, *, address_id: UUID, address: Address, is_default: bool = False
    ) -> SavedAddress: ...

    async def delete_address(self, ctx: Context, *, address_id: UUID) -> None: ...

    @idempotent
    async def sessions(self, ctx: Context) -> list[SessionInfo]: ...

    async def revoke_session(self, ctx: Context, *, session_id: UUID) -> None: ...

    async def revoke_other_sessions(self, ctx: Context) -> int:
        """End every session of the caller but the one that asks; returns how many."""

    @idempotent
    async def list_users(
        self,
        ctx: Context,
        *,
        query: str = "",
        staff: bool | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[User]:
        """Needs `read_customers` (or `read_staff` for staff=True). `query` finds e-mail and name."""

    @idempotent
    async def get_user(self, ctx: Context, *, user_id: UUID) -> User: ...

    async def create_user(
        self, ctx: Context, *, email: Email, name: ShortText, password: Password, roles: list[str]
    ) -> User:
        """Staff creates a confirmed account. Needs `write_staff`, and every right of `roles`."""

    async def set_roles(self, ctx: Context, *, user_id: UUID, roles: list[str], version: int) -> User: ...

    async def set_active(self, ctx: Context, *, user_id: UUID, is_active: bool, version: int) -> User: ...

    @idempotent
    async def roles(self, ctx: Context) -> list[Role]: ...

    @idempotent
    async def public_keys(self, ctx: Context) -> list[PublicKey]:
        """The keys that access tokens may be signed with, newest first."""

    async def ensure_owner(self, ctx: Context, *, email: Email, password: Password | None) -> str | None:
        """Create the first owner when there is none. Returns the generated password, None otherwise."""
