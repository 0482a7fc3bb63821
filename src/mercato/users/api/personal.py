"""Routes under /me for what people decide about their own account: its address and consents."""

from typing import Annotated

import msgspec
from litestar import get, post, put
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED

from mercato.contracts.shared import Email
from mercato.contracts.users import Consents, EmailChange, Password, Purpose, Users
from mercato.kernel.context import Context
from mercato.kernel.web import PUBLIC, SIGNED_IN

Token = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class EmailChangeInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Email
    password: Password


class EmailChangeToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: Token


class ConsentInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    is_given: bool


class Asked(msgspec.Struct, frozen=True):
    """The answer that is the same whether the new address has an account or not."""

    status: str = "accepted"
    detail: str = "Mails are on their way to both addresses: the change waits for both links."


@post("/me/email", permission=SIGNED_IN, status_code=HTTP_202_ACCEPTED)
async def request_email_change(ctx: Context, users: Users, data: EmailChangeInput) -> Asked:
    """Ask for another address: links in mails to the old and the new one make the change."""
    await users.request_email_change(ctx, email=data.email, password=data.password)
    return Asked()


@post("/auth/email-change", permission=PUBLIC, status_code=HTTP_200_OK)
async def confirm_email_change(ctx: Context, users: Users, data: EmailChangeToken) -> EmailChange:
    """Confirm one end with the token of its mail; after the second one every session ends."""
    return await users.confirm_email_change(ctx, token=data.token)


@get("/me/consents", permission=SIGNED_IN)
async def consents(ctx: Context, users: Users) -> Consents:
    """What holds now, and every decision with its time and source."""
    return await users.consents(ctx)


@put("/me/consents/{purpose:str}", permission=SIGNED_IN)
async def set_consent(ctx: Context, users: Users, purpose: Purpose, data: ConsentInput) -> Consents:
    """Agree to something, or withdraw it."""
    return await users.set_consent(ctx, purpose=purpose, is_given=data.is_given, source="api")


routes = [request_email_change, confirm_email_change, consents, set_consent]
