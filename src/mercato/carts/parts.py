"""What every action needs: who asks, the cart as the shopper sees it, a hint to other open pages."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from mercato.carts.delivery import Load
from mercato.carts.domain import with_endless
from mercato.carts.pricing import Customer, KnownCode
from mercato.carts.pricing.model import Recorder
from mercato.carts.rules import ChannelRules, RulesCache
from mercato.carts.store import carts as store
from mercato.carts.store import customers
from mercato.carts.store import rules as rules_store
from mercato.carts.store.carts import CartState, Edited, Owner
from mercato.carts.view import Buyer, Goods, Priced, build_cart
from mercato.contracts.carriers import Carriers, Place
from mercato.contracts.carts import (
    Cart,
    CartStatus,
    CustomerGroup,
    DeliveryKind,
    DeliveryMethodInput,
    FrozenCart,
)
from mercato.contracts.catalog import Catalog, SaleVariant
from mercato.contracts.payments import CreditBalance, Payments
from mercato.contracts.stock import AvailableUnits, Stock
from mercato.kernel import clock
from mercato.kernel.context import Context, PrincipalKind
from mercato.kernel.db import Database
from mercato.kernel.errors import Conflict, NotFound, Unavailable
from mercato.kernel.ids import digest
from mercato.kernel.messaging.live import Live
from mercato.kernel.money import Money

NOTHING_KNOWN = Goods({}, {})

decode_frozen = msgspec.msgpack.Decoder(FrozenCart).decode
encode_frozen = msgspec.msgpack.Encoder().encode


def owner_of(ctx: Context, token: str | None) -> Owner:
    """What this caller can prove: a token, an account, or being Mercato itself."""
    principal = ctx.principal
    is_user = principal.kind is PrincipalKind.USER
    return Owner(
        None if token is None else digest(token),
        principal.id if is_user else None,
        principal.kind is PrincipalKind.SYSTEM,
    )


class Parts:
    """The database, the other services and the rules, as the actions of this service use them."""

    def __init__(
        self,
        *,
        relaxed: Database,
        durable: Database,
        rules: RulesCache,
        catalog: Catalog,
        stock: Stock,
        payments: Payments,
        carriers: Carriers,
        live: Live,
    ) -> None:
        self.db = relaxed
        self.durable = durable
        self.rules = rules
        self.catalog = catalog
        self.stock = stock
        self.payments = payments
        self.carriers = carriers
        self.live = live

    async def load(self, ctx: Context, cart_id: UUID, token: str | None) -> CartState:
        """The stored cart, for its owner. Raises NotFound."""
        state = await store.get(self.db, cart_id=cart_id, owner=owner_of(ctx, token))
        if state is None:
            raise _not_found()
        return state

    async def variants(self, ctx: Context, channel: str, ids: list[UUID]) -> dict[UUID, SaleVariant]:
        """What the catalog sells of `ids`, in the prices of `channel`."""
        if not ids:
            return {}
        if ctx.channel != channel:
            ctx = msgspec.structs.replace(ctx, channel=channel)
        found = await self.catalog.sale_variants(ctx, variant_ids=ids)
        if len(found) == len(ids):  # all of them, in their order; ids from PostgreSQL hash twice as fast
            return dict(zip(ids, found, strict=True))
        return {variant.id: variant for variant in found}

    async def units(self, ctx: Context, ids: list[UUID]) -> dict[UUID, AvailableUnits]:
        """How many of each variant are available now."""
        if not ids:
            return {}
        return dict(zip(ids, await self.stock.available(ctx, variant_ids=ids), strict=True))

    async def goods(
        self,
        ctx: Context,
        state: CartState,
        known: Goods = NOTHING_KNOWN,
        gifts: Iterable[UUID] = (),
    ) -> Goods:
        """What catalog and stock say about the cart's variants and possible `gifts`; what is `known` is not
        asked again."""
        ids = list(dict.fromkeys([*[line.variant_id for line in state.lines], *gifts]))
        variants, available = known.variants, known.available
        missing = [variant_id for variant_id in ids if variant_id not in variants] if variants else ids
        if missing:
            found = await self.variants(ctx, state.channel, missing)
            variants = {**variants, **found} if variants else found
        if len(available) < len(ids) or any(variant_id not in available for variant_id in ids):
            available = await self.units(ctx, ids)
        return Goods(variants, with_endless(available, variants), await self.balances(ctx, state))

    async def weighed(
        self, ctx: Context, state: CartState, rules: ChannelRules, goods: Goods, *, is_asking: bool = False
    ) -> Goods:
        """`goods` with what delivery asks of the cart: nothing, unless a method does.

        Carriers are asked when the cart has chosen one of theirs, or when the shopper looks at all methods
        (`is_asking`). One that does not answer leaves its method at its flat price.
        """
        methods = rules.methods.values()
        if not rules.asks_weight:
            return goods
        weight_g = sum(
            variant.weight_g * line.quantity
            for line in state.lines
            if (variant := goods.variants.get(line.variant_id)) is not None
        )
        live = [
            method
            for method in methods
            if method.kind is DeliveryKind.CARRIER and (is_asking or method.id == state.delivery_method_id)
        ]
        rates = await self._rates(ctx, state, live, weight_g) if live else {}
        return msgspec.structs.replace(goods, load=Load(weight_g, rates))

    async def _rates(
        self, ctx: Context, state: CartState, methods: Sequence[DeliveryMethodInput], weight_g: int
    ) -> dict[UUID, int]:
        """What carriers ask for `methods`, as far as they answer."""
        address = state.shipping_address
        if address is None:
            return {}
        there = Place(address.country, address.postal_code, address.region)
        try:
            answer = await self.carriers.rates(
                ctx.as_system(), destination=there, weight_g=weight_g, value=Money(0, state.currency)
            )
        except Unavailable:
            return {}
        asked = {(rate.carrier, rate.service): rate.price.amount for rate in answer.rates}
        return {
            method.id: asked[method.carrier, method.carrier_service]
            for method in methods
            if method.id is not None
            and method.carrier is not None
            and method.carrier_service is not None
            and (method.carrier, method.carrier_service) in asked
        }

    async def balances(self, ctx: Context, state: CartState) -> list[CreditBalance]:
        """What is on the gift cards and the store credit that the cart uses; most carts use none."""
        if not state.gift_cards and not (state.use_credit and state.customer_id):
            return []
        return await self.payments.credit_balances(
            ctx.as_system(),
            account_ids=state.gift_cards,
            customer_id=state.customer_id if state.use_credit else None,
            currency=state.currency,
        )

    async def buyer(self, state: CartState, rules: ChannelRules) -> Buyer:
        """Who buys, as far as any rule asks: at most one statement, none where no rule does."""
        tiers = await self.rules.tiers(rules, [line.variant_id for line in state.lines])
        codes = [code.lower() for code in state.coupons if code.lower() not in rules.prices.by_code]
        is_known = state.customer_id is not None or state.email is not None
        customer = Customer()
        known_codes: dict[str, KnownCode] = {}
        if codes or (is_known and rules.prices.asks_customer):
            customer, known_codes = await customers.facts(
                self.db, customer_id=state.customer_id, email=state.email, cart_id=state.id,
                channel=state.channel, codes=codes,
            )  # fmt: skip
        if state.tax_id is not None:
            customer = msgspec.structs.replace(customer, tax_id=state.tax_id)
        return Buyer(customer, known_codes, tiers)

    async def is_exempt(self, group_ids: list[UUID]) -> bool:
        """Whether members of any of these groups pay no tax."""
        return bool(group_ids) and any(
            group.is_tax_exempt and group.id in group_ids
            for group in await rules_store.every(self.db, CustomerGroup)
        )

    async def price(
        self,
        ctx: Context,
        state: CartState,
        *,
        now: datetime,
        token: str | None = None,
        known: Goods = NOTHING_KNOWN,
        is_final: bool = False,
    ) -> Priced:
        """The cart at the prices of `now`. The steps of a final price are kept where a rule could matter."""
        rules = await self.rules.of(ctx, state.channel)
        goods = await self.goods(ctx, state, known, rules.prices.gifts.values())
        goods = await self.weighed(ctx, state, rules, goods)
        buyer = await self.buyer(state, rules)
        has_rules = bool(rules.prices.by_id or rules.prices.price_lists or state.coupons)
        record = Recorder(state.currency) if is_final and has_rules else None
        return build_cart(state, rules, goods, buyer, now, token=token, record=record)

    async def show(self, ctx: Context, state: CartState) -> Cart:
        """The cart as the shopper sees it; one that is being completed is as it was frozen."""
        if state.frozen is not None:
            frozen = decode_frozen(state.frozen).cart
            if frozen.status is state.status:
                return frozen
            return msgspec.structs.replace(frozen, status=state.status, version=state.version)
        return (await self.price(ctx, state, now=clock.now())).cart

    async def show_edited(
        self,
        ctx: Context,
        edited: Edited | None,
        *,
        cart_id: UUID,
        token: str | None,
        known: Goods = NOTHING_KNOWN,
    ) -> Cart:
        """The cart after an edit, told to other open pages. Raises when there was nothing to edit."""
        if edited is None:
            raise await self.why_not_open(ctx, cart_id, token)
        if not edited.is_done:
            raise _not_found()
        state = edited.cart
        if edited.is_stale:
            state = await self.load(ctx, cart_id, token)
        self.tell(cart_id)
        return (await self.price(ctx, state, now=clock.now(), known=known)).cart

    async def why_not_open(self, ctx: Context, cart_id: UUID, token: str | None) -> Conflict | NotFound:
        """The error for an edit that found no open cart of this owner."""
        status = await store.status_of(self.db, cart_id=cart_id, owner=owner_of(ctx, token))
        if status is None:
            return _not_found()
        return not_open(status)

    def tell(self, cart_id: UUID) -> None:
        """Other pages that show this cart read it again."""
        self.live.publish(f"cart.{cart_id}")


def not_open(status: CartStatus) -> Conflict:
    texts = {
        CartStatus.COMPLETING: "This cart is being completed; finish or cancel the payment first.",
        CartStatus.COMPLETED: "This cart has become an order.",
        CartStatus.ABANDONED: "This cart is too old; start a new one.",
    }
    detail = texts.get(status, "This cart was changed meanwhile; try again.")
    return Conflict("cart_not_open", detail, data={"status": status.value})


def _not_found() -> NotFound:
    return NotFound(detail="There is no such cart, or it is not yours.")
