"""A form read field by field: what is wrong is kept, and all of it is told at once."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from mercato.admin import forms
from mercato.contracts.catalog import Catalog
from mercato.kernel.context import Context
from mercato.kernel.errors import FieldError, Invalid, NotFound

T = TypeVar("T")

MAX_NAMES = 200
PRODUCT_LOOKUPS = 50
"""Names that are no SKU are looked up one by one."""


class Typed:
    """Reads one sent form. `refuse` raises Invalid when any field was wrong."""

    def __init__(self, data: dict[str, Any], *, currency: str = "EUR", time_zone: str = "UTC") -> None:
        self._data = data
        self._currency = currency
        self._zone = ZoneInfo(time_zone)
        self.errors: list[FieldError] = []

    def text(self, name: str, most: int = 200) -> str:
        return forms.text(self._data, name)[:most]

    def texts(self, name: str) -> list[str]:
        return forms.texts(self._data, name)

    def has(self, name: str) -> bool:
        return bool(forms.text(self._data, name))

    def words(self, name: str) -> list[str]:
        """What stands between commas, spaces or line breaks, once each."""
        found = re.split(r"[\s,;]+", forms.text(self._data, name))
        return list(dict.fromkeys(word for word in found if word))[:MAX_NAMES]

    def whole(self, name: str, *, least: int = 0, most: int = 1_000_000_000) -> int | None:
        return self._tried(lambda: forms.whole(self._data, name, least=least, most=most))

    def amount(self, name: str) -> int | None:
        """Minor units of the form's currency; None when empty."""
        found = self._tried(lambda: forms.money(self._data, name, self._currency))
        return None if found is None else found.amount

    def moment(self, name: str) -> datetime | None:
        """A moment as `datetime-local` fields send it, in the form's time zone; None when empty."""
        typed = self.text(name, 40)
        if not typed:
            return None
        try:
            return datetime.fromisoformat(typed).replace(tzinfo=self._zone).astimezone(UTC)
        except ValueError:
            self.wrong(name, "Enter a date and a time.")
            return None

    def ids(self, name: str) -> list[UUID]:
        """The ids of chosen boxes; anything else is left out."""
        found = []
        for text in self.texts(name):
            try:
                found.append(UUID(text))
            except ValueError:
                continue
        return found

    async def goods(self, ctx: Context, catalog: Catalog, name: str) -> list[UUID]:
        """Variants by SKU, barcode or id, and products by the last part of their address."""
        words = self.words(name)
        known = await catalog.variants_by_code(ctx, codes=words) if words else {}
        found = []
        for word in words[: PRODUCT_LOOKUPS + len(known)]:
            one = known.get(word) or _id_of(word) or await _product_id(ctx, catalog, word)
            if one is None:
                self.wrong(name, f"There is no SKU and no product “{word[:60]}”.")
            else:
                found.append(one)
        return found

    def wrong(self, name: str, message: str) -> None:
        self.errors.append(FieldError(name, "invalid", message))

    def refuse(self) -> None:
        if self.errors:
            raise Invalid(detail="Some fields need another look.", errors=self.errors)

    def _tried(self, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Invalid as error:
            self.errors += error.errors
            return None


def local_text(moment: datetime | None, time_zone: str) -> str:
    """A moment as the value of a `datetime-local` field."""
    return "" if moment is None else moment.astimezone(ZoneInfo(time_zone)).strftime("%Y-%m-%dT%H:%M")


async def names_of(ctx: Context, catalog: Catalog, ids: list[UUID]) -> str:
    """SKUs of variants and addresses of products, one per line, as `goods` reads them back."""
    if not ids:
        return ""
    names = {one.id: one.sku for one in await catalog.sale_variants(ctx, variant_ids=ids)}
    missing = [one for one in ids if one not in names]
    if missing:
        names.update({one.id: one.slug for one in await catalog.products_by_id(ctx, product_ids=missing)})
    return "\n".join(names.get(one) or str(one) for one in ids)


def _id_of(word: str) -> UUID | None:
    try:
        return UUID(word) if len(word) == 36 else None
    except ValueError:
        return None


async def _product_id(ctx: Context, catalog: Catalog, word: str) -> UUID | None:
    try:
        return (await catalog.product(ctx, slug_or_id=word)).id
    except NotFound:
        return None
