"""Carts: what a shopper means to buy, what it costs and why, what still stands in the way."""

from mercato.contracts.carts.delivery import DeliveryMethodInput
from mercato.contracts.carts.events import PricingChanged
from mercato.contracts.carts.lists import MAX_ENTRIES, MAX_MEMBERS, CustomerGroup, ListPrice, PriceList
from mercato.contracts.carts.promotions import (
    MAX_CODES,
    GeneratedCode,
    NewCodes,
    Promotion,
    PromotionReward,
    PromotionScope,
    Redemption,
)
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
from mercato.contracts.carts.shopping import TaxId
from mercato.contracts.carts.taxes import TaxClass, TaxRate, TaxZone, ZoneRate
from mercato.contracts.carts.trials import Trial, TrialLine

__all__ = [
    "MAX_CODES",
    "MAX_ENTRIES",
    "MAX_LINES",
    "MAX_MEMBERS",
    "AppliedCredit",
    "Cart",
    "CartLine",
    "CartStatus",
    "CartTotals",
    "Carts",
    "CouponCode",
    "CustomerGroup",
    "DeliveryMethod",
    "DeliveryMethodInput",
    "Discount",
    "Explanation",
    "FrozenCart",
    "GeneratedCode",
    "ListPrice",
    "MergeChoice",
    "NewCodes",
    "NewLine",
    "PriceEntry",
    "PriceList",
    "PriceStep",
    "PricingChanged",
    "Problem",
    "Promotion",
    "PromotionReward",
    "PromotionScope",
    "Redemption",
    "TaxClass",
    "TaxId",
    "TaxLine",
    "TaxRate",
    "TaxZone",
    "Trial",
    "TrialLine",
    "ZoneRate",
]
