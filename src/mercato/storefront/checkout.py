"""The sections of checkout: which are done and which is open. No I/O."""

import msgspec

from mercato.contracts.carts import Cart, CartStatus

CONTACT, DELIVERY, PAYMENT = "contact", "delivery", "payment"
SECTIONS = (CONTACT, DELIVERY, PAYMENT)
TITLES = {CONTACT: "Contact and address", DELIVERY: "Delivery", PAYMENT: "Payment"}
NEEDS = {CONTACT: ("email", "shipping_address"), DELIVERY: ("delivery_method",), PAYMENT: ("payment",)}

LEFT_PAGE = "left_page"
DECLINES = {
    "credit_unavailable": "A gift card or your store credit no longer covers its part. Nothing was charged.",
    LEFT_PAGE: "You left the payment page. Nothing was charged: pay there, or choose another way.",
    "card_declined": "The bank declined the card. Use another card or another way to pay.",
    "insufficient_funds": "The account has not enough funds. Use another card or another way to pay.",
    "authentication_failed": "The bank could not confirm that it is you. Try again or pay another way.",
}
DECLINED = "The payment was declined. Try again or pay another way; nothing was charged."


class Section(msgspec.Struct, frozen=True):
    """One section of the page: done ones show a summary and a link, the open one its form."""

    name: str
    title: str
    number: int
    is_done: bool
    is_open: bool
    can_open: bool
    """Whether it may be shown now: nothing before it is missing."""

    @property
    def url(self) -> str:
        return f"/checkout?step={self.name}"


def sections(cart: Cart, asked: str) -> tuple[Section, ...]:
    """The sections with the asked one open, or the first that is not done when it comes before. While a
    payment is going on only the last may be open: what is paid for must not change meanwhile. Of gift cards
    alone nobody is asked how they are delivered."""
    done = {name: not any(need in cart.requirements for need in NEEDS[name]) for name in SECTIONS}
    done[PAYMENT] = False
    first = next(name for name in SECTIONS if not done[name])
    reachable = {*SECTIONS[: SECTIONS.index(first) + 1]}
    if sends_nothing(cart):
        reachable.discard(DELIVERY)
    opened = asked if asked in reachable and cart.status is CartStatus.OPEN else first
    return tuple(
        Section(name, TITLES[name], number, done[name], name == opened, name in reachable)
        for number, name in enumerate(SECTIONS, 1)
    )


def sends_nothing(cart: Cart) -> bool:
    """Whether everything in the cart goes by e-mail."""
    return bool(cart.lines) and all(line.is_gift_card for line in cart.lines)


def open_section(found: tuple[Section, ...]) -> str:
    """The name of the section whose form is shown."""
    return next(section.name for section in found if section.is_open)


def decline_text(code: str | None) -> str:
    """Why it was declined, and what to do."""
    return DECLINES.get(code or "", DECLINED)
