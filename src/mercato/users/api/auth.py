"""Routes under /auth: register, confirm, sign in and out, refresh, reset, public keys."""

from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED, HTTP_204_NO_CONTENT

from mercato.contracts.shared import Email, ShortText
from mercato.contracts.users import (
    PasskeyOptions,
    PasskeyProof,
    Password,
    PublicKey,
    SignIn,
    User,
    Users,
)
from mercato.contracts.users.factors import Code
from mercato.kernel.context import Context
from mercato.kernel.errors import Unauthenticated
from mercato.kernel.web import PUBLIC

Token = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class RegisterInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Email
    password: Password
    name: Annotated[ShortText, msgspec.Meta(min_length=1)]
    marketing: bool = False
    """Agrees to mails about offers, once the address is confirmed."""


class TokenInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: Token


class LoginInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Email
    password: Password


class RefreshInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    refresh_token: Token


class LogoutInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    refresh_token: Token | None = None


class EmailInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Email


class ResetInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: Token
    password: Password


class Accepted(msgspec.Struct, frozen=True):
    """The answer that is the same whether there is such an account or not."""

    status: str = "accepted"
    detail: str = "If the address can be used, a mail is on its way."


class Tokens(msgspec.Struct, frozen=True):
    """`access_token` goes into the Authorization header; `expires_in` counts its seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 (a scheme, no secret)


class LoginAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens, or a `challenge` that `/auth/mfa` takes together with the second factor."""

    access_token: str | None = None
    refresh_token: str | None = None
    expires_in: int = 0
    """Seconds until the access token, or the challenge, ends."""
    token_type: str | None = None
    challenge: str | None = None
    methods: list[str] = []
    """What finishes the sign-in: `app`, `passkey`, `recovery_code`."""
    passkey_options: dict[str, Any] | None = None
    """For `navigator.credentials.get`, when there is a passkey."""


class SecondFactorInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The second factor: a `code` of the app or of the recovery codes, or a `passkey`."""

    challenge: Token
    code: Code = ""
    passkey: PasskeyProof | None = None


class PasskeyInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    challenge: Token
    passkey: PasskeyProof


class KeySet(msgspec.Struct, frozen=True):
    keys: list[PublicKey]


@post("/auth/register", permission=PUBLIC, status_code=HTTP_202_ACCEPTED)
async def register(ctx: Context, users: Users, data: RegisterInput) -> Accepted:
    """Create an account; the mail that follows confirms it. The same answer for a known address."""
    await users.register(
        ctx, email=data.email, password=data.password, name=data.name, marketing=data.marketing
    )
    return Accepted()


@post("/auth/verify", permission=PUBLIC, status_code=HTTP_200_OK)
async def verify(ctx: Context, users: Users, data: TokenInput) -> User:
    """Confirm the address with the token of the mail."""
    return await users.confirm(ctx, token=data.token)


@post("/auth/login", permission=PUBLIC, replay=False, status_code=HTTP_200_OK)
async def login(ctx: Context, users: Users, data: LoginInput) -> LoginAnswer:
    """Sign in for the API: tokens, or a challenge when the account has a second factor.

    401 has one text for every reason; 429 says when to come back.
    """
    done = await users.sign_in(ctx, email=data.email, password=data.password, browser=False)
    if done.challenge is None:
        tokens = _tokens(done)
        return LoginAnswer(tokens.access_token, tokens.refresh_token, tokens.expires_in, tokens.token_type)
    asked = done.challenge
    return LoginAnswer(
        expires_in=asked.expires_in, challenge=asked.token, methods=asked.methods,
        passkey_options=asked.passkey_options,
    )  # fmt: skip


@post("/auth/mfa", permission=PUBLIC, replay=False, status_code=HTTP_200_OK)
async def second_factor(ctx: Context, users: Users, data: SecondFactorInput) -> Tokens:
    """Finish a sign-in with the second factor. After 401 `code_wrong` try again, else begin anew."""
    return _tokens(
        await users.finish_sign_in(ctx, challenge=data.challenge, code=data.code, passkey=data.passkey)
    )


@post("/auth/passkey/options", permission=PUBLIC, replay=False, status_code=HTTP_200_OK)
async def passkey_options(ctx: Context, users: Users) -> PasskeyOptions:
    """What a browser signs in with: any passkey that it has for this shop."""
    return await users.ask_passkey(ctx)


@post("/auth/passkey", permission=PUBLIC, replay=False, status_code=HTTP_200_OK)
async def passkey_login(ctx: Context, users: Users, data: PasskeyInput) -> Tokens:
    """Sign in with a passkey alone; it counts as two factors."""
    done = await users.sign_in_with_passkey(
        ctx, challenge=data.challenge, passkey=data.passkey, browser=False
    )
    return _tokens(done)


@post("/auth/refresh", permission=PUBLIC, replay=False, status_code=HTTP_200_OK)
async def refresh(ctx: Context, users: Users, data: RefreshInput) -> Tokens:
    """Exchange a refresh token for a new pair; it can be used once, a second use ends the session."""
    return _tokens(await users.refresh(ctx, refresh_token=data.refresh_token))


@post("/auth/logout", permission=PUBLIC, status_code=HTTP_204_NO_CONTENT)
async def logout(ctx: Context, users: Users, data: LogoutInput) -> None:
    """End the session of the refresh token, or of the one who asks."""
    await users.sign_out(ctx, token=data.refresh_token)


@post("/auth/password-reset", permission=PUBLIC, status_code=HTTP_202_ACCEPTED)
async def request_password_reset(ctx: Context, users: Users, data: EmailInput) -> Accepted:
    """Ask for a mail that sets a new password. The same answer for an unknown address."""
    await users.request_password_reset(ctx, email=data.email)
    return Accepted()


@post("/auth/password-reset/confirm", permission=PUBLIC, status_code=HTTP_204_NO_CONTENT)
async def reset_password(ctx: Context, users: Users, data: ResetInput) -> None:
    """Set a new password with the token of the mail; every session ends."""
    await users.reset_password(ctx, token=data.token, password=data.password)


@get("/auth/jwks.json", permission=PUBLIC)
async def public_keys(ctx: Context, users: Users) -> KeySet:
    """The keys that access tokens are signed with (JWK Set, RFC 7517)."""
    return KeySet(await users.public_keys(ctx))


def _tokens(signed_in: SignIn) -> Tokens:
    if signed_in.access_token is None or signed_in.refresh_token is None or signed_in.expires_in is None:
        raise Unauthenticated("sign_in_failed", "Sign in again.")
    return Tokens(signed_in.access_token, signed_in.refresh_token, signed_in.expires_in)


routes = [
    register, verify, login, second_factor, passkey_options, passkey_login, refresh, logout,
    request_password_reset, reset_password, public_keys,
]  # fmt: skip
