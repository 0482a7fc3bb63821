"""REST routes of privacy: copies of data, the end of an account, retention."""

from uuid import UUID

import msgspec
from litestar import Response, delete, get, post
from litestar.status_codes import HTTP_202_ACCEPTED, HTTP_204_NO_CONTENT

from mercato.contracts.privacy import Erasure, Export, Password, Privacy, RetentionRun
from mercato.contracts.shared import DEFAULT_LIMIT, Email, Page
from mercato.kernel.context import Context
from mercato.kernel.web import SIGNED_IN, ListLimit

ZIP = "application/zip"
FILE_TIMEOUT_S = 60.0


class DeletionInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`password` is empty only for an account that has none and signed in within the last minutes."""

    password: Password = ""


class PersonInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A guest, or an account, by the address of their orders."""

    email: Email


class ErasureAccepted(msgspec.Struct, frozen=True):
    """The erasure has begun; it is complete when the list of erasures says so."""

    status: str = "accepted"


@post("/me/export", permission=SIGNED_IN, recent=True, status_code=HTTP_202_ACCEPTED)
async def request_export(ctx: Context, privacy: Privacy) -> Export:
    """Gather everything that the shop knows about you; a mail says when it can be fetched."""
    return await privacy.request_export(ctx)


@get("/me/exports", permission=SIGNED_IN)
async def list_exports(ctx: Context, privacy: Privacy) -> Page[Export]:
    """Your copies that have not expired, newest first."""
    found = await privacy.exports(ctx)
    return Page(found, None, len(found))


@get("/me/exports/{export_id:uuid}/file", permission=SIGNED_IN, media_type=ZIP, timeout_s=FILE_TIMEOUT_S)
async def get_export(ctx: Context, privacy: Privacy, export_id: UUID) -> Response[bytes]:
    """The copy as a ZIP file."""
    return await file_of(ctx, privacy, export_id)


@delete("/me", permission=SIGNED_IN, status_code=HTTP_204_NO_CONTENT)
async def delete_me(ctx: Context, privacy: Privacy, data: DeletionInput) -> None:
    """Erase the account and everything about you; orders stay in the books without you.

    409 `erasure_refused` while an order is open or money is owed: `reasons` says which.
    """
    await privacy.erase_me(ctx, password=data.password)


@post(
    "/admin/customers/{user_id:uuid}/export", permission="write_customers", recent=True,
    status_code=HTTP_202_ACCEPTED,
)  # fmt: skip
async def export_customer(ctx: Context, privacy: Privacy, user_id: UUID) -> Export:
    """Gather everything about a customer, guest orders included, for staff to hand over."""
    return await privacy.export_customer(ctx, user_id=user_id)


@post(
    "/admin/customers/{user_id:uuid}/erasure", permission="write_customers", recent=True,
    status_code=HTTP_202_ACCEPTED,
)  # fmt: skip
async def erase_customer(ctx: Context, privacy: Privacy, user_id: UUID) -> ErasureAccepted:
    """Forget a customer; 409 `erasure_refused` while an order is open or money is owed."""
    await privacy.erase_customer(ctx, user_id=user_id)
    return ErasureAccepted()


@post(
    "/admin/personal-data/exports", permission="write_customers", recent=True, status_code=HTTP_202_ACCEPTED
)
async def export_person(ctx: Context, privacy: Privacy, data: PersonInput) -> Export:
    """Gather everything about whoever has an address, guests included."""
    return await privacy.export_customer(ctx, email=data.email)


@get("/admin/personal-data/exports", permission="read_customers")
async def list_staff_exports(
    ctx: Context, privacy: Privacy, limit: ListLimit = DEFAULT_LIMIT
) -> Page[Export]:
    """Copies that staff asked for, newest first."""
    return await privacy.customer_exports(ctx, limit=limit)


@get(
    "/admin/personal-data/exports/{export_id:uuid}/file", permission="write_customers", recent=True,
    media_type=ZIP, timeout_s=FILE_TIMEOUT_S,
)  # fmt: skip
async def get_staff_export(ctx: Context, privacy: Privacy, export_id: UUID) -> Response[bytes]:
    """A copy that staff asked for."""
    return await file_of(ctx, privacy, export_id)


@post(
    "/admin/personal-data/erasures", permission="write_customers", recent=True, status_code=HTTP_202_ACCEPTED
)
async def erase_person(ctx: Context, privacy: Privacy, data: PersonInput) -> ErasureAccepted:
    """Forget whoever has an address, with or without an account."""
    await privacy.erase_customer(ctx, email=data.email)
    return ErasureAccepted()


@get("/admin/personal-data/erasures", permission="read_customers")
async def list_erasures(ctx: Context, privacy: Privacy, limit: ListLimit = DEFAULT_LIMIT) -> Page[Erasure]:
    """Whom the shop forgets, newest first, and what it waits for."""
    return await privacy.erasures(ctx, limit=limit)


@get("/admin/system/retention", permission="read_system")
async def last_retention(ctx: Context, privacy: Privacy) -> RetentionRun | None:
    """What the last nightly run took away; null before the first one."""
    return await privacy.last_retention(ctx)


@post("/admin/system/retention", permission="write_system", status_code=200, timeout_s=FILE_TIMEOUT_S)
async def run_retention(ctx: Context, privacy: Privacy) -> RetentionRun:
    """Take away everything whose time is over, now."""
    return await privacy.run_retention(ctx)


async def file_of(ctx: Context, privacy: Privacy, export_id: UUID) -> Response[bytes]:
    """The whole file, put together from its parts, for nobody's cache."""
    content = bytearray()
    while True:
        part = await privacy.read_export(ctx, export_id=export_id, offset=len(content))
        content += part.content
        if len(content) >= part.total or not part.content:
            break
    headers = {
        "Content-Disposition": f'attachment; filename="{part.name}"',
        "Cache-Control": "private, no-store",
    }
    return Response(bytes(content), media_type=ZIP, headers=headers)


routes = [
    request_export, list_exports, get_export, delete_me, export_customer, erase_customer, export_person,
    list_staff_exports, get_staff_export, erase_person, list_erasures, last_retention, run_retention,
]  # fmt: skip
