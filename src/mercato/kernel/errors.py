"""The few errors of Mercato, each with a stable code; the web edge maps the class to a status once.

A decline of a payment is no error: it is a result. Raising rolls the open transaction back.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec


class FieldError(msgspec.Struct, frozen=True):
    """One wrong field of a request: its dotted path, a stable code, a sentence for people."""

    field: str
    code: str
    message: str


class MercatoError(Exception):
    """Base of every expected failure; never raised itself.

    `code` is stable and machine readable, `detail` a sentence that says what to do, `errors` the wrong
    fields, `data` what a client needs to go on (JSON values only: it crosses process boundaries).
    """

    default_code = "error"

    def __init__(
        self,
        code: str | None = None,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        data: Mapping[str, Any] | None = None,
    ) -> None:
        self.code = code or self.default_code
        self.detail = detail
        self.errors = tuple(errors)
        self.data = dict(data or {})
        super().__init__(f"{self.code}: {detail}" if detail else self.code)


class Invalid(MercatoError):
    """The request can be read but its values are refused (422)."""

    default_code = "invalid"


class Unauthenticated(MercatoError):
    """Nobody is signed in, or the credential is not valid (401)."""

    default_code = "unauthenticated"


class Denied(MercatoError):
    """The principal is known and may not do this (403)."""

    default_code = "denied"


class NotFound(MercatoError):
    """It does not exist, or it is not yours (404)."""

    default_code = "not_found"


class Gone(MercatoError):
    """It existed and was removed (410)."""

    default_code = "gone"


class Conflict(MercatoError):
    """The state of the thing does not allow this now (409)."""

    default_code = "conflict"


class Throttled(MercatoError):
    """Too many tries; `data["retry_after_s"]` says when to come back (429)."""

    default_code = "throttled"


class Unavailable(MercatoError):
    """A part that is needed does not answer; the same request may work later (503)."""

    default_code = "unavailable"


ERROR_CLASSES: dict[str, type[MercatoError]] = {
    cls.__name__: cls
    for cls in (Invalid, Unauthenticated, Denied, NotFound, Gone, Conflict, Throttled, Unavailable)
}
