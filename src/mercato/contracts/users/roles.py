"""Roles: which rights go together, who has them, and what a person may do in the end."""

from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.shared import ShortText, Version
from mercato.contracts.users.records import Role
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent

RoleCode = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{1,39}$", max_length=40)]
Permission = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
Permissions = Annotated[list[Permission], msgspec.Meta(max_length=60)]
Channels = Annotated[
    list[Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]],
    msgspec.Meta(min_length=1, max_length=50),
]


class RoleDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a role says."""

    name: Annotated[ShortText, msgspec.Meta(min_length=1)]
    description: Annotated[str, msgspec.Meta(max_length=500)] = ""
    permissions: Permissions = []
    channels: Channels | None = None
    """The channels in which the role holds; None is everywhere."""
    requires_mfa: bool = False
    """Whoever holds it has its rights only in a session with a second factor."""


class Grant(msgspec.Struct, frozen=True):
    """One right that a person has in the end, and why."""

    permission: str
    roles: list[str]
    """The codes of the roles that give it."""
    channels: list[str] | None
    """The channels in which it holds; None is everywhere."""


class Roles(Protocol):
    """Roles. Nobody makes, changes, gives or takes a role with a right that they lack themselves."""

    @idempotent
    async def roles(self, ctx: Context) -> list[Role]:
        """Seeded roles first. Needs `read_staff`."""

    @idempotent
    async def role(self, ctx: Context, *, code: RoleCode) -> Role:
        """Needs `read_staff`. Raises NotFound."""

    async def create_role(self, ctx: Context, *, code: RoleCode, draft: RoleDraft) -> Role:
        """Needs `write_staff` and every right of the role. Raises Conflict("role_exists"), Invalid."""

    async def update_role(self, ctx: Context, *, code: RoleCode, draft: RoleDraft, version: Version) -> Role:
        """Needs `write_staff` and every right of the role before and after. It holds from the next request.

        Of the owner's role only `requires_mfa` can change. Raises Conflict("version_conflict", "role_fixed").
        """

    async def delete_role(self, ctx: Context, *, code: RoleCode, version: Version) -> None:
        """Raises Conflict("role_in_use", "role_seeded", "version_conflict")."""

    @idempotent
    async def grants(self, ctx: Context, *, user_id: UUID) -> list[Grant]:
        """What a person may do in the end. Needs `read_staff`, or to be that person."""
