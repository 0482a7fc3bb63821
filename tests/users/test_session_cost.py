"""What knowing who asks costs: nothing that counts when it was asked a moment ago."""

import time

from mercato.edge.context import Principals
from mercato.kernel.db import start_cost
from support.users import GUEST_CONTEXT, UsersShop

CALLS = 2000
BOUND_MS = 0.1


async def test_a_warm_session_check_asks_no_database_and_takes_no_time(shop: UsersShop) -> None:
    await shop.create("ann@example.org", "support")
    token = (await shop.sign_in("ann@example.org")).session_token or ""
    principals = Principals(shop.users)
    first = await principals.of(GUEST_CONTEXT, token)
    cost, begun = start_cost(), time.thread_time()
    for _ in range(CALLS):
        assert await principals.of(GUEST_CONTEXT, token) is first
        if time.thread_time() - begun > 0.5:
            break
    spent_ms = (time.thread_time() - begun) * 1000
    assert cost.statements == 0
    assert spent_ms / CALLS < BOUND_MS


async def test_a_cold_session_check_is_one_statement(shop: UsersShop) -> None:
    await shop.create("ann@example.org", "support")
    browser = (await shop.sign_in("ann@example.org")).session_token or ""
    api = (await shop.sign_in("ann@example.org", browser=False)).access_token or ""
    principals = Principals(shop.users)
    for credential in (browser, api):
        cost = start_cost()
        assert (await principals.of(GUEST_CONTEXT, credential)).is_signed_in
        assert cost.statements == 1
