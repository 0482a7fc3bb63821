"""The channels that orders are placed in, kept in the process: placing asks nobody how a channel captures."""

from mercato.contracts.catalog import Catalog, Channel
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Unavailable

MAX_AGE_S = 5.0
"""How long a change of a channel may take to be heard of."""


class Channels:
    """Channels by code, asked for anew when old. While the catalog is away, the old ones hold."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._kept: dict[str, tuple[float, Channel]] = {}

    async def of(self, code: str) -> Channel:
        """Raises NotFound, and Unavailable when it was never heard of."""
        kept = self._kept.get(code)
        if kept is not None and clock.monotonic_s() - kept[0] < MAX_AGE_S:
            return kept[1]
        asked_at_s = clock.monotonic_s()
        try:
            channel = await self._catalog.channel(SYSTEM_CONTEXT, code=code)
        except Unavailable:
            if kept is None:
                raise
            return kept[1]
        self._kept[code] = (asked_at_s, channel)
        return channel
