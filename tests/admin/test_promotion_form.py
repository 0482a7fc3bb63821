"""What the list of promotions says of each."""

import pytest

from mercato.admin.promotion_form import reward_words
from mercato.contracts.carts import Promotion, PromotionReward, PromotionScope

FIXED = Promotion(name="P", label="P", reward=PromotionReward.FIXED, scope=PromotionScope.CART, amount=1250)


@pytest.mark.parametrize(
    ("currency", "locale", "words"),
    [
        ("EUR", "en-us", "€12.50 off"),
        ("EUR", "de-AT", "€ 12,50 off"),
        ("EUR", "xx", "€12.50 off"),
        ("JPY", "en", "¥1,250 off"),
    ],
)
def test_amounts_are_written_in_whatever_language_the_browser_asks_for(
    currency: str, locale: str, words: str
) -> None:
    assert reward_words(FIXED, currency, locale).replace("\N{NO-BREAK SPACE}", " ") == words
