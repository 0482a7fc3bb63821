"""What the stock pages share: their tabs, the names of goods, and how a form comes back with its refusal."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from litestar import Response

from mercato.admin.desk import Desk
from mercato.contracts.stock import Location
from mercato.kernel.errors import FieldError, Invalid, MercatoError

PATH = "/admin/stock"
TABS = (
    ("Levels", PATH),
    ("Movements", f"{PATH}/movements"),
    ("Reservations", f"{PATH}/reservations"),
    ("Receive", f"{PATH}/receive"),
    ("Transfers", f"{PATH}/transfers"),
    ("Stock-takes", f"{PATH}/takes"),
    ("Locations", f"{PATH}/locations"),
)


class StockDesk(Desk):
    """A desk that knows the tabs of stock and the names of goods."""

    async def stock_page(
        self,
        template: str,
        tab: str,
        context: Mapping[str, Any],
        *,
        error: MercatoError | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response[str]:
        """A page below one of the tabs, with what was done or why it was refused at its top."""
        shared = {
            "tabs": [(label, url, url == tab) for label, url in TABS],
            "error": "" if error is None else sentence(error),
            "may_write": self.ctx.principal.may("write_stock"),
        }
        return await self.page(
            f"admin/{template}.html", PATH, {**shared, **context}, error=error, headers=headers
        )

    async def names(self, variant_ids: Iterable[UUID]) -> dict[UUID, str]:
        """What the goods are called, with their options; nothing when the catalog does not answer."""
        wanted = sorted(set(variant_ids))
        if not wanted:
            return {}
        try:
            found = await self._catalog.sale_variants(self.ctx, variant_ids=wanted)
        except MercatoError:
            return {}
        return {one.id: ", ".join([one.name, *one.options.values()]) for one in found}

    async def act(
        self,
        act: Callable[[], Awaitable[str]],
        refused: Callable[[MercatoError], Awaitable[Response[str]]],
    ) -> Response[str]:
        """Go where `act` says when it is done; otherwise show the form again."""
        try:
            return self.go(await act())
        except MercatoError as error:
            return await refused(error)


def sentence(error: MercatoError) -> str:
    """Why it was refused, with what is wrong with single values."""
    details = [each.message for each in error.errors if each.message != error.detail]
    return " ".join([error.detail, *details])


def id_in(data: Mapping[str, Any], name: str, what: str) -> UUID:
    """The id in the field `name`. Raises Invalid when `what` was not chosen."""
    try:
        return UUID(str(data.get(name, "")))
    except ValueError:
        text = f"Choose {what}."
        raise Invalid(detail=text, errors=[FieldError(name, "invalid", text)]) from None


def location_options(locations: Iterable[Location], *, any_of_them: str = "") -> list[tuple[str, str]]:
    """The locations as options of a select, after `any_of_them` if given."""
    first = [("", any_of_them)] if any_of_them else []
    return first + [(str(one.id), one.name) for one in locations]
