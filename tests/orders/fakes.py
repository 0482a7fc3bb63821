"""Carts and a catalog in memory: enough of their contracts for orders, with switches for what goes wrong."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec

from mercato.contracts.carts import (
    Cart,
    CartLine,
    CartStatus,
    CartTotals,
    DeliveryMethod,
    FrozenCart,
    NewLine,
    Problem,
    Promotion,
    TaxLine,
)
from mercato.contracts.catalog import CaptureMode, Channel, SaleVariant
from mercato.contracts.payments import CreditUse
from mercato.contracts.shared import Address
from mercato.contracts.stock import Availability
from mercato.kernel import clock
from mercato.kernel.context import Context, PrincipalKind
from mercato.kernel.db import assert_no_transaction
from mercato.kernel.errors import Conflict, NotFound, Unavailable
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from support.money import eur

EMAIL = "mara@example.org"
ADDRESS = Address(name="Mara Lindt", street1="Hauptstr. 1", postal_code="10115", city="Berlin", country="DE")


STANDARD = DeliveryMethod(new_id(), "standard", "Standard", "", eur(490), date(2026, 11, 25))
EXPRESS = DeliveryMethod(new_id(), "express", "Express", "", eur(1290), date(2026, 11, 23))


class FakeCarts:
    """Carts by id; `open_cart` makes one, the contract's methods claim and give it back."""

    def __init__(self) -> None:
        self.carts: dict[UUID, Cart] = {}
        self.tokens: dict[UUID, str] = {}
        self.frozen_at: dict[UUID, datetime] = {}
        self.credits: dict[UUID, list[CreditUse]] = {}
        self.prices: dict[UUID, int] = {}
        self.promotions: dict[UUID, Promotion] = {}

    def open_cart(
        self, *lines: tuple[UUID, int, int], email: str = EMAIL, customer_id: UUID | None = None
    ) -> tuple[UUID, str]:
        """A cart that may be completed: lines of (variant, quantity, unit price in cents); (id, token)."""
        cart_id = new_id()
        self.tokens[cart_id] = f"token-{cart_id}"
        self.carts[cart_id] = _cart(cart_id, lines, email, customer_id)
        return cart_id, self.tokens[cart_id]

    def status(self, cart_id: UUID) -> str:
        return self.carts[cart_id].status.value

    def total(self, cart_id: UUID) -> Money:
        return self.carts[cart_id].totals.total

    def change(self, cart_id: UUID, *lines: tuple[UUID, int, int]) -> None:
        """The shopper changes an open cart."""
        assert self.carts[cart_id].status is CartStatus.OPEN
        old = self.carts[cart_id]
        self.carts[cart_id] = _cart(cart_id, lines, old.email or "", old.customer_id)

    def pay_with(self, cart_id: UUID, *uses: CreditUse) -> None:
        """Gift cards and store credit pay a part."""
        cart = self.carts[cart_id]
        paid = eur(sum(use.amount for use in uses))
        totals = msgspec.structs.replace(cart.totals, paid_by_credit=paid, due=cart.totals.total - paid)
        self.carts[cart_id] = msgspec.structs.replace(cart, totals=totals)
        self.credits[cart_id] = list(uses)

    def add_problem(self, cart_id: UUID, code: str) -> None:
        cart = self.carts[cart_id]
        self.carts[cart_id] = msgspec.structs.replace(cart, problems=[Problem(code)])

    async def create(self, ctx: Context, *, lines: list[NewLine], email: str | None = None) -> Cart:
        assert_no_transaction("carts.create")
        found = [(line.variant_id, line.quantity, self.prices.get(line.variant_id, 1000)) for line in lines]
        cart_id, _ = self.open_cart(*found, email=email or "")
        return self.carts[cart_id]

    async def get(self, ctx: Context, *, cart_id: UUID, token: str | None) -> Cart:
        assert_no_transaction("carts.get")
        return self._reach(ctx, cart_id, token)

    async def update(
        self,
        ctx: Context,
        *,
        cart_id: UUID,
        token: str | None,
        shipping_address: Address | None = None,
        billing_address: Address | None = None,
        delivery_method_id: UUID | None = None,
        note: str | None = None,
    ) -> Cart:
        assert_no_transaction("carts.update")
        cart = self._reach(ctx, cart_id, token)
        if cart.status is not CartStatus.OPEN:
            raise Conflict("cart_not_open")
        method = next((m for m in (STANDARD, EXPRESS) if m.id == delivery_method_id), cart.delivery_method)
        assert method is not None
        self.carts[cart_id] = msgspec.structs.replace(
            cart,
            shipping_address=shipping_address or cart.shipping_address,
            billing_address=billing_address or cart.billing_address,
            delivery_method=method,
            totals=_totals(cart.lines, method),
        )
        return self.carts[cart_id]

    async def save_promotion(self, ctx: Context, *, promotion: Promotion) -> Promotion:
        assert_no_transaction("carts.save_promotion")
        saved = msgspec.structs.replace(promotion, id=new_id())
        self.promotions[saved.id] = saved  # type: ignore[index]
        return saved

    async def delete_promotion(self, ctx: Context, *, promotion_id: UUID) -> None:
        assert_no_transaction("carts.delete_promotion")
        del self.promotions[promotion_id]

    async def add_coupon(self, ctx: Context, *, cart_id: UUID, token: str | None, code: str) -> Cart:
        """Takes the fixed amount of the promotion off the total."""
        assert_no_transaction("carts.add_coupon")
        cart = self._reach(ctx, cart_id, token)
        [promotion] = [one for one in self.promotions.values() if one.coupon_code == code]
        off, totals = eur(promotion.amount or 0), cart.totals
        less = msgspec.structs.replace(
            totals, discount=off, total=totals.total - off, due=totals.due - off, subtotal=totals.subtotal
        )
        self.carts[cart_id] = msgspec.structs.replace(cart, totals=less, coupons=[code])
        return self.carts[cart_id]

    async def delivery_methods(
        self, ctx: Context, *, cart_id: UUID, token: str | None
    ) -> list[DeliveryMethod]:
        assert_no_transaction("carts.delivery_methods")
        self._reach(ctx, cart_id, token)
        return [STANDARD, EXPRESS]

    async def delete(self, ctx: Context, *, cart_id: UUID, token: str | None) -> None:
        assert_no_transaction("carts.delete")
        if self._reach(ctx, cart_id, token).status is not CartStatus.OPEN:
            raise Conflict("cart_not_open")
        del self.carts[cart_id]

    async def freeze(self, ctx: Context, *, cart_id: UUID, token: str | None) -> FrozenCart:
        assert_no_transaction("carts.freeze")
        cart = self._reach(ctx, cart_id, token)
        if cart.status is CartStatus.COMPLETED:
            raise Conflict("cart_completed")
        is_replay = cart.status is CartStatus.COMPLETING
        if cart.status is CartStatus.OPEN:
            self.frozen_at[cart_id] = clock.now()
        cart = self._set(cart_id, CartStatus.COMPLETING)
        net = cart.totals.total - cart.totals.tax
        return FrozenCart(
            cart,
            cart.customer_id,
            [TaxLine("VAT", "0.19", net, cart.totals.tax)],
            self.credits.get(cart_id, []),
            is_replay=is_replay,
        )

    async def thaw(self, ctx: Context, *, cart_id: UUID) -> None:
        assert_no_transaction("carts.thaw")
        ctx.principal.require("write_orders")
        if self.carts[cart_id].status is CartStatus.COMPLETING:
            self._set(cart_id, CartStatus.OPEN)

    async def quote(
        self, ctx: Context, *, channel: str, lines: list[NewLine], shipping_address: Address
    ) -> FrozenCart:
        """Every unit costs what the test says, 10.00 when it says nothing."""
        assert_no_transaction("carts.quote")
        assert shipping_address == ADDRESS
        found = [(line.variant_id, line.quantity, self.prices.get(line.variant_id, 1000)) for line in lines]
        cart = _cart(new_id(), tuple(found), "", None)
        tax = sum(line.tax.amount for line in cart.lines if line.tax)
        total = sum(line.total.amount for line in cart.lines)
        return FrozenCart(cart, None, [TaxLine("VAT", "0.19", eur(total - tax), eur(tax))])

    async def finish(self, ctx: Context, *, cart_ids: list[UUID]) -> None:
        assert_no_transaction("carts.finish")
        for cart_id in cart_ids:
            self._set(cart_id, CartStatus.COMPLETED)

    async def stale_completing(self, ctx: Context, *, older_than_s: int, limit: int = 100) -> list[UUID]:
        before = clock.now() - timedelta(seconds=older_than_s)
        completing = [c.id for c in self.carts.values() if c.status is CartStatus.COMPLETING]
        return [cart_id for cart_id in completing if self.frozen_at[cart_id] < before][:limit]

    def _reach(self, ctx: Context, cart_id: UUID, token: str | None) -> Cart:
        """By its token, as the customer who owns it, or as Mercato itself."""
        cart = self.carts.get(cart_id)
        is_owner = cart is not None and cart.customer_id is not None and cart.customer_id == ctx.principal.id
        is_system = ctx.principal.kind is PrincipalKind.SYSTEM
        if cart is None or not (is_owner or is_system or token == self.tokens[cart_id]):
            raise NotFound(detail="There is no such cart.")
        return cart

    def _set(self, cart_id: UUID, status: CartStatus) -> Cart:
        self.carts[cart_id] = msgspec.structs.replace(self.carts[cart_id], status=status)
        return self.carts[cart_id]


