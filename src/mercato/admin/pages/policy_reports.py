"""What browsers refused on the shop's pages: how often, since when, what and where."""

from typing import Any

from litestar import Request, Response, get, post

from mercato.admin import words
from mercato.admin.forms import done as done_at
from mercato.admin.shell import shell_of
from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import Orders
from mercato.kernel.context import Context
from mercato.kernel.policy_reports import PolicyReports
from mercato.ui.rendering import page, see_other

PATH = "/admin/system/policy-reports"


@get(PATH, permission="read_system")
async def show_policy_reports(
    ctx: Context,
    request: Request[Any, Any, Any],
    orders: Orders,
    catalog: Catalog,
    reports: PolicyReports,
    done: str = "",
) -> Response[str]:
    """Every kind of report, the one seen last first."""
    found = await reports.latest(ctx)
    return page(
        request,
        "admin/policy_reports.html",
        {
            "shell": await shell_of(ctx, orders, catalog, "/admin/system"),
            "locale": ctx.locale,
            "found": found,
            "may_act": ctx.principal.may("write_system"),
            "said": words.said(done),
        },
    )


@post(f"{PATH}/clear", permission="write_system")
async def clear_policy_reports(
    ctx: Context, request: Request[Any, Any, Any], reports: PolicyReports
) -> Response[str]:
    """Forget them all."""
    await reports.clear(ctx)
    return see_other(request, done_at(PATH, "reports_cleared"))


routes = [show_policy_reports, clear_policy_reports]
