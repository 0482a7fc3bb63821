"""Gift cards and store credit: held, spent, dropped, given back, once, and never more than there is."""

import asyncio
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from mercato.contracts.payments import (
    CreditKind,
    CreditUse,
    GiftCardStatus,
    PayResult,
    SessionStatus,
)
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT, Context, Principal, PrincipalKind
from mercato.kernel.errors import Conflict, Denied, NotFound
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from payments.gift_cards import issue, left, use
from support.money import eur
from support.payments import PaymentsShop

SHOPPER = Context(principal=Principal(kind=PrincipalKind.USER, id=new_id(), email="mara@example.com"))
EUR_0 = Money(0, "EUR")


async def paid(shop: PaymentsShop, order_id: UUID) -> dict[str, tuple[int, int, int, int]]:
    """(authorized, captured, refunded, voided) by provider."""
    found = await shop.payments.payments_of_order(SYSTEM_CONTEXT, order_id=order_id)
    return {
        one.provider: (
            one.authorized.amount, one.captured.amount, one.refunded.amount, one.voided.amount
        )
        for one in found
    }  # fmt: skip


async def test_a_repeated_request_issues_one_card_and_tells_its_code_once(shop: PaymentsShop) -> None:
    ctx = msgspec.structs.replace(SYSTEM_CONTEXT, idempotency_key="birthday")
    answers = await asyncio.gather(
        *(
            shop.payments.issue_gift_card(ctx, value=5_000, currency="EUR", recipient="a@example.org")
            for _ in range(5)
        )
    )
    assert len({answer.card.id for answer in answers}) == 1
    assert sum(answer.code is not None for answer in answers) == 1
    assert len((await shop.payments.gift_cards(SYSTEM_CONTEXT)).items) == 1
    with pytest.raises(Conflict, match="idempotency_mismatch"):
        await shop.payments.issue_gift_card(ctx, value=6_000, currency="EUR", recipient="a@example.org")
    other = msgspec.structs.replace(ctx, idempotency_key="another")
    assert (await shop.payments.issue_gift_card(other, value=5_000, currency="EUR")).code
    assert (await shop.payments.verify(SYSTEM_CONTEXT)).differences == []


async def test_a_card_is_found_by_its_code_alone_and_the_code_is_kept_nowhere(shop: PaymentsShop) -> None:
    issued = await issue(shop)
    assert issued.code is not None
    found = await shop.payments.gift_card_by_code(
        Context(), code=f" {issued.code.lower().replace('-', ' ')} "
    )

    assert (found.account_id, found.available, found.refusal) == (issued.card.id, eur(5_000), None)
    assert found.label == f"Gift card •••• {issued.code[-4:]}"
    plain = issued.code.replace("-", "")
    for table in ("credit_accounts", "credit_entries", "events", "ledger", "outbox"):
        rows = await shop.database.fetch(f"select t::text as text from payments.{table} t")
        assert all(plain not in row["text"] and issued.code not in row["text"] for row in rows)
    with pytest.raises(NotFound, match="gift_card_unknown"):
        await shop.payments.gift_card_by_code(Context(), code="AAAA-BBBB-CCCC-DDDD")


async def test_pays_a_part_by_card_and_the_rest_at_the_provider(shop: PaymentsShop) -> None:
    card, order_id = await issue(shop), new_id()
    result = await shop.pay(order_id, amount=eur(7_000), credits=[use(card, 3_000)])

    assert result.status is SessionStatus.COMPLETED
    assert [(one.provider, one.captured) for one in result.credits] == [("gift_card", eur(3_000))]
    assert await paid(shop, order_id) == {
        "gift_card": (3_000, 3_000, 0, 0), "simulator": (7_000, 7_000, 0, 0),
    }  # fmt: skip
    assert await left(shop, card) == (2_000, 0)
    assert await shop.differences() == []


async def test_pays_in_full_by_balances_without_asking_a_provider(shop: PaymentsShop) -> None:
    card, customer_id, order_id = await issue(shop), new_id(), new_id()
    credit = await shop.payments.adjust_store_credit(
        SYSTEM_CONTEXT, customer_id=customer_id, currency="EUR", change=2_500, reason="sorry"
    )
    uses = [use(card, 5_000), CreditUse(credit.account_id, CreditKind.STORE_CREDIT, "Store credit", 1_000)]
    for _ in range(3):
        result = await shop.pay(order_id, amount=EUR_0, provider="nobody", credits=uses)
        assert result.status is SessionStatus.COMPLETED

    again = await shop.payments.result(SYSTEM_CONTEXT, order_id=order_id, attempt=1)
    assert again is not None and again.status is SessionStatus.COMPLETED
    assert sum(one.captured.amount for one in again.credits) == 6_000
    assert await shop.charges() == []
    assert await left(shop, card) == (0, 0)
    [mine] = await shop.payments.store_credit(SYSTEM_CONTEXT, customer_id=customer_id)
    assert (mine.balance, [entry.kind for entry in mine.entries]) == (eur(1_500), ["spent", "adjusted"])
    assert await shop.differences() == []


