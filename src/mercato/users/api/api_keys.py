"""Admin routes of the keys with which programs call the API."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.status_codes import HTTP_200_OK

from mercato.contracts.shared import DEFAULT_LIMIT, Page, ShortText
from mercato.contracts.users import ApiKey, IssuedApiKey, Users
from mercato.kernel.context import Context
from mercato.kernel.web import ListCursor, ListLimit

PATH = "/admin/api-keys"
Permission = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
ChannelCode = Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern=r"^[\w-]+$")]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class NewKeyInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`expires_at` leaves it open when it is not given; `channel` limits the key to one channel."""

    name: Annotated[ShortText, msgspec.Meta(min_length=1)]
    permissions: Annotated[list[Permission], msgspec.Meta(min_length=1, max_length=60)]
    channel: ChannelCode | None = None
    expires_at: Moment | None = None


class RotationInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The old secret works for `grace_hours` more, so that programs can be changed over."""

    version: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    grace_hours: Annotated[int, msgspec.Meta(ge=0, le=168)] = 0


@get(PATH, permission="read_api_keys")
async def list_api_keys(
    ctx: Context, users: Users, limit: ListLimit = DEFAULT_LIMIT, cursor: ListCursor = None
) -> Page[ApiKey]:
    """Keys without their secrets, newest first."""
    return await users.api_keys(ctx, limit=limit, cursor=cursor)


@post(PATH, permission="write_api_keys", recent=True, replay=False)
async def create_api_key(ctx: Context, users: Users, data: NewKeyInput) -> IssuedApiKey:
    """Make a key; its secret is shown this once. Nobody gives a key rights they lack."""
    return await users.create_api_key(
        ctx, name=data.name, permissions=data.permissions, channel=data.channel, expires_at=data.expires_at
    )


@get(PATH + "/{key_id:uuid}", permission="read_api_keys")
async def get_api_key(ctx: Context, users: Users, key_id: UUID) -> ApiKey:
    return await users.api_key(ctx, key_id=key_id)


@post(
    PATH + "/{key_id:uuid}/rotation",
    permission="write_api_keys",
    recent=True,
    replay=False,
    status_code=HTTP_200_OK,
)
async def rotate_api_key(ctx: Context, users: Users, key_id: UUID, data: RotationInput) -> IssuedApiKey:
    """Another secret for the same key."""
    return await users.rotate_api_key(ctx, key_id=key_id, version=data.version, grace_hours=data.grace_hours)


@delete(PATH + "/{key_id:uuid}", permission="write_api_keys", status_code=HTTP_200_OK)
async def revoke_api_key(ctx: Context, users: Users, key_id: UUID) -> ApiKey:
    """End a key within a second."""
    return await users.revoke_api_key(ctx, key_id=key_id)


routes = [list_api_keys, create_api_key, get_api_key, rotate_api_key, revoke_api_key]
