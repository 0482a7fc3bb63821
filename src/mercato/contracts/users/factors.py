"""Second factors: an authenticator app, passkeys, recovery codes; and proving again who one is."""

from datetime import datetime
from typing import Annotated, Any, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.shared import ShortText
from mercato.contracts.users.records import SignIn
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent

Code = Annotated[str, msgspec.Meta(max_length=40)]
"""Six digits of an authenticator app, or a recovery code; blanks and dashes do not matter."""
ChallengeToken = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Encoded = Annotated[str, msgspec.Meta(min_length=1, max_length=8000)]
"""Bytes as base64url without padding, as browsers hand them out."""
PasskeyName = Annotated[str, msgspec.Meta(max_length=60)]


class Passkey(msgspec.Struct, frozen=True):
    """One passkey of an account; `is_synced` when the person's other devices have it as well."""

    id: UUID
    name: str
    is_synced: bool
    created_at: datetime
    last_used_at: datetime | None


class FactorsOverview(msgspec.Struct, frozen=True):
    """What guards an account."""

    has_app: bool
    passkeys: list[Passkey]
    recovery_codes_left: int
    has_password: bool
    is_required: bool
    """A role of this account works only with a second factor."""

    @property
    def is_on(self) -> bool:
        return self.has_app or bool(self.passkeys)


class AppSetup(msgspec.Struct, frozen=True):
    """The secret for an authenticator app, to be scanned as `uri` or typed; a first code confirms it."""

    secret: str
    uri: str


class PasskeyOptions(msgspec.Struct, frozen=True):
    """What the browser's `navigator.credentials` is asked with; `challenge` comes back with its answer."""

    challenge: str
    options: dict[str, Any]


class NewPasskeyResponse(msgspec.Struct, frozen=True):
    client_data_json: Encoded = msgspec.field(name="clientDataJSON")
    attestation_object: Encoded = msgspec.field(name="attestationObject")
    transports: Annotated[list[Annotated[str, msgspec.Meta(max_length=20)]], msgspec.Meta(max_length=10)] = []


class NewPasskey(msgspec.Struct, frozen=True):
    """A browser's answer to `navigator.credentials.create`, in its own JSON form."""

    id: Encoded
    raw_id: Encoded = msgspec.field(name="rawId")
    response: NewPasskeyResponse
    type: Annotated[str, msgspec.Meta(max_length=20)] = "public-key"


class PasskeyProofResponse(msgspec.Struct, frozen=True):
    client_data_json: Encoded = msgspec.field(name="clientDataJSON")
    authenticator_data: Encoded = msgspec.field(name="authenticatorData")
    signature: Encoded
    user_handle: Encoded | None = msgspec.field(name="userHandle", default=None)


class PasskeyProof(msgspec.Struct, frozen=True):
    """A browser's answer to `navigator.credentials.get`, in its own JSON form."""

    id: Encoded
    raw_id: Encoded = msgspec.field(name="rawId")
    response: PasskeyProofResponse
    type: Annotated[str, msgspec.Meta(max_length=20)] = "public-key"


class AddedPasskey(msgspec.Struct, frozen=True):
    """`recovery_codes` are given, once, with the first factor of an account."""

    passkey: Passkey
    recovery_codes: list[str]


class Factors(Protocol):
    """Second factors. Whatever adds or takes one asks for a recent proof ("step_up_required")."""

    @idempotent
    async def factors(self, ctx: Context) -> FactorsOverview:
        """What guards the account of whoever asks."""

    async def begin_app(self, ctx: Context) -> AppSetup:
        """A new secret for an authenticator app; it guards nothing before `confirm_app`."""

    async def confirm_app(self, ctx: Context, *, code: Code) -> list[str]:
        """Switch the app on with its first code; other sessions end. Returns ten recovery codes, once.

        The list is empty when the account has recovery codes already. Raises Invalid("code_wrong").
        """

    async def remove_app(self, ctx: Context) -> None: ...

    async def begin_passkey(self, ctx: Context) -> PasskeyOptions:
        """What the browser makes a passkey from."""

    async def add_passkey(
        self, ctx: Context, *, challenge: ChallengeToken, credential: NewPasskey, name: PasskeyName = ""
    ) -> AddedPasskey:
        """Keep a new passkey. Raises Invalid("passkey_invalid")."""

    async def rename_passkey(self, ctx: Context, *, passkey_id: UUID, name: ShortText) -> Passkey: ...

    async def remove_passkey(self, ctx: Context, *, passkey_id: UUID) -> None: ...

    async def renew_recovery_codes(self, ctx: Context) -> list[str]:
        """Ten new codes; those before no longer work. Raises Conflict("no_factor")."""

    async def reset_factors(self, ctx: Context, *, user_id: UUID) -> None:
        """Staff takes every factor from another account and ends its sessions. Needs `write_staff`."""

    async def finish_sign_in(
        self,
        ctx: Context,
        *,
        challenge: ChallengeToken,
        code: Code = "",
        passkey: PasskeyProof | None = None,
    ) -> SignIn:
        """The second step of a sign-in. Raises Unauthenticated("challenge_invalid" or "code_wrong")."""

    async def ask_passkey(self, ctx: Context) -> PasskeyOptions:
        """What a browser signs in with, or proves again who is signed in, by any passkey that it has."""

    async def sign_in_with_passkey(
        self, ctx: Context, *, challenge: ChallengeToken, passkey: PasskeyProof, browser: bool
    ) -> SignIn:
        """A passkey alone signs in, as password and second factor do. Raises Unauthenticated."""

    async def prove(
        self,
        ctx: Context,
        *,
        password: Annotated[str, msgspec.Meta(max_length=256)] = "",
        code: Code = "",
        challenge: Annotated[str, msgspec.Meta(max_length=100)] = "",
        passkey: PasskeyProof | None = None,
    ) -> SignIn:
        """Prove again who one is, in this session: by a passkey, or by password and factor.

        Returns the session under a new token (an API session: a new access token). Raises
        Unauthenticated("proof_wrong"), Throttled, Conflict("no_proof") for an account that has neither.
        """
