"""What browsers refused on the shop's pages: how often, since when, what and where."""

from litestar import Response, get, post

from mercato.admin.desk import Desk
from mercato.admin.forms import done as done_at
from mercato.kernel.policy_reports import PolicyReports

PATH = "/admin/system/policy-reports"


@get(PATH, permission="read_system")
async def show_policy_reports(desk: Desk, reports: PolicyReports) -> Response[str]:
    """Every kind of report, the one seen last first."""
    found = await reports.latest(desk.ctx)
    return await desk.page(
        "admin/policy_reports.html",
        "/admin/system",
        {
            "found": found,
            "may_act": desk.ctx.principal.may("write_system"),
        },
    )


@post(f"{PATH}/clear", permission="write_system")
async def clear_policy_reports(desk: Desk, reports: PolicyReports) -> Response[str]:
    """Forget them all."""
    await reports.clear(desk.ctx)
    return desk.go(done_at(PATH, "reports_cleared"))


routes = [show_policy_reports, clear_policy_reports]
