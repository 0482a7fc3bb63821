"""What guards the account of whoever works in the admin."""

from litestar import Response, get

from mercato.admin.desk import Desk
from mercato.contracts.users import Users
from mercato.kernel.web import STAFF

PATH = "/admin/account"


@get(PATH, permission=STAFF)
async def my_account(desk: Desk, users: Users, saved: str = "", problem: str = "") -> Response[str]:
    """Passkeys, authenticator app, recovery codes; the forms are the shop's own."""
    context = {
        "found": await users.factors(desk.ctx), "back": PATH, "said": "Saved." if saved else "",
        "problem": problem[:300], "email": desk.ctx.principal.email,
        "identities": await users.identities(desk.ctx), "providers": await users.providers(desk.ctx),
    }  # fmt: skip
    return await desk.page("admin/my_account.html", PATH, context)


routes = [my_account]
