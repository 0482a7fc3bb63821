"""Shapes that several contracts use: pages of lists, addresses, differences found by `verify`."""

from typing import Annotated, Generic, TypeVar

import msgspec

T = TypeVar("T")

DEFAULT_LIMIT = 24
MAX_LIMIT = 100

Limit = Annotated[int, msgspec.Meta(ge=1, le=MAX_LIMIT)]
MAX_QUANTITY = 10_000
"""Units of one line."""
Quantity = Annotated[int, msgspec.Meta(ge=1, le=MAX_QUANTITY)]
Email = Annotated[str, msgspec.Meta(min_length=3, max_length=254)]
ShortText = Annotated[str, msgspec.Meta(max_length=200)]
LongText = Annotated[str, msgspec.Meta(max_length=20_000)]
Code = Annotated[str, msgspec.Meta(max_length=120)]
"""What names a thing to programs: a channel, a tax class, an attribute, a path of categories."""
MinorUnits = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000_000)]
"""What a price may be, in the smallest unit of the currency."""
Whole = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Version = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
"""Counts the changes of a thing: whoever changes it names the one they have seen."""


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list. `next_cursor` is None on the last page; `total` counts all pages."""

    items: list[T]
    next_cursor: str | None = None
    total: int | None = None


class Address(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A postal address as typed; per-country rules are checked by the service that takes it."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    street1: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    postal_code: Annotated[str, msgspec.Meta(max_length=20)]
    city: Annotated[str, msgspec.Meta(max_length=80)]
    """Empty where addresses have none, as in Singapore."""
    country: Annotated[str, msgspec.Meta(min_length=2, max_length=2)]
    company: Annotated[str, msgspec.Meta(max_length=120)] | None = None
    street2: Annotated[str, msgspec.Meta(max_length=120)] | None = None
    region: Annotated[str, msgspec.Meta(max_length=80)] | None = None
    phone: Annotated[str, msgspec.Meta(max_length=40)] | None = None


class Difference(msgspec.Struct, frozen=True):
    """Two books that should agree and do not: which thing, what was expected, what was found."""

    check: str
    subject: str
    expected: str
    found: str


class Verification(msgspec.Struct, frozen=True):
    """How many things a service compared, and every difference it found."""

    checked: int
    differences: list[Difference]
