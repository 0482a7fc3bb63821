"""What was read of available units a moment ago: good enough to show, never to promise.

A cart asks for the stock of the same lines with every call, within a second. Holds read and lock the levels
themselves. In this process what a write touches is forgotten at once; of a write elsewhere a shopper may see
the state of at most FRESH_S ago.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from mercato.contracts.stock import Availability
from mercato.kernel import clock

FRESH_S = 0.25
MOST = 20_000
"""Entries; beyond it everything is forgotten."""

Units = tuple[int, Availability]


class Glance:
    """Available units by channel and variant, for FRESH_S after they were read."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, UUID], tuple[float, Units]] = {}
        self._channels: set[str] = set()
        self.writes = 0
        """How often something was forgotten: what was read before that is not put in after it."""

    def of(self, channel: str, variant_ids: Sequence[UUID]) -> dict[UUID, Units] | None:
        """The units of all `variant_ids`; None when one of them was not read just now."""
        oldest = clock.monotonic_s() - FRESH_S
        found = {}
        for variant_id in variant_ids:
            seen = self._seen.get((channel, variant_id))
            if seen is None or seen[0] < oldest:
                return None
            found[variant_id] = seen[1]
        return found

    def put(self, channel: str, units: Mapping[UUID, Units], writes: int) -> None:
        """Remember what was read when `writes` was the number of writes."""
        if writes != self.writes:
            return
        if len(self._seen) > MOST:
            self._seen.clear()
        self._channels.add(channel)
        now = clock.monotonic_s()
        for variant_id, found in units.items():
            self._seen[channel, variant_id] = (now, found)

    def forget(self, variant_ids: Iterable[UUID] | None = None) -> None:
        """Forget these variants; None: all of them."""
        self.writes += 1
        if variant_ids is None:
            self._seen.clear()
            return
        for variant_id in variant_ids:
            for channel in self._channels:
                self._seen.pop((channel, variant_id), None)
