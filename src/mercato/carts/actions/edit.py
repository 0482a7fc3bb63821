"""What a shopper does to a cart. Every edit is one statement that says yes only for the owner's open cart."""

from uuid import UUID

import msgspec

from mercato.carts.domain import (
    COUPON_TEXTS,
    EMAIL_TEXT,
    LIFETIME,
    MAX_COUPONS,
    MAX_QUANTITY,
    LineState,
    check_custom,
    check_recipient,
    custom_hash,
    demand_of,
    insufficient_stock,
    is_email,
    most_of,
    with_endless,
)
from mercato.carts.parts import NOTHING_KNOWN, Parts, owner_of
from mercato.carts.store import carts as store
from mercato.carts.store.carts import CartState
from mercato.carts.view import NOT_A_PROBLEM, Goods
from mercato.contracts.carts import MAX_LINES, Cart, CartStatus, NewLine
from mercato.contracts.catalog import SaleVariant
from mercato.contracts.shared import Address
from mercato.kernel import clock
from mercato.kernel.addresses import check_address, country_name
from mercato.kernel.context import Context, PrincipalKind
from mercato.kernel.errors import Conflict, FieldError, Invalid
from mercato.kernel.ids import digest, new_id, new_token


async def create(parts: Parts, ctx: Context, lines: list[NewLine], email: str | None) -> Cart:
    """A new open cart with its lines, owned by its token and by whoever is signed in."""
    rules = await parts.rules.of(ctx, ctx.channel)
    known = await parts.variants(ctx, ctx.channel, list({line.variant_id: None for line in lines}))
    merged = _merged(lines, known)
    now, token = clock.now(), new_token()
    is_user = ctx.principal.kind is PrincipalKind.USER
    state = CartState(
        id=new_id(),
        status=CartStatus.OPEN,
        channel=ctx.channel,
        currency=rules.channel.currency,
        customer_id=ctx.principal.id if is_user else None,
        email=_checked_email(email) or (ctx.principal.email or None if is_user else None),
        shipping_address=None,
        billing_address=None,
        delivery_method_id=None,
        note=None,
        coupons=[],
        version=1,
        updated_at=now,
        expires_at=now + LIFETIME,
        frozen=None,
        lines=merged,
    )
    hashes = [custom_hash(line.custom) for line in merged]
    await store.create(parts.db, cart=state, token_hash=digest(token), hashes=hashes)
    return (await parts.price(ctx, state, now=now, token=token, known=Goods(known, {}))).cart


async def add_line(
    parts: Parts,
    ctx: Context,
    *,
    cart_id: UUID,
    token: str | None,
    variant_id: UUID,
    quantity: int,
    custom: dict[str, str] | None,
) -> Cart:
    """Add units of a variant; the same variant with the same custom data is one line.

    Raises Conflict("insufficient_stock") when the cart would hold more than there is, and changes nothing.
    """
    check_custom(custom)
    known = await parts.variants(ctx, ctx.channel, [variant_id])
    sold = _on_sale(known, variant_id, "variant_id")
    if sold.is_gift_card:
        check_recipient(custom, "custom.recipient")
    line = LineState(new_id(), variant_id, quantity, custom or None, sold.price.amount)
    units = with_endless(await parts.units(ctx, [variant_id]), known)
    most = most_of(units.get(variant_id))
    edited = await store.add_line(
        parts.db, cart_id=cart_id, owner=owner_of(ctx, token), now=clock.now(), line=line,
        custom_hash=custom_hash(custom), most=most,
    )  # fmt: skip
    if edited is None and most is not None:
        state = await parts.load(ctx, cart_id, token)
        in_cart = demand_of(state.lines, variant_id)
        if state.status is CartStatus.OPEN and in_cart + quantity > most:
            raise insufficient_stock(variant_id, most, in_cart)
    if edited is not None and not edited.is_done:
        raise Conflict("cart_full", f"A cart has room for {MAX_LINES} lines.", data={"max_lines": MAX_LINES})
    if edited is not None and edited.cart.channel != ctx.channel:
        known = {}
    goods = Goods(known, units)
    return await parts.show_edited(ctx, edited, cart_id=cart_id, token=token, known=goods)


