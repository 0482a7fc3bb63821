"""A customer's own pages: overview, orders, addresses, profile, devices."""

import asyncio
from typing import Any
from uuid import UUID

from litestar import Response, get, post

from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import Orders
from mercato.contracts.users import Users
from mercato.kernel.errors import Invalid, NotFound
from mercato.kernel.web import SIGNED_IN
from mercato.storefront.forms import (
    ADDRESS_FIELDS,
    Errors,
    Form,
    address_of,
    countries_of,
    errors_of,
    home_country,
    one_error,
    rules_of,
    text_of,
)
from mercato.storefront.frame import language_of
from mercato.storefront.visit import Visit

RECENT = 3
ORDERS_PER_PAGE = 20
TABS = (("Overview", "/account"), ("Orders", "/account/orders"), ("Addresses", "/account/addresses"),
        ("Profile", "/account/profile"), ("Security", "/account/security"), ("Credit", "/account/credit"),
        ("Privacy", "/account/privacy"))  # fmt: skip
PRIVATE = {"Cache-Control": "no-store"}


class AccountVisit(Visit):
    """A visit of somebody to the pages of their own account."""

    async def base(self, title: str, path: str) -> dict[str, Any]:
        """The frame with the account's tabs."""
        tabs = [(label, url, url == path) for label, url in TABS]
        found = await self.frame()
        saved = "saved" in self.request.query_params
        return {**found, "title": title, "tabs": tabs, "robots": "noindex", "is_saved": saved}


@get("/account", permission=SIGNED_IN, include_in_schema=False)
async def overview(visit: AccountVisit, orders: Orders, users: Users) -> Response[str]:
    """Who one is, the latest orders, ways on."""
    base, me, recent = await asyncio.gather(
        visit.base("Your account", "/account"), users.me(visit.ctx), orders.my_orders(visit.ctx, limit=RECENT)
    )
    context = {**base, "me": me, "orders": recent.items}
    return visit.page("account/overview.html", context, headers=PRIVATE)


@get("/account/orders", permission=SIGNED_IN, include_in_schema=False)
async def order_list(visit: AccountVisit, orders: Orders) -> Response[str]:
    """All orders, newest first."""
    cursor = visit.request.query_params.get("cursor")
    base, found = await asyncio.gather(
        visit.base("Your orders", "/account/orders"),
        orders.my_orders(visit.ctx, limit=ORDERS_PER_PAGE, cursor=cursor),
    )
    context = {**base, "orders": found.items, "found": found, "is_first": cursor is None}
    return visit.page("account/orders.html", context, headers=PRIVATE)


@get("/account/addresses", permission=SIGNED_IN, include_in_schema=False)
async def address_list(visit: AccountVisit, catalog: Catalog, users: Users) -> Response[str]:
    """Saved addresses; `edit` opens the form of one, or of a new one."""
    return await _addresses(visit, catalog, users, visit.request.query_params.get("edit", ""))


@post("/account/addresses", permission=SIGNED_IN, include_in_schema=False, status_code=200)
async def save_address(visit: AccountVisit, catalog: Catalog, users: Users, data: Form) -> Response[str]:
    """Save a new address, or the one with `id`."""
    chosen, is_default = text_of(data, "id"), "is_default" in data
    if "refresh" in data:
        return await _addresses(visit, catalog, users, chosen or "new", typed=data)
    try:
        address = address_of(data)
        if chosen and chosen != "new":
            await users.update_address(
                visit.ctx, address_id=_uuid(chosen), address=address, is_default=is_default
            )
        else:
            await users.add_address(visit.ctx, address=address, is_default=is_default)
    except Invalid as refused:
        errors = errors_of(refused, prefix="address.")
        return await _addresses(visit, catalog, users, chosen or "new", typed=data, errors=errors)
    return visit.go("/account/addresses?saved=1")


@post(
    "/account/addresses/{address_id:uuid}/delete",
    permission=SIGNED_IN,
    include_in_schema=False,
    status_code=200,
)
async def delete_address(visit: Visit, users: Users, address_id: UUID) -> Response[str]:
    """Forget an address."""
    await users.delete_address(visit.ctx, address_id=address_id)
    return visit.go("/account/addresses")


