"""Codes that people type: six digits of an authenticator app (RFC 6238), and recovery codes on paper."""

import hmac
import re
import secrets
from datetime import datetime

STEP_S = 30
STEPS_AROUND = 1
"""A phone's clock may be half a minute off."""
SECRET_BYTES = 20
RECOVERY_CODES = 10
RECOVERY_LENGTH = 12
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without the characters that look alike; 12 of them are 59 random bits."""
_DIGITS = re.compile(r"[0-9]{6}")
_RECOVERY = re.compile(rf"[{_ALPHABET}]{{{RECOVERY_LENGTH}}}")


def new_secret() -> str:
    """A secret for an authenticator app, in base32 as it is typed or scanned."""
    import pyotp

    return pyotp.random_base32(length=SECRET_BYTES * 8 // 5)


def otpauth_uri(secret: str, *, account: str, shop: str) -> str:
    """What the QR code says."""
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=shop)


def step_of(secret: str, code: str, *, now: datetime) -> int | None:
    """The time step that `code` belongs to, around `now`; None for a wrong code."""
    import pyotp

    present = int(now.timestamp()) // STEP_S
    app = pyotp.TOTP(secret)
    found = None
    for step in range(present - STEPS_AROUND, present + STEPS_AROUND + 1):
        if hmac.compare_digest(app.generate_otp(step), code):
            found = step
    return found


def new_recovery_codes() -> list[str]:
    """Ten codes to write down, each good for one sign-in."""
    texts = [
        "".join(secrets.choice(_ALPHABET) for _ in range(RECOVERY_LENGTH)) for _ in range(RECOVERY_CODES)
    ]
    return ["-".join(text[at : at + 4] for at in range(0, RECOVERY_LENGTH, 4)) for text in texts]


def app_code_of(typed: str) -> str | None:
    """Six digits, however they were spaced; None for anything else."""
    text = re.sub(r"[\s-]", "", typed)
    return text if _DIGITS.fullmatch(text) else None


def recovery_code_of(typed: str) -> str | None:
    """A recovery code without its dashes; None for anything else."""
    text = re.sub(r"[\s-]", "", typed).lower()
    return text if _RECOVERY.fullmatch(text) else None
