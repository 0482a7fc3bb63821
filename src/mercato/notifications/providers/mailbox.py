"""The development mailbox: letters stay in the database, where a page shows them."""

from collections.abc import AsyncIterator, Sequence

from mercato.kernel import clock
from mercato.kernel.db import Database
from mercato.notifications import store
from mercato.notifications.letters import Letter
from mercato.notifications.providers import Outcome


class MailboxProvider:
    """Takes every letter at once. In production it takes none: nobody could read them."""

    name = "mailbox"
    takes_all_at_once = True

    def __init__(self, database: Database, *, is_production: bool) -> None:
        self._database = database
        self._is_production = is_production

    async def send(self, letters: Sequence[Letter]) -> AsyncIterator[Outcome]:
        if not self._is_production:
            await store.receive(self._database, letters=letters, now=clock.now())
        for letter in letters:
            yield Outcome(letter, "No mail server: set MERCATO_SMTP_URL." if self._is_production else None)
