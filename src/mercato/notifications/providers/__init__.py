"""Ways out for letters: SMTP, or the development mailbox. Both speak one small Protocol."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from mercato.notifications.letters import Letter


class Outcome(msgspec.Struct, frozen=True):
    """How one letter went; no error means it was taken. `is_final` says that trying again is no use."""

    letter: Letter
    error: str | None = None
    is_final: bool = False


class Provider(Protocol):
    """Sends letters and tells how each one went, one by one; it never raises for what a server says."""

    name: str
    takes_all_at_once: bool
    """Whether letters given together are taken together: then they are also noted as sent together."""

    def send(self, letters: Sequence[Letter]) -> AsyncIterator[Outcome]: ...
