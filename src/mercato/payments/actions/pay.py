"""Collect an amount for an order: ask the provider, then write down what it said."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mercato.contracts.payments import CreditUse, PaymentStatus, PayResult, SessionStatus
from mercato.kernel import clock
from mercato.kernel.db import Row
from mercato.kernel.errors import Conflict
from mercato.kernel.failpoints import failpoint
from mercato.kernel.ids import derived_id
from mercato.kernel.money import Money
from mercato.payments.actions import credit
from mercato.payments.actions.catch_up import catch_up
from mercato.payments.domain import OPEN_SESSIONS
from mercato.payments.engine import Engine
from mercato.payments.events import events_of_session, session_changed
from mercato.payments.providers.port import ProviderSession, SessionRequest, parse_session_key, session_key
from mercato.payments.store import sessions as store


async def pay(
    engine: Engine,
    *,
    order_id: UUID,
    attempt: int,
    amount: Money,
    provider: str,
    token: str | None,
    return_url: str | None,
    captures: bool,
    credits: Sequence[CreditUse] = (),
    answer_by: datetime | None,
) -> PayResult:
    """One attempt: balances are held, then the provider is asked, under a key of ours, so that asking again
    never charges twice. The caller waits for the answer until `answer_by`."""
    if credits:
        declined = await credit.hold(
            engine, order_id=order_id, attempt=attempt, currency=amount.currency, uses=credits
        )
        if declined is not None:
            return PayResult(_session_id(order_id, attempt), SessionStatus.FAILED, decline_code=declined)
    if amount.amount == 0:
        await credit.take(engine, order_id=order_id, attempt=attempt)
        return await _result_of_credit(engine, order_id, attempt)
    request = SessionRequest(
        key=session_key(order_id, attempt),
        amount=amount,
        token=token,
        return_url=return_url,
        captures=captures,
    )
    said = await engine.ask(engine.provider(provider).create_session(request))
    failpoint("payments.provider_answered")
    found = await record(
        engine, said, provider=provider, captures=captures, return_url=return_url, answer_by=answer_by
    )
    if credits:
        return await credit.follow(engine, found, order_id=order_id, attempt=attempt)
    return found


async def result(engine: Engine, *, order_id: UUID, attempt: int) -> PayResult | None:
    """How an attempt stands, asking the provider while it is open."""
    row = await store.session_of_attempt(engine.database, order_id, attempt)
    if row is None:
        found = await _result_of_credit(engine, order_id, attempt)
        return found if found.status is SessionStatus.COMPLETED else None
    if store.status_of_row(row) in OPEN_SESSIONS and row["reference"]:
        return await refresh(engine, provider=row["provider"], reference=row["reference"])
    return credit.with_credits(_result(row), await credit.payments_of(engine, order_id, attempt))


async def refresh(engine: Engine, *, provider: str, reference: str) -> PayResult | None:
    """Ask the provider how an attempt stands and write it down: the way of webhooks, sweeps and browsers."""
    said = await engine.ask(engine.provider(provider).fetch(reference))
    if said is None:
        return None
    order_id, attempt = parse_session_key(said.key)
    known = await store.session_of_attempt(engine.database, order_id, attempt)
    captures = known["captures"] if known is not None else said.captured > 0
    found = await record(engine, said, provider=provider, captures=captures, return_url=None)
    await catch_up(engine, said, provider=provider)
    return await credit.follow(engine, found, order_id=order_id, attempt=attempt)


async def record(
    engine: Engine,
    said: ProviderSession,
    *,
    provider: str,
    captures: bool,
    return_url: str | None,
    answer_by: datetime | None = None,
) -> PayResult:
    """Write down what the provider said; what is known already is left as it is.

    It is told as an event, unless whoever began the attempt still waits for this answer (until `answer_by`):
    when that is lost they ask again, within a few seconds.
    """
    order_id, attempt = parse_session_key(said.key)
    session_id = _session_id(order_id, attempt)
    payment_id = derived_id(session_id, "payment")
    ids = (session_id, payment_id)
    is_awaited = answer_by is not None and clock.now() < answer_by
    news = [] if is_awaited else [session_changed(order_id, said, provider=provider, ids=ids)]
    is_new = await store.record(
        engine.database,
        ids=ids,
        order_id=order_id,
        attempt=attempt,
        provider=provider,
        captures=captures,
        return_url=return_url,
        said=said,
        events=events_of_session(said),
        outgoing=engine.outbox.rows(*news),
    )
    failpoint("payments.recorded")
    if is_new:
        if news:
            engine.outbox.ring()
        return _said(said, session_id, payment_id)
    row = await store.session_of_attempt(engine.database, order_id, attempt)
    assert row is not None
    if (row["amount"], row["currency"]) != (said.amount.amount, said.amount.currency):
        raise Conflict("idempotency_mismatch", "This attempt was made with another amount.")
    return _result(row)


def _session_id(order_id: UUID, attempt: int) -> UUID:
    return derived_id(order_id, f"session-{attempt}")


async def _result_of_credit(engine: Engine, order_id: UUID, attempt: int) -> PayResult:
    """How an attempt stands that asks no provider: completed once everything that it held is spent."""
    paid = await credit.payments_of(engine, order_id, attempt)
    is_done = bool(paid) and all(payment.status is PaymentStatus.PAID for payment in paid)
    status = SessionStatus.COMPLETED if is_done else SessionStatus.FAILED
    code = None if is_done else credit.DECLINED
    return PayResult(_session_id(order_id, attempt), status, decline_code=code, credits=paid)


def _said(said: ProviderSession, session_id: UUID, payment_id: UUID) -> PayResult:
    currency = said.amount.currency
    return PayResult(
        session_id=session_id,
        status=said.status,
        payment_id=payment_id if said.authorized else None,
        authorized=Money(said.authorized, currency),
        captured=Money(said.captured, currency),
        next_action=said.next_action,
        decline_code=said.decline_code,
    )


def _result(row: Row) -> PayResult:
    status = SessionStatus(row["status"])
    return PayResult(
        session_id=row["id"],
        status=status,
        payment_id=row["payment_id"],
        authorized=Money(row["authorized"] or 0, row["currency"]),
        captured=Money(row["captured"] or 0, row["currency"]),
        next_action=store.next_action_of(row),
        decline_code=row["decline_code"],
    )