async def test_a_decline_at_the_provider_gives_the_balance_back(shop: PaymentsShop) -> None:
    card, order_id = await issue(shop), new_id()
    result = await shop.pay(order_id, token="sim_decline", credits=[use(card, 3_000)])

    assert (result.status, result.decline_code) == (SessionStatus.FAILED, "card_declined")
    assert await left(shop, card) == (5_000, 0)
    assert await paid(shop, order_id) == {"gift_card": (3_000, 0, 0, 3_000)}
    assert await shop.differences() == []


async def test_a_balance_that_does_not_reach_declines_and_charges_nobody(shop: PaymentsShop) -> None:
    card, other, order_id = await issue(shop), await issue(shop, 1_000), new_id()
    result = await shop.pay(order_id, credits=[use(other, 1_000), use(card, 5_001)])

    assert (result.status, result.decline_code) == (SessionStatus.FAILED, "credit_unavailable")
    assert (await shop.charges(), await left(shop, card), await left(shop, other)) == (
        [],
        (5_000, 0),
        (1_000, 0),
    )
    assert await paid(shop, order_id) == {}


@pytest.mark.parametrize("fault", ["disabled", "expired", "currency", "kind"])
async def test_a_card_that_may_not_be_used_declines(shop: PaymentsShop, fault: str) -> None:
    card = await issue(shop)
    wanted, amount = use(card, 100), eur(9_900)
    if fault == "disabled":
        await shop.payments.change_gift_card(SYSTEM_CONTEXT, card_id=card.card.id, version=1, is_active=False)
    elif fault == "expired":
        await shop.database.execute(
            "update payments.credit_accounts set expires_at = now() - interval '1 second'"
        )
    elif fault == "currency":
        amount = Money(9_900, "CHF")
    else:
        wanted = CreditUse(card.card.id, CreditKind.STORE_CREDIT, "Store credit", 100)
    result = await shop.pay(amount=amount, credits=[wanted])

    assert result.status is SessionStatus.FAILED
    assert (await shop.charges(), await left(shop, card)) == ([], (5_000, 0))


async def test_waits_for_the_bank_with_the_balance_held_and_follows_its_answer(shop: PaymentsShop) -> None:
    card = await issue(shop)
    for approve, expected in ((True, (2_000, 0)), (False, (2_000, 0))):
        order_id = new_id()
        result = await shop.pay(order_id, token="sim_3ds", credits=[use(card, 3_000 if approve else 2_000)])
        assert result.status is SessionStatus.REQUIRES_ACTION
        assert (await left(shop, card))[1] == (3_000 if approve else 2_000)
        row = await shop.database.fetchrow(
            "select reference from payments.sessions where order_id = $1", order_id
        )
        assert row is not None
        await shop.payments.decide_simulator_session(
            SYSTEM_CONTEXT, reference=row["reference"], approve=approve
        )
        await shop.deliver_webhooks()
        assert await left(shop, card) == expected
    assert await shop.differences() == []


async def test_a_refund_goes_to_the_provider_first_and_then_back_to_the_card(shop: PaymentsShop) -> None:
    card, order_id = await issue(shop), new_id()
    await shop.pay(order_id, amount=eur(7_000), credits=[use(card, 3_000)])
    refund = shop.payments.refund
    await refund(SYSTEM_CONTEXT, order_id=order_id, key="a", amount=eur(6_000), reason="torn")
    assert (await left(shop, card), await shop.charges()) == (
        (2_000, 0),
        [("completed", 7_000, 7_000, 6_000, 0)],
    )

    for _ in range(2):
        await refund(SYSTEM_CONTEXT, order_id=order_id, key="b", amount=eur(3_500), reason="torn")
    assert (await left(shop, card), await shop.charges()) == (
        (4_500, 0),
        [("completed", 7_000, 7_000, 7_000, 0)],
    )
    with pytest.raises(Conflict, match="refund_too_large"):
        await refund(SYSTEM_CONTEXT, order_id=order_id, key="c", amount=eur(501), reason="torn")
    assert await shop.differences() == []


