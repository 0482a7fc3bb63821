"""What the product pages share: which tax classes there are to choose from."""

from mercato.admin.desk import Desk
from mercato.contracts.carts import Carts
from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import Orders
from mercato.kernel.context import Context
from mercato.kernel.errors import MercatoError
from mercato.ui.rendering import AnyRequest

STANDARD = "standard"


class ProductDesk(Desk):
    """A desk that knows the tax classes."""

    def __init__(
        self, ctx: Context, request: AnyRequest, orders: Orders, catalog: Catalog, carts: Carts
    ) -> None:
        super().__init__(ctx, request, orders, catalog)
        self._carts = carts

    async def tax_options(self, chosen: str) -> list[tuple[str, str]]:
        """Code and name of each class, that of most goods first; none when nobody answers. A class that is
        `chosen` and gone is offered still: saving other fields must not change it."""
        try:
            classes = await self._carts.tax_classes(self.ctx)
        except MercatoError:
            return []
        names = {STANDARD: "Standard", **{one.code: one.name for one in classes}}
        names.setdefault(chosen, f"{chosen} (no such class)")
        return list(names.items())
