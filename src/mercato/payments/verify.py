"""Proof that the books agree: ledger = events = payments = the provider's own books."""

from uuid import UUID

from mercato.contracts.payments import SimulatorEntry
from mercato.contracts.shared import Difference, Verification
from mercato.kernel.db import Database, Row
from mercato.payments.simulator.provider import Simulator
from mercato.payments.store import books, credit, outside

BATCH = 1000


async def verify(database: Database, simulator: Simulator | None) -> Verification:
    """Compare everything, in batches; each difference names the payment or charge."""
    differences = [_unbalanced(row) for row in await books.unbalanced_events(database)]
    differences += [_unlike(row) for row in await books.payments_unlike_events(database)]
    differences += [_wrong_balance(row) for row in await credit.wrong_balances(database)]
    differences += [_wrong_liability(row) for row in await credit.wrong_liabilities(database)]
    differences += [
        Difference("disputed_is_sum_of_disputes", str(row["id"]), str(row["sum"]), str(row["disputed"]))
        for row in await outside.wrong_disputed(database)
    ]
    checked = await books.count(database) + await credit.count_accounts(database)
    if simulator is not None:
        differences += await _compare_charges(database, simulator)
        differences += await _unknown_payments(database, simulator)
    return Verification(checked, differences)


async def _compare_charges(database: Database, simulator: Simulator) -> list[Difference]:
    """Every charge that took or holds money is a payment with the same amounts."""
    differences = []
    cursor: str | None = None
    while True:
        page = await simulator.ledger(limit=BATCH, cursor=cursor)
        charges = [charge for charge in page.items if charge.authorized]
        rows = await books.payments_by_reference(
            database, simulator.code, [charge.reference for charge in charges]
        )
        known = {row["reference"]: row for row in rows}
        for charge in charges:
            found = known.get(charge.reference)
            if found is None or _amounts(found) != _amounts_of(charge):
                differences.append(_charge_differs(charge, found))
        cursor = page.next_cursor
        if cursor is None:
            return differences


async def _unknown_payments(database: Database, simulator: Simulator) -> list[Difference]:
    """Every payment of the simulator is in its books."""
    differences = []
    after: UUID | None = None
    while rows := await books.references_of(database, simulator.code, after=after, limit=BATCH):
        known = await simulator.known_references([row["reference"] for row in rows])
        differences += [
            Difference("payment_has_charge", str(row["id"]), row["reference"], "no charge")
            for row in rows
            if row["reference"] not in known
        ]
        after = rows[-1]["id"]
    return differences


def _amounts(row: Row) -> tuple[int, int, int, int]:
    return (row["authorized"], row["captured"], row["refunded"], row["voided"])


def _amounts_of(charge: SimulatorEntry) -> tuple[int, int, int, int]:
    return (charge.authorized, charge.captured, charge.refunded, charge.voided)


def _charge_differs(charge: SimulatorEntry, found: Row | None) -> Difference:
    return Difference(
        "charge_is_payment",
        charge.reference,
        f"authorized, captured, refunded, voided = {_amounts_of(charge)}",
        "no payment" if found is None else str(_amounts(found)),
    )


def _unbalanced(row: Row) -> Difference:
    return Difference(
        "ledger_balanced",
        str(row["id"]),
        f"{row['type']} {row['amount']}",
        f"{row['debit']} / {row['credit']}",
    )


def _wrong_balance(row: Row) -> Difference:
    expected = f"balance {row['entries']}, held {row['holding']}"
    found = f"balance {row['balance']}, held {row['held']}"
    return Difference("balance_is_sum_of_entries", str(row["id"]), expected, found)


def _wrong_liability(row: Row) -> Difference:
    subject = f"{row['account']} {row['currency']}"
    return Difference("ledger_owes_balances", subject, str(row["balances"]), str(row["ledger"]))


def _unlike(row: Row) -> Difference:
    events = (row["event_authorized"], row["event_captured"], row["event_refunded"], row["event_voided"])
    return Difference("payment_is_sum_of_events", str(row["id"]), str(events), str(_amounts(row)))
