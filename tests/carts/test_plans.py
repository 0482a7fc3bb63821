"""Every statement on a cart finds its rows by an index, on a fresh shop and on a grown one."""

import pytest

from carts.conftest import Shop
from mercato.carts.store import carts, freezing
from support.plans import whole_reads

STATEMENTS = {
    "get": carts.GET,
    "mine": carts.MINE,
    "count": carts.COUNT,
    "create": carts.CREATE,
    "add line": carts.ADD_LINE,
    "change line": carts.CHANGE_LINE,
    "remove line": carts.REMOVE_LINE,
    "update": carts.UPDATE,
    "coupon": carts.SET_COUPON,
    "abandon": carts.ABANDON_EXPIRED,
    "delete old": carts.DELETE_OLD,
    "freeze": freezing.FREEZE,
    "thaw": freezing.THAW,
    "finish": freezing.FINISH,
    "give_back": freezing.GIVE_BACK,
    "stale": freezing.STALE,
}
SMALL = {"promotions"}
"""Tables of a few rows, which may be read whole."""


@pytest.mark.parametrize("is_grown", [False, True], ids=["fresh", "grown"])
async def test_no_statement_reads_a_table_whole(shop: Shop, database_url: str, is_grown: bool) -> None:
    if is_grown:
        await shop.db.execute(
            """insert into carts.carts (id, token_hash, channel, currency, customer_id, status, created_at, updated_at, expires_at, frozen_at)
            select gen_random_uuid(), 'x', 'default', 'EUR', gen_random_uuid(), (array['open', 'completed', 'completing'])[1 + n % 3], now(), now(),
            now() + random() * interval '1 d', case n % 3 when 2 then now() + random() * interval '1 d' end from generate_series(1, 6000) n"""  # noqa: E501
        )
        await shop.db.execute(
            "insert into carts.lines (id, cart_id, variant_id, quantity)"
            " select gen_random_uuid(), id, gen_random_uuid(), 1 from carts.carts, generate_series(1, 3)"
        )
        await shop.db.execute("analyze")
    found = {name: await whole_reads(database_url, sql, schema="carts") for name, sql in STATEMENTS.items()}
    assert {name: tables - SMALL for name, tables in found.items() if tables - SMALL} == {}


async def test_a_statement_without_an_index_would_be_found(shop: Shop, database_url: str) -> None:
    sql = "select id from carts.carts where email = $1"
    assert await whole_reads(database_url, sql, schema="carts") == {"carts"}
