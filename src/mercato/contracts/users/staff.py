"""What staff does with accounts and rights."""

from typing import Protocol
from uuid import UUID

from mercato.contracts.shared import DEFAULT_LIMIT, Email, Limit, Page, ShortText
from mercato.contracts.users.records import Password, User
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent


class Staff(Protocol):
    """What staff does with accounts and rights."""

    @idempotent
    async def list_users(
        self,
        ctx: Context,
        *,
        query: str = "",
        staff: bool | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[User]:
        """Needs `read_customers` (or `read_staff` for staff=True). `query` finds e-mail and name."""

    @idempotent
    async def get_user(self, ctx: Context, *, user_id: UUID) -> User: ...

    async def create_user(
        self, ctx: Context, *, email: Email, name: ShortText, password: Password, roles: list[str]
    ) -> User:
        """Staff creates a confirmed account. Needs `write_staff`, and every right of `roles`."""

    async def set_roles(self, ctx: Context, *, user_id: UUID, roles: list[str], version: int) -> User: ...

    async def set_active(self, ctx: Context, *, user_id: UUID, is_active: bool, version: int) -> User: ...

    async def ensure_owner(self, ctx: Context, *, email: Email, password: Password | None) -> str | None:
        """Create the first owner when there is none. Returns the generated password, None otherwise."""
