"""What the verbs of privacy work with."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from mercato.contracts.orders import Orders
from mercato.contracts.personal import OpenMatter, PersonalRecords, Subject
from mercato.contracts.users import User, Users
from mercato.kernel.background.jobs import Jobs
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.db import Database
from mercato.kernel.messaging.outbox import Outbox

FIND_LIMIT = 100


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """Built once per process. `holders` are the services that keep something about people, in the order in
    which they are asked and erase."""

    db: Database
    outbox: Outbox
    jobs: Jobs
    users: Users
    orders: Orders
    holders: Mapping[str, PersonalRecords]

    async def account_of(self, email: str) -> User | None:
        """The account with exactly this address."""
        found = await self.users.list_users(SYSTEM_CONTEXT, query=email, limit=FIND_LIMIT)
        return next((user for user in found.items if user.email.lower() == email.lower()), None)

    async def subject_of(self, user_id: UUID) -> Subject:
        """The person of an account, with every address by which the shop knows them."""
        emails = await self.users.emails_of(SYSTEM_CONTEXT, user_id=user_id)
        return Subject(user_id=user_id, emails=emails)

    async def known(self, subject: Subject) -> Subject:
        """The subject with their orders, carts and parcels."""
        return await self.orders.known_as(SYSTEM_CONTEXT, subject=subject)

    async def open_matters(self, subject: Subject) -> list[OpenMatter]:
        """What stands in the way of forgetting, in all services."""
        found: list[OpenMatter] = []
        for holder in self.holders.values():
            found += await holder.open_matters(SYSTEM_CONTEXT, subject=subject)
        return found
