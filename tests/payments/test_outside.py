"""What happens at the provider without us: refunds, captures and voids from its own pages, disputes."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from mercato.contracts.payments import DisputeStatus, PaymentStatus
from mercato.kernel.context import SYSTEM_CONTEXT, Context, Principal, PrincipalKind
from mercato.kernel.errors import Conflict, Denied, Invalid
from mercato.kernel.ids import new_id
from mercato.kernel.runtime import Runtime
from mercato.payments import build
from mercato.settings import Settings
from support.fake_stripe import OK, SECRET_KEY, WEBHOOK_SECRET, FakeStripe
from support.money import eur
from support.payments import EUR_100, PaymentsShop

DUE_BY = 1_800_000_000


@pytest.fixture
def company() -> Iterator[FakeStripe]:
    with FakeStripe().running() as fake:
        yield fake


@pytest.fixture
async def till(company: FakeStripe, database_url: str) -> AsyncIterator[PaymentsShop]:
    """A shop that takes money by Stripe as well."""
    settings = Settings(
        environment="test", database_url=database_url, secret_key="s" * 32, stripe_secret_key=SECRET_KEY,
        stripe_webhook_secret=WEBHOOK_SECRET, stripe_api_base=company.url,
    )  # fmt: skip
    runtime = Runtime(settings)
    yield PaymentsShop(runtime, build(runtime))
    await runtime.close()


async def deliver(till: PaymentsShop, company: FakeStripe, *, times: int = 2) -> None:
    """Every message, newest first, and again."""
    for headers, body in list(reversed(company.messages())) * times:
        await till.payments.receive_webhook(SYSTEM_CONTEXT, provider="stripe", headers=headers, body=body)


async def charge(till: PaymentsShop, company: FakeStripe, **changes: Any) -> tuple[UUID, str]:
    order_id = new_id()
    await till.pay(order_id, provider="stripe", token=OK, **changes)
    return order_id, list(company.intents)[-1]


async def alerts(shop: PaymentsShop) -> list[tuple[str, int]]:
    rows = await shop.database.fetch(
        "select body from payments.outbox where subject = 'payments.alert' order by position"
    )
    found = [msgspec.json.decode(row["body"]) for row in rows]
    return [(one["kind"], one["amount"]["amount"]) for one in found]


async def balance(shop: PaymentsShop) -> dict[str, int]:
    """Debits less credits of every account."""
    rows = await shop.database.fetch(
        "select account, (sum(debit) - sum(credit))::bigint as sum from payments.ledger group by 1 order by 1"
    )
    return {row["account"]: row["sum"] for row in rows}


async def reconciled(shop: PaymentsShop, provider: str) -> list[tuple[str, str, str]]:
    found = await shop.payments.reconcile(SYSTEM_CONTEXT, provider=provider)
    return [(one.check, one.expected, one.found) for one in found.differences]


async def test_a_refund_on_the_providers_own_pages_is_booked_once(
    till: PaymentsShop, company: FakeStripe
) -> None:
    order_id, intent = await charge(till, company)
    await till.payments.refund(SYSTEM_CONTEXT, order_id=order_id, key="ours", amount=eur(1_000), reason="")
    company.refund_in_dashboard(intent, 2_500)
    await deliver(till, company)

    [payment] = await till.payments.payments_of_order(SYSTEM_CONTEXT, order_id=order_id)
    assert (payment.refunded, payment.status) == (eur(3_500), PaymentStatus.PARTIALLY_REFUNDED)
    assert await alerts(till) == [("refund_at_provider", 2_500)]
    assert (await balance(till), await till.differences()) == (
        {"customer_payments": -6_500, "provider_receivable": 6_500}, [],
    )  # fmt: skip
    with pytest.raises(Conflict, match="refund_too_large"):
        await till.payments.refund(SYSTEM_CONTEXT, order_id=order_id, key="x", amount=eur(6_501), reason="")
    assert await reconciled(till, "stripe") == []


async def test_a_refund_that_comes_back_is_the_shops_money_again(
    till: PaymentsShop, company: FakeStripe
) -> None:
    order_id, _ = await charge(till, company)
    await till.payments.refund(SYSTEM_CONTEXT, order_id=order_id, key="a", amount=eur(4_000), reason="")
    company.fail_refund(company.refunds[0]["id"])
    await deliver(till, company)

    [payment] = await till.payments.payments_of_order(SYSTEM_CONTEXT, order_id=order_id)
    assert (payment.captured - payment.refunded, await balance(till)) == (
        EUR_100, {"customer_payments": -10_000, "provider_receivable": 10_000},
    )  # fmt: skip
    assert await alerts(till) == [("refund_came_back", 4_000)]
    assert (await till.differences(), await reconciled(till, "stripe")) == ([], [])
    await till.payments.refund(SYSTEM_CONTEXT, order_id=order_id, key="b", amount=EUR_100, reason="")
    assert company.books() == [("succeeded", 0, 10_000, 10_000)]
    assert await till.differences() == []


async def test_a_capture_and_a_void_on_the_providers_own_pages_are_booked(
    till: PaymentsShop, company: FakeStripe
) -> None:
    captured, first = await charge(till, company, capture=False)
    voided, second = await charge(till, company, capture=False)
    company.capture_in_dashboard(first)
    company.cancel_in_dashboard(second)
    await deliver(till, company)

    [one] = await till.payments.payments_of_order(SYSTEM_CONTEXT, order_id=captured)
    [other] = await till.payments.payments_of_order(SYSTEM_CONTEXT, order_id=voided)
    assert (one.status, one.captured) == (PaymentStatus.PAID, EUR_100)
    assert (other.status, other.voided) == (PaymentStatus.VOIDED, EUR_100)
    assert (await till.differences(), await reconciled(till, "stripe")) == ([], [])


@pytest.mark.parametrize(
    ("outcome", "kept", "books"),
    [
        ("won", 0, {"customer_payments": -10_000, "disputed": 0, "provider_receivable": 10_000}),
        (
            "lost", 6_000,
            {
                "customer_payments": -10_000, "dispute_losses": 6_000, "disputed": 0,
                "provider_receivable": 4_000,
            },
        ),
    ],
)  # fmt: skip
async def test_a_dispute_takes_the_money_away_until_it_is_decided(
    till: PaymentsShop, company: FakeStripe, outcome: str, kept: int, books: dict[str, int]
) -> None:
    order_id, intent = await charge(till, company)
    company.dispute(intent, "warning_needs_response", amount=6_000)
    await deliver(till, company)
    assert (await till.payments.disputes(SYSTEM_CONTEXT)).items == []

    company.dispute(intent, "needs_response", amount=6_000, due_by=DUE_BY)
    company.disputes[0]["evidence_details"]["due_by"] = DUE_BY
    company.dispute(intent, "needs_response", amount=6_000)
    await deliver(till, company)
    [opened] = (await till.payments.disputes(SYSTEM_CONTEXT, order_id=order_id)).items
    assert (opened.status, opened.amount, opened.reason, opened.evidence_due_at) == (
        DisputeStatus.NEEDS_RESPONSE, eur(6_000), "fraudulent", datetime.fromtimestamp(DUE_BY, UTC),
    )  # fmt: skip
    assert (await balance(till))["disputed"] == 6_000
    with pytest.raises(Conflict, match="refund_too_large"):
        await till.payments.refund(SYSTEM_CONTEXT, order_id=order_id, key="a", amount=eur(4_001), reason="")

    company.dispute(intent, "under_review", amount=6_000)
    company.dispute(intent, outcome, amount=6_000)
    await deliver(till, company)
    [closed] = (await till.payments.disputes(SYSTEM_CONTEXT, status=DisputeStatus(outcome))).items
    assert (closed.id, closed.closed_at is not None) == (opened.id, True)
    assert await alerts(till) == [("dispute_opened", 6_000), (f"dispute_{outcome}", 6_000)]
    assert (await balance(till), await till.differences()) == (books, [])
    left = eur(10_000 - kept)
    await till.payments.refund(SYSTEM_CONTEXT, order_id=order_id, key="b", amount=left, reason="")


async def test_reconciling_finds_what_only_one_side_knows(till: PaymentsShop, company: FakeStripe) -> None:
    company.page_size = 2
    for _ in range(5):
        await charge(till, company)
    assert await reconciled(till, "stripe") == []
    intents = list(company.intents)
    company.intents[intents[0]]["amount_received"] = 9_000
    lost = company.intents.pop(intents[1])
    await till.database.execute(
        "delete from payments.ledger where order_id in (select order_id from"
        " payments.payments where reference = $1)",
        intents[2],
    )
    await till.database.execute(
        "update payments.events set payment_id = null where reference = $1", intents[2]
    )
    await till.database.execute("delete from payments.payments where reference = $1", intents[2])

    assert sorted(await reconciled(till, "stripe")) == [
        (
            "amounts_agree", "EUR authorized 10000, captured 9000, refunded 0",
            "EUR authorized 9000, captured 9000, refunded -1000",
        ),
        ("charge_is_payment", "EUR authorized 10000, captured 10000, refunded 0", "no payment"),
        ("payment_at_provider", "a charge", "none"),
    ]  # fmt: skip
    assert lost["amount_received"] == 10_000


async def test_reconciling_the_simulator_sees_its_voids_too(shop: PaymentsShop) -> None:
    order_id = new_id()
    await shop.pay(order_id, capture=False)
    await shop.payments.void(SYSTEM_CONTEXT, order_id=order_id, key="v")
    await shop.pay(token="sim_decline")
    assert await reconciled(shop, "simulator") == []
    await shop.database.execute("update simulator.charges set voided = 0")
    assert await reconciled(shop, "simulator") == [("voids_agree", "voided 0", "voided 10000")]
    with pytest.raises(Invalid, match="unknown_provider"):
        await shop.payments.reconcile(SYSTEM_CONTEXT, provider="nobody")


async def test_the_simulator_refunds_and_disputes_like_a_real_company(shop: PaymentsShop) -> None:
    order_id = new_id()
    await shop.pay(order_id)
    reference = (await shop.payments.simulator_ledger(SYSTEM_CONTEXT)).items[0].reference
    shopper = Context(principal=Principal(kind=PrincipalKind.USER, id=new_id(), email="mara@example.com"))
    with pytest.raises(Denied):
        await shop.payments.refund_at_simulator(shopper, reference=reference, amount=1)
    with pytest.raises(Conflict, match="refund_too_large"):
        await shop.payments.refund_at_simulator(SYSTEM_CONTEXT, reference=reference, amount=10_001)
    await shop.payments.refund_at_simulator(SYSTEM_CONTEXT, reference=reference, amount=1_500)
    for status in (DisputeStatus.NEEDS_RESPONSE, DisputeStatus.LOST):
        await shop.payments.dispute_at_simulator(SYSTEM_CONTEXT, reference=reference, status=status)
        await shop.deliver_webhooks()

    [payment] = await shop.payments.payments_of_order(SYSTEM_CONTEXT, order_id=order_id)
    assert payment.refunded == eur(1_500)
    assert [one.status for one in (await shop.payments.disputes(SYSTEM_CONTEXT)).items] == [
        DisputeStatus.LOST
    ]
    assert await alerts(shop) == [
        ("refund_at_provider", 1_500), ("dispute_opened", 8_500), ("dispute_lost", 8_500),
    ]  # fmt: skip
    assert (await shop.differences(), await reconciled(shop, "simulator")) == ([], [])
