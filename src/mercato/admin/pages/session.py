"""Staff signs in. The same account as in the shop; what it may open follows from its roles."""

from typing import Any

from litestar import Request, Response, get, post

from mercato.admin.forms import FormData, text
from mercato.admin.shell import landing_of, shop_name
from mercato.contracts.catalog import Catalog
from mercato.contracts.users import Users
from mercato.contracts.users.external import IdentityProvider
from mercato.kernel.context import Context
from mercato.kernel.errors import MercatoError, Throttled
from mercato.kernel.web import PUBLIC, SESSION_COOKIE, cookie, local_path
from mercato.ui.rendering import page, see_other
from mercato.ui.second_step import second_step

AnyRequest = Request[Any, Any, Any]


@get("/admin/sign-in", permission=PUBLIC)
async def show_sign_in(
    ctx: Context, request: AnyRequest, users: Users, catalog: Catalog, next: str = ""
) -> Response[str]:
    """The sign-in form; whoever is signed in already goes on."""
    if ctx.principal.is_staff:
        return see_other(request, local_path(next, landing_of(ctx.principal)))
    if ctx.principal.needs_mfa:
        return see_other(request, "/account/mfa?next=%2Fadmin")
    name = await shop_name(ctx, catalog)
    return page(
        request,
        "admin/sign_in.html",
        _form(
            providers=await _providers(ctx, users),
            name=name,
            next=next,
            refused_principal=ctx.principal.is_signed_in,
        ),
    )


@post("/admin/sign-in", permission=PUBLIC, replay=False)
async def sign_in(
    ctx: Context, request: AnyRequest, users: Users, catalog: Catalog, data: FormData
) -> Response[str]:
    """Check the credentials and begin a browser session."""
    email, target, name = text(data, "email"), text(data, "next"), await shop_name(ctx, catalog)
    try:
        signed_in = await users.sign_in(
            ctx, email=email, password=str(data.get("password", ""))[:256], browser=True
        )
    except MercatoError as error:
        status = 429 if isinstance(error, Throttled) else 401
        form = _form(
            providers=await _providers(ctx, users), name=name, next=target, email=email, error=error.detail
        )
        return page(request, "admin/sign_in.html", form, status=status)
    if signed_in.challenge is not None:
        asked = second_step(signed_in.challenge, local_path(target, "/admin"))
        blank = {"shop": {"name": name}, "error": "", "robots": "noindex"}
        return page(request, "guard/second_step.html", blank | asked, headers={"Cache-Control": "no-store"})
    if not signed_in.user.permissions:
        await users.sign_out(ctx, token=signed_in.session_token)
        form = _form(
            providers=await _providers(ctx, users),
            name=name,
            next=target,
            email=email,
            refused_principal=True,
        )
        return page(request, "admin/sign_in.html", form, status=403)
    response = see_other(request, local_path(target, "/admin"))
    response.set_cookie(cookie(SESSION_COOKIE, signed_in.session_token or "", max_age_s=signed_in.expires_in))
    return response


async def _providers(ctx: Context, users: Users) -> list[IdentityProvider]:
    return [each for each in await users.providers(ctx) if each.for_staff]


def _form(
    *,
    providers: list[IdentityProvider],
    name: str,
    next: str,
    email: str = "",
    error: str = "",
    refused_principal: bool = False,
) -> dict[str, object]:
    return {
        "providers": providers,
        "name": name,
        "next": next,
        "email": email,
        "error": error,
        "refused_principal": refused_principal,
    }


routes = [show_sign_in, sign_in]
