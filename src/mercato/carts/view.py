"""From a stored cart to what the shopper sees: priced lines, totals, problems, requirements. No I/O."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from mercato.carts.credit import applied, paid_by, payable, step_of
from mercato.carts.delivery import NOTHING, Load, carries, for_load, goes_to, price_of, promised_date
from mercato.carts.domain import LineState, demand_of, most_of
from mercato.carts.pricing import (
    Basket,
    BasketLine,
    Customer,
    Destination,
    Gift,
    KnownCode,
    PricedCart,
    PricedLine,
    Tier,
    price,
)
from mercato.carts.pricing.model import Recorder
from mercato.carts.rules import ChannelRules
from mercato.carts.store.carts import CartState
from mercato.contracts.carts import (
    AppliedCredit,
    Cart,
    CartLine,
    CartTotals,
    DeliveryKind,
    DeliveryMethod,
    DeliveryMethodInput,
    Explanation,
    PriceStep,
    Problem,
)
from mercato.contracts.catalog import SaleVariant
from mercato.contracts.payments.credit import CreditBalance
from mercato.contracts.shared import Address
from mercato.contracts.stock import Availability, AvailableUnits
from mercato.kernel.ids import derived_id
from mercato.kernel.money import Money

NOT_A_PROBLEM = "no_delivery_method"
"""A coupon for free delivery waits for a method; nothing is wrong with it."""


_NO_TARGETS: frozenset[UUID] = frozenset()


class Priced(msgspec.Struct, frozen=True):
    """A cart as the shopper sees it, the price it came from, and the steps when they were recorded."""

    cart: Cart
    price: PricedCart
    steps: list[PriceStep] = []


class Goods(msgspec.Struct, frozen=True):
    """What other services say about the variants of a cart."""

    variants: Mapping[UUID, SaleVariant]
    available: Mapping[UUID, AvailableUnits]
    balances: Sequence[CreditBalance] = ()
    """Of the gift cards and the store credit that the cart uses."""
    load: Load = NOTHING
    """What delivery asks of the cart, when any method asks."""


class Buyer(msgspec.Struct, frozen=True):
    """What is known of who buys, and the generated codes and price-list prices that may be theirs."""

    customer: Customer = Customer()
    codes: Mapping[str, KnownCode] = {}
    tiers: Mapping[UUID, tuple[Tier, ...]] = {}


def build_cart(
    state: CartState,
    rules: ChannelRules,
    goods: Goods,
    buyer: Buyer,
    now: datetime,
    *,
    token: str | None = None,
    record: Recorder | None = None,
) -> Priced:
    """The whole cart as of `now`."""
    method = _method(state, rules, goods)
    priced = price(basket_of(state, rules, goods, buyer, now), rules.prices, record)
    currency = state.currency
    lines, problems = _lines(state, goods, priced)
    problems += _cart_problems(state, method, priced, goods)
    totals = _totals(priced, rules)
    credits, unusable = applied(payable(totals.total, lines), goods.balances) if goods.balances else ([], [])
    problems += unusable
    cart = Cart(
        id=state.id,
        status=state.status,
        channel=state.channel,
        currency=currency,
        email=state.email,
        lines=lines,
        coupons=state.coupons,
        shipping_address=state.shipping_address,
        billing_address=state.billing_address,
        delivery_method=None if method is None else offer(method, rules, priced.subtotal, now),
        totals=_paid(totals, credits),
        problems=problems,
        requirements=_requirements(state, method, goods),
        version=state.version,
        updated_at=state.updated_at,
        expires_at=state.expires_at,
        note=state.note,
        customer_id=state.customer_id,
        tax_id=state.tax_id,
        token=token,
        credits=credits,
        tax_relief=priced.relief,
    )
    return Priced(cart, priced, [] if record is None else _steps(record, totals, credits))


def basket_of(state: CartState, rules: ChannelRules, goods: Goods, buyer: Buyer, now: datetime) -> Basket:
    """What is priced: the lines that can be bought, at the catalog's prices of this channel."""
    lines = []
    for line in state.lines:
        variant = goods.variants.get(line.variant_id)
        if variant is not None and variant.is_available:
            lines.append(
                BasketLine(
                    line.id,
                    line.quantity,
                    variant.price.amount,
                    _targets(variant) if rules.prices.uses_targets else _NO_TARGETS,
                    variant.tax_class,
                    variant.id,
                    buyer.tiers.get(variant.id, ()),
                )
            )
    return Basket(
        lines,
        state.coupons,
        _method(state, rules, goods),
        _destination(state, rules),
        now,
        buyer.customer,
        buyer.codes,
        _gifts(state, rules, goods) if rules.prices.gifts else {},
    )


