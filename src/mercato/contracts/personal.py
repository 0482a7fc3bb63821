"""What every service that keeps something about people can do for one of them: tell it, erase it, forget it.

For Mercato itself only: the privacy service asks on behalf of whoever may.
"""

from typing import Protocol

from mercato.kernel.context import Context
from mercato.kernel.personal import Forgotten, OpenMatter, Records, RecordsPage, Subject
from mercato.kernel.rpc import idempotent

__all__ = ["Forgotten", "OpenMatter", "PersonalRecords", "Records", "RecordsPage", "Subject"]


class PersonalRecords(Protocol):
    """The records about people of one service."""

    @idempotent
    async def personal_data(
        self, ctx: Context, *, subject: Subject, cursor: str | None = None
    ) -> RecordsPage:
        """Everything that is kept about a person, without secrets, in pages."""

    @idempotent
    async def open_matters(self, ctx: Context, *, subject: Subject) -> list[OpenMatter]:
        """Why this person cannot be erased yet: orders under way, money that is owed."""

    @idempotent
    async def refuse_unsettled(self, ctx: Context, *, subject: Subject) -> None:
        """Raises Unavailable("events_on_their_way") while events about this person are on their way."""

    @idempotent
    async def erase_personal_data(self, ctx: Context, *, subject: Subject) -> int:
        """Replace or delete what names this person, in tables and events; how many rows were changed."""

    @idempotent
    async def forget_old(self, ctx: Context) -> list[Forgotten]:
        """Take away records whose time is over, in batches."""
