"""The form of a promotion: from its fields to the form's texts, and back."""

from typing import Any
from uuid import UUID

import msgspec

from mercato.admin.forms import one_of
from mercato.admin.typed import Typed, local_text, names_of
from mercato.contracts.carts import Promotion, PromotionReward, PromotionScope
from mercato.contracts.catalog import Catalog, Channel
from mercato.kernel.context import Context
from mercato.kernel.money import Money
from mercato.ui import formats
from mercato.ui.formats import decimal_of

REWARDS = (
    (PromotionReward.PERCENT, "A percentage off"),
    (PromotionReward.FIXED, "An amount off"),
    (PromotionReward.FIXED_PRICE, "A fixed price for each unit"),
    (PromotionReward.BUY_X_GET_Y, "Buy some, get some reduced"),
    (PromotionReward.GIFT, "A gift"),
    (PromotionReward.FREE_DELIVERY, "Free delivery"),
    (PromotionReward.DELIVERY_PERCENT, "A percentage off the delivery"),
    (PromotionReward.DELIVERY_FIXED, "An amount off the delivery"),
)
SCOPES = (
    (PromotionScope.CART, "Off the cart, spread over its lines"),
    (PromotionScope.CATALOG, "Off the price of each unit"),
)
_AMOUNTS = ("amount", "minimum_subtotal", "budget")
_NUMBERS = (
    "buy_quantity", "get_quantity", "gift_quantity", "minimum_quantity", "usage_limit",
    "customer_limit", "priority",
)  # fmt: skip
_FLAGS = ("is_active", "is_exclusive", "whole_cart", "first_order", "needs_code")
_BOXES = ("category_ids", "collection_ids", "group_ids")


class PromotionFields(msgspec.Struct, frozen=True):
    """What the form shows: texts, ticked boxes, flags."""

    texts: dict[str, str]
    boxes: dict[str, list[str]]
    flags: dict[str, bool]

    def text(self, name: str) -> str:
        return self.texts.get(name, "")


NEW = Promotion(name="", label="", reward=PromotionReward.PERCENT, scope=PromotionScope.CART)


async def fields_of(
    ctx: Context, catalog: Catalog, promotion: Promotion, channel: Channel
) -> PromotionFields:
    """The form of a stored promotion."""
    texts = {
        "name": promotion.name,
        "label": promotion.label,
        "reward": promotion.reward.value,
        "scope": (promotion.scope or PromotionScope.CART).value,
        "percent": promotion.percent or "",
        "coupon_code": promotion.coupon_code or "",
        "countries": " ".join(promotion.countries),
        "products": await names_of(ctx, catalog, promotion.product_ids),
        "get_products": await names_of(ctx, catalog, promotion.get_product_ids),
        "gift": await names_of(
            ctx, catalog, [promotion.gift_variant_id] if promotion.gift_variant_id else []
        ),
        "starts_at": local_text(promotion.starts_at, channel.time_zone),
        "ends_at": local_text(promotion.ends_at, channel.time_zone),
    }
    for name in _AMOUNTS:
        amount = getattr(promotion, name)
        texts[name] = "" if amount is None else decimal_of(Money(amount, channel.currency))
    for name in _NUMBERS:
        number = getattr(promotion, name)
        texts[name] = "" if number is None else str(number)
    boxes = {name: [str(one) for one in getattr(promotion, name)] for name in _BOXES}
    return PromotionFields(texts, boxes, {name: getattr(promotion, name) for name in _FLAGS})


def fields_typed(data: dict[str, Any]) -> PromotionFields:
    """The form as it was sent, to be shown again."""
    typed = Typed(data)
    boxes = {name: typed.texts(name) for name in _BOXES}
    texts = {name: typed.text(name, 20_000) for name in data if name not in _BOXES}
    return PromotionFields(texts, boxes, {name: typed.has(name) for name in _FLAGS})


async def promotion_typed(
    ctx: Context, catalog: Catalog, data: dict[str, Any], channel: Channel, base: Promotion
) -> Promotion:
    """The promotion that was typed, as the next version of `base`. Raises Invalid."""
    typed = Typed(data, currency=channel.currency, time_zone=channel.time_zone)
    reward = one_of(PromotionReward, typed.text("reward")) or PromotionReward.PERCENT
    gifts = await typed.goods(ctx, catalog, "gift")
    if len(gifts) > 1:
        typed.wrong("gift", "Name one SKU.")
    values: dict[str, Any] = {name: typed.amount(name) for name in _AMOUNTS}
    values |= {name: typed.whole(name) for name in _NUMBERS if name != "priority"}
    values |= {name: typed.has(name) for name in _FLAGS}
    values |= {name: typed.ids(name) for name in _BOXES}
    percent = typed.text("percent", 6).replace(",", ".").removesuffix("%").strip()
    if percent and not percent.replace(".", "", 1).isdecimal():
        typed.wrong("percent", "Enter a percentage such as 15 or 7.5.")
    values |= {
        "name": typed.text("name"),
        "label": typed.text("label"),
        "reward": reward,
        "scope": _scope_for(reward, typed),
        "percent": percent or None,
        "coupon_code": typed.text("coupon_code", 64) or None,
        "countries": [word.upper() for word in typed.words("countries")],
        "product_ids": await typed.goods(ctx, catalog, "products"),
        "get_product_ids": await typed.goods(ctx, catalog, "get_products"),
        "gift_variant_id": gifts[0] if gifts else None,
        "gift_quantity": values["gift_quantity"] or 1,
        "starts_at": typed.moment("starts_at"),
        "ends_at": typed.moment("ends_at"),
        "priority": typed.whole("priority", least=-1_000_000, most=1_000_000) or 0,
        "version": typed.whole("version", least=1) or base.version,
    }
    typed.refuse()
    return msgspec.convert(msgspec.structs.asdict(msgspec.structs.replace(base, **values)), Promotion)


def _scope_for(reward: PromotionReward, typed: Typed) -> PromotionScope:
    """Only percentages and amounts leave a choice."""
    if reward in (PromotionReward.PERCENT, PromotionReward.FIXED):
        return one_of(PromotionScope, typed.text("scope")) or PromotionScope.CART
    return PromotionScope.CATALOG if reward is PromotionReward.FIXED_PRICE else PromotionScope.CART


def reward_words(promotion: Promotion, currency: str, locale: str) -> str:
    """What a promotion gives, in a few words."""

    def money(amount: int | None) -> str:
        return formats.money(Money(amount or 0, currency), locale)

    each = " each" if promotion.scope is PromotionScope.CATALOG else ""
    match promotion.reward:
        case PromotionReward.PERCENT:
            return f"{promotion.percent} % off{each}"
        case PromotionReward.FIXED:
            return f"{money(promotion.amount)} off{each}"
        case PromotionReward.FIXED_PRICE:
            return f"{money(promotion.amount)} each"
        case PromotionReward.BUY_X_GET_Y:
            free = "free" if promotion.percent in (None, "100") else f"at {promotion.percent} % off"
            return f"Buy {promotion.buy_quantity}, get {promotion.get_quantity} {free}"
        case PromotionReward.GIFT:
            return "A gift"
        case PromotionReward.DELIVERY_PERCENT:
            return f"{promotion.percent} % off the delivery"
        case PromotionReward.DELIVERY_FIXED:
            return f"{money(promotion.amount)} off the delivery"
        case _:
            return "Free delivery"


def has_box(fields: PromotionFields, name: str, value: UUID | str) -> bool:
    return str(value) in fields.boxes.get(name, [])
