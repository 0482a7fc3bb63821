"""Prices explained: of a cart as it stands or stood, and of one that staff makes up."""

from uuid import UUID

import msgspec

from mercato.carts.actions.edit import tax_id_of
from mercato.carts.domain import LIFETIME, LineState
from mercato.carts.parts import Parts, decode_frozen
from mercato.carts.pricing import Customer
from mercato.carts.rules import ChannelRules
from mercato.carts.store import carts as store
from mercato.carts.store.carts import CartState, Owner
from mercato.carts.view import Buyer, explain
from mercato.contracts.carts import CartStatus, Explanation, PriceStep, Trial
from mercato.contracts.shared import Address
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import FieldError, Invalid, NotFound
from mercato.kernel.ids import new_id

ANYBODY = Owner(None, None, is_system=True)
FOR_STAFF = ("needs_code", "inactive")
"""Reasons that would tell shoppers of codes they were not given."""


class TrialsPart:
    """Implements the contract's `Trials`, and `explain` of `Shopping`."""

    _parts: Parts

    async def explain(self, ctx: Context, *, cart_id: UUID, token: str | None) -> Explanation:
        return await self._explain(ctx, await self._parts.load(ctx, cart_id, token))

    async def explain_cart(self, ctx: Context, *, cart_id: UUID) -> Explanation:
        ctx.principal.require_somewhere("read_orders")
        state = await store.get(self._parts.db, cart_id=cart_id, owner=ANYBODY)
        if state is None or not ctx.principal.may_in("read_orders", state.channel):
            raise NotFound(detail="This cart is not kept any more.")
        return await self._explain(ctx, state)

    async def try_prices(self, ctx: Context, *, trial: Trial) -> Explanation:
        ctx.principal.require_in("read_promotions", trial.channel)
        rules = await self._parts.rules.of(ctx, trial.channel)
        state = _state_of(trial, rules)
        goods = await self._parts.goods(ctx, state, gifts=rules.prices.gifts.values())
        unknown = [str(line.variant_id) for line in trial.lines if line.variant_id not in goods.variants]
        if unknown:
            error = FieldError("lines", "unknown_variant", "There is no such variant: " + ", ".join(unknown))
            raise Invalid("unknown_variant", error.message, errors=[error])
        found = await self._parts.buyer(state, rules)
        customer = Customer(
            groups=frozenset(trial.group_ids),
            has_ordered=not trial.is_first_order,
            is_tax_exempt=await self._parts.is_exempt(trial.group_ids),
            tax_id=found.customer.tax_id,
        )
        buyer = Buyer(customer, found.codes, found.tiers)
        goods = await self._parts.weighed(ctx, state, rules, goods)
        return explain(state, rules, goods, buyer, trial.at or clock.now(), for_staff=True)

    async def _explain(self, ctx: Context, state: CartState) -> Explanation:
        """Of a frozen cart the steps as they were recorded, else again by the rules of today."""
        frozen = (
            None if state.frozen is None or state.status is CartStatus.OPEN else decode_frozen(state.frozen)
        )
        for_staff = ctx.principal.is_staff
        if frozen is not None and frozen.steps:
            steps = frozen.steps if for_staff else [_for_shoppers(step) for step in frozen.steps]
            return Explanation(steps, frozen.cart.totals)
        now = clock.now() if frozen is None else frozen.cart.updated_at
        rules = await self._parts.rules.of(ctx, state.channel)
        goods = await self._parts.goods(ctx, state, gifts=rules.prices.gifts.values())
        goods = await self._parts.weighed(ctx, state, rules, goods)
        buyer = await self._parts.buyer(state, rules)
        found = explain(state, rules, goods, buyer, now, for_staff=for_staff)
        if frozen is None:
            return found
        is_same = found.totals == frozen.cart.totals
        return msgspec.structs.replace(found, is_as_charged=is_same)


def _for_shoppers(step: PriceStep) -> PriceStep:
    entries = [entry for entry in step.entries if entry.reason not in FOR_STAFF]
    return msgspec.structs.replace(step, entries=entries)


def _state_of(trial: Trial, rules: ChannelRules) -> CartState:
    """The made-up cart, as it would be stored."""
    now = trial.at or clock.now()
    address = None
    if trial.country:
        address = Address("–", "–", trial.postal_code or "", "–", trial.country, region=trial.region)
    return CartState(
        id=new_id(), status=CartStatus.OPEN, channel=trial.channel, currency=rules.channel.currency,
        customer_id=None, email=None, shipping_address=address, billing_address=None,
        delivery_method_id=trial.delivery_method_id, note=None, coupons=list(trial.coupons), version=1,
        updated_at=now, expires_at=now + LIFETIME, frozen=None,
        lines=[LineState(new_id(), line.variant_id, line.quantity, None, None) for line in trial.lines],
        tax_id=tax_id_of(trial.tax_id),
    )  # fmt: skip
