"""Which units go into a parcel of which location: a parcel leaves from one place."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from mercato.contracts.orders import ParcelStatus
from mercato.contracts.stock import Allocation
from mercato.orders.domain import LEFT_THE_HOUSE
from mercato.orders.records import LineRow, ParcelRow

Place = tuple[UUID, UUID]
"""A variant at a location."""


def by_location(
    wanted: Mapping[UUID, int],
    sold: Sequence[LineRow],
    parcels: Iterable[ParcelRow],
    promised: Sequence[Allocation],
) -> dict[UUID | None, dict[UUID, int]]:
    """Units per line (`wanted`) for each location that they leave from.

    All from one location if it has them, otherwise from the locations in their order. What no location has
    promised to this order, as for orders from before that was kept, leaves from wherever stock finds it.
    """
    return spread(wanted, {line.id: line.variant_id for line in sold}, parcels, promised)


def spread(
    wanted: Mapping[UUID, int],
    variant_of: Mapping[UUID, UUID],
    parcels: Iterable[ParcelRow],
    promised: Sequence[Allocation],
) -> dict[UUID | None, dict[UUID, int]]:
    """The same for lines of which only the variant is known."""
    left = _not_packed(variant_of, parcels, promised)
    locations = list(dict.fromkeys(one.location_id for one in promised))
    for location_id in locations:
        if _has_all(wanted, variant_of, left, location_id):
            return {location_id: dict(wanted)}
    found: dict[UUID | None, dict[UUID, int]] = {}
    for line_id, quantity in wanted.items():
        rest = quantity
        for location_id in locations:
            place = (variant_of[line_id], location_id)
            units = min(rest, left.get(place, 0))
            if units > 0:
                left[place] -= units
                rest -= units
                found.setdefault(location_id, {})[line_id] = units
        if rest:
            found.setdefault(None, {})[line_id] = rest
    return found


def _not_packed(
    variant_of: Mapping[UUID, UUID], parcels: Iterable[ParcelRow], promised: Iterable[Allocation]
) -> dict[Place, int]:
    """Units promised to the order that no parcel waits with."""
    left = {(one.variant_id, one.location_id): one.quantity for one in promised}
    for parcel in parcels:
        if parcel.status in LEFT_THE_HOUSE or parcel.status is ParcelStatus.CANCELED:
            continue
        for line in parcel.lines:
            if parcel.location_id is not None:
                place = (variant_of[line.line_id], parcel.location_id)
                left[place] = left.get(place, 0) - line.quantity
    return left


def _has_all(
    wanted: Mapping[UUID, int],
    variant_of: Mapping[UUID, UUID],
    left: Mapping[Place, int],
    location_id: UUID,
) -> bool:
    sums: dict[UUID, int] = {}
    for line_id, quantity in wanted.items():
        sums[variant_of[line_id]] = sums.get(variant_of[line_id], 0) + quantity
    return all(left.get((variant_id, location_id), 0) >= quantity for variant_id, quantity in sums.items())
