"""Gift cards for tests of payments: issued, spent, and what is left on them."""

from mercato.contracts.payments import CreditKind, CreditUse, IssuedGiftCard
from mercato.kernel.context import SYSTEM_CONTEXT
from support.payments import PaymentsShop


async def issue(shop: PaymentsShop, value: int = 5_000) -> IssuedGiftCard:
    return await shop.payments.issue_gift_card(SYSTEM_CONTEXT, value=value, currency="EUR")


def use(card: IssuedGiftCard, amount: int) -> CreditUse:
    return CreditUse(card.card.id, CreditKind.GIFT_CARD, "Gift card", amount)


async def left(shop: PaymentsShop, card: IssuedGiftCard) -> tuple[int, int]:
    """(balance, held) in minor units."""
    found = (await shop.payments.gift_card(SYSTEM_CONTEXT, card_id=card.card.id)).card
    return found.balance.amount, found.held.amount
