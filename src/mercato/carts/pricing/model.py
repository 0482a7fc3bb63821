"""What the price steps take and give."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from mercato.contracts.carts import (
    DeliveryMethodInput,
    Discount,
    PriceEntry,
    PriceStep,
    Promotion,
    TaxLine,
)
from mercato.kernel.money import Money, to_decimal

_NOBODY: Final[frozenset[UUID]] = frozenset()


class KnownRate(msgspec.Struct, frozen=True, order=True, gc=False):
    """A rate of tax made ready: `above` / `below` of a net amount. Sorts by name, then by rate."""

    name: str
    text: str
    """As it is written: "0.19"."""
    above: int
    below: int


KEPT_DISCOUNTS: Final = 500
"""Amounts of one promotion; further ones are made anew each time."""
NO_TAX: Final = KnownRate("", "0", 0, 1)


class PriceListRule(msgspec.Struct, frozen=True, gc=False):
    """A price list made ready."""

    id: UUID
    name: str
    groups: frozenset[UUID]
    starts_at: datetime | None
    ends_at: datetime | None
    priority: int


class Tier(msgspec.Struct, frozen=True, gc=False):
    """The unit price of a variant in a price list, from `min_quantity` units on."""

    price_list: PriceListRule
    min_quantity: int
    price: int


class BasketLine(msgspec.Struct, frozen=True, gc=False):
    """A line to be priced; `list_price` is the catalog's of one unit, in minor units."""

    id: UUID
    quantity: int
    list_price: int
    targets: frozenset[UUID]
    """What promotions may name it by: of its product, categories and collections at least those of
    `PriceRules.named`."""
    tax_class: str
    variant_id: UUID | None = None
    """Units of one variant count together for quantity prices; None stands for itself alone."""
    tiers: tuple[Tier, ...] = ()


class Destination(msgspec.Struct, frozen=True, gc=False):
    """Where it goes, as far as it is known: decides the tax."""

    country: str | None
    region: str | None = None
    postal_code: str | None = None


class Customer(msgspec.Struct, frozen=True, gc=False):
    """What is known of who buys; nothing, of a guest without an e-mail."""

    groups: frozenset[UUID] = _NOBODY
    has_ordered: bool = False
    uses: Mapping[UUID, int] = {}
    """Promotion → how often this customer has used it in other carts."""
    is_tax_exempt: bool = False
    tax_id: str | None = None
    """A VAT number whose form and check digits are right, such as DE136695976."""


class KnownCode(msgspec.Struct, frozen=True, gc=False):
    """A generated code that the cart has. `refusal` is why it gives nothing to anybody, if so."""

    coupon_id: UUID
    promotion_id: UUID
    refusal: str | None = None


class Gift(msgspec.Struct, frozen=True, gc=False):
    """A variant that a promotion gives, when it can be had."""

    line_id: UUID
    list_price: int
    tax_class: str


class Basket(msgspec.Struct, frozen=True):
    """Everything about one cart that its price depends on."""

    lines: Sequence[BasketLine]
    coupons: Sequence[str]
    method: DeliveryMethodInput | None
    destination: Destination
    now: datetime
    customer: Customer = Customer()
    codes: Mapping[str, KnownCode] = {}
    """Generated codes by their lower case."""
    gifts: Mapping[UUID, Gift] = {}
    """By promotion."""


class Discounts(dict[int, Discount | None]):
    """What lines say of one promotion, by what it takes off them; None for nothing.

    They are kept: a cart is priced again with every edit, and most of its lines get what they got before.
    """

    __slots__ = ("_code", "_currency", "_label", "_promotion_id")

    def __init__(self, promotion_id: UUID, label: str, currency: str, code: str | None) -> None:
        super().__init__()
        self._promotion_id = promotion_id
        self._label = label
        self._currency = currency
        self._code = code

    def __missing__(self, amount: int) -> Discount | None:
        money = Money(amount, self._currency)
        found = Discount(self._promotion_id, self._label, money, self._code) if amount else None
        if len(self) < KEPT_DISCOUNTS:
            self[amount] = found
        return found


class CompiledPromotion(msgspec.Struct, frozen=True):
    """A promotion made ready: its percentage as a fraction, its goods and groups as sets."""

    promotion: Promotion
    id: UUID
    place: int
    """Among all of the channel, in the order in which they are considered."""
    above: int
    below: int
    """The fraction that it takes off: `above` / `below`."""
    targets: frozenset[UUID]
    got: frozenset[UUID]
    groups: frozenset[UUID]
    countries: frozenset[str]
    code: str | None
    """Its one coupon code, in lower case."""
    is_catalog: bool
    is_for_delivery: bool
    is_gift: bool
    is_bundle: bool
    """Buy X, get Y."""
    customer_limit: int | None
    """The first order is one use."""
    least: int
    """The subtotal that it needs, in minor units."""
    is_for_all: bool
    """It is given to every customer at any time and place: there is no standing condition to look at."""
    discounts: Discounts