async def change_line(
    parts: Parts, ctx: Context, *, cart_id: UUID, token: str | None, line_id: UUID, quantity: int
) -> Cart:
    """Set a line's quantity. The price it has now counts as seen.

    Raises Conflict("insufficient_stock") when that is more than there is, and changes nothing.
    """
    state = await parts.load(ctx, cart_id, token)
    line = next((line for line in state.lines if line.id == line_id), None)
    goods = NOTHING_KNOWN
    price = None
    if line is not None and state.status is CartStatus.OPEN:
        goods = await parts.goods(ctx, state)
        _refuse_too_many(state, line, quantity, goods)
        variant = goods.variants.get(line.variant_id)
        price = None if variant is None else variant.price.amount
    edited = await store.change_line(
        parts.db, cart_id=cart_id, owner=owner_of(ctx, token), now=clock.now(), line_id=line_id,
        quantity=quantity, price=price,
    )  # fmt: skip
    return await parts.show_edited(ctx, edited, cart_id=cart_id, token=token, known=goods)


async def remove_line(parts: Parts, ctx: Context, *, cart_id: UUID, token: str | None, line_id: UUID) -> Cart:
    edited = await store.remove_line(
        parts.db, cart_id=cart_id, owner=owner_of(ctx, token), now=clock.now(), line_id=line_id
    )
    return await parts.show_edited(ctx, edited, cart_id=cart_id, token=token)


async def add_coupon(parts: Parts, ctx: Context, *, cart_id: UUID, token: str | None, code: str) -> Cart:
    """Put a code on the cart, when it gives something there. Raises Invalid("coupon_invalid")."""
    state = await parts.load(ctx, cart_id, token)
    known = next((have for have in state.coupons if have.lower() == code.strip().lower()), None)
    code = known or code.strip()
    if known is None and len(state.coupons) >= MAX_COUPONS:
        raise _coupon_refused(code, "too_many")
    trial = msgspec.structs.replace(state, coupons=[*state.coupons, code] if known is None else state.coupons)
    priced = await parts.price(ctx, trial, now=clock.now())
    for refused in priced.price.refused:
        if refused.code == code and refused.reason != NOT_A_PROBLEM:
            raise _coupon_refused(code, refused.reason)
    edited = await store.set_coupon(
        parts.db, cart_id=cart_id, owner=owner_of(ctx, token), now=clock.now(), code=code, is_present=True
    )
    return await parts.show_edited(ctx, edited, cart_id=cart_id, token=token)


async def remove_coupon(parts: Parts, ctx: Context, *, cart_id: UUID, token: str | None, code: str) -> Cart:
    state = await parts.load(ctx, cart_id, token)
    code = next((have for have in state.coupons if have.lower() == code.strip().lower()), code)
    edited = await store.set_coupon(
        parts.db, cart_id=cart_id, owner=owner_of(ctx, token), now=clock.now(), code=code, is_present=False
    )
    return await parts.show_edited(ctx, edited, cart_id=cart_id, token=token)


async def update(
    parts: Parts,
    ctx: Context,
    *,
    cart_id: UUID,
    token: str | None,
    email: str | None,
    shipping_address: Address | None,
    billing_address: Address | None,
    delivery_method_id: UUID | None,
    note: str | None,
    channel: str | None,
    tax_id: str | None,
) -> Cart:
    """Set what is given, keep the rest. All wrong fields are named at once."""
    rules = await parts.rules.of(ctx, channel or ctx.channel)
    errors: list[FieldError] = []
    shipping = _checked_address(shipping_address, "shipping_address", errors, rules.channel.countries)
    billing = _checked_address(billing_address, "billing_address", errors)
    if delivery_method_id is not None and delivery_method_id not in rules.methods:
        errors.append(
            FieldError("delivery_method_id", "unknown_delivery_method", "Choose one of the delivery methods.")
        )
    email = _checked_email(email, errors)
    if tax_id is not None:
        try:
            tax_id = tax_id_of(tax_id) or ""  # an empty one takes it off
        except Invalid as error:
            errors += error.errors
    if errors:
        raise Invalid(detail="Some fields need another look.", errors=errors)
    edited = await store.update(
        parts.db, cart_id=cart_id, owner=owner_of(ctx, token), now=clock.now(), email=email,
        shipping_address=shipping, billing_address=billing, delivery_method_id=delivery_method_id, note=note,
        channel=channel, currency=None if channel is None else rules.channel.currency,
        tax_id=tax_id,
    )  # fmt: skip
    return await parts.show_edited(ctx, edited, cart_id=cart_id, token=token)


