"""Which section of checkout is open."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from mercato.contracts.carts import Cart, CartLine, CartStatus, CartTotals
from mercato.contracts.stock import Availability
from mercato.kernel.money import Money
from mercato.storefront.checkout import decline_text, open_section, sections

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ZERO = Money(0, "EUR")
TOTALS = CartTotals(ZERO, ZERO, ZERO, ZERO, True, ZERO, ZERO, ZERO)


def cart(*requirements: str) -> Cart:
    return Cart(
        UUID(int=1), CartStatus.OPEN, "default", "EUR", None, [], [], None, None, None, TOTALS, [],
        list(requirements), 1, NOW, NOW,
    )  # fmt: skip


NOTHING = cart("email", "shipping_address", "delivery_method", "payment")
ADDRESS = cart("delivery_method", "payment")
ALL = cart("payment")


@pytest.mark.parametrize(
    ("bag", "asked", "opened"),
    [
        (NOTHING, "", "contact"),
        (NOTHING, "payment", "contact"),
        (ADDRESS, "", "delivery"),
        (ADDRESS, "contact", "contact"),
        (ADDRESS, "payment", "delivery"),
        (ALL, "", "payment"),
        (ALL, "delivery", "delivery"),
        (ALL, "nonsense", "payment"),
        (cart(), "", "payment"),
    ],
)
def test_no_section_opens_before_the_ones_it_needs(bag: Cart, asked: str, opened: str) -> None:
    assert open_section(sections(bag, asked)) == opened


def test_nobody_is_asked_how_gift_cards_are_delivered() -> None:
    card = CartLine(
        UUID(int=2), UUID(int=3), UUID(int=4), "card", "Card", {}, "CARD", None, 1, ZERO, ZERO, [], ZERO,
        Availability.IN_STOCK, is_gift_card=True,
    )  # fmt: skip
    cards = msgspec.structs.replace(ALL, lines=[card])
    mixed = msgspec.structs.replace(ALL, lines=[card, msgspec.structs.replace(card, is_gift_card=False)])
    assert open_section(sections(cards, "delivery")) == "payment"
    assert open_section(sections(cards, "contact")) == "contact"
    assert open_section(sections(mixed, "delivery")) == "delivery"


def test_done_sections_lead_back_to_themselves() -> None:
    done = [section for section in sections(ALL, "") if section.is_done]
    assert [(section.number, section.url) for section in done] == [
        (1, "/checkout?step=contact"),
        (2, "/checkout?step=delivery"),
    ]


def test_an_unknown_decline_still_says_what_to_do() -> None:
    assert "nothing was charged" in decline_text("strange_code")
    assert decline_text("insufficient_funds").startswith("The account has not enough funds")
