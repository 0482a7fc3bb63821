"""What browsers refused on the shop's pages, as staff sees it; the edge keeps it."""

from datetime import datetime
from typing import Protocol

import msgspec

from mercato.kernel.context import Context


class PolicyReport(msgspec.Struct, frozen=True):
    """What a page wanted and its policy forbids: a fault of ours, a browser's extension, an attack."""

    directive: str
    """The part of the policy that forbids it, for example `script-src-elem`."""
    blocked: str
    """What was refused: `inline`, `eval`, a scheme, the origin of another site, or a path of ours."""
    page: str
    """The template of the page's address, for example `/p/{slug}`; never a query."""
    count: int
    first_at: datetime
    last_at: datetime


class PolicyReports(Protocol):
    """The reports of the whole shop."""

    async def latest(self, ctx: Context) -> list[PolicyReport]:
        """Every kind that is kept, the one seen last first. Needs `read_system`."""

    async def clear(self, ctx: Context) -> None:
        """Forget them all; what still goes wrong is reported again. Needs `write_system`."""
