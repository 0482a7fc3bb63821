"""`mercato verify` itself: the command that a merchant runs after a night of trouble."""

import asyncio
import json
from typing import Any

import asyncpg

from support.buyer import Buyer
from support.furnish import Goods
from support.shop import Shop


def verify(shop: Shop, *, wait_s: int = 20) -> tuple[int, dict[str, Any]]:
    done = shop.command("verify", "--json", "--wait-s", str(wait_s))
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def falsify(shop: Shop, variant_id: str, units: int) -> None:
    """Write into the level of a variant as no code of the shop does."""

    async def write() -> None:
        connection = await asyncpg.connect(shop.env["DATABASE_URL"])
        try:
            await connection.execute(
                "update stock.levels set on_hand = on_hand + $2 where variant_id = $1", variant_id, units
            )
        finally:
            await connection.close()

    asyncio.run(write())


def test_the_command_agrees_after_an_order_and_finds_what_was_falsified(
    shop: Shop, goods: Goods, buyer: Buyer
) -> None:
    buyer.fill(LAMP=1).address().buy()
    code, report = verify(shop)
    assert (code, report["ok"], report["differences"]) == (0, True, [])
    assert {"events", "stock", "orders", "payments"} <= {name for name, n in report["checked"].items() if n}
    lamp = goods.variants["LAMP"]
    falsify(shop, lamp, +1)
    try:
        code, report = verify(shop, wait_s=1)
    finally:
        falsify(shop, lamp, -1)

    assert (code, report["ok"]) == (1, False)
    assert [difference["subject"] for difference in report["differences"]] == ["LAMP"]
