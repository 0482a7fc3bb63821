"""What the form of a draft order shows and asks for."""

from typing import Any

import msgspec

from mercato.admin.forms import money, text, whole
from mercato.admin.new_lines import new_lines
from mercato.contracts.carts import CartLine, NewLine
from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import DraftInput, DraftOrder
from mercato.contracts.shared import Address
from mercato.contracts.stock import Stock
from mercato.kernel.context import Context
from mercato.kernel.errors import Invalid
from mercato.kernel.money import Money, to_decimal

ADDRESS = ("name", "street1", "street2", "postal_code", "city", "region", "country", "phone")


async def wish_of(
    ctx: Context, stock: Stock, catalog: Catalog, data: dict[str, Any], draft: DraftOrder | None = None
) -> DraftInput:
    """What the form asks for; what it does not show stays as it is in the draft. Raises Invalid."""
    lines = _kept_lines(draft, data) + await new_lines(ctx, stock, data)
    if not lines:
        raise Invalid(detail="Add at least one SKU.")
    channel = await catalog.channel(ctx, code=draft.channel if draft else ctx.channel)
    discount = money(data, "discount", channel.currency)
    texts = {name: text(data, name) for name in ADDRESS}
    email, known = text(data, "email"), draft.wish if draft else None
    try:
        return DraftInput(
            email=msgspec.convert(email, str),
            customer_id=draft.customer_id if draft and draft.email == email else None,
            lines=lines,
            shipping_address=msgspec.convert({k: v for k, v in texts.items() if v}, Address),
            billing_address=known.billing_address if known else None,
            delivery_method_id=known.delivery_method_id if known else None,
            discount=discount.amount if discount and discount.amount else None,
            discount_percent=known.discount_percent if known and not discount else None,
            discount_label=text(data, "discount_label")[:100] or "Discount",
            note=text(data, "note")[:200],
            channel=channel.code,
        )
    except msgspec.ValidationError:
        raise Invalid(detail="Fill in name, street, city and country; the country has two letters.") from None


def named_lines(draft: DraftOrder | None) -> list[tuple[str, CartLine]]:
    """The lines of a draft, without gifts, and the fields of their units, whose names survive its changes."""
    found: list[tuple[str, CartLine]] = []
    lines = draft.cart.lines if draft and draft.cart else []
    for line in [line for line in lines if not line.is_gift]:
        twins = sum(other.variant_id == line.variant_id for _, other in found)
        found.append((f"quantity-{line.variant_id}-{twins}", line))
    return found


def _kept_lines(draft: DraftOrder | None, data: dict[str, Any]) -> list[NewLine]:
    """The lines that the draft has, as many units of each as were typed; 0 takes one off. Raises Invalid."""
    units = [(line, whole(data, name, most=10_000)) for name, line in named_lines(draft)]
    return [NewLine(line.variant_id, count, line.custom or None) for line, count in units if count]


def typed_of(draft: DraftOrder) -> dict[str, Any]:
    """What the form shows of a draft before anything is typed."""
    assert draft.cart is not None
    address, wish = draft.cart.shipping_address, draft.wish
    found = {name: getattr(address, name) or "" for name in ADDRESS} if address else {}
    found |= {"email": draft.email, "note": draft.note}
    if wish is not None:
        off = Money(wish.discount, draft.cart.currency) if wish.discount else None
        found |= {"discount": str(to_decimal(off)) if off else "", "discount_label": wish.discount_label}
    return found
