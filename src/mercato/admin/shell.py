"""The frame of every admin page: the navigation that this person may use, and the counts beside it."""

from itertools import groupby

import msgspec

from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import OrderCounts, Orders
from mercato.kernel.context import Context, Principal
from mercato.kernel.errors import MercatoError
from mercato.ui.shell import AdminShell, Link, LinkGroup


class _Entry(msgspec.Struct, frozen=True):
    group: str
    label: str
    url: str
    icon: str
    permission: str


NAVIGATION = (
    _Entry("", "Overview", "/admin", "layout-dashboard", "read_orders"),
    _Entry("Selling", "Orders", "/admin/orders", "shopping-cart", "read_orders"),
    _Entry("Selling", "Returns", "/admin/returns", "undo-2", "read_orders"),
    _Entry("Selling", "Payments", "/admin/payments", "credit-card", "read_payments"),
    _Entry("Selling", "Customers", "/admin/customers", "users", "read_customers"),
    _Entry("Goods and prices", "Products", "/admin/products", "tag", "read_products"),
    _Entry("Goods and prices", "Stock", "/admin/stock", "boxes", "read_stock"),
    _Entry("Goods and prices", "Promotions", "/admin/promotions", "percent", "read_promotions"),
    _Entry("Goods and prices", "Gift cards", "/admin/gift-cards", "gift", "read_gift_cards"),
    _Entry("Settings", "Channel", "/admin/channel", "store", "read_settings"),
    _Entry("Settings", "Delivery", "/admin/delivery", "truck", "read_settings"),
    _Entry("Settings", "Taxes", "/admin/taxes", "badge-percent", "read_settings"),
    _Entry("Settings", "Invoices", "/admin/invoices", "file-text", "read_settings"),
    _Entry("Access", "Staff", "/admin/staff", "user-round", "read_staff"),
    _Entry("Access", "Invitations", "/admin/invitations", "user-plus", "read_staff"),
    _Entry("Access", "API keys", "/admin/api-keys", "key", "read_api_keys"),
    _Entry("Access", "Audit log", "/admin/audit", "shield", "read_audit"),
    _Entry("Operation", "Mails", "/admin/messages", "mail", "read_notifications"),
    _Entry("Operation", "Privacy", "/admin/privacy", "eye", "read_customers"),
    _Entry("Operation", "System", "/admin/system", "activity", "read_system"),
)
"""Entries of one group stand together; the first group has no title."""


_PRICE_TABS = (
    ("Promotions", "/admin/promotions", "read_promotions"),
    ("Price lists", "/admin/price-lists", "read_promotions"),
    ("Customer groups", "/admin/customer-groups", "read_customers"),
    ("Try prices", "/admin/price-trial", "read_promotions"),
)


def price_tabs(ctx: Context, current: str) -> list[tuple[str, str, bool]]:
    """The pages about prices that this person may open: label, address, whether it is this one."""
    return [
        (label, url, url == current)
        for label, url, permission in _PRICE_TABS
        if ctx.principal.may_somewhere(permission)
    ]


def landing_of(principal: Principal) -> str:
    """The first page of the navigation that `principal` may open."""
    return next((entry.url for entry in NAVIGATION if principal.may_somewhere(entry.permission)), "/")


async def shell_of(
    ctx: Context, orders: Orders, catalog: Catalog, current: str, *, health: str = "unknown"
) -> AdminShell:
    """The frame around the page at `current`; without counts when orders does not answer."""
    counts = await _counts(ctx, orders)
    waiting = str(counts.unfulfilled) if counts and counts.unfulfilled else ""
    navigation = tuple(
        LinkGroup(title, tuple(_link(entry, current, waiting) for entry in entries))
        for title, entries in groupby(
            (entry for entry in NAVIGATION if ctx.principal.may_somewhere(entry.permission)),
            key=lambda entry: entry.group,
        )
    )
    return AdminShell(
        name=await shop_name(ctx, catalog),
        navigation=navigation,
        user_name=ctx.principal.name,
        user_email=ctx.principal.email,
        health=health,
        sees_system=ctx.principal.may("read_system"),
    )


def _link(entry: _Entry, current: str, waiting: str) -> Link:
    return Link(
        label=entry.label,
        url=entry.url,
        icon=entry.icon,
        count=waiting if entry.label == "Orders" else "",
        is_current=entry.url == current,
    )


async def shop_name(ctx: Context, catalog: Catalog) -> str:
    """What the shop calls itself; "Admin" when the catalog does not answer."""
    try:
        return (await catalog.shop(ctx)).name
    except MercatoError:
        return "Admin"


async def _counts(ctx: Context, orders: Orders) -> OrderCounts | None:
    if not ctx.principal.may_somewhere("read_orders"):
        return None
    try:
        return await orders.counts(ctx)
    except MercatoError:
        return None
