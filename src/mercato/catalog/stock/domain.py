"""Rules of stock without I/O: what shoppers are told, and how waiting holds share what is free."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

from mercato.contracts.stock import LOW_STOCK, Availability, Demand, Hold, Shortage

MAX_DEMANDS = 250
MAX_HOLD_MINUTES = 24 * 60


class FreeLevel(msgspec.Struct, gc=False):
    """Units that may still be held at one location; `free` goes down while holds are decided."""

    variant_id: UUID
    location_id: UUID
    position: int
    free: int


class Piece(msgspec.Struct, frozen=True, gc=False):
    """A part of a hold: so many units for `owner` from one location."""

    owner: UUID
    variant_id: UUID
    location_id: UUID
    quantity: int


class HoldRequest(msgspec.Struct, frozen=True, gc=False):
    """What one owner wants to hold until when, demands summed per variant and in order of variant."""

    owner: UUID
    demands: tuple[Demand, ...]
    minutes: int
    actor: str


def availability_of(available: int) -> Availability:
    """What a shopper is told about so many available units."""
    if available <= 0:
        return Availability.OUT
    return Availability.LOW if available <= LOW_STOCK else Availability.IN_STOCK


def sum_demands(demands: Iterable[Demand]) -> tuple[Demand, ...]:
    """One demand per variant, in the order in which levels are locked. Raises ValueError below one unit."""
    sums: dict[UUID, int] = {}
    for demand in demands:
        if demand.quantity < 1:
            raise ValueError("a demand is at least one unit")
        sums[demand.variant_id] = sums.get(demand.variant_id, 0) + demand.quantity
    return tuple(Demand(variant_id, sums[variant_id]) for variant_id in sorted(sums))


def decide_holds(
    requests: Sequence[HoldRequest], levels: Iterable[FreeLevel]
) -> tuple[list[Hold], list[Piece]]:
    """First come, first served: the answer to each request, and what the granted ones take.

    A demand is met by the locations in order of position and may be split; a request is met whole or not
    at all.
    """
    by_variant: dict[UUID, list[FreeLevel]] = {}
    for level in sorted(levels, key=lambda level: (level.position, level.location_id)):
        by_variant.setdefault(level.variant_id, []).append(level)
    holds: list[Hold] = []
    pieces: list[Piece] = []
    for request in requests:
        shortages = []
        for demand in request.demands:
            available = sum(level.free for level in by_variant.get(demand.variant_id, ()))
            if available < demand.quantity:
                shortages.append(Shortage(demand.variant_id, available))
        holds.append(Hold(shortages))
        if not shortages:
            for demand in request.demands:
                pieces += _take(request.owner, demand, by_variant[demand.variant_id])
    return holds, pieces


def _take(owner: UUID, demand: Demand, levels: list[FreeLevel]) -> list[Piece]:
    pieces, left = [], demand.quantity
    for level in levels:
        quantity = min(level.free, left)
        if quantity > 0:
            level.free -= quantity
            left -= quantity
            pieces.append(Piece(owner, demand.variant_id, level.location_id, quantity))
    return pieces
