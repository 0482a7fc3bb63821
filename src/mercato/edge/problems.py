"""What goes wrong, as an answer: kernel errors and Litestar's own to problem+json, once for all routes."""

import re
from http import HTTPStatus

import msgspec
from litestar.exceptions import HTTPException, ValidationException

from mercato.kernel.errors import (
    Conflict,
    Denied,
    FieldError,
    Gone,
    Invalid,
    MercatoError,
    NotFound,
    Throttled,
    Unauthenticated,
    Unavailable,
)

PROBLEM_TYPE = "urn:mercato:problem:"
MEDIA_TYPE = b"application/problem+json"
RETRY_AFTER_S = 5


class Malformed(MercatoError):
    """The request cannot be read at all (400)."""

    default_code = "malformed"


class NotAllowed(MercatoError):
    """The address exists and does not take this method (405); `data["allow"]` lists those it takes."""

    default_code = "method_not_allowed"


class TooLarge(MercatoError):
    """The body is larger than this route takes (413)."""

    default_code = "body_too_large"


class UnsupportedMedia(MercatoError):
    """The body is of a media type that this route does not read (415)."""

    default_code = "unsupported_media_type"


class HeadersTooLarge(MercatoError):
    """More or longer headers than any client of ours sends (431)."""

    default_code = "headers_too_large"


STATUS: dict[type[MercatoError], int] = {
    Malformed: 400,
    Unauthenticated: 401,
    Denied: 403,
    NotFound: 404,
    NotAllowed: 405,
    Conflict: 409,
    Gone: 410,
    TooLarge: 413,
    UnsupportedMedia: 415,
    Invalid: 422,
    Throttled: 429,
    HeadersTooLarge: 431,
    Unavailable: 503,
}
STATUS_OF_CODE = {"precondition_required": 428, "declined": 402}
"""Codes whose status is finer than that of their class."""

_BY_STATUS: dict[int, type[MercatoError]] = {
    400: Malformed, 401: Unauthenticated, 403: Denied, 404: NotFound, 405: NotAllowed, 413: TooLarge,
    415: UnsupportedMedia, 422: Invalid, 429: Throttled, 503: Unavailable,
}  # fmt: skip
_AT = re.compile(r" - at `\$?(.*?)`$")
_FIELD = re.compile(r"(?:unknown|required) field `(.*)`")


class ProblemDetails(msgspec.Struct, frozen=True, omit_defaults=False):
    """The body of every answer that is an error (RFC 9457). `code` is stable; `detail` is for people.

    What a client needs to go on stands beside these members: `version`, `totals`, `decline_code` and so on.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: list[FieldError] = []


def known(error: BaseException) -> MercatoError | None:
    """The error as one of ours; None for one that nobody expected."""
    if isinstance(error, MercatoError):
        return error
    if isinstance(error, ValidationException):
        return Invalid("invalid", "Some values are refused.", errors=_litestar_errors(error))
    if isinstance(error, HTTPException):
        cls = _BY_STATUS.get(error.status_code)
        if cls is None:
            return None
        detail = "" if cls is NotFound else str(error.detail)
        data = {"allow": error.headers["allow"]} if error.headers and "allow" in error.headers else None
        return cls(None, detail, data=data)
    if isinstance(error, TimeoutError):
        return Unavailable("deadline_exceeded", "This took too long; try again.")
    return None


def status_of(error: MercatoError | None) -> int:
    """The HTTP status of an error; 500 for one that nobody expected."""
    if error is None:
        return 500
    if error.code in STATUS_OF_CODE:
        return STATUS_OF_CODE[error.code]
    return next((STATUS[cls] for cls in type(error).__mro__ if cls in STATUS), 500)


def problem_of(error: MercatoError | None, request_id: str) -> ProblemDetails:
    """The body that a client gets; of an unexpected error it tells the request id and nothing else."""
    status = status_of(error)
    code = error.code if error is not None else "internal_error"
    detail = error.detail if error is not None else "Something broke on our side. Tell us the request id."
    return ProblemDetails(
        type=PROBLEM_TYPE + code,
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail,
        request_id=request_id,
        errors=list(error.errors) if error is not None else [],
    )


def encode(problem: ProblemDetails, error: MercatoError | None) -> bytes:
    """The JSON of a problem, with the data of its error as further members."""
    data = error.data if error is not None else {}
    return msgspec.json.encode({**data, **msgspec.to_builtins(problem)})


def extra_headers(error: MercatoError | None) -> list[tuple[bytes, bytes]]:
    """Headers that belong to the status: Retry-After, Allow, WWW-Authenticate."""
    status = status_of(error)
    headers = []
    if error is not None and (status in (429, 503) or "retry_after_s" in error.data):
        headers.append((b"retry-after", str(int(error.data.get("retry_after_s", RETRY_AFTER_S))).encode()))
    if error is not None and status == 405:
        headers.append((b"allow", str(error.data.get("allow", "")).encode()))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    return headers


def invalid_of(error: Exception, field: str = "") -> FieldError:
    """A msgspec message as one field error; `field` is the parameter it stands in, "" for the body."""
    return field_error(str(error), field)


def field_error(message: str, field: str = "") -> FieldError:
    """Read "Expected `int` >= 1 - at `$.lines[0].quantity`" into field, code and a sentence."""
    at = _AT.search(message)
    path = at.group(1).lstrip(".") if at else ""
    text = _AT.sub("", message)
    named = _FIELD.search(text)
    parts = [part for part in (field, path, named.group(1) if named else "") if part]
    name = re.sub(r"\[(\d+)\]", r".\1", ".".join(parts)).replace("[...]", ".*").replace("key in ", "")
    return FieldError(name, _code_of(text), _sentence(text))


def _code_of(text: str) -> str:
    if "unknown field" in text:
        return "unknown_field"
    if "missing required field" in text:
        return "required"
    if "of length <=" in text:
        return "too_long"
    if "of length >=" in text:
        return "too_short"
    if re.search(r"(<=|<) ", text):
        return "too_large"
    if re.search(r"(>=|>) ", text):
        return "too_small"
    if "Invalid enum value" in text:
        return "unknown_value"
    if "matching regex" in text:
        return "wrong_format"
    return "wrong_type" if text.startswith("Expected") else "wrong_format"


def _sentence(text: str) -> str:
    if "unknown field" in text:
        return "There is no such field."
    if "missing required field" in text:
        return "This is required."
    plain = text.replace("`", "").replace("Expected str of length", "Expected text of length")
    return plain if plain.endswith(".") else f"{plain}."


def _litestar_errors(error: ValidationException) -> list[FieldError]:
    found = []
    extra = error.extra if isinstance(error.extra, list) else []
    for each in extra:
        key = str(each.get("key", ""))
        found.append(field_error(str(each.get("message", "")), "" if key == "data" else key))
    return found