def _refuse_too_many(state: CartState, line: LineState, quantity: int, goods: Goods) -> None:
    """The cart may hold what there is of a variant, over all its lines; taking units out is always fine
    when the line by itself could be had."""
    most = most_of(goods.available.get(line.variant_id))
    if most is None:
        return
    others = demand_of(state.lines, line.variant_id) - line.quantity
    wanted = quantity if quantity < line.quantity else others + quantity
    if wanted > most:
        raise insufficient_stock(line.variant_id, most, others)


def _merged(lines: list[NewLine], known: dict[UUID, SaleVariant]) -> list[LineState]:
    """One line per variant and custom data, in the order given."""
    if len(lines) > MAX_LINES:
        message = f"A cart has room for {MAX_LINES} lines."
        raise Invalid("cart_full", message, errors=[FieldError("lines", "too_many", message)])
    wanted: dict[tuple[UUID, bytes], tuple[NewLine, int]] = {}
    for place, line in enumerate(lines):
        check_custom(line.custom)
        if _on_sale(known, line.variant_id, f"lines.{place}.variant_id").is_gift_card:
            check_recipient(line.custom, f"lines.{place}.custom.recipient")
        key = (line.variant_id, custom_hash(line.custom))
        first, quantity = wanted.get(key, (line, 0))
        wanted[key] = (first, min(quantity + line.quantity, MAX_QUANTITY))
    # Lines are shown in order of their ids, and ids of one millisecond have none.
    ids = sorted(new_id() for _ in wanted)
    return [
        LineState(
            line_id, line.variant_id, quantity, line.custom or None, known[line.variant_id].price.amount
        )
        for line_id, (line, quantity) in zip(ids, wanted.values(), strict=True)
    ]


def _on_sale(known: dict[UUID, SaleVariant], variant_id: UUID, field: str) -> SaleVariant:
    variant = known.get(variant_id)
    if variant is None or not variant.is_available:
        message = "This is not for sale."
        raise Invalid("unknown_variant", message, errors=[FieldError(field, "unknown_variant", message)])
    return variant


def _checked_address(
    address: Address | None, field: str, errors: list[FieldError], countries: list[str] | None = None
) -> Address | None:
    """The address with its values tidied; what is wrong with it goes into `errors`."""
    if address is None:
        return None
    tidy, wrong = check_address(msgspec.structs.asdict(address), prefix=f"{field}.")
    errors += wrong
    if wrong:
        return None
    country = tidy["country"] or ""
    if countries and country not in countries:
        text = f"We do not deliver to {country_name(country)}."
        errors.append(FieldError(f"{field}.country", "not_served", text))
    return msgspec.convert(tidy, Address)


def _checked_email(email: str | None, errors: list[FieldError] | None = None) -> str | None:
    """The address without spaces around it. Only its shape is looked at: the mail itself is the proof."""
    if email is None:
        return None
    email = email.strip()
    if is_email(email):
        return email
    error = FieldError("email", "email_invalid", EMAIL_TEXT)
    if errors is None:
        raise Invalid(detail=error.message, errors=[error])
    errors.append(error)
    return None


def tax_id_of(typed: str | None) -> str | None:
    """A VAT number of the European Union without spaces, in capitals, Greece's as EL; None for none.

    Raises Invalid.
    """
    if typed is None or not typed.strip():
        return None
    from stdnum.eu import vat  # its check rules of every country are loaded only when one is typed

    try:
        number = str(vat.validate(typed))
    except vat.ValidationError:
        text = "Enter a VAT number with its country, like DE136695976, or leave it empty."
        raise Invalid(detail=text, errors=[FieldError("tax_id", "tax_id_invalid", text)]) from None
    return "EL" + number[2:] if number.startswith("GR") else number


def _coupon_refused(code: str, reason: str) -> Invalid:
    message = COUPON_TEXTS[reason]
    error = FieldError("code", "coupon_invalid", message)
    return Invalid("coupon_invalid", message, errors=[error], data={"reason": reason, "code": code})