class Candidate(msgspec.Struct, frozen=True):
    """A promotion that a cart may have: by itself, or by one of the cart's codes."""

    one: CompiledPromotion
    code: str | None = None
    """As the shopper wrote it."""
    coupon_id: UUID | None = None
    refusal: str | None = None


class PriceRules(msgspec.Struct, frozen=True):
    """What a channel prices by; compiled once and used for many carts."""

    channel: str
    currency: str
    prices_include_tax: bool
    origin: str | None
    """The country that the shop sells from."""
    automatic: tuple[Candidate, ...]
    by_code: dict[str, CompiledPromotion]
    by_id: dict[UUID, CompiledPromotion]
    idle: tuple[CompiledPromotion, ...]
    """Switched off, or waiting for a generated code."""
    named: frozenset[UUID]
    """The goods that active promotions name: products, categories, collections."""
    asks_customer: bool
    """Whether any rule asks who buys."""
    gifts: dict[UUID, UUID]
    """Promotion → the variant that it gives."""
    price_lists: dict[UUID, PriceListRule]
    tax_rates: dict[tuple[str, str, str], KnownRate]
    """By country, region or "", and tax class."""
    postal_rates: dict[tuple[str, str], list[tuple[str, KnownRate]]]
    """(country, tax class) → prefix and rate, the longest prefix first."""

    def tax_of(self, destination: Destination, tax_class: str) -> KnownRate:
        """The rate of a postal code before that of its region before that of its country; none where nobody
        said one."""
        country = destination.country or ""
        if destination.postal_code and self.postal_rates:
            for prefix, rate in self.postal_rates.get((country, tax_class), ()):
                if destination.postal_code.upper().startswith(prefix):
                    return rate
        found = None
        if destination.region:
            found = self.tax_rates.get((country, destination.region, tax_class))
        return found or self.tax_rates.get((country, "", tax_class)) or NO_TAX


class PricedLine(msgspec.Struct, gc=False):
    """A line with its price. `list_price` is the catalog's or a price list's; `total` = quantity × unit price
    less its share of order discounts."""

    line: BasketLine
    list_price: int
    unit_price: int
    total: int
    tax: int
    discounts: list[Discount]
    is_closed: bool = False
    """An exclusive promotion of the catalog has it."""
    gift_of: UUID | None = None
    """The promotion that gives it."""


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A coupon of the cart that gives nothing, and why."""

    code: str
    reason: str


class Applied(msgspec.Struct, frozen=True, gc=False):
    """A promotion that gives something here: how much, and by which generated code."""

    promotion: Promotion
    amount: int
    code: str | None
    coupon_id: UUID | None

    @property
    def is_counted(self) -> bool:
        """Whether its use is written down: where something limits it, and wherever a code was spent."""
        p = self.promotion
        limits = (p.usage_limit, p.customer_limit, p.budget, self.code)
        return p.first_order or any(limit is not None for limit in limits)


class PricedCart(msgspec.Struct):
    """What a cart costs. Amounts are minor units; lines are in the order they came, then the gifts."""

    lines: list[PricedLine]
    subtotal: int
    discount: int
    delivery: int
    tax: int
    total: int
    tax_included: bool
    tax_lines: list[TaxLine]
    refused: list[Refused]
    applied: list[Applied]
    relief: str | None = None
    """Why no tax is charged, when somebody is relieved of it."""


class Recorder:
    """Keeps what each step did, for `explain`; pricing without one costs nothing extra.

    Promotions that wait for a code are named to staff only: shoppers must not learn that there are some.
    """

    def __init__(self, currency: str, *, for_staff: bool = True) -> None:
        self._currency = currency
        self.for_staff = for_staff
        self._entries: list[PriceEntry] = []
        self.steps: list[PriceStep] = []

    def note(
        self,
        subject: str,
        *,
        applied: bool,
        reason: str,
        amount: int | None = None,
        detail: str = "",
        subject_id: UUID | None = None,
    ) -> None:
        money = None if amount is None else Money(amount, self._currency)
        self._entries.append(PriceEntry(subject, applied, reason, money, detail, subject_id))

    def text(self, amount: int) -> str:
        """An amount as people write it: 12.50 EUR."""
        return f"{to_decimal(Money(amount, self._currency))} {self._currency}"

    def end_step(self, step: str, before: int, after: int) -> None:
        self.steps.append(
            PriceStep(step, Money(before, self._currency), Money(after, self._currency), self._entries)
        )
        self._entries = []


def round_half_even(numerator: int, denominator: int) -> int:
    """numerator / denominator for a numerator that is not negative, rounded to the even neighbor at a tie."""
    quotient, remainder = divmod(numerator, denominator)
    twice = remainder * 2
    if twice > denominator or (twice == denominator and quotient % 2):
        quotient += 1
    return quotient
