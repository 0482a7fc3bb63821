"""What a cart costs by the specification, written plainly: it shares no code with the shop's."""

from fractions import Fraction
from typing import Any
from uuid import UUID

from mercato.carts.pricing import Basket, BasketLine
from mercato.contracts.carts import PriceList, Promotion, PromotionReward, PromotionScope, TaxRate

R = PromotionReward
EUROPE = {"DE", "FR", "AT", "EL", "ES", "IT", "NL", "PL"}


def total_of(
    cart: Basket, promotions: list[Promotion], rates: dict[str, TaxRate], lists: list[PriceList], *,
    gross: bool, origin: str,
) -> int:  # fmt: skip
    """`rates` are those of the destination by tax class."""
    return _Opinion(cart, promotions, rates, lists, gross, origin).total()


class _Opinion:
    def __init__(
        self, cart: Basket, promotions: list[Promotion], rates: dict[str, TaxRate], lists: list[PriceList],
        gross: bool, origin: str,
    ) -> None:  # fmt: skip
        self.cart = cart
        self.promotions = sorted(promotions, key=lambda p: (-p.priority, str(p.id)))
        self.rates = {name: Fraction(rate.rate) for name, rate in rates.items()}
        self.lists = {one.id: one for one in lists}
        self.gross = gross
        self.relieved = self._is_relieved(origin)
        self.lines: list[BasketLine] = sorted(cart.lines, key=lambda one: one.id)
        self.unit = {one.id: self._list_price(one) for one in self.lines}
        self.count = {one.id: one.quantity for one in self.lines}
        self.given: set[Any] = set()

    def total(self) -> int:
        self._catalog()
        cost = {i: self.unit[i] * self.count[i] for i in self.unit}
        subtotal = sum(cost.values())
        method = self.cart.method
        delivery = 0
        if method is not None and (method.free_above is None or subtotal < method.free_above):
            delivery = self._net(method.price, method.tax_class)
        delivery = self._cart(cost, subtotal, delivery)
        total = sum(cost.values()) + delivery
        if self.gross or self.relieved:
            return total
        tax = sum(round(cost[one.id] * self.rates[one.tax_class]) for one in self.lines)
        return total + tax + (round(delivery * self.rates["standard"]) if delivery else 0)

    def _is_relieved(self, origin: str) -> bool:
        customer, country = self.cart.customer, self.cart.destination.country
        if customer.is_tax_exempt:
            return True
        if not customer.tax_id or country == origin or customer.tax_id.startswith(origin):
            return False
        return {country, origin, customer.tax_id[:2]} <= EUROPE

    def _net(self, amount: int, tax_class: str) -> int:
        is_net_wanted = self.gross and self.relieved
        return round(amount / (1 + self.rates[tax_class])) if is_net_wanted else amount

    def _list_price(self, line: BasketLine) -> int:
        units = sum(one.quantity for one in self.cart.lines if one.variant_id == line.variant_id)
        steps: dict[UUID, list[tuple[int, int]]] = {}
        for tier in line.tiers:
            found = self.lists[tier.price_list.id]
            if found.group_ids and not set(found.group_ids) & self.cart.customer.groups:
                continue
            if tier.min_quantity <= units:
                steps.setdefault(tier.price_list.id, []).append((tier.min_quantity, tier.price))
        offers = [(-self.lists[i].priority, max(found)[1]) for i, found in steps.items()]
        return self._net(min(offers)[1] if offers else line.list_price, line.tax_class)

    def _named(self, p: Promotion) -> list[UUID]:
        names = {*p.product_ids, *p.category_ids, *p.collection_ids}
        return [one.id for one in self.lines if not names or names & one.targets]

    def _holds(self, p: Promotion, subtotal: int) -> bool:
        codes = {code.lower() for code in self.cart.coupons}
        has_single = p.coupon_code is not None and p.coupon_code.lower() in codes
        has_generated = any(k.promotion_id == p.id and k.refusal is None for k in self.cart.codes.values())
        customer = self.cart.customer
        limit = 1 if p.first_order else p.customer_limit
        return all((
            p.is_active,
            has_single or has_generated or not (p.coupon_code or p.needs_code),
            p.usage_limit is None or p.used < p.usage_limit,
            limit is None or customer.uses.get(p.id or UUID(int=0), 0) < limit,
            not p.countries or self.cart.destination.country in p.countries,
            not p.group_ids or set(p.group_ids) & customer.groups,
            not (p.first_order and customer.has_ordered),
            subtotal >= (p.minimum_subtotal or 0),
            self._named(p) or not (p.product_ids or p.category_ids or p.collection_ids),
            sum(self.count[i] for i in self._named(p)) >= (p.minimum_quantity or 0),
        ))  # fmt: skip

    def _affords(self, p: Promotion, amount: int) -> bool:
        return amount > 0 and (p.budget is None or p.spent + amount <= p.budget)

    def _catalog(self) -> None:
        """Unit prices fall; what an exclusive promotion has touched is touched by no other."""
        list_total = sum(self.unit[i] * self.count[i] for i in self.unit)
        classes = {one.id: one.tax_class for one in self.lines}
        touched: set[UUID] = set()
        closed: set[UUID] = set()
        for p in self.promotions:
            if p.scope is not PromotionScope.CATALOG or not self._holds(p, list_total):
                continue
            ids = [one.id for one in self.lines] if p.whole_cart else self._named(p)
            ids = [i for i in ids if i not in closed and not (p.is_exclusive and i in touched)]
            fall = {}
            for i in ids:
                price = self.unit[i]
                after = {
                    R.PERCENT: price - round(price * Fraction(p.percent or 0) / 100),
                    R.FIXED: max(price - (p.amount or 0), 0),
                    R.FIXED_PRICE: min(price, self._net(p.amount or 0, classes[i])),
                }[p.reward]
                fall[i] = price - after
            if self._affords(p, sum(fall[i] * self.count[i] for i in ids)):
                for i in ids:
                    self.unit[i] -= fall[i]
                    if fall[i]:
                        touched.add(i)
                        closed |= {i} if p.is_exclusive else set()

    def _cart(self, cost: dict[UUID, int], subtotal: int, delivery: int) -> int:
        """Takes the discounts off `cost`; what is left of the price of delivery."""
        is_alone = is_any = False
        for p in self.promotions:
            if p.scope is PromotionScope.CATALOG or not self._holds(p, subtotal):
                continue
            if is_alone or (p.is_exclusive and is_any):
                continue
            if p.reward in (R.FREE_DELIVERY, R.DELIVERY_PERCENT, R.DELIVERY_FIXED):
                off = delivery
                if p.reward is R.DELIVERY_PERCENT:
                    off = round(delivery * Fraction(p.percent or 0) / 100)
                elif p.reward is R.DELIVERY_FIXED:
                    off = min(p.amount or 0, delivery)
                if self._affords(p, off):
                    delivery -= off
            elif p.reward is R.GIFT:
                gift = self.cart.gifts.get(p.id or UUID(int=0))
                off = 0 if gift is None else self._net(gift.list_price, gift.tax_class) * p.gift_quantity
                is_given = gift is not None and (p.budget is None or p.spent + off <= p.budget)
                is_any = is_any or is_given
                is_alone = is_alone or (is_given and p.is_exclusive)
                continue
            else:
                cuts = self._cuts(p, cost)
                off = sum(cuts.values())
                if self._affords(p, off):
                    for i, cut in cuts.items():
                        cost[i] -= cut
            if self._affords(p, off):
                is_any = True
                is_alone = p.is_exclusive
        return delivery

    def _cuts(self, p: Promotion, cost: dict[UUID, int]) -> dict[UUID, int]:
        ids = [one.id for one in self.lines] if p.whole_cart else self._named(p)
        if p.reward is R.BUY_X_GET_Y:
            return self._bought(p, ids, cost)
        left = sum(cost[i] for i in ids)
        off = (
            round(left * Fraction(p.percent or 0) / 100)
            if p.reward is R.PERCENT
            else min(p.amount or 0, left)
        )
        if not off:
            return {}
        exact = {i: Fraction(off * cost[i], left) for i in ids}
        parts = {i: int(exact[i]) for i in ids}
        missing = off - sum(parts.values())
        for i in sorted(ids, key=lambda i: (parts[i] - exact[i], i))[:missing]:
            parts[i] += 1
        return parts

    def _bought(self, p: Promotion, ids: list[UUID], cost: dict[UUID, int]) -> dict[UUID, int]:
        """Every unit by itself, the cheapest first."""
        buy, get = p.buy_quantity or 1, p.get_quantity or 1
        if p.get_product_ids:
            reduced = [one.id for one in self.lines if set(p.get_product_ids) & one.targets]
            free = sum(self.count[i] for i in ids if i not in reduced) // buy * get
        else:
            reduced = ids
            free = sum(self.count[i] for i in ids) // (buy + get) * get
        units = sorted((self.unit[i], i) for i in reduced for _ in range(self.count[i]))
        off = {i: 0 for i in reduced}
        for price, i in units[:free]:
            off[i] += round(price * Fraction(p.percent or 100) / 100)
        return {i: min(off[i], cost[i]) for i in reduced}
