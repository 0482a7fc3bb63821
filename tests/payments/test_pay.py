"""One order, one charge: whatever is answered, lost, repeated or late."""

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from mercato.contracts.payments import PaymentStatus, SessionStatus
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Conflict, Invalid, Unauthenticated, Unavailable
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.kernel.runtime import Runtime
from mercato.payments import build
from mercato.settings import Settings
from support.payments import EUR_100, PaymentsShop


@pytest.fixture(autouse=True)
def clock_put_right() -> Iterator[None]:
    yield
    clock.set_offset(timedelta(0))


async def test_pays_at_once_and_books_both_sides(shop: PaymentsShop) -> None:
    order_id = new_id()
    result = await shop.pay(order_id)

    assert (result.status, result.authorized, result.captured) == (SessionStatus.COMPLETED, EUR_100, EUR_100)
    [payment] = await shop.payments.payments_of_order(SYSTEM_CONTEXT, order_id=order_id)
    assert (payment.id, payment.status, payment.captured) == (result.payment_id, PaymentStatus.PAID, EUR_100)
    ledger = await shop.payments.ledger(SYSTEM_CONTEXT, order_id=order_id)
    assert sorted((e.account, e.debit, e.credit) for e in ledger.items) == [
        ("customer_payments", 0, 10_000),
        ("provider_receivable", 10_000, 0),
    ]
    assert await shop.published() == ["capture_succeeded"]
    assert await shop.charges() == [("completed", 10_000, 10_000, 0, 0)]
    assert await shop.differences() == []


@pytest.mark.parametrize(("left_s", "published"), [(10, []), (-1, ["capture_succeeded"])])
async def test_an_answer_that_comes_in_time_is_not_told_again(
    shop: PaymentsShop, left_s: int, published: list[str]
) -> None:
    deadline = clock.now() + timedelta(seconds=left_s)
    result = await shop.pay(ctx=msgspec.structs.replace(SYSTEM_CONTEXT, deadline=deadline))

    assert (result.status, result.captured) == (SessionStatus.COMPLETED, EUR_100)
    assert await shop.published() == published
    assert await shop.charges() == [("completed", 10_000, 10_000, 0, 0)]
    assert await shop.differences() == []


async def test_only_authorizes_when_capture_is_manual(shop: PaymentsShop) -> None:
    order_id = new_id()
    result = await shop.pay(order_id, capture=False)

    assert (result.authorized, result.captured) == (EUR_100, Money(0, "EUR"))
    [payment] = await shop.payments.payments_of_order(SYSTEM_CONTEXT, order_id=order_id)
    assert payment.status is PaymentStatus.AUTHORIZED
    assert (await shop.payments.ledger(SYSTEM_CONTEXT, order_id=order_id)).items == []
    assert await shop.differences() == []


@pytest.mark.parametrize(
    ("token", "code"), [("sim_decline", "card_declined"), ("sim_insufficient_funds", "insufficient_funds")]
)
async def test_a_decline_is_a_result_that_leaves_no_payment(
    shop: PaymentsShop, token: str, code: str
) -> None:
    order_id = new_id()
    result = await shop.pay(order_id, token=token)

    assert (result.status, result.decline_code, result.payment_id) == (SessionStatus.FAILED, code, None)
    assert await shop.payments.payments_of_order(SYSTEM_CONTEXT, order_id=order_id) == []
    assert await shop.charges() == [("failed", 0, 0, 0, 0)]
    assert await shop.published() == ["authorization_failed"]


async def test_a_second_attempt_after_a_decline_charges_once(shop: PaymentsShop) -> None:
    order_id = new_id()
    await shop.pay(order_id, token="sim_decline")
    await shop.pay(order_id, attempt=2)

    assert [charge[2] for charge in await shop.charges()] == [0, 10_000]
    assert await shop.differences() == []


async def test_paying_an_attempt_again_gives_the_first_answer(shop: PaymentsShop) -> None:
    order_id = new_id()
    first = await shop.pay(order_id)
    second = await shop.pay(order_id)

    assert second == first
    assert await shop.charges() == [("completed", 10_000, 10_000, 0, 0)]
    assert await shop.published() == ["capture_succeeded"]


async def test_fifty_calls_at_once_charge_once(shop: PaymentsShop) -> None:
    order_id = new_id()
    results = await asyncio.gather(*(shop.pay(order_id) for _ in range(50)))

    assert len({result.payment_id for result in results}) == 1
    assert {result.captured for result in results} == {EUR_100}
    assert await shop.charges() == [("completed", 10_000, 10_000, 0, 0)]
    assert await shop.published() == ["capture_succeeded"]
    assert await shop.differences() == []


async def test_refuses_another_amount_under_the_same_attempt(shop: PaymentsShop) -> None:
    order_id = new_id()
    await shop.pay(order_id)
    with pytest.raises(Conflict, match="idempotency_mismatch"):
        await shop.pay(order_id, amount=Money(1, "EUR"))

    assert await shop.charges() == [("completed", 10_000, 10_000, 0, 0)]


async def test_a_lost_reply_is_found_by_asking_again(shop: PaymentsShop) -> None:
    order_id = new_id()
    with pytest.raises(Unavailable, match="provider_timeout"):
        await shop.pay(order_id, token="sim_timeout_then_ok")
    assert await shop.differences() == ["charge_is_payment"]

    result = await shop.pay(order_id, token="sim_timeout_then_ok")

    assert result.captured == EUR_100
    assert await shop.charges() == [("completed", 10_000, 10_000, 0, 0)]
    assert await shop.differences() == []


