"""What staff may write about prices, checked before it is stored: every wrong field is named at once."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import msgspec

from mercato.carts.delivery import is_pattern
from mercato.carts.pricing.compiling import scope_of
from mercato.contracts.carts import (
    CustomerGroup,
    DeliveryCalendar,
    DeliveryKind,
    DeliveryMethodInput,
    DeliveryZone,
    PriceList,
    Promotion,
    PromotionReward,
    PromotionScope,
    TaxClass,
    TaxRate,
    TaxZone,
)
from mercato.kernel.errors import Conflict, FieldError, Invalid

Saved = (
    Promotion
    | DeliveryMethodInput
    | DeliveryZone
    | DeliveryCalendar
    | TaxRate
    | TaxZone
    | TaxClass
    | CustomerGroup
    | PriceList
)
T = TypeVar("T", bound=Saved)

MAX_AMOUNT = 1_000_000_000_000
MAX_COUNT = 1_000_000_000
MAX_UNITS = 10_000
MAX_DAYS = 365
MAX_PRIORITY = 1_000_000

_Wrong = Callable[[str, str, str], None]


def checked_value(value: T) -> T:
    """The value tidied. Raises Invalid that names every wrong field."""
    errors: list[FieldError] = []

    def wrong(field: str, code: str, message: str) -> None:
        errors.append(FieldError(field, code, message))

    match value:
        case Promotion():
            _check_promotion(value, wrong)
        case DeliveryMethodInput():
            _check_method(value, errors)
        case DeliveryZone():
            _check_name(value.name, wrong)
            _check_areas(value, errors)
        case TaxRate():
            _check_country("country", value.country, errors)
        case TaxZone():
            _check_zone(value, errors)
        case PriceList():
            _check_name(value.name, wrong)
            _check_priority(value.priority, wrong)
            _check_window(value.starts_at, value.ends_at, wrong)
        case CustomerGroup() | TaxClass():
            _check_name(value.name, wrong)
    if errors:
        raise Invalid(detail="Some fields need another look.", errors=errors)
    return _tidied(value)


def taken(value: Saved) -> Conflict:
    """The refusal of a value whose natural key another one has."""
    match value:
        case Promotion():
            return Conflict("code_taken", "Another promotion has this coupon code.")
        case DeliveryMethodInput():
            return Conflict("code_taken", "Another delivery method has this code.")
        case DeliveryCalendar():
            return Conflict("calendar_exists", "This channel has a calendar: change that one.")
        case TaxClass():
            return Conflict("code_taken", "Another tax class has this code.")
        case CustomerGroup():
            return Conflict("name_taken", "Another customer group has this name.")
        case _:
            return Conflict("rate_taken", "This place and tax class have a rate already.")


def _tidied(value: T) -> T:
    if isinstance(value, Promotion):
        code = None if value.coupon_code is None else value.coupon_code.strip()
        return msgspec.structs.replace(value, coupon_code=code, scope=scope_of(value))
    return value


def _check_promotion(value: Promotion, wrong: _Wrong) -> None:
    _check_name(value.name, wrong)
    if not value.label.strip():
        wrong("label", "required", "Say what shoppers read.")
    _check_reward(value, wrong)
    if value.minimum_subtotal is not None and not 0 <= value.minimum_subtotal <= MAX_AMOUNT:
        wrong("minimum_subtotal", "out_of_range", "A minimum is not negative.")
    if value.minimum_quantity is not None and not 1 <= value.minimum_quantity <= MAX_COUNT:
        wrong("minimum_quantity", "out_of_range", "A minimum is at least one unit.")
    for field in ("usage_limit", "customer_limit"):
        limit = getattr(value, field)
        if limit is not None and not 1 <= limit <= MAX_COUNT:
            wrong(field, "out_of_range", "A limit is at least one use.")
    if value.budget is not None and not 0 < value.budget <= MAX_AMOUNT:
        wrong("budget", "out_of_range", "A budget is more than nothing.")
    if value.coupon_code is not None and not value.coupon_code.strip():
        wrong("coupon_code", "required", "Give a code, or none for an automatic promotion.")
    for country in value.countries:
        if not _is_country(country):
            wrong("countries", "country_invalid", "Countries are two capital letters, like DE.")
    _check_priority(value.priority, wrong)
    _check_window(value.starts_at, value.ends_at, wrong)


def _check_reward(value: Promotion, wrong: _Wrong) -> None:
    """What the reward needs, and that it fits the step it is in."""
    reward = value.reward
    is_percent = reward in (PromotionReward.PERCENT, PromotionReward.DELIVERY_PERCENT)
    if is_percent and not _is_percent(value.percent):
        wrong("percent", "out_of_range", "Give a percentage above 0 and up to 100.")
    is_fixed = reward in (PromotionReward.FIXED, PromotionReward.DELIVERY_FIXED)
    if is_fixed and not 0 < (value.amount or 0) <= MAX_AMOUNT:
        wrong("amount", "out_of_range", "Give the amount that is taken off.")
    if reward is PromotionReward.FIXED_PRICE and (
        value.amount is None or not 0 <= value.amount <= MAX_AMOUNT
    ):
        wrong("amount", "out_of_range", "Give the price of one unit.")
    if reward is PromotionReward.BUY_X_GET_Y:
        for field in ("buy_quantity", "get_quantity"):
            if not 1 <= (getattr(value, field) or 0) <= MAX_UNITS:
                wrong(field, "out_of_range", f"Give a number of units, 1 to {MAX_UNITS}.")
        if value.percent is not None and not _is_percent(value.percent):
            wrong("percent", "out_of_range", "Give a percentage above 0 and up to 100.")
        _check_bundle(value, wrong)
    if reward is PromotionReward.GIFT and value.gift_variant_id is None:
        wrong("gift_variant_id", "required", "Choose what is given.")
    if not 1 <= value.gift_quantity <= MAX_UNITS:
        wrong("gift_quantity", "out_of_range", f"Give a number of units, 1 to {MAX_UNITS}.")
    fits_catalog = reward in (PromotionReward.PERCENT, PromotionReward.FIXED, PromotionReward.FIXED_PRICE)
    scope = scope_of(value)
    if (scope is PromotionScope.CATALOG and not fits_catalog) or (
        scope is PromotionScope.CART and reward is PromotionReward.FIXED_PRICE
    ):
        text = "Unit prices take a percentage, an amount or a fixed price; the cart takes the rest."
        wrong("scope", "reward_does_not_fit", text)


def _check_bundle(value: Promotion, wrong: _Wrong) -> None:
    """What is reduced never counts as bought, so something else must be left to buy."""
    bought = {*value.product_ids, *value.category_ids, *value.collection_ids}
    if bought and bought <= set(value.get_product_ids):
        text = "Nothing is left to buy: leave this empty when the goods that are bought are reduced as well."
        wrong("get_product_ids", "nothing_to_buy", text)


def _check_name(name: str, wrong: _Wrong) -> None:
    if not name.strip():
        wrong("name", "required", "Give it a name.")


def _check_priority(priority: int, wrong: _Wrong) -> None:
    if abs(priority) > MAX_PRIORITY:
        wrong("priority", "out_of_range", f"Priorities go from -{MAX_PRIORITY} to {MAX_PRIORITY}.")


def _check_window(starts: datetime | None, ends: datetime | None, wrong: _Wrong) -> None:
    if _is_naive(starts) or _is_naive(ends):
        wrong("starts_at", "time_zone_missing", "Give times with their time zone.")
    elif starts is not None and ends is not None and ends <= starts:
        wrong("ends_at", "before_start", "It ends before it begins.")


def _check_zone(value: TaxZone, errors: list[FieldError]) -> None:
    if not value.name.strip():
        errors.append(FieldError("name", "required", "Give it a name."))
    if not value.countries:
        errors.append(FieldError("countries", "required", "Name at least one country."))
    for country in value.countries:
        _check_country("countries", country, errors)
    if (value.regions or value.postal_prefixes) and len(value.countries) > 1:
        text = "Regions and postal codes belong to one country."
        errors.append(FieldError("countries", "too_many", text))
    if value.regions and value.postal_prefixes:
        text = "Narrow it by regions or by postal codes, not by both."
        errors.append(FieldError("regions", "ambiguous", text))
    if len({rate.tax_class for rate in value.rates}) < len(value.rates):
        errors.append(FieldError("rates", "duplicate", "A zone has one rate for each tax class."))


def _check_method(value: DeliveryMethodInput, errors: list[FieldError]) -> None:
    if not value.code.strip():
        errors.append(FieldError("code", "required", "Give it a code."))
    if not value.name.strip():
        errors.append(FieldError("name", "required", "Give it a name."))
    if not 0 <= value.price <= MAX_AMOUNT:
        errors.append(FieldError("price", "out_of_range", "A price is not negative."))
    if value.free_above is not None and not 0 <= value.free_above <= MAX_AMOUNT:
        errors.append(FieldError("free_above", "out_of_range", "An amount is not negative."))
    if not 0 <= value.days_min <= value.days_max <= MAX_DAYS:
        errors.append(
            FieldError("days_max", "out_of_range", f"Working days: from least to most, up to {MAX_DAYS}.")
        )
    if abs(value.position) > MAX_PRIORITY:
        errors.append(FieldError("position", "out_of_range", f"Positions go up to {MAX_PRIORITY}."))
    if not 0 <= value.cutoff_hour <= 24:
        errors.append(FieldError("cutoff_hour", "out_of_range", "An hour of the day, 0 to 24."))
    for country in value.countries:
        _check_country("countries", country, errors)

    if value.kind in (DeliveryKind.WEIGHT, DeliveryKind.PRICE):
        if not value.tiers:
            errors.append(FieldError("tiers", "required", "Give at least one step."))
        if len({tier.least for tier in value.tiers}) < len(value.tiers):
            errors.append(FieldError("tiers", "duplicate", "Two steps begin at the same point."))
    if value.kind is DeliveryKind.CARRIER and not (value.carrier and value.carrier_service):
        errors.append(FieldError("carrier", "required", "Name the carrier and its service."))
    if value.kind is DeliveryKind.PICKUP and not value.pickup_place.strip():
        errors.append(FieldError("pickup_place", "required", "Say where it is picked up."))
    if value.heaviest_g is not None and value.heaviest_g < 1:
        errors.append(FieldError("heaviest_g", "out_of_range", "A limit is at least one gram."))


def _check_areas(zone: DeliveryZone, errors: list[FieldError]) -> None:
    if not zone.areas:
        errors.append(FieldError("areas", "required", "Name at least one country."))
    for area in zone.areas:
        _check_country("areas", area.country, errors)
        bad = next((code for code in area.postal_codes if not is_pattern(code)), None)
        if bad is not None:
            text = f"{bad!r} is no pattern of postal codes; write 10115, 10* or 1000-1999."
            errors.append(FieldError("areas", "pattern_invalid", text))


def _check_country(field: str, country: str, errors: list[FieldError]) -> None:
    if not _is_country(country):
        errors.append(FieldError(field, "country_invalid", "Countries are two capital letters, like DE."))


def _is_country(country: str) -> bool:
    return len(country) == 2 and country.isascii() and country.isalpha() and country.isupper()


def _is_percent(text: str | None) -> bool:
    whole, _, part = (text or "0").partition(".")
    hundredths = int(whole) * 100 + int((part + "00")[:2])
    return 0 < hundredths <= 10_000


def _is_naive(moment: datetime | None) -> bool:
    return moment is not None and moment.tzinfo is None
