"""From a stored cart to what the shopper sees: priced lines, totals, problems, requirements. No I/O."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from mercato.carts.credit import applied, paid_by, payable, step_of
from mercato.carts.delivery import NOTHING, Load, carries, for_load
from mercato.carts.domain import COUPON_TEXTS, LineState, demand_of, most_of
from mercato.carts.offers import destination_of, offer, serves
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
    DeliveryMethodInput,
    Explanation,
    PriceStep,
    Problem,
)
from mercato.contracts.catalog import SaleVariant
from mercato.contracts.payments.credit import CreditBalance
from mercato.contracts.stock import Availability, AvailableUnits
from mercato.kernel.ids import derived_id
from mercato.kernel.money import Money

NOT_A_PROBLEM = "no_delivery_method"
"""A coupon for free delivery waits for a method; nothing is wrong with it."""

Sold = Sequence[SaleVariant | None]
"""What the catalog says of each line of a cart, in their order; None: nothing any more."""


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
    sold = _sold(state, goods)
    method = _method(state, rules, goods.load, sold)
    priced = price(_basket(state, rules, goods, buyer, now, sold, method), rules.prices, record)
    currency = state.currency
    lines, problems = _lines(state, sold, goods, priced)
    needs_method = method is None and not _sends_nothing(sold)
    problems += _cart_problems(state, priced, needs_method)
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
        requirements=_requirements(state, needs_method),
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
    return Priced(cart, priced, [] if record is None else _steps(record, totals, credits, lines))


def _sold(state: CartState, goods: Goods) -> Sold:
    variants = goods.variants
    return [variants.get(line.variant_id) for line in state.lines]


def _basket(
    state: CartState,
    rules: ChannelRules,
    goods: Goods,
    buyer: Buyer,
    now: datetime,
    sold: Sold,
    method: DeliveryMethodInput | None,
) -> Basket:
    """What is priced: the lines that can be bought, at the catalog's prices of this channel."""
    tiers, targets_of = buyer.tiers, rules.targets_of
    lines = [
        BasketLine(
            line.id,
            line.quantity,
            variant.price.amount,
            targets_of(variant),
            variant.tax_class,
            line.variant_id,
            tiers.get(line.variant_id, ()) if tiers else (),
        )
        for line, variant in zip(state.lines, sold, strict=True)
        if variant is not None and variant.is_available
    ]
    return Basket(
        lines,
        state.coupons,
        method,
        _destination(state, rules),
        now,
        buyer.customer,
        buyer.codes,
        _gifts(state, rules, goods) if rules.prices.gifts else {},
    )


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
    sold = _sold(state, goods)
    method = _method(state, rules, goods.load, sold)
    priced = price(_basket(state, rules, goods, buyer, now, sold, method), rules.prices, record)
    totals = _totals(priced, rules)
    lines, _ = _lines(state, sold, goods, priced)
    credits, _ = applied(payable(totals.total, lines), goods.balances)
    return Explanation(_steps(record, totals, credits, lines), _paid(totals, credits))


def _steps(
    record: Recorder, totals: CartTotals, credits: Sequence[AppliedCredit], lines: Sequence[CartLine]
) -> list[PriceStep]:
    """The recorded steps with the names of the lines; the last one, which has no balances, replaced by what
    those of this cart pay."""
    names = {line.id: " · ".join([line.sku, line.name, *line.options.values()]) for line in lines}
    steps = [_named(step, names) if step.step == "list_price" else step for step in record.steps]
    if not credits:
        return steps
    return [*(step for step in steps if step.step != "credit"), step_of(totals.total, credits)]


def _named(step: PriceStep, names: Mapping[UUID, str]) -> PriceStep:
    entries = [
        msgspec.structs.replace(one, subject=names[one.subject_id] if one.subject_id else one.subject)
        for one in step.entries
    ]
    return msgspec.structs.replace(step, entries=entries)


