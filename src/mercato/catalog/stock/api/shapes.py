"""Values that several routes take, with their limits."""

from typing import Annotated
from uuid import UUID

import msgspec

from mercato.contracts.stock import Demand

Text = Annotated[str, msgspec.Meta(max_length=200)]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Units = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
SomeUnits = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]


class Moved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    variant_id: UUID
    quantity: SomeUnits


class Counted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    variant_id: UUID
    quantity: Units


MovedLines = Annotated[list[Moved], msgspec.Meta(min_length=1, max_length=250)]
CountedLines = Annotated[list[Counted], msgspec.Meta(min_length=1, max_length=250)]


def demands(lines: list[Moved] | list[Counted]) -> list[Demand]:
    return [Demand(line.variant_id, line.quantity) for line in lines]
