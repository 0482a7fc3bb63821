"""How every page of the admin is answered: who asks, the frame around the page, where to go afterwards."""

from collections.abc import Mapping
from typing import Any

from litestar import Response

from mercato.admin import words
from mercato.admin.forms import done, refusal_shown, status_of
from mercato.admin.shell import shell_of
from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import Orders
from mercato.kernel.context import Context
from mercato.kernel.errors import MercatoError
from mercato.kernel.web import PerRequest
from mercato.ui.rendering import AnyRequest, page, see_other


class Desk(PerRequest):
    """One request of somebody at the admin.

    A handler names the contracts that its page is about beside it; those that the frame needs are its own.
    """

    def __init__(self, ctx: Context, request: AnyRequest, orders: Orders, catalog: Catalog) -> None:
        self.ctx, self.request = ctx, request
        self._orders, self._catalog = orders, catalog

    async def page(
        self,
        template: str,
        current: str,
        context: Mapping[str, Any],
        *,
        error: MercatoError | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        health: str = "unknown",
    ) -> Response[str]:
        """The page, with the entry of the navigation at `current` marked, and what was done at its top.

        With `error` it has the status of the refusal, and says of it what `refusal_shown` gives; names in
        `context` come before those of the frame.
        """
        frame = {
            "shell": await shell_of(self.ctx, self._orders, self._catalog, current, health=health),
            "locale": self.ctx.locale,
            "said": words.said(self.request.query_params.get("done", "")),
            "label": words.label,
            "fulfillment_label": words.fulfillment_label,
            **refusal_shown(error),
        }
        return page(
            self.request,
            template,
            {**frame, **context},
            status=status if error is None else status_of(error),
            headers=headers,
        )

    def go(self, location: str) -> Response[str]:
        """Send the visitor on after a change."""
        return see_other(self.request, location)

    def done(self, location: str, code: str) -> Response[str]:
        """Send the visitor on to a page that says what was done, in the words that `code` has."""
        return self.go(done(location, code))
