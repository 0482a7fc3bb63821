"""Capture, void, refund: write down what is asked for, ask the provider, write down the answer.

The intent is durable before the provider hears of it and carries the key it hears, so that a crash between
any two steps is healed by running the intent again.
"""

from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from mercato.kernel import clock
from mercato.kernel.db import Row
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.failpoints import failpoint
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.payments.actions import balances
from mercato.payments.domain import Amounts, split_over
from mercato.payments.engine import Engine
from mercato.payments.events import event_of_operation, payment_changed
from mercato.payments.store import operations as store

Kind = Literal["capture", "void", "refund"]

ANSWER_DUE_S = 30
_REFUSALS = {
    "capture": "capture_too_large",
    "void": "nothing_to_void",
    "refund": "refund_too_large",
}


async def operate(
    engine: Engine, kind: Kind, *, order_id: UUID, key: str, amount: Money | None, reason: str = ""
) -> None:
    """Do `kind` once per `key`. Raises Conflict when too much is asked, or when the provider refuses."""
    operations = await _begin(engine, kind, order_id=order_id, key=key, amount=amount, reason=reason)
    failpoint(f"payments.{kind}_requested")
    for operation in operations:
        await run(engine, operation)
    failures = [
        row["failure"]
        for row in await store.operations_of_key(engine.database, order_id, kind, key)
        if row["status"] == "failed"
    ]
    if failures:
        raise Conflict("provider_refused", f"The payment provider refused: {failures[0]}.")


async def operate_on_credit(engine: Engine, kind: Kind, *, order_id: UUID, attempt: int, key: str) -> None:
    """Do `kind` with all that an attempt holds of gift cards and store credit; nothing when it holds none."""
    operations = await _begin(
        engine, kind, order_id=order_id, key=key, amount=None, reason="", attempt=attempt
    )
    if operations:
        failpoint("payments.credit_decided")
    for operation in operations:
        await run(engine, operation)


async def run(engine: Engine, operation: Row) -> None:
    """Ask the provider for one operation and write its answer down; nothing to do when it has answered."""
    if operation["status"] != "requested":
        return
    payment = await store.payment(engine.database, operation["payment_id"])
    assert payment is not None
    if payment["account_id"] is not None:
        await _settle(engine, operation, payment, failure=None)
        return
    provider = engine.provider(payment["provider"])
    call = {"capture": provider.capture, "void": provider.void, "refund": provider.refund}[operation["kind"]]
    amount = Money(operation["amount"], payment["currency"])
    answer = await engine.ask(call(reference=payment["reference"], amount=amount, key=str(operation["id"])))
    failpoint(f"payments.{operation['kind']}_answered")
    await _settle(engine, operation, payment, failure=answer.failure)


async def _begin(
    engine: Engine,
    kind: Kind,
    *,
    order_id: UUID,
    key: str,
    amount: Money | None,
    reason: str,
    attempt: int | None = None,
) -> list[Row]:
    """The operations of this key, written down; of an `attempt`, only on what it holds of balances."""
    asked = None if amount is None else amount.amount
    async with engine.database.transaction() as tx:
        payments = await store.lock_payments(tx, order_id)
        known = await store.operations_of_key(tx, order_id, kind, key)
        if known:
            if known[0]["asked_amount"] != asked:
                raise Conflict("idempotency_mismatch", "This key was used for another amount.")
            return known
        payments = _in_turn(payments, kind) if attempt is None else _credit_of(payments, attempt)
        if not payments and attempt is not None:
            return []
        if not payments:
            raise NotFound("no_payment", "This order has no payment.")
        if amount is not None and amount.currency != payments[0]["currency"]:
            raise Conflict("currency_mismatch", f"The payment is in {payments[0]['currency']}.")
        limits = [_limit(payment, kind) for payment in payments]
        if attempt is not None and not any(limits):
            return []
        _refuse_disputed(payments, kind, asked, limits)
        for payment, part in zip(payments, split_over(asked, limits, refusal=_REFUSALS[kind]), strict=True):
            if part:
                await store.insert_operation(
                    tx,
                    operation_id=new_id(),
                    payment_id=payment["id"],
                    order_id=order_id,
                    kind=kind,
                    key=key,
                    amount=part,
                    asked_amount=asked,
                    reason=reason,
                    due_at=clock.now() + timedelta(seconds=ANSWER_DUE_S),
                )
        return await store.operations_of_key(tx, order_id, kind, key)


def _in_turn(payments: list[dict[str, Any]], kind: Kind) -> list[dict[str, Any]]:
    """What was paid last goes back first: the card or the transfer, then gift cards and store credit."""
    if kind != "refund":
        return payments
    return sorted(payments, key=lambda payment: payment["account_id"] is not None)


def _credit_of(payments: list[dict[str, Any]], attempt: int) -> list[dict[str, Any]]:
    return [one for one in payments if one["account_id"] is not None and one["attempt"] == attempt]


def _refuse_disputed(
    payments: list[dict[str, Any]], kind: Kind, asked: int | None, limits: list[int]
) -> None:
    """Raise Conflict when it is a dispute that leaves too little to refund."""
    disputed = sum(int(payment["disputed"]) for payment in payments) if kind == "refund" else 0
    left = sum(limits)
    if disputed and (left == 0 or (asked is not None and asked > left)):
        raise Conflict(
            _REFUSALS[kind],
            "The shopper's bank disputes this payment: what it holds, or has given back, cannot be refunded.",
            data={"available": left, "disputed": disputed},
        )


def _limit(payment: dict[str, Any], kind: Kind) -> int:
    amounts = Amounts(payment["authorized"], payment["captured"], payment["refunded"], payment["voided"])
    if kind == "refund":
        return max(0, amounts.refundable - int(payment["returning"]) - int(payment["disputed"]))
    return amounts.capturable - int(payment["leaving"])


async def _settle(engine: Engine, operation: Row, payment: Row, *, failure: str | None) -> None:
    async with engine.database.transaction() as tx:
        settled = await store.settle_operation(tx, operation["id"], failure=failure)
        if settled is None:
            return
        event = event_of_operation(operation, provider=payment["provider"], failure=failure)
        payment = await store.add_event(tx, operation, event)
        if payment["account_id"] is not None:
            await balances.follow_operation(tx, operation, payment)
        changed = payment_changed(payment, event, reason=failure or operation["reason"] or None)
        await engine.outbox.add(tx, changed)
