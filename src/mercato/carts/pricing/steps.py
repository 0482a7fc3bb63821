"""The price steps, in their order. `price` reads top to bottom like the specification."""

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from uuid import UUID

from mercato.carts.pricing.model import (
    Basket,
    BasketLine,
    CompiledPromotion,
    PricedCart,
    PricedLine,
    PriceRules,
    Recorder,
    Refused,
    part_of,
    round_half_even,
)
from mercato.carts.pricing.promotions import APPLIED, basket_reason, considered, standing_reason
from mercato.contracts.carts import Discount, PromotionReward, TaxLine
from mercato.kernel.money import Money, allocate


def price(basket: Basket, rules: PriceRules, record: Recorder | None = None) -> PricedCart:
    """What `basket` costs by `rules`. The order of its lines changes nothing but the order of the answer."""
    return _Pricing(basket, rules, record).run()


class _Pricing:
    """One basket on its way through the steps."""

    def __init__(self, basket: Basket, rules: PriceRules, record: Recorder | None) -> None:
        self.basket = basket
        self.rules = rules
        self.record = record
        self.priced = [_at_list_price(line) for line in basket.lines]
        self.applied: list[CompiledPromotion] = []
        self.reasons: dict[str, str] = {}
        """Coupon code in lower case → what came of it."""

    def run(self) -> PricedCart:
        list_total = sum(priced.total for priced in self.priced)
        self._note_list_prices(list_total)
        promotions = list(considered(self.basket, self.rules))
        for one in promotions:
            if one.is_for_lines and self._may_apply(one, list_total):
                self._discount_lines(one)
        subtotal = sum(priced.total for priced in self.priced)
        self._end_step("line_discounts", list_total, subtotal)
        for one in promotions:
            if not (one.is_for_lines or one.is_for_delivery) and self._may_apply(one, subtotal):
                self._discount_order(one)
        goods = sum(priced.total for priced in self.priced)
        self._end_step("order_discounts", subtotal, goods)
        delivery = self._deliver(promotions, subtotal)
        self._end_step("delivery", goods, goods + delivery)
        tax, tax_lines = self._tax(delivery)
        total = goods + delivery + (0 if self.rules.prices_include_tax else tax)
        self._end_step("tax", goods + delivery, total)
        self._end_step("credit", total, total)
        return PricedCart(
            lines=self.priced,
            subtotal=subtotal,
            discount=subtotal - goods,
            delivery=delivery,
            tax=tax,
            total=total,
            tax_lines=tax_lines,
            refused=self._refused(),
            applied=self.applied,
        )

    @cached_property
    def ordered(self) -> list[PricedLine]:
        """Remainders go by the lines' ids, not by how the shopper happened to fill the cart."""
        return sorted(self.priced, key=lambda priced: priced.line.id.int)

    @cached_property
    def categories(self) -> frozenset[UUID]:
        return frozenset[UUID]().union(*(line.category_ids for line in self.basket.lines))

    def _discount_lines(self, one: CompiledPromotion) -> None:
        """A percentage off the unit price of every line of its categories."""
        off = 0
        for priced in self.ordered:
            if one.categories.isdisjoint(priced.line.category_ids):
                continue
            per_unit = part_of(priced.unit_price, one.fraction)
            if per_unit:
                priced.unit_price -= per_unit
                amount = per_unit * priced.line.quantity
                priced.total -= amount
                priced.discounts.append(self._discount(one, amount))
                off += amount
        self._gave(one, off)

    def _discount_order(self, one: CompiledPromotion) -> None:
        """One amount off the lines concerned, spread in proportion to what each still costs."""
        lines = [
            priced
            for priced in self.ordered
            if not one.categories or not one.categories.isdisjoint(priced.line.category_ids)
        ]
        left = sum(priced.total for priced in lines)
        if one.promotion.reward is PromotionReward.PERCENT:
            amount = part_of(left, one.fraction)
        else:
            amount = min(one.promotion.amount or 0, left)
        if amount:
            shares = allocate(amount, [priced.total for priced in lines])
            for priced, share in zip(lines, shares, strict=True):
                if share:
                    priced.total -= share
                    priced.discounts.append(self._discount(one, share))
        self._gave(one, amount)

    def _deliver(self, promotions: Sequence[CompiledPromotion], subtotal: int) -> int:
        method = self.basket.method
        price = 0 if method is None else method.price
        if method is not None and method.free_above is not None and subtotal >= method.free_above:
            self._note(method.code, True, f"Free from a subtotal of {method.free_above} minor units.", -price)
            price = 0
        elif method is not None:
            self._note(method.code, True, "The price of the delivery method.", price)
        for one in promotions:
            if one.is_for_delivery and self._may_apply(one, subtotal):
                self._gave(one, price)
                price = 0
        return price

    def _tax(self, delivery: int) -> tuple[int, list[TaxLine]]:
        """Tax of every line and of the delivery, each rounded once; and the sums by rate."""
        taxed: dict[str, _Taxed] = {}
        for priced in self.priced:
            priced.tax = self._taxed(priced.line.tax_class, taxed).add(priced.total)
        method = self.basket.method
        if method is not None and delivery:
            self._taxed(method.tax_class, taxed).add(delivery)
        currency = self.rules.currency
        sums: dict[tuple[str, Fraction], tuple[int, int]] = {}
        for one in taxed.values():
            net, tax = sums.get((one.name, one.rate), (0, 0))
            sums[one.name, one.rate] = (net + one.net, tax + one.tax)
        lines = []
        for (name, rate), (net, tax) in sorted(sums.items()):
            if not rate:
                continue
            text = _decimal_text(rate)
            lines.append(TaxLine(name, text, Money(net, currency), Money(tax, currency)))
            included = "included in" if self.rules.prices_include_tax else "added to"
            self._note(name, True, f"Rate {text}, {included} the price.", tax)
        return sum(tax for _, tax in sums.values()), lines

    def _taxed(self, tax_class: str, taxed: dict[str, "_Taxed"]) -> "_Taxed":
        found = taxed.get(tax_class)
        if found is None:
            name, rate = self.rules.tax_of(self.basket.destination, tax_class)
            found = taxed[tax_class] = _Taxed(name, rate, self.rules.prices_include_tax)
        return found

    def _may_apply(self, one: CompiledPromotion, subtotal: int) -> bool:
        reason = standing_reason(one, self.basket.now)
        if reason == APPLIED:
            reason = basket_reason(
                one, subtotal=subtotal, categories=self.categories, has_method=self.basket.method is not None
            )
        if reason == APPLIED:
            return True
        if one.code is not None:
            self.reasons[one.code] = reason
        self._note(one.promotion.name, False, reason)
        return False

    def _gave(self, one: CompiledPromotion, amount: int) -> None:
        """It was allowed to apply; whether anything was left to take off decides whether it counts."""
        is_used = amount > 0
        reason = APPLIED if is_used else "nothing_left"
        if one.code is not None:
            self.reasons[one.code] = reason
        if is_used:
            self.applied.append(one)
        self._note(one.promotion.name, is_used, reason, -amount if is_used else None)

    def _refused(self) -> list[Refused]:
        found = []
        for code in self.basket.coupons:
            reason = self.reasons.get(code.lower(), "unknown")
            if reason != APPLIED:
                found.append(Refused(code, reason))
        return found

    def _discount(self, one: CompiledPromotion, amount: int) -> Discount:
        promotion = one.promotion
        return Discount(one.id, promotion.label, Money(amount, self.rules.currency), promotion.coupon_code)

    def _note_list_prices(self, list_total: int) -> None:
        if self.record is None:
            return
        for priced in self.priced:
            reason = f"{priced.line.quantity} × {priced.line.list_price} minor units."
            self.record.note(str(priced.line.id), applied=True, reason=reason, amount=priced.total)
        self.record.end_step("list_price", 0, list_total)

    def _note(self, subject: str, applied: bool, reason: str, amount: int | None = None) -> None:
        if self.record is not None:
            self.record.note(subject, applied=applied, reason=reason, amount=amount)

    def _end_step(self, step: str, before: int, after: int) -> None:
        if self.record is not None:
            if step == "order_discounts":
                self._note_missing_codes()
            self.record.end_step(step, before, after)

    def _note_missing_codes(self) -> None:
        """Explain names the promotions that would need a code, and the codes that nobody knows."""
        given = {code.lower() for code in self.basket.coupons}
        for code, one in self.rules.by_code.items():
            if self.record is not None and self.record.for_staff and code not in given:
                self._note(one.promotion.name, False, "needs_code")
        for code in self.basket.coupons:
            if code.lower() not in self.rules.by_code:
                self._note(code, False, "unknown")


