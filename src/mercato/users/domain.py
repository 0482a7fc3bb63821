"""Pure rules of accounts: roles, limits of sessions, throttling, passwords, e-mail addresses."""

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from mercato.contracts.users import PERMISSIONS, Role
from mercato.contracts.users.roles import Grant
from mercato.kernel.context import ALL_PERMISSIONS, Principal
from mercato.kernel.errors import FieldError, Invalid

CONFIRM_TOKEN_LIFE = timedelta(hours=24)
RESET_TOKEN_LIFE = timedelta(hours=1)
ACCESS_TOKEN_LIFE = timedelta(minutes=15)
TOUCH_EVERY = timedelta(minutes=1)
"""How exactly `last_used_at` is kept: a session that is used all the time costs one write a minute."""
SIGNING_KEY_LIFE = timedelta(days=30)
SIGNING_KEY_OVERLAP = timedelta(days=2)
"""A retired key stays published this long, so that nobody is signed out by the change."""

OWNER_ROLE = "owner"
API_KEY_PREFIX = "mk_"
"""How the secret of an API key begins, so that people and scanners recognize one."""
PASSWORD_LENGTH_MIN = 12
PASSWORD_LENGTH_WITH_FACTOR_MIN = 8
GUESSABLE_SCORE_MAX = 1
"""zxcvbn's score 0 or 1: found within a million guesses."""
JUDGED_LENGTH_MAX = 24
"""Only the beginning of a password is judged: the judge needs time that grows faster than its length."""
_SYMBOLS_AS_LETTERS = str.maketrans("@({[<!|$+%", "acccciistx")
"""The judge tries every reading of every symbol, which takes seconds for some passwords; one is enough."""
MAX_ADDRESSES = 50
MAX_SESSIONS = 100


_LOCAL_HOST = re.compile(r"^([\w-]+\.)*(localhost|local|test)$", re.IGNORECASE)


ASSIGNABLE = (ALL_PERMISSIONS, *PERMISSIONS)
"""All that a role can say."""


class SeededRole(msgspec.Struct, frozen=True):
    """A role that every shop starts with."""

    code: str
    name: str
    permissions: tuple[str, ...]


def _read(*resources: str) -> tuple[str, ...]:
    return tuple(f"read_{resource}" for resource in resources)


def _write(*resources: str) -> tuple[str, ...]:
    return tuple(f"{right}_{resource}" for resource in resources for right in ("read", "write"))


SEEDED_ROLES = (
    SeededRole(OWNER_ROLE, "Owner", (ALL_PERMISSIONS,)),
    SeededRole(
        "manager",
        "Manager",
        tuple(p for p in PERMISSIONS if p not in ("write_staff", "read_api_keys", "write_api_keys")),
    ),
    SeededRole("catalog_editor", "Catalog editor", _write("products", "categories", "stock", "promotions")),
    SeededRole(
        "support",
        "Support",
        _write("orders", "customers", "refunds", "notifications")
        + _read("products", "categories", "stock", "fulfillments", "payments", "gift_cards", "promotions"),
    ),
    SeededRole("fulfillment", "Fulfillment", _write("fulfillments", "stock") + _read("orders", "products")),
    SeededRole(
        "analyst",
        "Analyst",
        _read("analytics", "orders", "products", "categories", "stock", "customers", "promotions"),
    ),
)


class SessionLimits(msgspec.Struct, frozen=True):
    """A session ends when it was not used for `idle`, and `absolute` after sign-in at the latest."""

    idle: timedelta
    absolute: timedelta


SHOPPER_LIMITS = SessionLimits(idle=timedelta(days=14), absolute=timedelta(days=90))
STAFF_LIMITS = SessionLimits(idle=timedelta(hours=12), absolute=timedelta(days=7))


def session_limits(permissions: Iterable[str]) -> SessionLimits:
    """Whoever has any right in the admin signs in more often than a shopper."""
    return STAFF_LIMITS if any(True for _ in permissions) else SHOPPER_LIMITS


MAX_WAIT_S = 3600


def growing_waits(free: int, *, longest_s: int = MAX_WAIT_S) -> tuple[int, ...]:
    """Seconds to wait after the nth try: none for the first `free`, then 1, 2, 4 … up to `longest_s`."""
    growing = [2**step for step in range(longest_s.bit_length()) if 2**step < longest_s]
    return (0,) * free + (*growing, longest_s)


class ThrottleRule(msgspec.Struct, frozen=True):
    """How tries of one kind slow down; they are forgotten when none came for `forget_after`."""

    name: str
    waits_s: tuple[int, ...]
    forget_after: timedelta


SIGN_IN_THROTTLE = ThrottleRule("sign_in", growing_waits(5), timedelta(hours=24))
"""Counted per account and client address together, so that a stranger cannot lock an owner out."""
ADDRESS_THROTTLE = ThrottleRule("address", growing_waits(50), timedelta(hours=24))
"""Counted per client address over all accounts; a sign-in that succeeds does not count."""
MAIL_THROTTLE = ThrottleRule("mail", (15 * 60,), timedelta(minutes=15))
"""One mail of a kind per account in 15 minutes."""
REGISTER_THROTTLE = ThrottleRule("register", growing_waits(20, longest_s=60), timedelta(hours=1))
"""Counted per client address, gently: a school or an office is one address."""


