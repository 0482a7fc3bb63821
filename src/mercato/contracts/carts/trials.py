"""Why a cart costs what it costs: of a shopper's cart, and of one that staff makes up."""

from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.carts.records import CouponCode, Explanation
from mercato.contracts.shared import Code, Quantity
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent


class TrialLine(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    variant_id: UUID
    quantity: Quantity = 1


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A cart that nobody has, to see its price: what, to whom, where to, when."""

    lines: Annotated[list[TrialLine], msgspec.Meta(min_length=1, max_length=250)]
    channel: Code = "default"
    group_ids: Annotated[list[UUID], msgspec.Meta(max_length=50)] = []
    is_first_order: bool = True
    country: Annotated[str, msgspec.Meta(max_length=2)] | None = None
    region: Annotated[str, msgspec.Meta(max_length=80)] | None = None
    postal_code: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    tax_id: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    delivery_method_id: UUID | None = None
    coupons: Annotated[list[CouponCode], msgspec.Meta(max_length=5)] = []
    at: datetime | None = None
    """When it is bought; now, when left out."""


class Trials(Protocol):
    """Prices explained to staff."""

    @idempotent
    async def explain_cart(self, ctx: Context, *, cart_id: UUID) -> Explanation:
        """Needs `read_orders`. One that was completed is priced as of then, by the rules of today:
        `is_as_charged` says whether they give what was charged. Raises NotFound."""

    @idempotent
    async def try_prices(self, ctx: Context, *, trial: Trial) -> Explanation:
        """Needs `read_promotions`. Raises Invalid."""
