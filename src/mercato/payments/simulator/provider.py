"""The simulator behind the provider port: scripted answers, idempotent on the key, its own transactions."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from mercato.contracts.payments import (
    DisputeStatus,
    NextAction,
    PaymentProvider,
    PaymentToken,
    ProviderKind,
    SessionStatus,
    SimulatorEntry,
    SimulatorSession,
)
from mercato.contracts.shared import Page
from mercato.kernel import clock, standard_webhooks
from mercato.kernel.db import Database, Row, Tx
from mercato.kernel.errors import Conflict, Invalid, NotFound, Unavailable
from mercato.kernel.failpoints import failpoint
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.kernel.pages import decode_cursor, encode_cursor
from mercato.payments.providers.port import (
    OperationResult,
    ProviderCharge,
    ProviderDispute,
    ProviderRefund,
    ProviderSession,
    SessionRequest,
    Surroundings,
    WebhookEvent,
)
from mercato.payments.simulator import store
from mercato.payments.simulator.scripts import DECIDE_AFTER_S, OUTCOMES, SCRIPTS, Script, Token
from mercato.settings import SettingsError

LISTED = 1000
EVIDENCE_DAYS = 7
OUTSIDE = "here:"
"""Begins the keys of what happened on this company's own pages."""


class Simulator:
    """Charges by script. Only tokens that decide later, or that test webhooks, send webhooks."""

    code = "simulator"
    offer = PaymentProvider(
        code,
        "Test card",
        "No money moves: choose how the bank answers.",
        ProviderKind.CARD,
        is_test=True,
        tokens=[PaymentToken(token, label) for token, label in OUTCOMES.items()],
    )

    def __init__(self, database: Database, *, secret: bytes, public_url: str) -> None:
        self.database = database
        self.secret = secret
        self._public_url = public_url

    async def create_session(self, request: SessionRequest) -> ProviderSession:
        script = SCRIPTS.get(request.token or Token.OK)
        if script is None:
            raise Invalid("token_invalid", f"The simulator knows these tokens: {', '.join(Token)}.")
        row = await store.insert_charge(self.database, _new_charge(request, script))
        failpoint("simulator.charged")
        if row is None:
            return self._session(await self._booked(request))
        if script.decides is None:
            for kind, delay_s in script.webhooks:
                await self.queue_webhook(row["reference"], kind, delay_s=delay_s, wanted=script.deliveries)
        if script.loses_reply:
            raise Unavailable("provider_timeout", "The payment provider did not answer.")
        return self._session(row)

    async def fetch(self, reference: str) -> ProviderSession | None:
        row = await store.charge_by_reference(self.database, reference)
        if row is None:
            return None
        said = self._session(row)
        if not row["captured"]:
            return said
        # Only what may have happened here without the shop is looked up.
        refunds = await store.refunds_of(self.database, reference) if row["refunded"] else []
        disputes = await store.disputes_of(self.database, reference)
        return msgspec.structs.replace(
            said,
            refunds=[_refund_of(one) for one in refunds],
            disputes=[
                ProviderDispute(
                    one["reference"], one["amount"], DisputeStatus(one["status"]), one["reason"],
                    one["evidence_due_at"],
                )
                for one in disputes
            ],
        )  # fmt: skip

    async def charges(self, *, cursor: str | None) -> Page[ProviderCharge]:
        page = await self.ledger(limit=LISTED, cursor=cursor)
        found = [
            ProviderCharge(
                one.reference, one.currency, one.authorized, one.captured, one.refunded, one.voided
            )
            for one in page.items
            if one.authorized
        ]
        return Page(found, page.next_cursor)

    async def capture(self, *, reference: str, amount: Money, key: str) -> OperationResult:
        return await self._operate("capture", reference, amount, key)

    async def void(self, *, reference: str, amount: Money, key: str) -> OperationResult:
        return await self._operate("void", reference, amount, key)

    async def refund(self, *, reference: str, amount: Money, key: str) -> OperationResult:
        return await self._operate("refund", reference, amount, key)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        webhook_id = standard_webhooks.check(self.secret, headers, body, now=clock.now())
        try:
            return WebhookEvent(webhook_id, msgspec.json.decode(body, type=_WebhookBody).reference)
        except msgspec.MsgspecError:
            raise Invalid("malformed", "The webhook's body cannot be read.") from None

    # The simulated company's own doors: its confirmation page, its books, its delivery of webhooks.

    async def session(self, reference: str) -> SimulatorSession:
        row = await store.charge_by_reference(self.database, reference)
        if row is None:
            raise NotFound(detail="The simulator has no such payment.")
        return SimulatorSession(
            reference, Money(row["amount"], row["currency"]), row["status"], row["return_url"] or ""
        )

    async def decide(
        self, reference: str, *, approve: bool, decline_code: str = "authentication_failed"
    ) -> None:
        """Answer a waiting charge and tell the shop by webhook; answering twice changes nothing."""
        row = await store.decide(self.database, reference, approved=approve, decline_code=decline_code)
        if row is None:
            return
        script = SCRIPTS[row["token"]]
        kinds = script.webhooks or (("payment.decided", 0.0),)
        first = min(delay_s for _, delay_s in kinds)
        for kind, delay_s in kinds:
            await self.queue_webhook(reference, kind, delay_s=delay_s - first, wanted=script.deliveries)

    async def decide_due(self, limit: int = 100) -> None:
        """Decide the asynchronous charges whose time has come."""
        for row in await store.undecided(self.database, now=clock.now(), limit=limit):
            approve = SCRIPTS[row["token"]].decides is True
            await self.decide(row["reference"], approve=approve, decline_code="card_declined")

    async def refund_here(self, reference: str, amount: int) -> None:
        """Send money back from this company's own pages, and tell the shop."""
        key = f"{OUTSIDE}{new_id()}"
        async with self.database.transaction() as tx:
            charge = await store.lock_charge(tx, reference)
            if charge is None:
                raise NotFound(detail="The simulator has no such payment.")
            if not 0 < amount <= _limit(charge, "refund"):
                raise Conflict("refund_too_large", "More than was captured.")
            await _book(tx, charge, "refund", amount, key)
        await self.queue_webhook(reference, f"refund.created.{key}")

    async def dispute(self, reference: str, status: DisputeStatus, reason: str) -> None:
        """The bank of the shopper takes back what is left, or decides; the shop is told."""
        now = clock.now()
        async with self.database.transaction() as tx:
            charge = await store.lock_charge(tx, reference)
            if charge is None:
                raise NotFound(detail="The simulator has no such payment.")
            left = _limit(charge, "refund")
            if left <= 0:
                raise Conflict("nothing_to_dispute", "Nothing of this payment is left.")
            await store.keep_dispute(
                tx, charge=reference, amount=left, status=status, reason=reason,
                due_at=now + timedelta(days=EVIDENCE_DAYS), at=now,
            )  # fmt: skip
        await self.queue_webhook(reference, f"dispute.{status}")

    async def queue_webhook(
        self, reference: str, kind: str, *, delay_s: float = 0.0, wanted: int = 1
    ) -> None:
        await store.queue_webhook(
            self.database,
            webhook_id=f"{kind}:{reference}",
            reference=reference,
            kind=kind,
            deliver_at=clock.now() + timedelta(seconds=delay_s),
            wanted=wanted,
        )

    def webhook(self, row: Row) -> tuple[dict[str, str], bytes]:
        """Headers and body of one delivery."""
        body = msgspec.json.encode(_WebhookBody(type=row["type"], reference=row["reference"]))
        return standard_webhooks.sign(self.secret, webhook_id=row["id"], at=clock.now(), body=body), body

    async def ledger(self, *, limit: int, cursor: str | None) -> Page[SimulatorEntry]:
        after = decode_cursor(cursor, tuple[datetime, str]) if cursor else None
        rows = await store.charges(self.database, after=after, limit=limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        return Page(
            [_entry(row) for row in rows[:limit]],
            encode_cursor((last["at"], last["reference"])) if last else None,
            await store.count_charges(self.database),
        )

    async def known_references(self, references: list[str]) -> set[str]:
        """Which of `references` are in the books."""
        return await store.known_references(self.database, references)

    async def _booked(self, request: SessionRequest) -> Row:
        row = await store.charge_by_key(self.database, request.key)
        if row is None or (row["amount"], row["currency"]) != (
            request.amount.amount,
            request.amount.currency,
        ):
            raise Conflict("idempotency_mismatch", "This key was used for another amount.")
        return row

    async def _operate(self, kind: str, reference: str, amount: Money, key: str) -> OperationResult:
        async with self.database.transaction() as tx:
            charge = await store.lock_charge(tx, reference)
            if charge is None:
                return OperationResult(failure="unknown_charge")
            if await store.operation_exists(tx, key):
                return OperationResult()
            if amount.amount > _limit(charge, kind):
                return OperationResult(failure=f"{kind}_too_large")
            await _book(tx, charge, kind, amount.amount, key)
        failpoint(f"simulator.{kind}")
        return OperationResult()

    def _session(self, row: Row) -> ProviderSession:
        status = SessionStatus(row["status"])
        waits = status is SessionStatus.REQUIRES_ACTION
        page = f"{self._public_url}/simulator/3ds/{row['reference']}"
        return ProviderSession(
            key=row["key"],
            reference=row["reference"],
            status=status,
            amount=Money(row["amount"], row["currency"]),
            authorized=row["authorized"],
            captured=row["captured"],
            next_action=NextAction("redirect", page) if waits else None,
            decline_code=row["decline_code"],
            voided=row["voided"],
        )


def _refund_of(row: Row) -> ProviderRefund:
    is_outside = row["key"].startswith(OUTSIDE)
    return ProviderRefund(row["key"], row["amount"], None if is_outside else row["key"])


def simulator(surroundings: Surroundings) -> Simulator:
    """The factory that the entry point names. Raises SettingsError in production."""
    settings = surroundings.settings
    if settings.is_production:
        raise SettingsError("The payment provider simulator moves no money: leave it out in production.")
    secret = f"simulator-webhooks:{settings.secret_key}".encode()
    return Simulator(surroundings.database, secret=secret, public_url=settings.public_url)


class _WebhookBody(msgspec.Struct, frozen=True):
    type: str
    reference: str


def _new_charge(request: SessionRequest, script: Script) -> dict[str, Any]:
    amount = request.amount.amount if script.status is SessionStatus.COMPLETED else 0
    now = clock.now()
    return {
        "key": request.key,
        "reference": f"sim_{new_id().hex}",
        "token": request.token or Token.OK,
        "status": script.status,
        "amount": request.amount.amount,
        "currency": request.amount.currency,
        "captures": request.captures,
        "authorized": amount,
        "captured": amount if request.captures else 0,
        "decline_code": script.decline_code,
        "return_url": request.return_url,
        "metadata": {"key": request.key},
        "decide_at": now + timedelta(seconds=DECIDE_AFTER_S) if script.decides is not None else None,
        "at": now,
    }


def _limit(charge: Row, kind: str) -> int:
    open_amount: int = charge["authorized"] - charge["captured"] - charge["voided"]
    refundable: int = charge["captured"] - charge["refunded"]
    return refundable if kind == "refund" else open_amount


async def _book(tx: Tx, charge: Row, kind: str, amount: int, key: str) -> None:
    column = {"capture": "captured", "refund": "refunded", "void": "voided"}[kind]
    await store.insert_operation(
        tx, key=key, reference=charge["reference"], kind=kind, amount=amount, at=clock.now()
    )
    await store.add_to_charge(tx, charge["reference"], **{column: amount})


def _entry(row: Row) -> SimulatorEntry:
    return SimulatorEntry(
        row["reference"], row["key"], row["status"], row["currency"], row["authorized"], row["captured"],
        row["refunded"], row["voided"], row["at"],
    )  # fmt: skip