def nobodys_email(user_id: UUID) -> str:
    """What stands where the address of a deleted account was; no mail can go there (RFC 6761)."""
    return f"{user_id}@deleted.invalid"


def role_order(code: str) -> tuple[int, str]:
    """Seeded roles first, as they stand above, then others by code."""
    codes = [role.code for role in SEEDED_ROLES]
    return codes.index(code) if code in codes else len(codes), code


def known_permission(permission: str) -> bool:
    return permission == ALL_PERMISSIONS or permission in PERMISSIONS


def grants_of(roles: Iterable[Role]) -> list[Grant]:
    """What somebody with these roles may do in the end, in the order of the vocabulary."""
    given: dict[str, list[Role]] = {}
    for role in roles:
        for permission in role.permissions:
            given.setdefault(permission, []).append(role)
    found = []
    for permission in (one for one in ASSIGNABLE if one in given):
        by = given[permission]
        limits = [role.channels for role in by if role.channels is not None]
        everywhere = len(limits) < len(by)
        channels = None if everywhere else sorted({code for codes in limits for code in codes})
        found.append(Grant(permission, [role.code for role in by], channels))
    return found


def limits_of(pairs: Iterable[str]) -> frozenset[tuple[str, str]]:
    """(permission, channel) from texts like "read_orders eu"."""
    return frozenset((permission, channel) for permission, _, channel in (p.partition(" ") for p in pairs))


def covers(holder: Principal, wanted: Iterable[str], channels: Iterable[str] | None = None) -> bool:
    """Whether `holder` may hand out every right of `wanted`, in `channels` or (None) everywhere."""
    if channels is None:
        return all(holder.may(permission) for permission in wanted)
    places = list(channels)
    return all(holder.may_in(permission, channel) for permission in wanted for channel in places)


def email_of(text: str, *, allow_local: bool) -> tuple[str, str]:
    """The address as it is written to, and the key it is found by (no case, normalized).

    `allow_local` accepts names such as `owner@localhost`, for development. Raises Invalid.
    """
    import email_validator  # here, and zxcvbn below: a tenth of the time that a process needs to start

    text = text.strip()
    name, _, host = text.rpartition("@")
    is_local = allow_local and _LOCAL_HOST.search(host) is not None
    try:
        judged = f"{name}@example.com" if is_local else text
        found = email_validator.validate_email(judged, check_deliverability=False)
    except email_validator.EmailNotValidError:
        raise Invalid(
            detail="Check the e-mail address.",
            errors=[FieldError("email", "email_invalid", "Enter an e-mail address like name@example.com.")],
        ) from None
    address = f"{found.local_part}@{host.lower()}" if is_local else found.normalized
    return address, address.casefold()


def email_key_of(text: str) -> str:
    """The key of what somebody typed as an address; a wrong one finds nothing and is no error."""
    try:
        return email_of(text, allow_local=True)[1]
    except Invalid:
        return text.strip().casefold()


def pattern_of(query: str) -> str | None:
    """What somebody searched for, as a pattern of LIKE; None when nothing."""
    text = query.strip().casefold()
    for mark in ("\\", "%", "_"):
        text = text.replace(mark, "\\" + mark)
    return f"%{text}%" if text else None


def judge_password(
    password: str, *, known: Sequence[str], field: str = "password", with_factor: bool = False
) -> None:
    """Refuse a password that is short or quickly guessed; `known` are words of its owner. Raises Invalid.

    `with_factor`: a second factor guards the account as well, so it may be shorter.
    """
    from zxcvbn import zxcvbn

    judge_length(password, field=field, with_factor=with_factor)
    words = [word for text in known for word in (text, *text.split("@"), *re.split(r"[@.\s]+", text))]
    judged = password[:JUDGED_LENGTH_MAX].translate(_SYMBOLS_AS_LETTERS)
    if zxcvbn(judged, user_inputs=words)["score"] <= GUESSABLE_SCORE_MAX:
        raise _refused(
            field, "password_too_common", "This password is easy to guess: try a few unrelated words."
        )


def judge_length(password: str, *, field: str, with_factor: bool) -> None:
    """Refuse a password that is too short. Raises Invalid."""
    least = PASSWORD_LENGTH_WITH_FACTOR_MIN if with_factor else PASSWORD_LENGTH_MIN
    if len(password) < least:
        raise _refused(field, "password_too_short", f"Use at least {least} characters.")


def _refused(field: str, code: str, message: str) -> Invalid:
    return Invalid(detail=message, errors=[FieldError(field, code, message)])


def token_invalid() -> Invalid:
    """The one answer for a mailed token that is unknown, used or expired."""
    return Invalid("token_invalid", "This link has been used or has expired. Ask for a new one.")