@pytest.mark.parametrize(
    ("approve", "status", "kinds"),
    [
        (True, SessionStatus.COMPLETED, ["authorization_action_required", "capture_succeeded"]),
        (False, SessionStatus.FAILED, ["authorization_action_required", "authorization_failed"]),
    ],
)
async def test_three_d_secure_waits_for_the_shopper(
    shop: PaymentsShop, approve: bool, status: SessionStatus, kinds: list[str]
) -> None:
    order_id = new_id()
    result = await shop.pay(order_id, token="sim_3ds", return_url="/checkout/return")
    assert result.status is SessionStatus.REQUIRES_ACTION
    assert result.next_action is not None
    reference = result.next_action.url.rpartition("/")[2]
    assert result.next_action.url == f"http://127.0.0.1:8000/simulator/3ds/{reference}"

    await shop.payments.decide_simulator_session(SYSTEM_CONTEXT, reference=reference, approve=approve)
    await shop.payments.decide_simulator_session(SYSTEM_CONTEXT, reference=reference, approve=not approve)
    await shop.deliver_webhooks()

    settled = await shop.payments.result(SYSTEM_CONTEXT, order_id=order_id, attempt=1)
    assert settled is not None and settled.status is status
    assert await shop.published() == kinds
    assert await shop.differences() == []


@pytest.mark.parametrize(
    ("token", "captured"), [("sim_async_ok", 10_000), ("sim_async_fail", 0), ("sim_out_of_order", 10_000)]
)
async def test_a_payment_decided_later_arrives_by_webhook(
    shop: PaymentsShop, token: str, captured: int
) -> None:
    order_id = new_id()
    assert (await shop.pay(order_id, token=token)).status is SessionStatus.PROCESSING
    await shop.deliver_webhooks()
    assert await shop.published() == ["authorization_requested"]

    clock.set_offset(timedelta(seconds=10))
    await shop.deliver_webhooks()
    clock.set_offset(timedelta(seconds=20))
    await shop.deliver_webhooks()

    [money] = await shop.payments.money_of_orders(SYSTEM_CONTEXT, order_ids=[order_id]) or [None]
    assert (money.captured if money else 0) == captured
    assert len(await shop.published()) == 2
    assert await shop.differences() == []


async def test_a_webhook_delivered_twice_counts_once(shop: PaymentsShop) -> None:
    order_id = new_id()
    await shop.pay(order_id, token="sim_duplicate_webhook")
    await shop.deliver_webhooks()
    await shop.deliver_webhooks()

    deliveries = await shop.database.fetchval("select sum(deliveries)::int from simulator.webhooks")
    assert deliveries == 2
    assert await shop.database.fetchval("select count(*) from payments.webhooks") == 1
    assert await shop.published() == ["capture_succeeded"]
    assert await shop.differences() == []


async def test_a_webhook_before_the_reply_and_the_reply_make_one_payment(shop: PaymentsShop) -> None:
    order_id = new_id()
    with pytest.raises(Unavailable):
        await shop.pay(order_id, token="sim_timeout_then_ok")
    reference = (await shop.payments.simulator_ledger(SYSTEM_CONTEXT)).items[0].reference
    await shop.webhook("early", reference)
    assert await shop.published() == ["capture_succeeded"]

    result = await shop.pay(order_id, token="sim_timeout_then_ok")

    assert result.captured == EUR_100
    assert await shop.published() == ["capture_succeeded"]
    assert await shop.differences() == []


@pytest.mark.parametrize("fault", ["forged", "stale", "unsigned"])
async def test_refuses_a_webhook_that_is_not_the_providers(shop: PaymentsShop, fault: str) -> None:
    with pytest.raises(Invalid, match="signature_invalid"):
        await shop.webhook("evil", "sim_x", fault=fault)

    assert await shop.database.fetchval("select count(*) from payments.webhooks") == 0


async def test_the_sweeper_asks_about_a_session_whose_webhook_never_came(shop: PaymentsShop) -> None:
    order_id = new_id()
    await shop.pay(order_id, token="sim_async_ok")
    await shop.database.execute(
        "update simulator.charges set status = 'completed', authorized = amount, captured = amount,"
        " decide_at = null"
    )
    await shop.database.execute("update payments.sessions set updated_at = now() - interval '2 minutes'")
    await shop.sweep()

    [money] = await shop.payments.money_of_orders(SYSTEM_CONTEXT, order_ids=[order_id])
    assert money.captured == 10_000


async def test_refuses_a_provider_and_a_token_that_nobody_knows(shop: PaymentsShop) -> None:
    with pytest.raises(Invalid, match="unknown_provider"):
        await shop.pay(provider="nobody")
    with pytest.raises(Invalid, match="token_invalid"):
        await shop.pay(token="4242424242424242")

    assert await shop.charges() == []


async def test_a_guest_may_not_move_money(shop: PaymentsShop) -> None:
    with pytest.raises(Unauthenticated):
        await shop.payments.refund(Context(), order_id=new_id(), key="k", amount=EUR_100, reason="")


async def test_every_card_that_checkout_offers_can_be_paid_with(shop: PaymentsShop) -> None:
    card = (await shop.payments.providers(Context()))[0]
    assert card.is_test
    for choice in card.tokens:
        with contextlib.suppress(Unavailable):
            await shop.pay(provider=card.code, token=choice.token)
    assert len(await shop.charges()) == len(card.tokens)


async def test_production_offers_nothing_that_moves_no_money(database_url: str) -> None:
    settings = Settings(environment="production", database_url=database_url, secret_key="s" * 32)
    runtime = Runtime(settings)
    offered = await build(runtime).impl.providers(Context())
    assert [(one.code, one.is_test, one.tokens) for one in offered] == [("manual", False, [])]
    await runtime.close()
