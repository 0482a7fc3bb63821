"""Stripe behind the payments service: one order, one charge, whatever Stripe loses, repeats or says late."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest

from mercato.contracts.payments import PaymentStatus, ProviderKind, SessionStatus
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Invalid, Unavailable
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.kernel.runtime import Runtime
from mercato.payments import build
from mercato.payments.providers.port import SessionRequest
from mercato.payments.providers.stripe import Stripe
from mercato.settings import Settings
from support.fake_stripe import (
    AFTER,
    BEFORE,
    BROKEN,
    DECLINED,
    HELD_BACK,
    NO_FUNDS,
    OK,
    SECRET_KEY,
    SLOW,
    THREE_D_SECURE,
    WEBHOOK_SECRET,
    FakeStripe,
)
from support.payments import EUR_100, PaymentsShop

RETURN_URL = "/checkout/return"
PAID = ("succeeded", 0, 10_000, 0)


@pytest.fixture
def company() -> Iterator[FakeStripe]:
    with FakeStripe().running() as fake:
        yield fake


@pytest.fixture
def settings(company: FakeStripe, database_url: str) -> Settings:
    return Settings(
        environment="test",
        database_url=database_url,
        secret_key="s" * 32,
        stripe_secret_key=SECRET_KEY,
        stripe_webhook_secret=WEBHOOK_SECRET,
        stripe_publishable_key="pk_test_fake",
        stripe_api_base=company.url,
    )


@pytest.fixture
async def shop(settings: Settings) -> AsyncIterator[PaymentsShop]:
    runtime = Runtime(settings)
    yield PaymentsShop(runtime, build(runtime))
    await runtime.close()


async def deliver(shop: PaymentsShop, messages: list[tuple[dict[str, str], bytes]]) -> None:
    for headers, body in messages:
        await shop.payments.receive_webhook(SYSTEM_CONTEXT, provider="stripe", headers=headers, body=body)


async def test_is_offered_first_and_tells_the_public_key(shop: PaymentsShop) -> None:
    first = (await shop.payments.providers(Context()))[0]
    assert (first.code, first.kind, first.is_test, first.public_key) == (
        "stripe", ProviderKind.REDIRECT, True, "pk_test_fake",
    )  # fmt: skip


async def test_a_payment_method_of_stripes_form_pays_at_once(shop: PaymentsShop, company: FakeStripe) -> None:
    order_id = new_id()
    paid = await shop.pay(order_id, provider="stripe", token=OK)

    assert (paid.status, paid.authorized, paid.captured) == (SessionStatus.COMPLETED, EUR_100, EUR_100)
    assert company.books() == [PAID]
    assert await shop.published() == ["capture_succeeded"]
    assert await shop.differences() == []


@pytest.mark.parametrize(("token", "code"), [(DECLINED, "card_declined"), (NO_FUNDS, "insufficient_funds")])
async def test_a_decline_is_a_result_also_when_asked_again(
    shop: PaymentsShop, company: FakeStripe, token: str, code: str
) -> None:
    order_id = new_id()
    for _ in range(2):
        declined = await shop.pay(order_id, provider="stripe", token=token)
        assert (declined.status, declined.decline_code) == (SessionStatus.FAILED, code)

    assert company.books() == [("requires_payment_method", 0, 0, 0)]
    assert await shop.payments.payments_of_order(SYSTEM_CONTEXT, order_id=order_id) == []


@pytest.mark.parametrize("token", ["4242424242424242", "pm_nobody"])
async def test_only_payment_methods_are_taken(shop: PaymentsShop, company: FakeStripe, token: str) -> None:
    with pytest.raises(Invalid, match="token_invalid"):
        await shop.pay(provider="stripe", token=token)

    assert company.books() == []
    assert company.requests == ([] if token.isdigit() else ["POST /v1/payment_intents"])


@pytest.mark.parametrize(("approve", "status", "taken"), [(True, "completed", 10_000), (False, "failed", 0)])
async def test_the_bank_decides_on_its_own_page(
    shop: PaymentsShop, company: FakeStripe, approve: bool, status: str, taken: int
) -> None:
    order_id = new_id()
    asked = await shop.pay(order_id, provider="stripe", token=THREE_D_SECURE, return_url=RETURN_URL)
    [intent_id] = company.intents
    assert asked.next_action is not None
    assert asked.next_action.url == f"{company.url}/3ds/{intent_id}"
    assert company.intents[intent_id]["return_url"] == "http://127.0.0.1:8000/checkout/return"

    company.decide(intent_id, approve=approve)
    settled = await shop.payments.result(SYSTEM_CONTEXT, order_id=order_id, attempt=1)

    assert settled is not None and settled.status == status
    assert company.books()[0][2] == taken
    assert await shop.differences() == []


async def test_messages_repeated_and_in_reverse_make_one_payment(
    shop: PaymentsShop, company: FakeStripe
) -> None:
    order_id = new_id()
    assert (await shop.pay(order_id, provider="stripe", token=SLOW)).status is SessionStatus.PROCESSING
    company.decide(next(iter(company.intents)), approve=True)
    messages = company.messages()
    assert len(messages) == 2
    await deliver(shop, [*reversed(messages), *messages])

    assert await shop.published() == ["authorization_requested", "capture_succeeded"]
    assert await shop.database.fetchval("select count(*) from payments.webhooks") == 2
    [payment] = await shop.payments.payments_of_order(SYSTEM_CONTEXT, order_id=order_id)
    assert (payment.captured, company.books()) == (EUR_100, [PAID])
    assert await shop.differences() == []


async def test_on_stripes_page_a_refused_card_is_no_end(shop: PaymentsShop, company: FakeStripe) -> None:
    order_id = new_id()
    asked = await shop.pay(order_id, provider="stripe", token=None, return_url=RETURN_URL)
    [page_id] = company.pages
    assert asked.next_action is not None and asked.next_action.url == f"{company.url}/pay/{page_id}"
    assert company.pages[page_id]["success_url"] == "http://127.0.0.1:8000/checkout/return"
    assert company.pages[page_id]["cancel_url"] == "http://127.0.0.1:8000/checkout/return?canceled=1"

    company.pay_on_page(page_id, DECLINED)
    await deliver(shop, company.messages())
    waiting = await shop.payments.result(SYSTEM_CONTEXT, order_id=order_id, attempt=1)
    assert waiting is not None and waiting.status is SessionStatus.REQUIRES_ACTION

    company.pay_on_page(page_id, OK)
    await deliver(shop, company.messages())

    assert await shop.published() == ["authorization_action_required", "capture_succeeded"]
    [payment] = await shop.payments.payments_of_order(SYSTEM_CONTEXT, order_id=order_id)
    assert (payment.status, payment.reference) == (PaymentStatus.PAID, next(iter(company.intents)))
    assert company.books() == [PAID]
    again = await shop.pay(order_id, provider="stripe", token=None, return_url=RETURN_URL)
    assert (again.status, len(company.pages)) == (SessionStatus.COMPLETED, 1)
    assert await shop.differences() == []


async def test_a_page_that_ran_out_ends_the_attempt(shop: PaymentsShop, company: FakeStripe) -> None:
    order_id = new_id()
    await shop.pay(order_id, provider="stripe", token=None, return_url=RETURN_URL)
    company.expire_page(next(iter(company.pages)))
    await deliver(shop, company.messages())

    ended = await shop.payments.result(SYSTEM_CONTEXT, order_id=order_id, attempt=1)
    assert ended is not None and ended.status is SessionStatus.EXPIRED
    assert company.books() == []


async def test_a_page_needs_a_way_back(shop: PaymentsShop, company: FakeStripe) -> None:
    with pytest.raises(Invalid, match="return_url_missing"):
        await shop.pay(provider="stripe", token=None)

    assert company.requests == []


@pytest.mark.parametrize(("fault", "held_back"), [(BEFORE, 0), (AFTER, 1), (BROKEN, 0)])
async def test_an_answer_that_is_lost_never_charges_twice(
    shop: PaymentsShop, company: FakeStripe, fault: str, held_back: int
) -> None:
    order_id = new_id()
    company.faults.append(("POST /v1/payment_intents", fault))
    with pytest.raises(Unavailable, match="provider_timeout"):
        await shop.pay(order_id, provider="stripe", token=OK)
    assert len(company.books()) == held_back
    assert await shop.published() == []

    paid = await shop.pay(order_id, provider="stripe", token=OK)

    assert paid.captured == EUR_100
    assert company.books() == [PAID]
    assert await shop.published() == ["capture_succeeded"]


async def test_an_answer_that_takes_too_long_is_asked_for_again(
    settings: Settings, company: FakeStripe
) -> None:
    request = SessionRequest(key=f"{new_id()}:1", amount=EUR_100, token=OK, return_url=None, captures=True)
    company.faults.append(("POST /v1/payment_intents", HELD_BACK))
    with pytest.raises(Unavailable, match="provider_timeout"):
        await Stripe(settings, timeout_s=0.3).create_session(request)
    company.release.set()

    said = await Stripe(settings).create_session(request)

    assert (said.captured, company.books()) == (10_000, [PAID])


async def test_a_wrong_key_charges_nobody_and_is_asked_again_later(
    settings: Settings, company: FakeStripe
) -> None:
    stranger = Stripe(msgspec.structs.replace(settings, stripe_secret_key="sk_test_wrong"))
    with pytest.raises(Unavailable, match="provider_misconfigured"):
        await stranger.create_session(
            SessionRequest(key=f"{new_id()}:1", amount=EUR_100, token=OK, return_url=None, captures=True)
        )

    assert company.books() == []


@pytest.mark.parametrize("is_key_forgotten", [False, True])
async def test_a_refund_whose_answer_was_lost_is_sent_once(
    shop: PaymentsShop, company: FakeStripe, is_key_forgotten: bool
) -> None:
    order_id = new_id()
    await shop.pay(order_id, provider="stripe", token=OK)
    company.faults.append(("POST /v1/refunds", AFTER))
    with pytest.raises(Unavailable):
        await shop.payments.refund(
            SYSTEM_CONTEXT, order_id=order_id, key="r", amount=Money(4_000, "EUR"), reason="chipped"
        )
    assert company.books() == [("succeeded", 0, 10_000, 4_000)]
    if is_key_forgotten:
        company.forget_keys()
    await shop.database.execute("update payments.operations set due_at = now() - interval '1 minute'")
    await shop.sweep()

    [payment] = await shop.payments.payments_of_order(SYSTEM_CONTEXT, order_id=order_id)
    assert payment.refunded == Money(4_000, "EUR")
    assert company.books() == [("succeeded", 0, 10_000, 4_000)]
    assert await shop.differences() == []


async def test_parallel_refunds_never_send_back_more_than_was_taken(
    shop: PaymentsShop, company: FakeStripe
) -> None:
    order_id = new_id()
    await shop.pay(order_id, provider="stripe", token=OK)
    tries = [
        shop.payments.refund(
            SYSTEM_CONTEXT, order_id=order_id, key=str(n), amount=Money(3_000, "EUR"), reason=""
        )
        for n in range(8)
    ]
    await asyncio.gather(*tries, return_exceptions=True)

    assert company.books() == [("succeeded", 0, 10_000, 9_000)]
    assert await shop.differences() == []


async def test_after_a_part_was_taken_the_rest_is_let_go(shop: PaymentsShop, company: FakeStripe) -> None:
    order_id = new_id()
    await shop.pay(order_id, provider="stripe", token=OK, capture=False)
    assert company.books() == [("requires_capture", 10_000, 0, 0)]
    await shop.payments.capture(SYSTEM_CONTEXT, order_id=order_id, key="c", amount=Money(6_000, "EUR"))
    [payment] = await shop.payments.void(SYSTEM_CONTEXT, order_id=order_id, key="v")

    assert (payment.captured, payment.voided) == (Money(6_000, "EUR"), Money(4_000, "EUR"))
    assert company.books() == [("succeeded", 0, 6_000, 0)]
    assert await shop.differences() == []


async def test_a_held_payment_is_given_up(shop: PaymentsShop, company: FakeStripe) -> None:
    order_id = new_id()
    await shop.pay(order_id, provider="stripe", token=OK, capture=False)
    [payment] = await shop.payments.void(SYSTEM_CONTEXT, order_id=order_id, key="v")

    assert (payment.status, company.books()) == (PaymentStatus.VOIDED, [("canceled", 0, 0, 0)])


async def test_messages_about_other_peoples_payments_change_nothing(
    shop: PaymentsShop, settings: Settings, company: FakeStripe
) -> None:
    other = Stripe(msgspec.structs.replace(settings, secret_key="t" * 32))
    await other.create_session(
        SessionRequest(key=f"{new_id()}:1", amount=EUR_100, token=OK, return_url=None, captures=True)
    )
    strangers = [{"id": "cus_1", "object": "customer"}, {"id": "ch_1", "object": "charge"}]
    events = [
        {"id": f"evt_{one['id']}", "object": "event", "type": "x", "data": {"object": one}}
        for one in strangers
    ]
    await deliver(shop, [*company.messages(), *(company.signed(event) for event in events)])

    assert await shop.published() == []
    assert await shop.database.fetchval("select count(*) from payments.sessions") == 0
    unread = "select count(*) from payments.webhooks where processed_at is null"
    assert await shop.database.fetchval(unread) == 0


async def test_a_signed_message_that_is_none_is_refused(shop: PaymentsShop, company: FakeStripe) -> None:
    nothing: list[Any] = [{"object": "event"}, {}, []]
    for event in nothing:
        with pytest.raises(Invalid, match="malformed"):
            await deliver(shop, [company.signed(event)])

    assert await shop.database.fetchval("select count(*) from payments.webhooks") == 0
