"""What bodies of staff's routes have in common."""

from typing import TypeVar
from uuid import UUID

import msgspec

from mercato.contracts.shared import Page

T = TypeVar("T", bound=msgspec.Struct)


def as_stored(kind: type[T], data: T, value_id: UUID | None) -> T:
    """The body as the contract's own struct, under the id of the address and no other."""
    fields = {field: getattr(data, field) for field in kind.__struct_fields__}
    return kind(**{**fields, "id": value_id})


def whole_page(items: list[T]) -> Page[T]:
    """A list that fits one page."""
    return Page(items, None, len(items))
