"""Our payments of one provider against the provider's own list, in pages."""

from uuid import UUID

from mercato.contracts.shared import Difference, Verification
from mercato.kernel.db import Row
from mercato.payments.engine import Engine
from mercato.payments.providers.port import ProviderCharge
from mercato.payments.store import books

BATCH = 500
MAX_DIFFERENCES = 1000


async def reconcile(engine: Engine, provider: str) -> Verification:
    """Raises Invalid("unknown_provider"), Unavailable when the provider does not answer."""
    found = engine.provider(provider)
    differences: list[Difference] = []
    seen: set[str] = set()
    cursor: str | None = None
    while True:
        page = await engine.ask(found.charges(cursor=cursor))
        rows = await books.payments_by_reference(
            engine.database, provider, [charge.reference for charge in page.items]
        )
        known = {row["reference"]: row for row in rows}
        for charge in page.items:
            seen.add(charge.reference)
            differences += _compare(charge, known.get(charge.reference))
        cursor = page.next_cursor
        if cursor is None:
            break
    if seen or provider != "manual":
        differences += await _unknown_there(engine, provider, seen)
    return Verification(len(seen), differences[:MAX_DIFFERENCES])


async def _unknown_there(engine: Engine, provider: str, seen: set[str]) -> list[Difference]:
    differences: list[Difference] = []
    after: UUID | None = None
    while rows := await books.references_of(engine.database, provider, after=after, limit=BATCH):
        after = rows[-1]["id"]
        differences += [
            Difference("payment_at_provider", row["reference"], "a charge", "none")
            for row in rows
            if row["reference"] not in seen
        ]
    return differences


def _compare(charge: ProviderCharge, ours: Row | None) -> list[Difference]:
    theirs = (charge.currency, charge.authorized, charge.captured, charge.refunded)
    if ours is None:
        return [Difference("charge_is_payment", charge.reference, _text(theirs), "no payment")]
    # A refund that came back counts as captured once more with us, and as nothing with the provider.
    back = max(0, ours["captured"] - charge.captured)
    mine = (
        ours["currency"], ours["authorized"] - back, ours["captured"] - back, ours["refunded"] - back,
    )  # fmt: skip
    found = (
        [Difference("amounts_agree", charge.reference, _text(theirs), _text(mine))] if mine != theirs else []
    )
    if charge.voided is not None and charge.voided != ours["voided"]:
        expected, have = f"voided {charge.voided}", f"voided {ours['voided']}"
        found.append(Difference("voids_agree", charge.reference, expected, have))
    return found


def _text(amounts: tuple[str, int, int, int]) -> str:
    currency, authorized, captured, refunded = amounts
    return f"{currency} authorized {authorized}, captured {captured}, refunded {refunded}"