async def test_a_refund_to_an_expired_card_makes_it_usable_again(shop: PaymentsShop) -> None:
    card, order_id = await issue(shop), new_id()
    await shop.pay(order_id, amount=EUR_0, credits=[use(card, 5_000)])
    await shop.database.execute("update payments.credit_accounts set expires_at = now() - interval '1 day'")
    await shop.payments.refund(SYSTEM_CONTEXT, order_id=order_id, key="a", amount=eur(5_000), reason="")
    await shop.sweep()

    found = (await shop.payments.gift_card(SYSTEM_CONTEXT, card_id=card.card.id)).card
    assert (found.status, found.balance) == (GiftCardStatus.ACTIVE, eur(5_000))
    assert found.expires_at is not None and found.expires_at > clock.now() + timedelta(days=89)


async def test_the_sweeper_books_what_is_left_on_an_expired_card(shop: PaymentsShop) -> None:
    card, order_id = await issue(shop), new_id()
    await shop.pay(order_id, token="sim_3ds", credits=[use(card, 1_000)])
    await shop.database.execute("update payments.credit_accounts set expires_at = now() - interval '1 day'")
    for _ in range(2):
        await shop.sweep()

    assert await left(shop, card) == (1_000, 1_000)
    entries = (await shop.payments.gift_card(SYSTEM_CONTEXT, card_id=card.card.id)).entries
    assert [(one.kind, one.amount) for one in entries] == [("expired", eur(-4_000)), ("issued", eur(5_000))]
    assert await shop.differences() == []


async def test_an_attempt_that_was_dropped_never_holds_again(shop: PaymentsShop) -> None:
    card, order_id = await issue(shop), new_id()
    await shop.pay(order_id, token="sim_3ds", credits=[use(card, 1_000)])
    for _ in range(2):
        await shop.payments.release_credit(SYSTEM_CONTEXT, order_id=order_id, attempt=1)
    assert await left(shop, card) == (5_000, 0)
    late = await shop.pay(order_id, token="sim_3ds", credits=[use(card, 1_000)])

    assert (late.status, await left(shop, card)) == (SessionStatus.FAILED, (5_000, 0))


async def test_adjusts_once_per_key_and_never_below_what_is_held(shop: PaymentsShop) -> None:
    card = await issue(shop)
    await shop.pay(token="sim_3ds", credits=[use(card, 4_000)])
    keyed = Context(principal=SYSTEM_CONTEXT.principal, idempotency_key="once")
    for _ in range(2):
        await shop.payments.adjust_gift_card(keyed, card_id=card.card.id, change=-500, reason="mistake")
    with pytest.raises(Conflict, match="balance_too_small"):
        await shop.payments.adjust_gift_card(SYSTEM_CONTEXT, card_id=card.card.id, change=-501, reason="")

    assert await left(shop, card) == (4_500, 4_000)
    assert await shop.differences() == []


async def test_one_card_in_two_checkouts_pays_only_once_what_is_on_it(shop: PaymentsShop) -> None:
    for _ in range(20):
        card = await issue(shop, 3_000)
        orders = [new_id(), new_id()]
        results: list[PayResult] = await asyncio.gather(
            *(shop.pay(order, amount=eur(1_000), credits=[use(card, 2_000)]) for order in orders)
        )
        assert sorted(one.status for one in results) == [SessionStatus.COMPLETED, SessionStatus.FAILED]
        assert await left(shop, card) == (1_000, 0)
    assert len(await shop.charges()) == 20
    assert await shop.differences() == []


async def test_the_same_attempt_made_many_times_at_once_holds_once(shop: PaymentsShop) -> None:
    card, order_id = await issue(shop), new_id()
    results = await asyncio.gather(
        *(shop.pay(order_id, amount=eur(1_000), credits=[use(card, 2_000)]) for _ in range(8))
    )
    assert {one.status for one in results} == {SessionStatus.COMPLETED}
    assert (await left(shop, card), len(await shop.charges())) == ((3_000, 0), 1)
    assert await shop.differences() == []


async def test_balances_are_not_for_shoppers(shop: PaymentsShop) -> None:
    card = await issue(shop)
    with pytest.raises(Denied):
        await shop.payments.issue_gift_card(SHOPPER, value=1, currency="EUR")
    with pytest.raises(Denied):
        await shop.payments.gift_card(SHOPPER, card_id=card.card.id)
    with pytest.raises(Denied):
        await shop.payments.credit_balances(
            SHOPPER, account_ids=[card.card.id], customer_id=None, currency="EUR"
        )
    with pytest.raises(Denied):
        await shop.payments.adjust_store_credit(
            SHOPPER, customer_id=new_id(), currency="EUR", change=1, reason=""
        )
    assert await left(shop, card) == (5_000, 0)
    assert await shop.payments.my_store_credit(SHOPPER) == []
