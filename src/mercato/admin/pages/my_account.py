"""What guards the account of whoever works in the admin."""

from typing import Any

from litestar import Request, Response, get

from mercato.admin.shell import shell_of
from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import Orders
from mercato.contracts.users import Users
from mercato.kernel.context import Context
from mercato.kernel.web import STAFF
from mercato.ui.rendering import page

PATH = "/admin/account"


@get(PATH, permission=STAFF)
async def my_account(
    ctx: Context,
    request: Request[Any, Any, Any],
    users: Users,
    orders: Orders,
    catalog: Catalog,
    saved: str = "",
    problem: str = "",
) -> Response[str]:
    """Passkeys, authenticator app, recovery codes; the forms are the shop's own."""
    context = {
        "shell": await shell_of(ctx, orders, catalog, PATH), "found": await users.factors(ctx),
        "back": PATH, "said": "Saved." if saved else "", "problem": problem[:300], "locale": ctx.locale,
        "email": ctx.principal.email, "identities": await users.identities(ctx),
        "providers": await users.providers(ctx),
    }  # fmt: skip
    return page(request, "admin/my_account.html", context)


routes = [my_account]
