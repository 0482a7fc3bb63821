"""Cursors of lists: the sort key of the last item shown, opaque to clients."""

import base64
import binascii
from typing import Any, TypeVar

import msgspec

from mercato.kernel.errors import FieldError, Invalid

T = TypeVar("T")


def encode_cursor(position: tuple[Any, ...]) -> str:
    """The cursor for the page that begins just behind `position` (the sort key of an item)."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def decode_cursor(cursor: str, shape: type[T]) -> T:
    """The position in `cursor`, checked against `shape`, for example `tuple[datetime, UUID]`.

    Raises Invalid for a cursor that this list did not give out.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=shape)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        error = FieldError("cursor", "invalid", "Take the cursor from `next_cursor` of the page before.")
        raise Invalid(detail="The cursor does not belong to this list.", errors=[error]) from None
