"""Admin routes for what staff does for people, and the one that accepts an invitation."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED

from mercato.contracts.shared import DEFAULT_LIMIT, Email, Page, ShortText
from mercato.contracts.users import Impersonation, Invitation, Password, User, Users
from mercato.kernel.context import Context
from mercato.kernel.web import PUBLIC, ListCursor, ListLimit

INVITATIONS = "/admin/invitations"
RoleCode = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]


class ImpersonationInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class AccountMergeInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`drop_id` is the account that goes into the one of the address."""

    drop_id: UUID


class InvitationInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Email
    name: Annotated[ShortText, msgspec.Meta(min_length=1)]
    roles: Annotated[list[RoleCode], msgspec.Meta(min_length=1, max_length=20)]


class AcceptInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    password: Password


@post(
    "/admin/customers/{user_id:uuid}/impersonation",
    permission="write_customers",
    replay=False,
    status_code=HTTP_201_CREATED,
)
async def impersonate(ctx: Context, users: Users, user_id: UUID, data: ImpersonationInput) -> Impersonation:
    """A session as this customer for 30 minutes, with a shopper's rights. The audit keeps who and why."""
    return await users.impersonate(ctx, user_id=user_id, reason=data.reason)


@post("/admin/customers/{user_id:uuid}/merge", permission="write_customers", status_code=HTTP_200_OK)
async def merge(ctx: Context, users: Users, user_id: UUID, data: AccountMergeInput) -> User:
    """Make one account of two: addresses and orders of `drop_id` come here, the rest of it is erased."""
    return await users.merge_users(ctx, keep_id=user_id, drop_id=data.drop_id)


@get(INVITATIONS, permission="read_staff")
async def list_invitations(
    ctx: Context, users: Users, limit: ListLimit = DEFAULT_LIMIT, cursor: ListCursor = None
) -> Page[Invitation]:
    """Who was invited to the staff, newest first."""
    return await users.invitations(ctx, limit=limit, cursor=cursor)


@post(INVITATIONS, permission="write_staff")
async def invite(ctx: Context, users: Users, data: InvitationInput) -> Invitation:
    """Mail a link that joins the staff. Nobody gives a role whose rights they lack."""
    return await users.invite_staff(ctx, email=data.email, name=data.name, roles=data.roles)


@delete(INVITATIONS + "/{invitation_id:uuid}", permission="write_staff", status_code=HTTP_200_OK)
async def revoke_invitation(ctx: Context, users: Users, invitation_id: UUID) -> Invitation:
    """Make the link useless."""
    return await users.revoke_invitation(ctx, invitation_id=invitation_id)


@post("/auth/invitation", permission=PUBLIC, status_code=HTTP_200_OK)
async def accept(ctx: Context, users: Users, data: AcceptInput) -> User:
    """Join the staff with the token of the mail and a password."""
    return await users.accept_invitation(ctx, token=data.token, password=data.password)


routes = [impersonate, merge, list_invitations, invite, revoke_invitation, accept]
