"""Write down what happened at the provider without us: its staff's refunds, captures and voids, disputes.

What is ours is told by its key. A sum is believed only while none of our own operations is under way, and
only upward; so a picture that was taken a moment too early does no harm.
"""

from collections.abc import Sequence

from mercato.contracts.payments import DisputeStatus, MoneyAlert
from mercato.kernel import clock
from mercato.kernel.db import Row, Tx
from mercato.kernel.failpoints import failpoint
from mercato.kernel.ids import derived_id
from mercato.kernel.money import Money
from mercato.payments.domain import dispute_steps
from mercato.payments.engine import Engine
from mercato.payments.events import event_of, payment_changed
from mercato.payments.providers.port import ProviderDispute, ProviderRefund, ProviderSession
from mercato.payments.store import outside as store

_DISPUTED = {"dispute_requested": 1, "dispute_failed": -1, "dispute_succeeded": 0}
_ALERTS = {
    "dispute_requested": "dispute_opened",
    "dispute_failed": "dispute_won",
    "dispute_succeeded": "dispute_lost",
}


async def catch_up(engine: Engine, said: ProviderSession, *, provider: str) -> None:
    """Bring a payment to where the provider says it is; what is known already is left as it is."""
    if not said.authorized:
        return
    async with engine.database.transaction() as tx:
        payment = await store.lock_payment(tx, provider, said.reference)
        if payment is None:
            return
        operations = await store.operations(tx, payment["id"])
        known = await store.known_references(tx, payment["id"])
        outside = _Outside(engine, tx, payment, known)
        for refund in said.refunds:
            await _refund(outside, refund, operations)
        await _sums(outside, said, operations)
        for dispute in said.disputes:
            await _dispute(outside, dispute)
    failpoint("payments.caught_up")


class _Outside:
    """One payment, locked, and what is known of it."""

    def __init__(self, engine: Engine, tx: Tx, payment: Row, known: set[tuple[str, str]]) -> None:
        self.engine, self.tx, self.payment, self.known = engine, tx, payment, known

    async def add(self, kind: str, reference: str, amount: int, *, reason: str = "", **adds: int) -> bool:
        """Append an event unless it is known; whether it is new."""
        if (kind, reference) in self.known:
            return False
        self.known.add((kind, reference))
        event = event_of(kind, reference, amount, provider=self.payment["provider"])
        self.payment = await store.add_event(self.tx, self.payment, event, reason=reason or None, adds=adds)
        changed = payment_changed(self.payment, event, reason=reason or None)
        await self.engine.outbox.add(self.tx, changed)
        return True

    async def alert(
        self,
        kind: str,
        reference: str,
        amount: int,
        *,
        reason: str = "",
        dispute: ProviderDispute | None = None,
    ) -> None:
        await self.engine.outbox.add(
            self.tx,
            MoneyAlert(
                kind=kind, order_id=self.payment["order_id"], provider=self.payment["provider"],
                reference=reference, amount=Money(amount, self.payment["currency"]), reason=reason,
                due_at=dispute.evidence_due_at if dispute else None,
            ),
        )  # fmt: skip


async def _refund(outside: _Outside, refund: ProviderRefund, operations: Sequence[Row]) -> None:
    ours = {str(row["id"]): row for row in operations if row["kind"] == "refund"}
    mine = ours.get(refund.key or "")
    if mine is not None:
        if refund.is_failed and mine["status"] == "succeeded":
            await _came_back(outside, refund)
        return
    if not refund.is_failed:
        reason = "begun at the provider"
        if await outside.add(
            "refund_succeeded", refund.reference, refund.amount, reason=reason, refunded=refund.amount
        ):
            await outside.alert("refund_at_provider", refund.reference, refund.amount)
    elif ("refund_succeeded", refund.reference) in outside.known:
        await _came_back(outside, refund)


async def _came_back(outside: _Outside, refund: ProviderRefund) -> None:
    """The bank sent a refund back: the money is the shop's again, as if it had been captured once more."""
    if await outside.add(
        "refund_reversed", refund.reference, refund.amount, reason="the refund came back",
        authorized=refund.amount, captured=refund.amount,
    ):  # fmt: skip
        await outside.alert("refund_came_back", refund.reference, refund.amount)


async def _sums(outside: _Outside, said: ProviderSession, operations: Sequence[Row]) -> None:
    is_quiet = not any(row["status"] == "requested" and row["kind"] != "refund" for row in operations)
    if not is_quiet:
        return
    reason = "done at the provider"
    captured = said.captured - outside.payment["captured"]
    if captured > 0:
        await outside.add(
            "capture_succeeded", f"captured:{said.captured}:{said.reference}", captured, reason=reason,
            captured=captured,
        )  # fmt: skip
    voided = said.voided - outside.payment["voided"]
    left = outside.payment["authorized"] - outside.payment["captured"] - outside.payment["voided"]
    if 0 < voided <= left:
        await outside.add(
            "void_succeeded", f"voided:{said.voided}:{said.reference}", voided, reason=reason, voided=voided
        )


async def _dispute(outside: _Outside, dispute: ProviderDispute) -> None:
    payment = outside.payment
    before = await store.dispute_of(outside.tx, payment["provider"], dispute.reference)
    steps = dispute_steps(DisputeStatus(before["status"]) if before else None, dispute.status)
    if before is not None and not steps and before["closed_at"] is not None:
        return
    values = {
        "id": derived_id(payment["id"], f"dispute-{dispute.reference}"), "provider": payment["provider"],
        "reference": dispute.reference, "payment_id": payment["id"], "order_id": payment["order_id"],
        "amount": dispute.amount, "currency": payment["currency"], "reason": dispute.reason[:200],
        "status": dispute.status, "evidence_due_at": dispute.evidence_due_at,
    }  # fmt: skip
    await store.keep_dispute(outside.tx, values, now=clock.now())
    for step in steps:
        await outside.add(
            step, dispute.reference, dispute.amount, reason=dispute.reason,
            disputed=_DISPUTED[step] * dispute.amount,
        )  # fmt: skip
    if steps:
        await outside.alert(
            _ALERTS[steps[-1]], dispute.reference, dispute.amount, reason=dispute.reason, dispute=dispute
        )