@get("/account/profile", permission=SIGNED_IN, include_in_schema=False)
async def profile(visit: AccountVisit, users: Users) -> Response[str]:
    """Name, phone, password, signed-in devices."""
    return await _profile(visit, users)


@post("/account/profile", permission=SIGNED_IN, include_in_schema=False, status_code=200)
async def save_profile(visit: AccountVisit, users: Users, data: Form) -> Response[str]:
    """Save name and phone."""
    try:
        await users.update_me(visit.ctx, name=text_of(data, "name"), phone=text_of(data, "phone", 40))
    except Invalid as refused:
        return await _profile(visit, users, typed=data, errors=errors_of(refused))
    return visit.go("/account/profile?saved=1")


@post("/account/password", permission=SIGNED_IN, include_in_schema=False, status_code=200, replay=False)
async def change_password(visit: AccountVisit, users: Users, data: Form) -> Response[str]:
    """Change the password; the old one proves who asks."""
    current, new = data.get("current", "")[:256], data.get("new", "")[:256]
    try:
        if not current or not new:
            field, text = (
                ("current", "Enter your current password") if not current else ("new", "Enter a new password")
            )
            raise Invalid(errors=one_error(field, text).all)
        await users.change_password(visit.ctx, current=current, new=new)
    except Invalid as refused:
        return await _profile(visit, users, password_errors=errors_of(refused))
    return visit.go("/account/profile?saved=1")


@post(
    "/account/sessions/{session_id:uuid}/revoke",
    permission=SIGNED_IN,
    include_in_schema=False,
    status_code=200,
)
async def revoke(visit: Visit, users: Users, session_id: UUID) -> Response[str]:
    """Sign another device out."""
    await users.revoke_session(visit.ctx, session_id=session_id)
    return visit.go("/account/profile?saved=1")


async def _addresses(
    visit: AccountVisit,
    catalog: Catalog,
    users: Users,
    edit: str,
    *,
    typed: dict[str, str] | None = None,
    errors: Errors | None = None,
) -> Response[str]:
    ctx = visit.ctx
    base, saved, channel = await asyncio.gather(
        visit.base("Your addresses", "/account/addresses"),
        users.addresses(ctx),
        catalog.channel(ctx, code=ctx.channel),
    )
    opened = next((each for each in saved if str(each.id) == edit), None)
    values = {name: (getattr(opened.address, name) or "") if opened else "" for name in ADDRESS_FIELDS}
    home = home_country(channel.countries, ctx.locale)
    values.update(typed or {})
    context = {
        **base,
        "saved": saved,
        "edit": edit or ("" if saved else "new"),
        "opened": opened,
        "typed": values,
        "rules": rules_of(values.get("country") or home),
        "countries": countries_of(channel.countries, language_of(ctx)),
        "home": home,
        "errors": errors or Errors(),
    }
    status = 422 if errors else 200
    return visit.page("account/addresses.html", context, status=status, headers=PRIVATE)


async def _profile(
    visit: AccountVisit,
    users: Users,
    *,
    typed: dict[str, str] | None = None,
    errors: Errors | None = None,
    password_errors: Errors | None = None,
) -> Response[str]:
    base, me, sessions = await asyncio.gather(
        visit.base("Your profile", "/account/profile"), users.me(visit.ctx), users.sessions(visit.ctx)
    )
    values = {"name": me.name, "phone": me.phone or ""}
    context = {
        **base,
        "me": me,
        "sessions": sessions,
        "typed": {**values, **(typed or {})},
        "errors": errors or Errors(),
        "password_errors": password_errors or Errors(),
    }
    status = 422 if errors or password_errors else 200
    return visit.page("account/profile.html", context, status=status, headers=PRIVATE)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound() from None


routes = [
    overview,
    order_list,
    address_list,
    save_address,
    delete_address,
    profile,
    save_profile,
    change_password,
    revoke,
]
