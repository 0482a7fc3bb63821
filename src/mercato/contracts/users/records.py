"""What the users service keeps and tells: accounts, sessions, roles, keys."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from mercato.contracts.shared import Address

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
    device: str = ""
    """What the browser is, in words: `Firefox on Windows`."""


class SignInChallenge(msgspec.Struct, frozen=True):
    """The first step was right; a second factor finishes it. `token` lives `expires_in` seconds."""

    token: str
    methods: list[str]
    """`app`, `passkey`, `recovery_code`: what the account has."""
    expires_in: int
    passkey_options: dict[str, Any] | None = None
    """What `navigator.credentials.get` is asked with, for an account with a passkey."""


class SignIn(msgspec.Struct, frozen=True):
    """`session_token` for a browser cookie, or the token pair for the API; the other half is None.

    With `challenge` there is neither yet: a second factor is asked for.
    """

    user: User
    session_token: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None
    expires_in: int | None = None
    """Seconds until the access token, or the browser session, ends."""
    challenge: SignInChallenge | None = None


class Role(msgspec.Struct, frozen=True):
    code: str
    name: str
    permissions: list[str]
    is_seeded: bool
    version: int
    description: str = ""
    channels: list[str] | None = None
    """The channels in which it holds; None is everywhere."""
    requires_mfa: bool = False
    holders: int = 0
    """How many accounts have it."""


class PublicKey(msgspec.Struct, frozen=True):
    """A key that access tokens are signed with, in JWK form (RFC 8037); only its public half."""

    kid: str
    x: str
    kty: str = "OKP"
    crv: str = "Ed25519"
    alg: str = "EdDSA"
    use: str = "sig"
