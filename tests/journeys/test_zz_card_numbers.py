"""After all journeys of a shop: no card number lies in its tables (mails among them), streams or logs."""

import asyncio

import pytest

from support.buyer import Buyer
from support.card_numbers import found_in, texts_of_database, texts_of_streams
from support.shop import Shop

CARDS = ("4242424242424242", "4000 0027 6000 3184", "5555-5555-5555-4444", "378282246310005")


def test_the_search_finds_card_numbers_and_nothing_else() -> None:
    text = f"a {CARDS[0]} b {CARDS[1]}, {CARDS[2]}; 4242424242424241 x4242424242424242 20261123011358123456"
    assert found_in([text]) == list(CARDS[:3])
    assert found_in([CARDS[3]]) == [CARDS[3]]


@pytest.mark.timeout(120)
def test_a_card_number_that_is_sent_by_mistake_is_kept_nowhere(shop: Shop, buyer: Buyer) -> None:
    buyer.fill(LAMP=1).address()
    for card in CARDS:
        refused = [
            buyer.complete(card),
            buyer.client.post(f"{buyer.path}/gift-cards", json={"code": card}),
            buyer.client.post("/api/v1/gift-cards/balance", json={"code": card}),
            buyer.client.post("/api/v1/webhooks/stripe", content=f'{{"card": "{card}"}}'),
        ]
        assert all(answer.status_code in (400, 404, 422) for answer in refused)
    buyer.buy()

    logs = [one.log.read_text(errors="replace") for one in shop.processes]
    texts = asyncio.run(texts_of_database(shop.env["DATABASE_URL"]))
    texts += asyncio.run(texts_of_streams(shop.env["NATS_URL"]))
    assert len(texts) > 100
    assert found_in([*texts, *logs]) == []
