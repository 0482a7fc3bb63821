"""Taxes: rates by place and class of goods, zones of places, and the classes themselves."""

from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.shared import Code, ShortText, Whole
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent

Rate = Annotated[str, msgspec.Meta(pattern=r"^0(\.\d{1,6})?$")]
"""As a fraction: "0.19" is 19 %."""


class TaxClass(msgspec.Struct, frozen=True, kw_only=True):
    """Goods that are taxed alike. Products and delivery methods name its `code`."""

    id: UUID | None = None
    code: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_-]{1,64}$")]
    name: ShortText
    version: Whole = 1


class ZoneRate(msgspec.Struct, frozen=True, gc=False):
    """What is due on a class of goods in a zone."""

    name: ShortText
    rate: Rate
    tax_class: Code = "standard"


class TaxZone(msgspec.Struct, frozen=True, kw_only=True):
    """Places that are taxed alike: countries, narrowed to regions or to postal codes that begin alike.

    The narrowest place wins: postal code, region, country; at the same width, a rate of the place itself
    before that of a zone.
    """

    id: UUID | None = None
    name: ShortText
    countries: Annotated[list[Code], msgspec.Meta(max_length=250)]
    regions: Annotated[list[Code], msgspec.Meta(max_length=200)] = []
    postal_prefixes: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=12)]], msgspec.Meta(max_length=1000)
    ] = []
    rates: Annotated[list[ZoneRate], msgspec.Meta(max_length=50)] = []
    """One for each tax class."""
    version: Whole = 1


class TaxRate(msgspec.Struct, frozen=True, kw_only=True):
    """What is due on a class of goods in a country or in a region of it."""

    id: UUID | None = None
    name: ShortText
    country: Code
    region: Code | None = None
    tax_class: Code = "standard"
    rate: Rate
    version: Whole = 1


class Taxes(Protocol):
    """What staff does with taxes."""

    @idempotent
    async def tax_rates(self, ctx: Context) -> list[TaxRate]: ...

    async def save_tax_rate(self, ctx: Context, *, rate: TaxRate) -> TaxRate: ...

    async def delete_tax_rate(self, ctx: Context, *, rate_id: UUID) -> None: ...

    @idempotent
    async def tax_zones(self, ctx: Context) -> list[TaxZone]: ...

    async def save_tax_zone(self, ctx: Context, *, zone: TaxZone) -> TaxZone: ...

    async def delete_tax_zone(self, ctx: Context, *, zone_id: UUID) -> None: ...

    @idempotent
    async def tax_classes(self, ctx: Context) -> list[TaxClass]:
        """Needs `read_settings`, or `read_products`: products name them."""

    async def save_tax_class(self, ctx: Context, *, tax_class: TaxClass) -> TaxClass: ...

    async def delete_tax_class(self, ctx: Context, *, class_id: UUID) -> None:
        """Raises Conflict("class_in_use") when a rate or a zone names it."""
