"""The price steps, in their order. `price` reads top to bottom like the specification."""

from collections.abc import Sequence
from functools import cached_property
from uuid import UUID

from mercato.carts.delivery import full_price_of, price_of
from mercato.carts.pricing.listing import at_list_price, relief_of, tier_for, units_by_variant, without_tax
from mercato.carts.pricing.lots import Lot
from mercato.carts.pricing.model import (
    Basket,
    BasketLine,
    Candidate,
    CompiledPromotion,
    Discounts,
    PricedCart,
    PricedLine,
    PriceRules,
    Recorder,
)
from mercato.carts.pricing.promotions import (
    APPLIED,
    considered,
    goods_reason,
    matching,
    standing_reason,
)
from mercato.carts.pricing.rewards import DeliveryCuts, bundle_cuts, cart_cuts, delivery_cut, unit_cuts
from mercato.carts.pricing.taxes import RELIEFS, relieved, tax_lines_of
from mercato.carts.pricing.verdicts import Verdicts
from mercato.contracts.carts import PromotionReward, TaxLine


def price(basket: Basket, rules: PriceRules, record: Recorder | None = None) -> PricedCart:
    """What `basket` costs by `rules`. The order of its lines changes nothing but the order of the answer."""
    return _Pricing(basket, rules, record).run()


