"""Passkeys (WebAuthn): what browsers are asked, and the checks of what they answer."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from mercato.contracts.users.factors import NewPasskey, PasskeyProof
from mercato.kernel.ids import digest

ASK_MS = 120_000
LOOPBACK = ("127.0.0.1", "::1", "[::1]")
TRANSPORTS = frozenset({"usb", "nfc", "ble", "internal", "hybrid", "smart-card", "cable"})


class PasskeyRefused(Exception):
    """What the browser sent proves nothing; the text says why, for the log."""


class Made(msgspec.Struct, frozen=True):
    """A passkey that a browser has made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    is_synced: bool


def relying_party(site: str) -> tuple[str, list[str]]:
    """The host that passkeys are bound to, and the origins whose pages may ask for them.

    Browsers make none for a bare address: a shop in development is found as localhost.
    """
    parts = urlsplit(site)
    host = parts.hostname or "localhost"
    origin = f"{parts.scheme}://{parts.netloc}"
    if host not in LOOPBACK:
        return host, [origin]
    port = f":{parts.port}" if parts.port else ""
    return "localhost", [origin, f"{parts.scheme}://localhost{port}"]


def creation_options(
    *, site: str, shop: str, user_id: UUID, email: str, name: str, token: str, known: Sequence[bytes]
) -> dict[str, Any]:
    """What a new passkey is made from: one that finds its account by itself and asks for finger or PIN."""
    import webauthn
    from webauthn.helpers import structs

    options = webauthn.generate_registration_options(
        rp_id=relying_party(site)[0], rp_name=shop, user_id=user_id.bytes, user_name=email,
        user_display_name=name or email, challenge=digest(token), timeout=ASK_MS,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=each) for each in known],
    )  # fmt: skip
    return _plain(options)


def request_options(*, site: str, token: str, allowed: Sequence[bytes] = ()) -> dict[str, Any]:
    """What a browser proves a passkey from; any of the site's when none is `allowed` by name."""
    import webauthn
    from webauthn.helpers import structs

    options = webauthn.generate_authentication_options(
        rp_id=relying_party(site)[0], challenge=digest(token), timeout=ASK_MS,
        allow_credentials=[structs.PublicKeyCredentialDescriptor(id=each) for each in allowed],
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )  # fmt: skip
    return _plain(options)


def check_new(credential: NewPasskey, *, site: str, token: str) -> Made:
    """The passkey that a browser has made for the challenge of `token`. Raises PasskeyRefused."""
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException
    from webauthn.helpers.structs import CredentialDeviceType

    host, origins = relying_party(site)
    try:
        made = webauthn.verify_registration_response(
            credential=msgspec.to_builtins(credential), expected_challenge=digest(token),
            expected_rp_id=host, expected_origin=origins, require_user_verification=True,
        )  # fmt: skip
    except (WebAuthnException, ValueError, TypeError, KeyError) as error:
        raise PasskeyRefused(str(error)) from error
    synced = made.credential_device_type is CredentialDeviceType.MULTI_DEVICE
    return Made(made.credential_id, made.credential_public_key, made.sign_count, synced)


def check_proof(
    proof: PasskeyProof, *, site: str, token: str, user_id: UUID, public_key: bytes, sign_count: int
) -> int:
    """The passkey's new counter. Raises PasskeyRefused: another key, an old counter, no finger or PIN."""
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    host, origins = relying_party(site)
    try:
        if proof.response.user_handle and decoded(proof.response.user_handle) != user_id.bytes:
            raise PasskeyRefused("the passkey is of another account")
        verified = webauthn.verify_authentication_response(
            credential=msgspec.to_builtins(proof), expected_challenge=digest(token), expected_rp_id=host,
            expected_origin=origins, credential_public_key=public_key,
            credential_current_sign_count=sign_count, require_user_verification=True,
        )  # fmt: skip
    except (WebAuthnException, ValueError, TypeError, KeyError) as error:
        raise PasskeyRefused(str(error)) from error
    return verified.new_sign_count


def decoded(text: str) -> bytes:
    """Bytes of base64url. Raises PasskeyRefused."""
    from webauthn.helpers import base64url_to_bytes

    try:
        return base64url_to_bytes(text)
    except ValueError as error:
        raise PasskeyRefused("not base64url") from error


def _plain(options: Any) -> dict[str, Any]:
    import webauthn

    plain: dict[str, Any] = msgspec.json.decode(webauthn.options_to_json(options))
    return plain