def _sends_nothing(sold: Sold) -> bool:
    """Whether the cart holds gift cards and nothing else: they go by e-mail."""
    return bool(sold) and all(one is not None and one.is_gift_card for one in sold)


def _method(state: CartState, rules: ChannelRules, load: Load, sold: Sold) -> DeliveryMethodInput | None:
    """The chosen method with its price for this load, when it still exists and can be used."""
    if state.delivery_method_id is None or _sends_nothing(sold):
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


def _lines(
    state: CartState, sold: Sold, goods: Goods, priced: PricedCart
) -> tuple[list[CartLine], list[Problem]]:
    """The lines as shown and what is wrong with them.

    One pass in the order of the lines, which the priced ones keep: a cart of 200 lines is read often.
    """
    demand: dict[UUID, int] = {}
    available = goods.available
    for line in state.lines:
        demand[line.variant_id] = demand.get(line.variant_id, 0) + line.quantity
    lines: list[CartLine] = []
    problems: list[Problem] = []
    in_order = iter(priced.lines)
    for line, variant in zip(state.lines, sold, strict=True):
        if variant is None:
            lines.append(_vanished(line, state.currency))
            problems.append(Problem("variant_unavailable", line_id=line.id))
        elif not variant.is_available:
            lines.append(_shown(line, variant, Availability.OUT))
            problems.append(Problem("variant_unavailable", line_id=line.id))
        else:
            units = available.get(line.variant_id) or _nothing_of(line.variant_id)
            one = next(in_order)
            lines.append(_shown(line, variant, units.availability, one))
            if units.available < demand[line.variant_id]:
                problems.append(Problem("insufficient_stock", line_id=line.id, available=units.available))
            seen, amount = line.price_seen, variant.price.amount
            if seen is not None and seen != amount and one.list_price == amount:
                old = Money(seen, state.currency)
                problems.append(Problem("price_changed", line_id=line.id, old=old, new=variant.price))
    for gift in in_order:
        lines.append(_given(gift, goods))
    return lines, problems


def _given(gift: PricedLine, goods: Goods) -> CartLine:
    """A line that a promotion adds."""
    assert gift.line.variant_id is not None
    variant = goods.variants[gift.line.variant_id]
    line = LineState(gift.line.id, variant.id, gift.line.quantity, None, None)
    return _shown(line, variant, goods.available[variant.id].availability, gift, is_gift=True)


def _nothing_of(variant_id: UUID) -> AvailableUnits:
    return AvailableUnits(variant_id, 0, Availability.OUT)


def _shown(
    line: LineState,
    variant: SaleVariant,
    availability: Availability,
    priced: PricedLine | None = None,
    *,
    is_gift: bool = False,
) -> CartLine:
    """A line as shown; without a price when it cannot be bought."""
    unit = listed = variant.price
    amount, currency = unit.amount, unit.currency
    total, tax, discounts = 0, 0, []
    if priced is not None:
        total, tax, discounts = priced.total, priced.tax, priced.discounts
        unit = unit if priced.unit_price == amount else Money(priced.unit_price, currency)
        listed = listed if priced.list_price == amount else Money(priced.list_price, currency)
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
        unit,
        listed,
        discounts,
        Money(total, currency),
        availability,
        line.custom,
        Money(tax, currency),
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


def _cart_problems(state: CartState, priced: PricedCart, needs_method: bool) -> list[Problem]:
    problems = [
        Problem(
            "coupon_invalid", coupon=refused.code, reason=refused.reason, detail=COUPON_TEXTS[refused.reason]
        )
        for refused in priced.refused
        if refused.reason != NOT_A_PROBLEM
    ]
    if state.delivery_method_id is not None and needs_method:
        problems.append(Problem("delivery_invalid", reason="not_available"))
    return problems


def _requirements(state: CartState, needs_method: bool) -> list[str]:
    have = {
        "lines": bool(state.lines),
        "email": state.email is not None,
        "shipping_address": state.shipping_address is not None,
        "delivery_method": not needs_method,
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
