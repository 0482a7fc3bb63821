"""Many at once: exactly what is there is sold, and one cart is one order."""

import asyncio
from collections import Counter

import httpx
import pytest

from support.buyer import ADDRESS, Buyer
from support.furnish import Goods, Staff
from support.proof import assert_books_agree
from support.shop import Shop

STOCK, BUYERS = 10, 200
ROUNDS, COMPLETES = 20, 8


@pytest.mark.timeout(180)
async def test_ten_units_make_ten_orders_for_two_hundred_buyers(
    shop: Shop, goods: Goods, staff: Staff
) -> None:
    level = staff.level(goods, "MUG-INK")
    staff.set_stock(goods, "MUG-INK", level["allocated"] + STOCK)
    async with httpx.AsyncClient(base_url=shop.url, timeout=60, trust_env=False) as client:
        outcomes = Counter(
            await asyncio.gather(*(outcome_of(client, goods.variants["MUG-INK"], n) for n in range(BUYERS)))
        )

    assert outcomes == {"placed": STOCK, "insufficient_stock": BUYERS - STOCK}
    assert_books_agree(shop)
    after = staff.level(goods, "MUG-INK")
    assert (after["available"], after["reserved"]) == (0, 0)
    assert after["allocated"] == level["allocated"] + STOCK


async def outcome_of(client: httpx.AsyncClient, variant_id: str, number: int) -> str:
    """What becomes of one buyer: placed, or the code of the refusal."""
    made = await client.post("/api/v1/carts", json={"lines": [{"variant_id": variant_id, "quantity": 1}]})
    cart = made.json()
    headers = {"X-Cart-Token": cart["token"]}
    path = f"/api/v1/carts/{cart['id']}"
    body = {"email": f"race{number}@example.com", "shipping_address": ADDRESS}
    await client.patch(path, json=body, headers=headers)
    methods = (await client.get(f"{path}/delivery-methods", headers=headers)).json()["items"]
    chosen = await client.patch(path, json={"delivery_method_id": methods[0]["id"]}, headers=headers)
    payment = {"provider": "simulator", "token": "sim_ok"}
    total = chosen.json()["totals"]["total"]
    answer = await client.post(
        f"{path}/complete", json={"expected_total": total, "payment": payment}, headers=headers
    )
    return str(answer.json()["status"] if answer.status_code == 201 else answer.json()["code"])


@pytest.mark.timeout(180)
async def test_completes_at_once_of_one_cart_are_one_order_and_one_charge(
    shop: Shop, goods: Goods, staff: Staff
) -> None:
    async with httpx.AsyncClient(base_url=shop.url, timeout=60, trust_env=False) as client:
        for round_ in range(ROUNDS):
            buyer = Buyer(shop, goods, f"twice{round_}@example.com").fill(LAMP=1).address()
            headers = {"X-Cart-Token": buyer.client.headers["X-Cart-Token"]}
            body = {
                "expected_total": buyer.cart["totals"]["total"],
                "payment": {"provider": "simulator", "token": "sim_ok"},
            }
            answers = await asyncio.gather(
                *(client.post(f"{buyer.path}/complete", json=body, headers=headers) for _ in range(COMPLETES))
            )

            assert {answer.status_code for answer in answers} <= {201, 202, 409}, answers
            placed = [answer.json() for answer in answers if answer.status_code == 201]
            assert len({(order["number"], order["token"]) for order in placed}) == 1
            assert buyer.order(placed[-1])["number"] == placed[0]["number"]
            [row] = staff.get("/orders", q=buyer.email)["items"]
            order = staff.get(f"/orders/{row['id']}")
            assert [payment["captured"]["amount"] for payment in order["payments"]] == [9390]
            buyer.client.close()
    assert_books_agree(shop)
