"""Carts: what a shopper means to buy, what it costs and why, what still stands in the way."""

from mercato.contracts.carts.delivery import DeliveryMethodInput
from mercato.contracts.carts.events import PricingChanged
from mercato.contracts.carts.promotions import Promotion, PromotionReward
from mercato.contracts.carts.records import (
    MAX_LINES,
    AppliedCredit,
    Cart,
    CartLine,
    CartStatus,
    CartTotals,
    CouponCode,
    DeliveryMethod,
    Discount,
    Explanation,
    FrozenCart,
    MergeChoice,
    NewLine,
    PriceEntry,
    PriceStep,
    Problem,
    TaxLine,
)
from mercato.contracts.carts.service import Carts
from mercato.contracts.carts.taxes import TaxRate

__all__ = [
    "MAX_LINES",
    "AppliedCredit",
    "Cart",
    "CartLine",
    "CartStatus",
    "CartTotals",
    "Carts",
    "CouponCode",
    "DeliveryMethod",
    "DeliveryMethodInput",
    "Discount",
    "Explanation",
    "FrozenCart",
    "MergeChoice",
    "NewLine",
    "PriceEntry",
    "PriceStep",
    "PricingChanged",
    "Problem",
    "Promotion",
    "PromotionReward",
    "TaxLine",
    "TaxRate",
]
