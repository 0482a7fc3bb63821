"""Promotions: rules that grant discounts."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.carts.records import CouponCode
from mercato.contracts.shared import Code, ShortText, Whole
from mercato.kernel.context import Context
from mercato.kernel.money import Amount
from mercato.kernel.rpc import idempotent


class PromotionReward(StrEnum):
    PERCENT = "percent"
    FIXED = "fixed"
    FREE_DELIVERY = "free_delivery"


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that grants a discount. Without a coupon code it applies by itself."""

    id: UUID | None = None
    name: ShortText
    label: ShortText
    """What the shopper reads."""
    reward: PromotionReward
    percent: Annotated[str, msgspec.Meta(pattern=r"^\d{1,3}(\.\d{1,2})?$")] | None = None
    amount: Amount | None = None
    """Minor units of the channel's currency, for `fixed`."""
    minimum_subtotal: Amount | None = None
    category_ids: list[UUID] = []
    """Only lines of these categories; empty means all."""
    coupon_code: CouponCode | None = None
    usage_limit: Whole | None = None
    used: Whole = 0
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    is_active: bool = True
    priority: Whole = 0
    channel: Code = "default"
    version: Whole = 1


class Promotions(Protocol):
    """What staff does with promotions."""

    @idempotent
    async def promotions(self, ctx: Context) -> list[Promotion]: ...

    async def save_promotion(self, ctx: Context, *, promotion: Promotion) -> Promotion: ...

    async def delete_promotion(self, ctx: Context, *, promotion_id: UUID) -> None: ...
