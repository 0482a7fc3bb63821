"""One request of somebody at the shop, and how it is answered."""

from collections.abc import Mapping
from typing import Any

from litestar import Response

from mercato.contracts.carts import Carts
from mercato.contracts.catalog import Catalog
from mercato.kernel.context import Context
from mercato.kernel.web import PerRequest
from mercato.settings import Settings
from mercato.storefront.frame import frame, navigation
from mercato.ui.rendering import AnyRequest, page, see_other

GUARDED = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}


class Visit(PerRequest):
    """Who asks, with the frame that stands around every page.

    A handler names the contracts that its page is about beside it; those that the frame needs are its own.
    """

    def __init__(
        self, ctx: Context, request: AnyRequest, catalog: Catalog, carts: Carts, settings: Settings
    ) -> None:
        self.ctx, self.request = ctx, request
        self._catalog, self._carts, self._settings = catalog, carts, settings

    async def frame(self, *, count: int | None = None) -> dict[str, Any]:
        """The part of a page's context that every page needs; `count` spares reading the bag again."""
        return await frame(self.request, self.ctx, self._catalog, self._carts, self._settings, count=count)

    def page(
        self,
        template: str,
        context: Mapping[str, Any],
        *,
        block: str | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response[str]:
        """The page, or only its `block` when htmx asks for a part."""
        return page(self.request, template, context, block=block, status=status, headers=headers)

    async def guard_page(self, template: str, context: dict[str, Any], *, status: int = 200) -> Response[str]:
        """One of the plain pages around signing in: they have the name of the shop and no frame."""
        shop = (await navigation(self.ctx, self._catalog)).shop
        blank = {"error": "", "robots": "noindex", "shop": shop}
        return self.page(f"guard/{template}.html", blank | context, status=status, headers=GUARDED)

    def go(self, location: str, *, headers: Mapping[str, str] | None = None) -> Response[str]:
        """Send the visitor on: a plain form by a redirect, htmx by its header."""
        return see_other(self.request, location, headers=headers)
