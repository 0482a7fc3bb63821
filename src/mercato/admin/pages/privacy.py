"""Copies and erasures that people asked for, and what the shop forgets in time."""

from uuid import UUID

from litestar import Response, get, post

from mercato.admin.desk import Desk
from mercato.admin.forms import FormData, text
from mercato.contracts.privacy import Privacy
from mercato.kernel.errors import Conflict, Invalid, MercatoError, NotFound
from mercato.settings import Settings

PATH = "/admin/privacy"
CUSTOMERS = "/admin/customers"
SHOWN = 20


@get(PATH, permission="read_customers")
async def show_privacy(desk: Desk, privacy: Privacy, settings: Settings) -> Response[str]:
    """Copies, erasures, and the last run of retention with its settings."""
    return await _page(desk, privacy, settings)


@post(PATH + "/export", permission="write_customers", recent=True)
async def export_person(desk: Desk, privacy: Privacy, settings: Settings, data: FormData) -> Response[str]:
    """A copy of everything about whoever has an address."""
    email = text(data, "email")[:254]
    try:
        await privacy.export_customer(desk.ctx, email=email or "-@-")
    except (Invalid, Conflict) as error:
        return await _page(desk, privacy, settings, typed=email, error=error)
    return desk.done(PATH, "copy_asked")


@post(PATH + "/erase", permission="write_customers", recent=True)
async def erase_person(desk: Desk, privacy: Privacy, settings: Settings, data: FormData) -> Response[str]:
    """Forget whoever has an address; the box says that it was meant."""
    email = text(data, "email")[:254]
    try:
        if "sure" not in data:
            raise Invalid(detail="Say that you are sure: an erasure cannot be taken back.")
        await privacy.erase_customer(desk.ctx, email=email or "-@-")
    except (Invalid, Conflict, NotFound) as error:
        return await _page(desk, privacy, settings, typed=email, error=error)
    return desk.done(PATH, "erasure_asked")


@post(CUSTOMERS + "/{user_id:uuid}/export", permission="write_customers", recent=True)
async def export_customer(desk: Desk, privacy: Privacy, user_id: UUID) -> Response[str]:
    """A copy of everything about a customer."""
    await privacy.export_customer(desk.ctx, user_id=user_id)
    return desk.done(PATH, "copy_asked")


@post(PATH + "/retention", permission="write_system", timeout_s=60.0)
async def run_retention(desk: Desk, privacy: Privacy) -> Response[str]:
    """Forget what is old enough, now."""
    await privacy.run_retention(desk.ctx)
    return desk.done(PATH, "retention_done")


async def _page(
    desk: Desk, privacy: Privacy, settings: Settings, *, typed: str = "", error: MercatoError | None = None
) -> Response[str]:
    sees_system = desk.ctx.principal.may("read_system")
    return await desk.page(
        "admin/privacy.html",
        PATH,
        {
            "error": error.detail if error is not None else "",
            "typed": typed or desk.request.query_params.get("email", "")[:254],
            "exports": (await privacy.customer_exports(desk.ctx, limit=SHOWN)).items,
            "erasures": (await privacy.erasures(desk.ctx, limit=SHOWN)).items,
            "run": await privacy.last_retention(desk.ctx) if sees_system else None,
            "sees_system": sees_system,
            "keep": _keep(settings),
            "may_write": desk.ctx.principal.may("write_customers"),
            "may_run": desk.ctx.principal.may("write_system"),
        },
        error=error,
    )


def _keep(settings: Settings) -> list[tuple[str, int]]:
    """What is kept for how many days, as the settings say; 0 is for ever."""
    return [
        ("Carts", settings.keep_carts_days),
        ("Sessions and used links", settings.keep_sign_ins_days),
        ("Devices", settings.keep_devices_days),
        ("Mails", settings.keep_mails_days),
        ("Copies of data", settings.keep_exports_days),
        ("Finished jobs", settings.keep_jobs_days),
        ("Who is named in the audit log", settings.keep_audit_days),
        ("Invoices of erased people", settings.keep_documents_days),
    ]


routes = [show_privacy, export_person, erase_person, export_customer, run_retention]