def _targets(variant: SaleVariant) -> frozenset[UUID]:
    return frozenset((variant.id, variant.product_id, *variant.category_ids, *variant.collection_ids))


def _gifts(state: CartState, rules: ChannelRules, goods: Goods) -> dict[UUID, Gift]:
    """The gifts that can be had beside what the cart holds."""
    gifts = {}
    for promotion_id, variant_id in rules.prices.gifts.items():
        variant, units = goods.variants.get(variant_id), goods.available.get(variant_id)
        if variant is None or units is None or not variant.is_available:
            continue
        quantity = rules.prices.by_id[promotion_id].promotion.gift_quantity
        most = most_of(units)
        if most is None or demand_of(state.lines, variant_id) + quantity <= most:
            line_id = derived_id(state.id, str(promotion_id))
            gifts[promotion_id] = Gift(line_id, variant.price.amount, variant.tax_class)
    return gifts


def explain(
    state: CartState, rules: ChannelRules, goods: Goods, buyer: Buyer, now: datetime, *, for_staff: bool
) -> Explanation:
    """Every price step with what was considered in it."""
    record = Recorder(state.currency, for_staff=for_staff)
    priced = price(basket_of(state, rules, goods, buyer, now), rules.prices, record)
    totals = _totals(priced, rules)
    lines, _ = _lines(state, goods, priced)
    credits, _ = applied(payable(totals.total, lines), goods.balances)
    return Explanation(_steps(record, totals, credits), _paid(totals, credits))


def _steps(record: Recorder, totals: CartTotals, credits: Sequence[AppliedCredit]) -> list[PriceStep]:
    """The recorded steps; the last one, which has no balances, replaced by what those of this cart pay."""
    if not credits:
        return record.steps
    return [*(step for step in record.steps if step.step != "credit"), step_of(totals.total, credits)]


def offers(
    rules: ChannelRules, destination: Destination, load: Load, subtotal: int, now: datetime
) -> list[DeliveryMethod]:
    """The methods that go to `destination` with this load, with their price for this subtotal and their
    promise."""
    return [
        offer(for_load(method, load), rules, subtotal, now)
        for method in rules.methods.values()
        if serves(method, rules, destination) and carries(method, load)
    ]


def offer(method: DeliveryMethodInput, rules: ChannelRules, subtotal: int, now: datetime) -> DeliveryMethod:
    """A method that was made for the load, as the shopper sees it."""
    assert method.id is not None
    return DeliveryMethod(
        method.id,
        method.code,
        method.name,
        method.description,
        Money(price_of(method, subtotal), rules.channel.currency),
        promised_date(
            now,
            time_zone=rules.channel.time_zone,
            cutoff_hour=method.cutoff_hour,
            working_days=method.days_max,
            holidays=rules.holidays,
        ),
        method.kind.value,
        method.pickup_place if method.kind is DeliveryKind.PICKUP else "",
    )


def serves(method: DeliveryMethodInput, rules: ChannelRules, destination: Destination) -> bool:
    """Whether the method goes there; a country that is not known yet rules nothing out."""
    return goes_to(method, destination, zones=rules.zones, channel_countries=rules.channel.countries)


def destination_of(address: Address | None) -> Destination:
    """Where a cart goes, as far as it is known."""
    return (
        Destination(None)
        if address is None
        else Destination(address.country, address.region, address.postal_code)
    )


def sends_nothing(state: CartState, goods: Goods) -> bool:
    """Whether the cart holds gift cards and nothing else: they go by e-mail."""
    found = [goods.variants.get(line.variant_id) for line in state.lines]
    return bool(found) and all(one is not None and one.is_gift_card for one in found)


def _method(state: CartState, rules: ChannelRules, goods: Goods) -> DeliveryMethodInput | None:
    """The chosen method with its price for this load, when it still exists and can be used."""
    load = goods.load
    if state.delivery_method_id is None or sends_nothing(state, goods):
        return None
    method = rules.methods.get(state.delivery_method_id)
    if method is None or not serves(method, rules, destination_of(state.shipping_address)):
        return None
    return for_load(method, load) if carries(method, load) else None


def _destination(state: CartState, rules: ChannelRules) -> Destination:
    """Until there is an address, the tax is that of the channel's first country."""
    address = state.shipping_address
    if address is not None:
        return Destination(address.country, address.region, address.postal_code)
    return Destination(rules.channel.countries[0] if rules.channel.countries else None)


