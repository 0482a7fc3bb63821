"""Paying with gift cards and store credit: held when the attempt begins, taken when it succeeds, dropped
when it comes to nothing.

What is held belongs to (order, attempt): holding twice is one hold. Taking and dropping are operations like
any other, without a provider to ask, so that a crash between any two steps heals by running them again.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from mercato.contracts.payments import CreditUse, Payment, PayResult, SessionStatus
from mercato.kernel import clock
from mercato.kernel.db import Row, Tx
from mercato.kernel.failpoints import failpoint
from mercato.kernel.ids import derived_id
from mercato.payments.actions.operate import Kind, operate_on_credit
from mercato.payments.domain import refusal_of
from mercato.payments.engine import Engine
from mercato.payments.events import event_of, payment_changed
from mercato.payments.rows import payment_of
from mercato.payments.store import credit as store

DECLINED = "credit_unavailable"


async def hold(
    engine: Engine, *, order_id: UUID, attempt: int, currency: str, uses: Sequence[CreditUse]
) -> str | None:
    """Hold every use or none; the decline code when a balance does not reach, or the attempt is over."""
    async with engine.database.transaction() as tx:
        accounts = await store.lock_accounts(tx, [use.account_id for use in uses])
        held = await store.payments_of_attempt(tx, order_id, attempt)
        if held:
            return None if all(_stands(row) for row in held) else DECLINED
        for use in uses:
            if not _reaches(accounts.get(use.account_id), use, currency):
                return DECLINED
        for use in uses:
            await _hold_one(engine, tx, use, order_id=order_id, attempt=attempt, currency=currency)
    failpoint("payments.credit_held")
    return None


async def follow(engine: Engine, result: PayResult, *, order_id: UUID, attempt: int) -> PayResult:
    """Let what is held of balances follow the provider's answer; the result with what was paid by credit."""
    if not await store.payments_of_attempt(engine.database, order_id, attempt):
        return result
    if result.status is SessionStatus.COMPLETED:
        await take(engine, order_id=order_id, attempt=attempt)
    elif result.status in (SessionStatus.FAILED, SessionStatus.CANCELED, SessionStatus.EXPIRED):
        await drop(engine, order_id=order_id, attempt=attempt)
    return with_credits(result, await payments_of(engine, order_id, attempt))


async def take(engine: Engine, *, order_id: UUID, attempt: int) -> None:
    """What the attempt holds is spent."""
    await _settle(engine, "capture", order_id, attempt)


async def drop(engine: Engine, *, order_id: UUID, attempt: int) -> None:
    """What the attempt holds is free again."""
    await _settle(engine, "void", order_id, attempt)
    failpoint("payments.credit_dropped")


async def payments_of(engine: Engine, order_id: UUID, attempt: int) -> list[Payment]:
    rows = await store.payments_of_attempt(engine.database, order_id, attempt)
    return [payment_of(row) for row in rows]


def with_credits(result: PayResult, credits: list[Payment]) -> PayResult:
    return msgspec.structs.replace(result, credits=credits)


async def _settle(engine: Engine, kind: Kind, order_id: UUID, attempt: int) -> None:
    await operate_on_credit(engine, kind, order_id=order_id, attempt=attempt, key=f"credit:{attempt}")


async def _hold_one(
    engine: Engine, tx: Tx, use: CreditUse, *, order_id: UUID, attempt: int, currency: str
) -> None:
    payment_id = derived_id(order_id, f"credit-{attempt}-{use.account_id}")
    event = event_of("authorization_succeeded", str(payment_id), use.amount)
    await store.insert_payment(
        tx, payment_id=payment_id, order_id=order_id, attempt=attempt, account_id=use.account_id,
        provider=use.kind, currency=currency, amount=use.amount, event=event,
    )  # fmt: skip
    await store.move(tx, use.account_id, balance=0, held=use.amount)
    [row] = [row for row in await store.payments_of_attempt(tx, order_id, attempt) if row["id"] == payment_id]
    await engine.outbox.add(tx, payment_changed(row, event, reason=None))


def _reaches(account: Row | None, use: CreditUse, currency: str) -> bool:
    if account is None or account["currency"] != currency or account["kind"] != use.kind:
        return False
    free = account["balance"] - account["held"]
    refusal = refusal_of(account["is_active"], account["expires_at"], clock.now())
    return refusal is None and 0 < use.amount <= free


def _stands(payment: Row) -> bool:
    """Whether nothing of it has been dropped or given back."""
    return int(payment["voided"]) == 0 and int(payment["refunded"]) == 0
