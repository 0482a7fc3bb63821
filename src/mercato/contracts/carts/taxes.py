"""Tax rates by place and class of goods."""

from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.shared import Code, ShortText, Whole
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent


class TaxRate(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID | None = None
    name: ShortText
    country: Code
    region: Code | None = None
    tax_class: Code = "standard"
    rate: Annotated[str, msgspec.Meta(pattern=r"^0(\.\d{1,6})?$")]
    """As a fraction: "0.19" is 19 %."""
    version: Whole = 1


class Taxes(Protocol):
    """What staff does with tax rates."""

    @idempotent
    async def tax_rates(self, ctx: Context) -> list[TaxRate]: ...

    async def save_tax_rate(self, ctx: Context, *, rate: TaxRate) -> TaxRate: ...

    async def delete_tax_rate(self, ctx: Context, *, rate_id: UUID) -> None: ...
