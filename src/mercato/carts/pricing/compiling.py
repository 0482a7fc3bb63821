"""Rules made ready: read from the tables once, used for many carts."""

from collections.abc import Sequence
from fractions import Fraction
from uuid import UUID

from mercato.carts.pricing.model import (
    Candidate,
    CompiledPromotion,
    Discounts,
    KnownRate,
    PriceListRule,
    PriceRules,
)
from mercato.contracts.carts import PriceList, Promotion, PromotionReward, PromotionScope, TaxRate, TaxZone

FOR_DELIVERY = frozenset(
    (PromotionReward.FREE_DELIVERY, PromotionReward.DELIVERY_PERCENT, PromotionReward.DELIVERY_FIXED)
)


def compile_rules(
    *,
    channel: str,
    currency: str,
    prices_include_tax: bool,
    promotions: Sequence[Promotion],
    tax_rates: Sequence[TaxRate],
    tax_zones: Sequence[TaxZone] = (),
    price_lists: Sequence[PriceList] = (),
    origin: str | None = None,
    has_exempt_groups: bool = False,
) -> PriceRules:
    """The rules of one channel: its promotions by falling priority, then age; its tax rates by place."""
    in_order = sorted(
        (promotion for promotion in promotions if promotion.channel == channel),
        key=lambda promotion: (-promotion.priority, promotion.id),
    )
    every = [_compile(promotion, place, currency) for place, promotion in enumerate(in_order)]
    lists = _price_lists(channel, price_lists)
    places, postal = _places(tax_rates, tax_zones)
    active = [one for one in every if one.promotion.is_active]
    bare = [one for one in every if one.code is None]
    gifts = {one.id: one.promotion.gift_variant_id for one in active}
    return PriceRules(
        channel=channel,
        currency=currency,
        prices_include_tax=prices_include_tax,
        origin=origin,
        automatic=tuple(
            Candidate(one) for one in active if one.code is None and not one.promotion.needs_code
        ),
        by_code={one.code: one for one in every if one.code is not None},
        by_id={one.id: one for one in every},
        idle=tuple(one for one in bare if one.promotion.needs_code or not one.promotion.is_active),
        named=frozenset().union(*(one.targets | one.got for one in active)),
        asks_customer=has_exempt_groups
        or any(one.groups or one.customer_limit is not None for one in active)
        or any(rule.groups for rule in lists.values()),
        gifts={one_id: variant for one_id, variant in gifts.items() if variant is not None},
        price_lists=lists,
        tax_rates=places,
        postal_rates=postal,
    )


def scope_of(promotion: Promotion) -> PromotionScope:
    """Which step a promotion belongs to, when it does not say."""
    if promotion.scope is not None:
        return promotion.scope
    names_goods = bool(promotion.product_ids or promotion.category_ids or promotion.collection_ids)
    is_percent = promotion.reward is PromotionReward.PERCENT and names_goods and not promotion.whole_cart
    is_catalog = is_percent or promotion.reward is PromotionReward.FIXED_PRICE
    return PromotionScope.CATALOG if is_catalog else PromotionScope.CART


def _compile(promotion: Promotion, place: int, currency: str) -> CompiledPromotion:
    if promotion.id is None:
        raise ValueError("a promotion is stored before it is used")
    whole = "100" if promotion.reward is PromotionReward.BUY_X_GET_Y else "0"
    fraction = min(Fraction(promotion.percent or whole) / 100, Fraction(1))
    return CompiledPromotion(
        promotion=promotion,
        id=promotion.id,
        place=place,
        above=fraction.numerator,
        below=fraction.denominator,
        targets=frozenset((*promotion.product_ids, *promotion.category_ids, *promotion.collection_ids)),
        got=frozenset(promotion.get_product_ids),
        groups=frozenset(promotion.group_ids),
        countries=frozenset(promotion.countries),
        code=None if promotion.coupon_code is None else promotion.coupon_code.lower(),
        is_catalog=scope_of(promotion) is PromotionScope.CATALOG,
        is_for_delivery=promotion.reward in FOR_DELIVERY,
        is_gift=promotion.reward is PromotionReward.GIFT,
        is_bundle=promotion.reward is PromotionReward.BUY_X_GET_Y,
        customer_limit=1 if promotion.first_order else promotion.customer_limit,
        least=promotion.minimum_subtotal or 0,
        is_for_all=_is_for_all(promotion),
        discounts=Discounts(promotion.id, promotion.label, currency, promotion.coupon_code),
    )


def _is_for_all(promotion: Promotion) -> bool:
    """Whether none of the conditions that `standing_reason` looks at is set."""
    limits = (promotion.usage_limit, promotion.customer_limit, promotion.budget)
    is_bound = promotion.countries or promotion.group_ids or promotion.first_order
    is_timed = promotion.starts_at is not None or promotion.ends_at is not None
    return promotion.is_active and not is_bound and not is_timed and all(limit is None for limit in limits)


def _price_lists(channel: str, price_lists: Sequence[PriceList]) -> dict[UUID, PriceListRule]:
    return {
        one.id: PriceListRule(
            one.id, one.name, frozenset(one.group_ids), one.starts_at, one.ends_at, one.priority
        )
        for one in price_lists
        if one.id is not None and one.channel == channel and one.is_active
    }


_Places = dict[tuple[str, str, str], KnownRate]
_Prefixes = dict[tuple[str, str], list[tuple[str, KnownRate]]]


def _places(rates: Sequence[TaxRate], zones: Sequence[TaxZone]) -> tuple[_Places, _Prefixes]:
    """Rates by place: those of zones first, so that one of a place's own replaces them."""
    places: _Places = {}
    prefixes: _Prefixes = {}
    for zone in zones:
        for rate in zone.rates:
            value = _known(rate.name, rate.rate)
            for country in zone.countries:
                for prefix in zone.postal_prefixes:
                    prefixes.setdefault((country, rate.tax_class), []).append((prefix.upper(), value))
                for region in () if zone.postal_prefixes else zone.regions or [""]:
                    places[country, region, rate.tax_class] = value
    for own in rates:
        places[own.country, own.region or "", own.tax_class] = _known(own.name, own.rate)
    for found in prefixes.values():
        found.sort(key=lambda one: (-len(one[0]), one[0], one[1].name))
    return places, prefixes


def _known(name: str, text: str) -> KnownRate:
    rate = Fraction(text)
    return KnownRate(name, decimal_text(rate), rate.numerator, rate.denominator)


def decimal_text(rate: Fraction) -> str:
    """A tax rate as it is written, "0.19"; rates come from decimal texts, so this is exact."""
    digits, scaled = 0, rate
    while scaled.denominator != 1:
        digits, scaled = digits + 1, scaled * 10
    text = str(scaled.numerator).rjust(digits + 1, "0")
    return f"{text[:-digits]}.{text[-digits:]}" if digits else text
