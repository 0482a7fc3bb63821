"""The shape of facts: past tense, frozen, named by a subject; they leave only by the outbox."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

import msgspec

from mercato.kernel import clock
from mercato.kernel.ids import new_id


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every event. `subject` is `<service>.<fact>`; `key` is the aggregate whose order is kept."""

    subject: ClassVar[str]

    event_id: UUID = msgspec.field(default_factory=new_id)
    occurred_at: datetime = msgspec.field(default_factory=clock.now)

    @property
    def key(self) -> UUID:
        """The id of the aggregate: events with the same key arrive in the order they were written.

        Raises TypeError.
        """
        raise TypeError(f"{type(self).__name__} names no key")