class _Pricing:
    """One basket on its way through the steps."""

    def __init__(self, basket: Basket, rules: PriceRules, record: Recorder | None) -> None:
        self.basket = basket
        self.rules = rules
        self.record = record
        self.verdicts = Verdicts(basket, rules, record)
        self.relief = relief_of(basket.customer, rules.origin, basket.destination.country)
        self.is_tax_included = rules.prices_include_tax and self.relief is None
        self.priced: list[PricedLine] = []
        self.goods = 0
        """What the lines cost by now, all together."""
        self.lot = Lot([])
        """What promotions take from just now."""
        self.gifts: list[PricedLine] = []
        self.exclusive: CompiledPromotion | None = None

    def run(self) -> PricedCart:
        self.priced = self._list_prices()
        list_total = self.goods = sum([priced.total for priced in self.priced])
        self.verdicts.end_step("list_price", 0, list_total)
        promotions = self._in_reach(considered(self.basket, self.rules), list_total)
        for candidate in promotions:
            if candidate.one.is_catalog:
                self._discount_units(candidate, list_total)
        subtotal = self.goods
        self.verdicts.end_step("line_discounts", list_total, subtotal)
        full = self._delivery_price(subtotal)
        cuts = self._discount_cart(promotions, subtotal, full)
        goods = self.goods
        self.verdicts.note_missing_codes()
        self.verdicts.end_step("order_discounts", subtotal, goods)
        self.lot.settle()
        delivery = self._deliver(full, subtotal, cuts)
        self.verdicts.end_step("delivery", goods, goods + delivery)
        tax_lines = self._tax(delivery)
        tax = sum(line.tax.amount for line in tax_lines)
        total = goods + delivery + (0 if self.is_tax_included else tax)
        self.verdicts.end_step("tax", goods + delivery, total)
        self.verdicts.end_step("credit", total, total)
        return PricedCart(
            lines=[*self.priced, *self.gifts],
            subtotal=subtotal,
            discount=subtotal - goods,
            delivery=delivery,
            tax=tax,
            total=total,
            tax_included=self.is_tax_included,
            tax_lines=tax_lines,
            refused=self.verdicts.refused(),
            applied=self.verdicts.applied,
            relief=self.relief,
        )

    def _in_reach(self, promotions: Sequence[Candidate], list_total: int) -> Sequence[Candidate]:
        """Without those that plainly cannot apply by themselves: a shop may have hundreds of promotions. An
        explanation names them all."""
        if self.record is not None or not promotions:
            return promotions
        present = frozenset(self.by_target) if self.rules.named else frozenset()
        return [
            candidate
            for candidate in promotions
            if candidate.code is not None
            or (
                candidate.one.least <= list_total
                and (not candidate.one.targets or not candidate.one.targets.isdisjoint(present))
            )
        ]

    @cached_property
    def ordered(self) -> list[PricedLine]:
        """Remainders go by the lines' ids, not by how the shopper happened to fill the cart."""
        return sorted(self.priced, key=lambda priced: priced.line.id.int)

    @cached_property
    def by_target(self) -> dict[UUID, list[PricedLine]]:
        found: dict[UUID, list[PricedLine]] = {}
        for priced in self.ordered:
            for target in priced.line.targets:
                found.setdefault(target, []).append(priced)
        return found

    @cached_property
    def units(self) -> dict[UUID, int]:
        return units_by_variant(self.basket.lines)

    def _list_prices(self) -> list[PricedLine]:
        """The lines before any promotion; most carts have nothing to ask price by price."""
        if self.relief is None and self.record is None and not self.rules.price_lists:
            return [at_list_price(line, line.list_price) for line in self.basket.lines]
        return [at_list_price(line, self._list_price(line)) for line in self.basket.lines]

    def _list_price(self, line: BasketLine) -> int:
        """The unit price of the price list that fits, else of the catalog; net for who pays no tax."""
        tier = None
        if line.tiers:
            units = self.units[line.variant_id or line.id]
            tier = tier_for(line.tiers, units, self.basket.customer, self.basket.now)
        amount = line.list_price if tier is None else tier.price
        if self.relief is not None:
            amount = self._net(amount, line.tax_class)
        if self.record is not None:
            source = "the catalog" if tier is None else f"price list {tier.price_list.name}"
            without = "" if self.relief is None else ", without tax"
            self.record.note(
                str(line.id), applied=True, reason="catalog" if tier is None else "price_list",
                amount=amount * line.quantity, subject_id=line.id,
                detail=f"{line.quantity} × {self.record.text(amount)}, the unit price of {source}{without}.",
            )  # fmt: skip
        return amount

    def _net(self, amount: int, tax_class: str) -> int:
        if not self.rules.prices_include_tax:
            return amount
        return without_tax(amount, self.rules.tax_of(self.basket.destination, tax_class))

    def _discount_units(self, candidate: Candidate, list_total: int) -> None:
        """Lower the unit prices of the lines concerned; an exclusive promotion stands alone on its line."""
        one = candidate.one
        lines = self._lines_of(one)
        reason = self._reason(candidate, list_total, lines)
        if reason != APPLIED:
            self.verdicts.refuse(candidate, reason)
            return
        is_exclusive = one.promotion.is_exclusive
        reached = self.ordered if one.promotion.whole_cart else lines
        free = [p for p in reached if not p.is_closed and not (is_exclusive and p.unit_price < p.list_price)]
        cuts = self._unit_cuts(one, free)
        if reached and not free:
            self.verdicts.refuse(candidate, "not_combinable" if is_exclusive else "excluded")
            return
        amounts = [cut * p.line.quantity for p, cut in zip(free, cuts, strict=True)]
        if not self._gave(candidate, self._lot_of(free), amounts):
            return
        for priced, cut in zip(free, cuts, strict=True):
            priced.unit_price -= cut
            priced.is_closed = priced.is_closed or (is_exclusive and cut > 0)

    def _unit_cuts(self, one: CompiledPromotion, lines: Sequence[PricedLine]) -> list[int]:
        """What it takes off a unit of each line; who pays no tax gets a fixed price without it."""
        if self.relief is None or one.promotion.reward is not PromotionReward.FIXED_PRICE:
            return unit_cuts(one, [priced.unit_price for priced in lines])
        fixed = one.promotion.amount or 0
        return [max(priced.unit_price - self._net(fixed, priced.line.tax_class), 0) for priced in lines]

    def _discount_cart(self, promotions: Sequence[Candidate], subtotal: int, full: int) -> DeliveryCuts:
        """Promotions of the cart, the highest priority first; those of the delivery are returned."""
        is_given = False
        cuts: DeliveryCuts = []
        for candidate in promotions:
            one = candidate.one
            if one.is_catalog:
                continue
            lines = self._lines_of(one)
            reason = self._reason(candidate, subtotal, lines)
            if reason == APPLIED and self.exclusive is not None:
                reason = "excluded"
            if reason == APPLIED and is_given and one.promotion.is_exclusive:
                reason = "not_combinable"
            if reason != APPLIED:
                self.verdicts.refuse(candidate, reason)
                continue
            if one.is_for_delivery:
                cut = delivery_cut(one, full - sum(amount for _, amount in cuts))
                does_give = self._cuts_delivery(candidate, cut)
                cuts += [(candidate, cut)] if does_give else []
            elif one.is_gift:
                does_give = self._add_gift(candidate)
            else:
                does_give = self._take_off(candidate, self.ordered if one.promotion.whole_cart else lines)
            is_given = is_given or does_give
            if does_give and one.promotion.is_exclusive:
                self.exclusive = one
        return cuts

    def _take_off(self, candidate: Candidate, lines: Sequence[PricedLine]) -> bool:
        """Share what the promotion takes among `lines`; for `buy_x_get_y`, these are bought."""
        one = candidate.one
        if not one.is_bundle:
            lot = self._lot_of(lines)
            return self._gave(candidate, lot, cart_cuts(one, lot.totals))
        self.lot.settle()
        got = matching(one.got, self.by_target, self.ordered) if one.got else None
        reduced, amounts = bundle_cuts(one, lines, got)
        return self._gave(candidate, self._lot_of(reduced), amounts)

    def _lot_of(self, lines: Sequence[PricedLine]) -> Lot:
        if self.lot.lines is not lines:
            self.lot.settle()
            self.lot = Lot(lines)
        return self.lot

    def _cuts_delivery(self, candidate: Candidate, amount: int) -> bool:
        """Whether there is a price of delivery to take off; it is noted at its own step."""
        if self.basket.method is None:
            self.verdicts.refuse(candidate, "no_delivery_method")
            return False
        if self._exceeds_budget(candidate.one, amount) or not amount:
            self.verdicts.refuse(candidate, "budget_spent" if amount else "nothing_left")
            return False
        self.verdicts.accept(candidate, amount)
        return True

    def _add_gift(self, candidate: Candidate) -> bool:
        """A line of its own that costs nothing."""
        one = candidate.one
        gift = self.basket.gifts.get(one.id)
        if gift is None:
            self.verdicts.refuse(candidate, "gift_unavailable")
            return False
        quantity = max(one.promotion.gift_quantity, 1)
        line = BasketLine(
            gift.line_id,
            quantity,
            gift.list_price,
            frozenset(),
            gift.tax_class,
            one.promotion.gift_variant_id,
        )
        value = gift.list_price if self.relief is None else self._net(gift.list_price, gift.tax_class)
        priced = at_list_price(line, value)
        if self._exceeds_budget(one, priced.total):
            self.verdicts.refuse(candidate, "budget_spent")
            return False
        self.verdicts.accept(candidate, priced.total)
        self.verdicts.note(candidate, APPLIED, 0)
        discount = self._discounts_of(candidate)[priced.total]
        if discount is not None:
            priced.discounts.append(discount)
        priced.unit_price = priced.total = 0
        priced.gift_of = one.id
        self.gifts.append(priced)
        return True

    def _delivery_price(self, subtotal: int) -> int:
        """What the chosen method costs before any promotion."""
        method = self.basket.method
        price = 0 if method is None else price_of(method, subtotal)
        if method is None or not price:
            return 0
        return price if self.relief is None else self._net(price, method.tax_class)

    def _deliver(self, full: int, subtotal: int, cuts: DeliveryCuts) -> int:
        method = self.basket.method
        if method is not None and self.record is not None:
            is_free = method.free_above is not None and subtotal >= method.free_above
            reason, detail = "price", "The price of the delivery method."
            if is_free:
                reason = "free_above"
                detail = f"Free from a subtotal of {self.record.text(method.free_above or 0)}."
            amount = -full_price_of(method, subtotal) if is_free else full
            self.record.note(method.code, applied=True, reason=reason, amount=amount, detail=detail)
        for candidate, amount in cuts:
            self.verdicts.note(candidate, APPLIED, -amount)
        return full - sum(amount for _, amount in cuts)

    def _tax(self, delivery: int) -> list[TaxLine]:
        """Tax of every line and of the delivery; none, but said why, for who is relieved of it."""
        currency, method = self.rules.currency, self.basket.method
        if self.relief is not None:
            lines = relieved(self.priced, delivery, self.relief, currency)
            if self.record is not None:
                self.record.note(RELIEFS[self.relief], applied=True, reason=self.relief, amount=0)
            return lines
        lines = tax_lines_of(
            self.priced, delivery, "" if method is None else method.tax_class,
            rules=self.rules, destination=self.basket.destination, is_included=self.is_tax_included,
        )  # fmt: skip
        if self.record is not None:
            reason = "included" if self.is_tax_included else "added"
            way = "included in" if self.is_tax_included else "added to"
            for line in lines:
                detail = f"Rate {line.rate} of {self.record.text(line.net.amount)}, {way} the price."
                self.record.note(
                    line.name, applied=True, reason=reason, amount=line.tax.amount, detail=detail
                )
        return lines

    def _lines_of(self, one: CompiledPromotion) -> list[PricedLine]:
        return matching(one.targets, self.by_target, self.ordered) if one.targets else self.ordered

    def _reason(self, candidate: Candidate, subtotal: int, lines: Sequence[PricedLine]) -> str:
        if candidate.refusal is not None:
            return candidate.refusal
        if candidate.one.place in self.verdicts.given:
            return "already_applied"
        reason = standing_reason(candidate.one, self.basket)
        return reason if reason != APPLIED else goods_reason(candidate.one, subtotal=subtotal, lines=lines)

    def _gave(self, candidate: Candidate, lot: Lot, amounts: Sequence[int]) -> bool:
        """Take the amounts off the lot, if there are any and the budget covers them."""
        amount = sum(amounts)
        if not amount or self._exceeds_budget(candidate.one, amount):
            self.verdicts.refuse(candidate, "budget_spent" if amount else "nothing_left")
            return False
        self.goods -= amount
        lot.take(amounts, self._discounts_of(candidate))
        self.verdicts.accept(candidate, amount)
        self.verdicts.note(candidate, APPLIED, -amount)
        return True

    def _discounts_of(self, candidate: Candidate) -> Discounts:
        """What lines say of it: with its own code, when that was generated."""
        one = candidate.one
        if candidate.coupon_id is None:
            return one.discounts
        return Discounts(one.id, one.promotion.label, self.rules.currency, candidate.code)

    def _exceeds_budget(self, one: CompiledPromotion, amount: int) -> bool:
        budget = one.promotion.budget
        return budget is not None and one.promotion.spent + amount > budget
