"""What was read of available units a moment ago: good enough to show, never to promise.

A cart asks for the stock of the same lines with every call, within a second. Holds read and lock the levels
themselves. In this process what a write touches is forgotten at once; of a write elsewhere a shopper may see
the state of at most FRESH_S ago.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from mercato.contracts.stock import AvailableUnits
from mercato.kernel import clock

FRESH_S = 0.25
MOST = 20_000
"""Entries; beyond it everything is forgotten."""

Seen = tuple[float, AvailableUnits]
"""When it was read, and what."""


class Glance:
    """Available units by channel and variant, for FRESH_S after they were read."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[UUID, Seen]] = {}
        self.writes = 0
        """How often something was forgotten: what was read before that is not put in after it."""

    def of(self, channel: str, variant_ids: Sequence[UUID]) -> list[AvailableUnits] | None:
        """The units of all `variant_ids`; None when one of them was not read just now."""
        seen = self._seen.get(channel)
        if seen is None:
            return None
        oldest = clock.monotonic_s() - FRESH_S
        found = []
        for variant_id in variant_ids:
            one = seen.get(variant_id)
            if one is None or one[0] < oldest:
                return None
            found.append(one[1])
        return found

    def put(self, channel: str, units: Iterable[AvailableUnits], writes: int) -> None:
        """Remember what was read when `writes` was the number of writes."""
        if writes != self.writes:
            return
        if sum(map(len, self._seen.values())) > MOST:
            self._seen.clear()
        seen = self._seen.setdefault(channel, {})
        now = clock.monotonic_s()
        seen.update({one.variant_id: (now, one) for one in units})

    def forget(self, variant_ids: Iterable[UUID] | None = None) -> None:
        """Forget these variants; None: all of them."""
        self.writes += 1
        if variant_ids is None:
            self._seen.clear()
            return
        for variant_id in variant_ids:
            for seen in self._seen.values():
                seen.pop(variant_id, None)