class _Taxed:
    """The tax of one class of goods: its rate, and what was taxed so far."""

    __slots__ = ("denominator", "is_included", "name", "net", "numerator", "rate", "tax")

    def __init__(self, name: str, rate: Fraction, is_included: bool) -> None:
        self.name = name
        self.rate = rate
        self.is_included = is_included
        self.numerator = rate.numerator
        self.denominator = rate.denominator + rate.numerator if is_included else rate.denominator
        self.net = 0
        self.tax = 0

    def add(self, amount: int) -> int:
        """The tax in `amount` or on top of it, rounded half-even once."""
        tax = round_half_even(amount * self.numerator, self.denominator)
        self.tax += tax
        self.net += amount - tax if self.is_included else amount
        return tax


def _at_list_price(line: BasketLine) -> PricedLine:
    return PricedLine(line, line.list_price, line.list_price * line.quantity, 0, [])


def _decimal_text(rate: Fraction) -> str:
    """A tax rate as it is written, "0.19"; rates come from decimal texts, so this is exact."""
    digits, scaled = 0, rate
    while scaled.denominator != 1:
        digits, scaled = digits + 1, scaled * 10
    text = str(scaled.numerator).rjust(digits + 1, "0")
    return f"{text[:-digits]}.{text[-digits:]}" if digits else text
