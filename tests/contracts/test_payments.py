"""The payments contract: every method, the same in one process and between two."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from mercato.contracts.payments import Payments, PaymentStatus, PaymentToken, ProviderKind, SessionStatus
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Conflict, Invalid, NotFound, Unauthenticated, Unavailable
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.kernel.rpc import local, remote, serve
from mercato.kernel.runtime import Runtime
from mercato.kernel.telemetry.metrics import Metrics
from mercato.payments import build
from mercato.settings import Settings
from support.broker import connected

EUR_100 = Money(10_000, "EUR")
PAY: dict[str, Any] = {
    "attempt": 1,
    "amount": EUR_100,
    "provider": "simulator",
    "token": "sim_ok",
    "return_url": None,
    "capture": False,
}


@pytest.fixture(params=["local", "remote"])
async def payments(request: Any, database_url: str, nats_url: str, namespace: str) -> AsyncIterator[Payments]:
    settings = Settings(
        environment="test", database_url=database_url, nats_url=nats_url, namespace=namespace,
        secret_key="s" * 32,
    )  # fmt: skip
    runtime = Runtime(settings)
    service = build(runtime).impl
    if request.param == "local":
        yield local(Payments, service, Metrics(), strict=True)
    else:
        ends = [await connected(nats_url) for _ in range(2)]
        server = await serve(Payments, service, ends[0], settings, Metrics())
        yield remote(Payments, ends[1], settings, Metrics())
        await server.stop()
        for end in ends:
            await end.close()
    await runtime.close()


class TestPaymentsContract:
    async def test_money_from_authorization_to_refund(self, payments: Payments) -> None:
        ctx, order_id = SYSTEM_CONTEXT, new_id()
        paid = await payments.pay(ctx, order_id=order_id, **PAY)
        assert (paid.status, paid.authorized, paid.captured) == (
            SessionStatus.COMPLETED, EUR_100, Money(0, "EUR"),
        )  # fmt: skip
        assert await payments.result(ctx, order_id=order_id, attempt=1) == paid
        assert await payments.result(ctx, order_id=order_id, attempt=2) is None
        await payments.capture(ctx, order_id=order_id, key="c", amount=Money(6_000, "EUR"))
        [payment] = await payments.void(ctx, order_id=order_id, key="v")
        assert (payment.captured, payment.voided) == (Money(6_000, "EUR"), Money(4_000, "EUR"))
        [payment] = await payments.refund(
            ctx, order_id=order_id, key="r", amount=Money(6_000, "EUR"), reason="sent back"
        )
        assert payment.status is PaymentStatus.REFUNDED
        assert await payments.payments_of_order(ctx, order_id=order_id) == [payment]
        [money] = await payments.money_of_orders(ctx, order_ids=[order_id, new_id()])
        assert (money.authorized, money.captured, money.refunded, money.voided) == (
            10_000, 6_000, 6_000, 4_000,
        )  # fmt: skip
        assert [row.id for row in (await payments.list_payments(ctx)).items] == [payment.id]
        events = (await payments.payment_events(ctx, order_id=order_id)).items
        assert [event.type for event in reversed(events)] == [
            "authorization_succeeded", "capture_succeeded", "void_succeeded", "refund_succeeded",
        ]  # fmt: skip
        ledger = (await payments.ledger(ctx, order_id=order_id)).items
        assert (sum(row.debit for row in ledger), sum(row.credit for row in ledger)) == (12_000, 12_000)
        assert (await payments.simulator_ledger(ctx)).total == 1
        assert (await payments.verify(ctx)).differences == []

    async def test_the_shopper_decides_and_the_attempt_follows(self, payments: Payments) -> None:
        ctx, order_id = SYSTEM_CONTEXT, new_id()
        asked = await payments.pay(
            ctx, order_id=order_id, **{**PAY, "token": "sim_3ds", "return_url": "/back"}
        )
        assert asked.next_action is not None
        reference = asked.next_action.url.rpartition("/")[2]
        shown = await payments.simulator_session(ctx, reference=reference)
        assert (shown.amount, shown.return_url) == (EUR_100, "/back")
        await payments.decide_simulator_session(ctx, reference=reference, approve=True)
        decided = await payments.result(ctx, order_id=order_id, attempt=1)
        assert decided is not None and decided.status is SessionStatus.COMPLETED

    async def test_says_how_one_may_pay_here_to_anybody(self, payments: Payments) -> None:
        card, transfer = await payments.providers(Context())
        assert (card.code, card.kind, card.is_test) == ("simulator", ProviderKind.CARD, True)
        assert (transfer.code, transfer.kind, transfer.is_test) == ("manual", ProviderKind.MANUAL, False)
        assert card.tokens[0] == PaymentToken("sim_ok", "Approved")
        assert transfer.tokens == []

    async def test_lists_go_on_by_cursor(self, payments: Payments) -> None:
        for _ in range(3):
            await payments.pay(SYSTEM_CONTEXT, order_id=new_id(), **PAY)
        seen = []
        cursor = None
        while True:
            page = await payments.list_payments(SYSTEM_CONTEXT, limit=2, cursor=cursor)
            seen += [payment.id for payment in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == 3

    async def test_refusals_keep_their_class_code_and_data(self, payments: Payments) -> None:
        ctx, order_id = SYSTEM_CONTEXT, new_id()
        await payments.pay(ctx, order_id=order_id, **PAY)
        with pytest.raises(Conflict) as conflict:
            await payments.refund(ctx, order_id=order_id, key="r", amount=Money(1, "EUR"), reason="")
        assert (conflict.value.code, conflict.value.data) == ("refund_too_large", {"available": 0})
        with pytest.raises(NotFound):
            await payments.capture(ctx, order_id=new_id(), key="c")
        with pytest.raises(Unavailable):
            await payments.pay(ctx, order_id=new_id(), **{**PAY, "token": "sim_timeout_then_ok"})
        with pytest.raises(Invalid):
            await payments.receive_webhook(ctx, provider="simulator", headers={}, body=b"{}")
        with pytest.raises(Unauthenticated):
            await payments.list_payments(Context())
