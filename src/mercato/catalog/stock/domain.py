"""Rules of stock without I/O: what shoppers are told, and how waiting holds share what is free."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import msgspec

from mercato.contracts.stock import LOW_STOCK, Availability, Demand, Hold, Shortage, Strategy

MAX_DEMANDS = 250
MAX_HOLD_MINUTES = 24 * 60
MAX_UNITS = 1_000_000_000
"""Of a variant at one location."""


class Route(msgspec.Struct, frozen=True):
    """How a channel sells: from which locations (None: from all), and which of them first."""

    strategy: Strategy = Strategy.LOCATION_ORDER
    location_ids: list[UUID] | None = None


ANY_ROUTE = Route()


class LockedLevel(msgspec.Struct, gc=False):
    """Units at one location while holds are decided: `raw` (there and not promised) goes down."""

    variant_id: UUID
    location_id: UUID
    position: int
    is_active: bool
    raw: int
    backorder: int
    low_at: int

    @property
    def free(self) -> int:
        """Units that are there and may be promised."""
        return max(self.raw, 0)

    @property
    def room(self) -> int:
        """Units that may be promised, those that are not there yet included."""
        return max(self.raw + self.backorder, 0)


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
    channel: str


def availability_of(free: int, room: int, low_at: int = LOW_STOCK) -> Availability:
    """What a shopper is told of `free` units that are there and `room` units that may be promised."""
    if room <= 0:
        return Availability.OUT
    if free <= 0:
        return Availability.BACKORDER
    return Availability.LOW if free <= low_at else Availability.IN_STOCK


class View(msgspec.Struct, frozen=True):
    """What shoppers see of a variant: in the whole shop, and in channels that sell from some locations."""

    room: int
    availability: Availability
    channels: dict[str, Availability] = {}


def views_of(levels: Iterable[LockedLevel], routes: Mapping[str, Route]) -> dict[UUID, View]:
    """Per variant what shoppers see of its levels, all of which must be given."""
    narrow = {channel: route.location_ids for channel, route in routes.items() if route.location_ids}
    by_variant: dict[UUID, list[LockedLevel]] = {}
    for level in levels:
        by_variant.setdefault(level.variant_id, []).append(level)
    return {
        variant_id: View(
            sum(level.room for level in mine if level.is_active),
            _availability([level for level in mine if level.is_active]),
            {
                channel: _availability([one for one in mine if one.is_active and one.location_id in ids])
                for channel, ids in narrow.items()
            },
        )
        for variant_id, mine in by_variant.items()
    }


def _availability(levels: Sequence[LockedLevel]) -> Availability:
    if not levels:
        return Availability.OUT
    free, room = sum(level.free for level in levels), sum(level.room for level in levels)
    return availability_of(free, room, levels[0].low_at)


def sum_demands(demands: Iterable[Demand]) -> tuple[Demand, ...]:
    """One demand per variant, in the order in which levels are locked. Raises ValueError below one unit."""
    sums: dict[UUID, int] = {}
    for demand in demands:
        if demand.quantity < 1:
            raise ValueError("a demand is at least one unit")
        sums[demand.variant_id] = sums.get(demand.variant_id, 0) + demand.quantity
    return tuple(Demand(variant_id, sums[variant_id]) for variant_id in sorted(sums))


def decide_holds(
    requests: Sequence[HoldRequest], levels: Iterable[LockedLevel], routes: Mapping[str, Route]
) -> tuple[list[Hold], list[Piece]]:
    """First come, first served: the answer to each request, and what the granted ones take.

    A demand is met by the locations of its channel in their order and may be split; what is not there yet is
    promised last. A request is met whole or not at all.
    """
    by_variant: dict[UUID, list[LockedLevel]] = {}
    for level in levels:
        if level.is_active:
            by_variant.setdefault(level.variant_id, []).append(level)
    holds: list[Hold] = []
    pieces: list[Piece] = []
    for request in requests:
        route = routes.get(request.channel, ANY_ROUTE)
        shortages, taken = [], []
        for demand in request.demands:
            mine = _in_order(by_variant.get(demand.variant_id, ()), route)
            available = sum(level.room for level in mine)
            if available < demand.quantity:
                shortages.append(Shortage(demand.variant_id, available))
            taken.append((demand, mine))
        holds.append(Hold(shortages))
        if not shortages:
            for demand, mine in taken:
                pieces += _take(request.owner, demand, mine)
    return holds, pieces


def _in_order(levels: Iterable[LockedLevel], route: Route) -> list[LockedLevel]:
    """The levels that the channel sells from, first to be taken first."""
    order = route.location_ids
    mine = [level for level in levels if order is None or level.location_id in order]

    def rank(level: LockedLevel) -> tuple[int, UUID]:
        if route.strategy is Strategy.MOST_STOCK:
            return -level.free, level.location_id
        return level.position if order is None else order.index(level.location_id), level.location_id

    return sorted(mine, key=rank)


def _take(owner: UUID, demand: Demand, levels: list[LockedLevel]) -> list[Piece]:
    taken: dict[UUID, int] = {}
    left = demand.quantity
    for is_last_resort in (False, True):
        for level in levels:
            quantity = min(level.room if is_last_resort else level.free, left)
            if quantity > 0:
                level.raw -= quantity
                left -= quantity
                taken[level.location_id] = taken.get(level.location_id, 0) + quantity
    return [Piece(owner, demand.variant_id, *piece) for piece in taken.items()]