class FakeCatalog:
    """Channels that are all alike: in German time, with the capture mode that a test sets."""

    def __init__(self) -> None:
        self.capture = CaptureMode.AUTOMATIC
        self.unpaid_days: int | None = None
        self.refund_proof_above: int | None = None
        self.is_away = False
        self.times_asked = 0

    async def channel(self, ctx: Context, *, code: str) -> Channel:
        assert_no_transaction("catalog.channel")
        self.times_asked += 1
        if self.is_away:
            raise Unavailable(detail="The catalog is away.")
        return Channel(
            code,
            "Shop",
            "EUR",
            "en",
            ["DE"],
            True,
            True,
            "Europe/Berlin",
            self.capture,
            self.unpaid_days,
            self.refund_proof_above,
        )

    async def sale_variants(self, ctx: Context, *, variant_ids: list[UUID]) -> list[SaleVariant]:
        """Everything weighs 600 grams."""
        assert_no_transaction("catalog.sale_variants")
        return [
            SaleVariant(one, one, [], "MUG", "mug", "Mug", {}, None, eur(1200), None, "standard", 600, True)
            for one in variant_ids
        ]


def _cart(
    cart_id: UUID, lines: tuple[tuple[UUID, int, int], ...], email: str, customer_id: UUID | None
) -> Cart:
    found = [_line(*line) for line in lines]
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    return Cart(
        id=cart_id,
        status=CartStatus.OPEN,
        channel="default",
        currency="EUR",
        email=email,
        lines=found,
        coupons=[],
        shipping_address=ADDRESS,
        billing_address=None,
        delivery_method=STANDARD,
        totals=_totals(found, STANDARD),
        problems=[],
        requirements=[],
        version=1,
        updated_at=now,
        expires_at=now + timedelta(days=30),
        customer_id=customer_id,
    )


def _totals(lines: list[CartLine], method: DeliveryMethod) -> CartTotals:
    subtotal = sum(line.total.amount for line in lines)
    total = subtotal + (method.price.amount if subtotal else 0)
    tax = total * 19 // 119
    return CartTotals(
        eur(subtotal), eur(0), eur(total - subtotal), eur(tax), True, eur(total), eur(0), eur(total)
    )


def _line(variant_id: UUID, quantity: int, price: int) -> CartLine:
    total = eur(price * quantity)
    return CartLine(
        id=new_id(),
        variant_id=variant_id,
        product_id=variant_id,
        slug="sage-mug",
        name="Sage mug",
        options={"Glaze": "Sage"},
        sku="MUG-SAGE",
        image=None,
        quantity=quantity,
        unit_price=eur(price),
        list_price=eur(price),
        discounts=[],
        total=total,
        availability=Availability.IN_STOCK,
        tax=eur(total.amount * 19 // 119),
    )
