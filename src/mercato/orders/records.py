"""Rows of this service as structs: what the store takes and gives."""

import re
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from mercato.contracts.carts import Cart, CartLine, DeliveryMethod, Discount, FrozenCart, TaxLine
from mercato.contracts.orders import FulfillmentLine, OrderStatus, ParcelStatus, PaymentChoice, SoldLine
from mercato.contracts.payments import MAX_GIFT_MESSAGE, CreditUse
from mercato.contracts.shared import Address
from mercato.kernel.ids import new_id
from mercato.orders.domain import Amounts, Awaiting, IntentKind


class GiftCardWish(msgspec.Struct, frozen=True, gc=False):
    """What is special about a line of gift cards: for whom they are, the buyer when nobody is named, and what
    the buyer writes to them."""

    recipient: str | None = None
    message: str = ""


class LineRow(msgspec.Struct, frozen=True, gc=False):
    """A sold line; amounts in minor units of the order's currency."""

    id: UUID
    position: int
    variant_id: UUID
    product_id: UUID
    slug: str
    name: str
    options: dict[str, str]
    sku: str
    image: str | None
    quantity: int
    unit_price: int
    list_price: int
    discounts: list[Discount]
    tax: int
    total: int
    quantity_fulfilled: int = 0
    quantity_returned: int = 0
    gift_card: GiftCardWish | None = None
    """Of gift cards: no stock, no parcel; fulfilled once they are issued."""

    @property
    def sold(self) -> SoldLine:
        return SoldLine(
            variant_id=self.variant_id,
            product_id=self.product_id,
            name=self.name,
            sku=self.sku,
            quantity=self.quantity,
            total=self.total,
        )


def part_of(line: SoldLine, quantity: int) -> SoldLine:
    """So many units of a sold line, with their share of its total, rounded down."""
    share = line.total * quantity // line.quantity
    return msgspec.structs.replace(line, quantity=quantity, total=share)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An order on its way to being placed, with all that is needed to go on from any step."""

    id: UUID
    cart_id: UUID
    number: str
    status: OrderStatus
    version: int
    attempt: int
    awaiting: Awaiting | None
    due: datetime | None
    waiting_since: datetime | None
    waiting_until: datetime | None
    tries: int
    decline_code: str | None
    provider: str
    payment_token: str | None
    return_url: str | None
    cart_token_digest: bytes | None
    customer_id: UUID | None
    email: str
    name: str
    locale: str
    channel: str
    currency: str
    total: int
    due_amount: int
    """What the provider collects: the total less what gift cards and store credit pay."""
    paid: Amounts
    lines: list[LineRow]
    credits: list[CreditUse] = []
    tax_id: str | None = None
    """VAT number of the buying business."""

    @property
    def is_free(self) -> bool:
        """Whether nothing at all is to be paid, in whatever way."""
        return self.due_amount == 0 and not self.credits


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What the first record of an order keeps beside its `Draft`: amounts, addresses, taxes."""

    subtotal: int
    discount: int
    delivery_price: int
    tax: int
    tax_included: bool
    paid_by_credit: int
    item_count: int
    shipping_address: Address
    billing_address: Address
    delivery: "DeliveryRow"
    tax_lines: list[TaxLine]
    coupons: list[str]
    note: str | None
    at: datetime
    by: str
    """Who began the checkout, as the timeline names them."""


class DeliveryRow(msgspec.Struct, frozen=True, gc=False):
    """The delivery that was promised."""

    method: str
    code: str
    promised_date: date | None = None
    place: str = ""


class PaymentRow(msgspec.Struct, frozen=True, gc=False):
    """Our copy of one payment: cumulative amounts."""

    id: UUID
    order_id: UUID
    provider: str
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    voided: int = 0

    @property
    def amounts(self) -> Amounts:
        return Amounts(self.authorized, self.captured, self.refunded, self.voided)


class StoryRow(msgspec.Struct, frozen=True, gc=False):
    """A row of a timeline, before it is written."""

    kind: str
    text: str
    actor: str = "system"
    data: dict[str, Any] = {}


class TimelineRow(msgspec.Struct, frozen=True, gc=False):
    at: datetime
    kind: str
    actor: str
    text: str
    data: dict[str, Any]


class ParcelRow(msgspec.Struct, frozen=True):
    """A fulfillment and what is in it."""

    id: UUID
    order_id: UUID
    status: ParcelStatus
    carrier: str | None
    tracking_number: str | None
    tracking_url: str | None
    created_at: datetime
    shipped_at: datetime | None
    delivered_at: datetime | None
    lines: list[FulfillmentLine]
    location_id: UUID | None = None
    """Where it is packed and leaves from; None when stock does not know whose units they are."""


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """A decision whose consequences in other services are not all there yet."""

    id: UUID
    order_id: UUID
    kind: IntentKind
    key: str
    amount: int | None
    actor: str
    reason: str
    data: dict[str, Any]
    tries: int = 0
    done_at: datetime | None = None
    error_code: str | None = None
    error: str | None = None


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """A try to send money back, as it is read with its order."""

    id: UUID
    amount: int | None
    actor: str
    data: dict[str, Any]
    created_at: datetime
    done_at: datetime | None
    error_code: str | None
    error: str | None


class PlacedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the verbs after the sale see it: locked, with what they decide by."""

    id: UUID
    cart_id: UUID
    number: str
    status: OrderStatus
    version: int
    attempt: int
    payment_status: str
    fulfillment_status: str
    awaiting: Awaiting | None
    provider: str
    email: str
    locale: str
    channel: str
    currency: str
    total: int
    due_amount: int
    credited: int
    item_count: int
    paid_at: datetime | None
    paid: Amounts


def draft_of(
    frozen: FrozenCart,
    choice: PaymentChoice,
    *,
    number: str,
    token_digest: bytes | None,
    locale: str,
    at: datetime,
    by: str,
    due: datetime,
) -> tuple[Draft, Snapshot]:
    """The draft of a frozen cart. The cart has passed all requirements, so its addresses are there."""
    cart = frozen.cart
    totals, method, address = cart.totals, cart.delivery_method, cart.shipping_address
    needs_method = any(not line.is_gift_card for line in cart.lines)
    if address is None or (method is None and needs_method) or cart.email is None:
        raise ValueError("a frozen cart has e-mail, address and delivery method")
    lines = lines_of_cart(cart)
    draft = Draft(
        id=new_id(),
        cart_id=cart.id,
        number=number,
        status=OrderStatus.DRAFT,
        version=1,
        attempt=1,
        awaiting=None,
        due=due,
        waiting_since=None,
        waiting_until=None,
        tries=0,
        decline_code=None,
        provider=choice.provider,
        payment_token=choice.token,
        return_url=choice.return_url,
        cart_token_digest=token_digest,
        customer_id=frozen.customer_id,
        email=cart.email,
        name=address.name,
        locale=locale,
        channel=cart.channel,
        currency=cart.currency,
        tax_id=cart.tax_id,
        total=totals.total.amount,
        due_amount=totals.due.amount,
        paid=Amounts(),
        lines=lines,
        credits=frozen.credits,
    )
    snapshot = Snapshot(
        subtotal=totals.subtotal.amount,
        discount=totals.discount.amount,
        delivery_price=totals.delivery.amount,
        tax=totals.tax.amount,
        tax_included=totals.tax_included,
        paid_by_credit=totals.paid_by_credit.amount,
        item_count=sum(line.quantity for line in lines),
        shipping_address=address,
        billing_address=cart.billing_address or address,
        delivery=_delivery(method),
        tax_lines=frozen.tax_lines,
        coupons=cart.coupons,
        note=cart.note,
        at=at,
        by=by,
    )
    return draft, snapshot


def _delivery(method: DeliveryMethod | None) -> DeliveryRow:
    """Without a method there are gift cards and nothing else."""
    if method is None:
        return DeliveryRow("By e-mail", "email")
    return DeliveryRow(method.name, method.code, method.promised_date, method.place)


def lines_of_cart(cart: Cart) -> list[LineRow]:
    """The lines as they are at this moment: what was bought, at which price."""
    return [
        LineRow(
            id=new_id(),
            position=position,
            variant_id=line.variant_id,
            product_id=line.product_id,
            slug=line.slug,
            name=line.name,
            options=line.options,
            sku=line.sku,
            image=line.image,
            quantity=line.quantity,
            unit_price=line.unit_price.amount,
            list_price=line.list_price.amount,
            discounts=line.discounts,
            tax=line.tax.amount if line.tax else 0,
            total=line.total.amount,
            gift_card=_card_wish(line) if line.is_gift_card else None,
        )
        for position, line in enumerate(cart.lines)
    ]


_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")


def _card_wish(line: CartLine) -> GiftCardWish:
    custom = line.custom or {}
    named, message = custom.get("recipient", "").strip(), custom.get("message", "")
    readable = "".join(letter for letter in message if letter.isprintable() or letter == "\n")
    return GiftCardWish(named if _EMAIL.fullmatch(named) else None, readable.strip()[:MAX_GIFT_MESSAGE])


def search_terms(draft: Draft) -> list[str]:
    """The words by which staff find the order, lower case."""
    words = [draft.number, draft.email, *draft.email.split("@"), *draft.name.split()]
    for line in draft.lines:
        words += [line.sku, *line.name.split()]
    return sorted({word.lower() for word in words if word})
