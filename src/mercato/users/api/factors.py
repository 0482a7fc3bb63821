"""Routes of second factors: /me/mfa, /me/passkeys, proving again who one is, and what staff decides."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.status_codes import HTTP_200_OK, HTTP_204_NO_CONTENT

from mercato.contracts.shared import Page, ShortText
from mercato.contracts.users import (
    AddedPasskey,
    FactorsOverview,
    NewPasskey,
    Passkey,
    PasskeyOptions,
    PasskeyProof,
    Users,
)
from mercato.contracts.users.factors import ChallengeToken, Code, PasskeyName
from mercato.kernel.context import Context
from mercato.kernel.web import SESSION_COOKIE, SIGNED_IN, cookie
from mercato.ui.qr import qr_image


class AppSetupAnswer(msgspec.Struct, frozen=True):
    """The secret of an authenticator app: typed, or scanned from `qr`, the data: address of an SVG."""

    secret: str
    uri: str
    qr: str


class RecoveryCodes(msgspec.Struct, frozen=True):
    """Shown once; each is good for one sign-in. Empty when the account has some already."""

    recovery_codes: list[str]


class CodeInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: Code


class NewPasskeyInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    challenge: ChallengeToken
    credential: NewPasskey
    name: PasskeyName = ""


class NameInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[ShortText, msgspec.Meta(min_length=1)]


class ProofInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`challenge` and `passkey`; or `password`, and with a second factor its `code`."""

    password: Annotated[str, msgspec.Meta(max_length=256)] = ""
    code: Code = ""
    challenge: Annotated[str, msgspec.Meta(max_length=100)] = ""
    passkey: PasskeyProof | None = None


class FreshToken(msgspec.Struct, frozen=True):
    """The session goes on under a new access token; the refresh token stays. Null for a browser session."""

    access_token: str | None
    expires_in: int | None


@get("/me/mfa", permission=SIGNED_IN)
async def factors(ctx: Context, users: Users) -> FactorsOverview:
    """What guards the account of whoever asks."""
    return await users.factors(ctx)


@post("/me/mfa/app", permission=SIGNED_IN, recent=True, replay=False)
async def begin_app(ctx: Context, users: Users) -> AppSetupAnswer:
    """A secret for an authenticator app (TOTP); `/me/mfa/app/confirm` switches it on."""
    setup = await users.begin_app(ctx)
    return AppSetupAnswer(setup.secret, setup.uri, qr_image(setup.uri))


@post("/me/mfa/app/confirm", permission=SIGNED_IN, recent=True, replay=False, status_code=HTTP_200_OK)
async def confirm_app(ctx: Context, users: Users, data: CodeInput) -> RecoveryCodes:
    """Switch the app on with its first code; every other session ends."""
    return RecoveryCodes(await users.confirm_app(ctx, code=data.code))


@delete("/me/mfa/app", permission=SIGNED_IN, recent=True)
async def remove_app(ctx: Context, users: Users) -> None:
    """Take the authenticator app away."""
    await users.remove_app(ctx)


@post("/me/mfa/recovery-codes", permission=SIGNED_IN, recent=True, replay=False)
async def renew_recovery_codes(ctx: Context, users: Users) -> RecoveryCodes:
    """Ten new recovery codes; those before no longer work."""
    return RecoveryCodes(await users.renew_recovery_codes(ctx))


@get("/me/passkeys", permission=SIGNED_IN)
async def passkeys(ctx: Context, users: Users) -> Page[Passkey]:
    """The passkeys of whoever asks, oldest first."""
    found = (await users.factors(ctx)).passkeys
    return Page(found, None, len(found))


@post("/me/passkeys/options", permission=SIGNED_IN, recent=True, replay=False, status_code=HTTP_200_OK)
async def new_passkey_options(ctx: Context, users: Users) -> PasskeyOptions:
    """What `navigator.credentials.create` is asked with."""
    return await users.begin_passkey(ctx)


@post("/me/passkeys", permission=SIGNED_IN, recent=True, replay=False)
async def add_passkey(ctx: Context, users: Users, data: NewPasskeyInput) -> AddedPasskey:
    """Keep a new passkey; with the first factor of an account come its recovery codes, once."""
    return await users.add_passkey(ctx, challenge=data.challenge, credential=data.credential, name=data.name)


@patch("/me/passkeys/{passkey_id:uuid}", permission=SIGNED_IN)
async def rename_passkey(ctx: Context, users: Users, passkey_id: UUID, data: NameInput) -> Passkey:
    return await users.rename_passkey(ctx, passkey_id=passkey_id, name=data.name)


@delete("/me/passkeys/{passkey_id:uuid}", permission=SIGNED_IN, recent=True)
async def remove_passkey(ctx: Context, users: Users, passkey_id: UUID) -> None:
    """Take a passkey away; the device keeps its half, which no longer signs in."""
    await users.remove_passkey(ctx, passkey_id=passkey_id)


@post("/me/proof", permission=SIGNED_IN, replay=False, status_code=HTTP_200_OK)
async def prove(ctx: Context, users: Users, data: ProofInput) -> Response[FreshToken]:
    """Prove again who one is: what answered 403 `step_up_required` is then allowed for ten minutes."""
    done = await users.prove(
        ctx, password=data.password, code=data.code, challenge=data.challenge, passkey=data.passkey
    )
    answer = Response(FreshToken(done.access_token, done.expires_in))
    if done.session_token is not None:
        answer.set_cookie(cookie(SESSION_COOKIE, done.session_token, max_age_s=done.expires_in))
    return answer


@delete(
    "/admin/users/{user_id:uuid}/mfa", permission="write_staff", recent=True, status_code=HTTP_204_NO_CONTENT
)
async def reset_factors(ctx: Context, users: Users, user_id: UUID) -> None:
    """Take every second factor from somebody who has lost them; they are told, and signed out."""
    await users.reset_factors(ctx, user_id=user_id)


routes = [
    factors, begin_app, confirm_app, remove_app, renew_recovery_codes, passkeys, new_passkey_options,
    add_passkey, rename_passkey, remove_passkey, prove, reset_factors,
]  # fmt: skip