def _lines(state: CartState, goods: Goods, priced: PricedCart) -> tuple[list[CartLine], list[Problem]]:
    """The lines as shown and what is wrong with them.

    One pass in the order of the lines, which the priced ones keep: a cart of 200 lines is read often.
    """
    demand: dict[UUID, int] = {}
    for line in state.lines:
        demand[line.variant_id] = demand.get(line.variant_id, 0) + line.quantity
    lines: list[CartLine] = []
    problems: list[Problem] = []
    in_order = iter(priced.lines)
    for line in state.lines:
        variant = goods.variants.get(line.variant_id)
        if variant is None:
            lines.append(_vanished(line, state.currency))
            problems.append(Problem("variant_unavailable", line_id=line.id))
        elif not variant.is_available:
            lines.append(_shown(line, variant, None, Availability.OUT))
            problems.append(Problem("variant_unavailable", line_id=line.id))
        else:
            units = goods.available.get(line.variant_id) or _nothing_of(line.variant_id)
            one = next(in_order)
            lines.append(_shown(line, variant, one, units.availability))
            if units.available < demand[line.variant_id]:
                problems.append(Problem("insufficient_stock", line_id=line.id, available=units.available))
            is_catalog_price = one.list_price == variant.price.amount
            if line.price_seen not in (None, variant.price.amount) and is_catalog_price:
                old = Money(line.price_seen or 0, state.currency)
                problems.append(Problem("price_changed", line_id=line.id, old=old, new=variant.price))
    for gift in in_order:
        lines.append(_given(gift, goods))
    return lines, problems


def _given(gift: PricedLine, goods: Goods) -> CartLine:
    """A line that a promotion adds."""
    assert gift.line.variant_id is not None
    variant = goods.variants[gift.line.variant_id]
    line = LineState(gift.line.id, variant.id, gift.line.quantity, None, None)
    return _shown(line, variant, gift, goods.available[variant.id].availability, is_gift=True)


def _nothing_of(variant_id: UUID) -> AvailableUnits:
    return AvailableUnits(variant_id, 0, Availability.OUT)


def _shown(
    line: LineState,
    variant: SaleVariant,
    priced: PricedLine | None,
    availability: Availability,
    *,
    is_gift: bool = False,
) -> CartLine:
    """A line as shown; without a price when it cannot be bought."""
    currency = variant.price.currency
    is_plain = priced is None or priced.unit_price == variant.price.amount
    is_listed = priced is None or priced.list_price == variant.price.amount
    return CartLine(
        line.id,
        line.variant_id,
        variant.product_id,
        variant.slug,
        variant.name,
        variant.options,
        variant.sku,
        variant.image,
        line.quantity,
        variant.price if priced is None or is_plain else Money(priced.unit_price, currency),
        variant.price if priced is None or is_listed else Money(priced.list_price, currency),
        [] if priced is None else priced.discounts,
        Money(0 if priced is None else priced.total, currency),
        availability,
        line.custom,
        Money(0 if priced is None else priced.tax, currency),
        is_gift,
        variant.is_gift_card,
    )


def _vanished(line: LineState, currency: str) -> CartLine:
    """A line whose variant the catalog does not know any more: it costs nothing and blocks completing."""
    zero = Money(0, currency)
    return CartLine(
        line.id, line.variant_id, line.variant_id, "", "No longer sold", {}, "", None, line.quantity,
        zero, zero, [], zero, Availability.OUT, line.custom, zero,
    )  # fmt: skip


def _cart_problems(
    state: CartState, method: DeliveryMethodInput | None, priced: PricedCart, goods: Goods
) -> list[Problem]:
    problems = [
        Problem("coupon_invalid", coupon=refused.code, reason=refused.reason)
        for refused in priced.refused
        if refused.reason != NOT_A_PROBLEM
    ]
    if state.delivery_method_id is not None and method is None and not sends_nothing(state, goods):
        problems.append(Problem("delivery_invalid", reason="not_available"))
    return problems


def _requirements(state: CartState, method: DeliveryMethodInput | None, goods: Goods) -> list[str]:
    have = {
        "lines": bool(state.lines),
        "email": state.email is not None,
        "shipping_address": state.shipping_address is not None,
        "delivery_method": method is not None or sends_nothing(state, goods),
        "payment": False,
    }
    return [name for name, is_there in have.items() if not is_there]


def _totals(priced: PricedCart, rules: ChannelRules) -> CartTotals:
    currency = rules.channel.currency
    total = Money(priced.total, currency)
    return CartTotals(
        Money(priced.subtotal, currency),
        Money(priced.discount, currency),
        Money(priced.delivery, currency),
        Money(priced.tax, currency),
        priced.tax_included,
        total,
        Money(0, currency),
        total,
    )


def _paid(totals: CartTotals, credits: Sequence[AppliedCredit]) -> CartTotals:
    if not credits:
        return totals
    paid = paid_by(credits, totals.total.currency)
    return msgspec.structs.replace(totals, paid_by_credit=paid, due=totals.total - paid)
