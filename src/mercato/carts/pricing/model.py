"""What the price steps take and give."""

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from uuid import UUID

import msgspec

from mercato.contracts.carts import (
    DeliveryMethodInput,
    Discount,
    PriceEntry,
    PriceStep,
    Promotion,
    PromotionReward,
    TaxLine,
    TaxRate,
)
from mercato.kernel.money import Money

NO_TAX = Fraction(0)


class BasketLine(msgspec.Struct, frozen=True, gc=False):
    """A line to be priced; `list_price` is of one unit, in minor units."""

    id: UUID
    quantity: int
    list_price: int
    category_ids: frozenset[UUID]
    tax_class: str


class Destination(msgspec.Struct, frozen=True, gc=False):
    """Where it goes, as far as it is known: decides the tax."""

    country: str | None
    region: str | None = None


class Basket(msgspec.Struct, frozen=True):
    """Everything about one cart that its price depends on."""

    lines: Sequence[BasketLine]
    coupons: Sequence[str]
    method: DeliveryMethodInput | None
    destination: Destination
    now: datetime


class CompiledPromotion(msgspec.Struct, frozen=True):
    """A promotion made ready: its percentage as a fraction, its categories as a set."""

    promotion: Promotion
    id: UUID
    fraction: Fraction
    categories: frozenset[UUID]
    code: str | None
    """The coupon code in lower case."""
    is_for_lines: bool
    """A percentage off some categories lowers their unit prices; all else is one order discount."""
    is_for_delivery: bool


class PriceRules(msgspec.Struct, frozen=True):
    """What a channel prices by; compiled once and used for many carts."""

    channel: str
    currency: str
    prices_include_tax: bool
    automatic: tuple[CompiledPromotion, ...]
    by_code: dict[str, CompiledPromotion]
    uses_categories: bool
    """Whether any promotion asks what categories a line has."""
    tax_rates: dict[tuple[str, str, str], tuple[str, Fraction]]
    """(country, region or "", tax class) → name and rate."""

    def tax_of(self, destination: Destination, tax_class: str) -> tuple[str, Fraction]:
        """The rate of a region before that of its country; none where nobody said one."""
        country = destination.country or ""
        found = None
        if destination.region:
            found = self.tax_rates.get((country, destination.region, tax_class))
        return found or self.tax_rates.get((country, "", tax_class)) or ("", NO_TAX)


class PricedLine(msgspec.Struct, gc=False):
    """A line with its price. `total` = quantity × unit price less its share of order discounts."""

    line: BasketLine
    unit_price: int
    total: int
    tax: int
    discounts: list[Discount]


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A coupon of the cart that gives nothing, and why."""

    code: str
    reason: str


class PricedCart(msgspec.Struct):
    """What a cart costs. Amounts are minor units; lines are in the order they came."""

    lines: list[PricedLine]
    subtotal: int
    discount: int
    delivery: int
    tax: int
    total: int
    tax_lines: list[TaxLine]
    refused: list[Refused]
    applied: list[CompiledPromotion]


class Recorder:
    """Keeps what each step did, for `explain`; pricing without one costs nothing extra.

    Promotions that wait for a code are named to staff only: shoppers must not learn that there are some.
    """

    def __init__(self, currency: str, *, for_staff: bool = True) -> None:
        self._currency = currency
        self.for_staff = for_staff
        self._entries: list[PriceEntry] = []
        self.steps: list[PriceStep] = []

    def note(self, subject: str, *, applied: bool, reason: str, amount: int | None = None) -> None:
        money = None if amount is None else Money(amount, self._currency)
        self._entries.append(PriceEntry(subject, applied, reason, money))

    def end_step(self, step: str, before: int, after: int) -> None:
        self.steps.append(
            PriceStep(step, Money(before, self._currency), Money(after, self._currency), self._entries)
        )
        self._entries = []


def compile_rules(
    *,
    channel: str,
    currency: str,
    prices_include_tax: bool,
    promotions: Sequence[Promotion],
    tax_rates: Sequence[TaxRate],
) -> PriceRules:
    """The rules of one channel: its promotions by falling priority, then age; its tax rates by place."""
    compiled = sorted(
        (_compile(promotion) for promotion in promotions if promotion.channel == channel),
        key=lambda one: (-one.promotion.priority, one.id),
    )
    return PriceRules(
        channel=channel,
        currency=currency,
        prices_include_tax=prices_include_tax,
        automatic=tuple(one for one in compiled if one.code is None),
        by_code={one.code: one for one in compiled if one.code is not None},
        uses_categories=any(one.categories for one in compiled),
        tax_rates={
            (rate.country, rate.region or "", rate.tax_class): (rate.name, Fraction(rate.rate))
            for rate in tax_rates
        },
    )


def _compile(promotion: Promotion) -> CompiledPromotion:
    if promotion.id is None:
        raise ValueError("a promotion is stored before it is used")
    return CompiledPromotion(
        promotion=promotion,
        id=promotion.id,
        fraction=min(Fraction(promotion.percent or "0") / 100, Fraction(1)),
        categories=frozenset(promotion.category_ids),
        code=None if promotion.coupon_code is None else promotion.coupon_code.lower(),
        is_for_lines=promotion.reward is PromotionReward.PERCENT and bool(promotion.category_ids),
        is_for_delivery=promotion.reward is PromotionReward.FREE_DELIVERY,
    )


def round_half_even(numerator: int, denominator: int) -> int:
    """numerator / denominator for a numerator that is not negative, rounded to the even neighbor at a tie."""
    quotient, remainder = divmod(numerator, denominator)
    twice = remainder * 2
    if twice > denominator or (twice == denominator and quotient % 2):
        quotient += 1
    return quotient


def part_of(amount: int, fraction: Fraction) -> int:
    """`amount` times `fraction`, rounded half-even once."""
    return round_half_even(amount * fraction.numerator, fraction.denominator)
