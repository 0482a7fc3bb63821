"""Balances of gift cards and store credit: issued, spent, given back, adjusted, expired, each once."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from mercato.contracts.payments import CreditKind
from mercato.kernel import clock
from mercato.kernel.db import Row, Tx
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.ids import digest, new_id
from mercato.payments.engine import Engine
from mercato.payments.events import event_of
from mercato.payments.store import credit as store

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without the letters and figures that people mix up."""
CODE_LENGTH = 16
"""80 random bits: nobody finds one by trying."""
CANCEL_BATCH = 100
"""Cards that one transaction takes out of the books."""
USABLE_AFTER_REFUND = timedelta(days=90)


class NewCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card to be issued; `value` in minor units."""

    value: int
    currency: str
    expires_at: datetime | None
    recipient: str | None
    note: str
    actor: str
    bought_with: UUID | None = None


def new_code() -> str:
    letters = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
    return "-".join(letters[at : at + 4] for at in range(0, CODE_LENGTH, 4))


def code_digest(code: str) -> bytes:
    """Of a code as typed: case, spaces and dashes do not matter."""
    return digest("".join(letter for letter in code.upper() if letter.isalnum()))


async def issue(tx: Tx, card: NewCard, code: str, *, card_id: UUID) -> Row | None:
    """A new gift card with its first entry and its place in the books; None when it was issued before."""
    now = clock.now()
    row = await store.insert_account(
        tx,
        {
            "id": card_id, "kind": CreditKind.GIFT_CARD, "currency": card.currency,
            "code_digest": code_digest(code), "label": f"•••• {code[-4:]}", "customer_id": None,
            "recipient": card.recipient, "note": card.note, "initial": card.value,
            "expires_at": card.expires_at, "bought_with": card.bought_with, "created_at": now,
            "created_by": card.actor,
        },
    )  # fmt: skip
    if row is None:
        return None
    kind = "credit_issued" if card.bought_with is None else "credit_sold"
    await _note(
        tx, row, kind="issued", amount=card.value, after=card.value, key=f"issue:{card_id}",
        order_id=card.bought_with, reason=card.note, actor=card.actor,
    )  # fmt: skip
    await _book(tx, row, kind, card.value, order_id=card.bought_with, reason=card.note)
    return row


async def adjust(tx: Tx, account: Row, *, change: int, key: str, reason: str, actor: str) -> Row:
    """Add `change` to a locked balance, or take it away. Raises Conflict("balance_too_small")."""
    free = account["balance"] - account["held"]
    if free + change < 0:
        raise Conflict("balance_too_small", "There is less on it.", data={"available": free})
    after = await store.move(tx, account["id"], balance=change, held=0)
    await _note(
        tx, account, kind="adjusted", amount=change, after=after, key=key, order_id=None, reason=reason,
        actor=actor,
    )  # fmt: skip
    kind = "credit_added" if change > 0 else "credit_removed"
    await _book(tx, account, kind, abs(change), order_id=None, reason=reason)
    found = await store.account(tx, account["id"])
    assert found is not None
    return found


async def grant(
    tx: Tx, *, customer_id: UUID, currency: str, change: int, key: str, reason: str, actor: str
) -> Row:
    """Change a customer's store credit; the account is made when there is none."""
    now = clock.now()
    await store.insert_account(
        tx,
        {
            "id": new_id(), "kind": CreditKind.STORE_CREDIT, "currency": currency, "code_digest": None,
            "label": "Store credit", "customer_id": customer_id, "recipient": None, "note": "", "initial": 0,
            "expires_at": None, "bought_with": None, "created_at": now, "created_by": actor,
        },
    )  # fmt: skip
    account = await store.store_credit_of(tx, customer_id=customer_id, currency=currency)
    assert account is not None
    if await store.entry_of_key(tx, key) is not None:
        return account
    return await adjust(tx, account, change=change, key=key, reason=reason, actor=actor)


async def follow_operation(tx: Tx, operation: Row, payment: Row) -> None:
    """The balance follows a capture, void or refund that has just been settled in this transaction."""
    amount: int = operation["amount"]
    account_id = payment["account_id"]
    accounts = await store.lock_accounts(tx, [account_id])
    account = accounts[account_id]
    kind = operation["kind"]
    if kind == "void":
        await store.move(tx, account_id, balance=0, held=-amount)
        return
    is_spent = kind == "capture"
    usable_until = None if is_spent else clock.now() + USABLE_AFTER_REFUND
    after = await store.move(
        tx, account_id, balance=-amount if is_spent else amount, held=-amount if is_spent else 0,
        lasts_until=usable_until,
    )  # fmt: skip
    await _note(
        tx, account, kind="spent" if is_spent else "returned", amount=-amount if is_spent else amount,
        after=after, key=f"operation:{operation['id']}", order_id=payment["order_id"],
        reason=operation["reason"], actor="system",
    )  # fmt: skip


async def expire(engine: Engine, account_id: UUID) -> None:
    """What is left on a card whose time is over, and that no checkout holds, is the shop's."""
    now = clock.now()
    async with engine.database.transaction() as tx:
        account = (await store.lock_accounts(tx, [account_id])).get(account_id)
        if account is None:
            raise NotFound(detail="There is no such gift card.")
        left = account["balance"] - account["held"]
        if left <= 0 or account["expires_at"] is None or account["expires_at"] > now:
            return
        after = await store.move(tx, account_id, balance=-left, held=0)
        await _note(
            tx, account, kind="expired", amount=-left, after=after, key=f"expire:{new_id()}", order_id=None,
            reason="", actor="system",
        )  # fmt: skip
        await _book(tx, account, "credit_expired", left, order_id=None, reason="")


async def follow_block(tx: Tx, account: Row, change: int) -> None:
    """`change` is more, or less, on cards that cannot be used: what is on them is kept apart in the books."""
    if change:
        kind = "credit_blocked" if change > 0 else "credit_unblocked"
        await _book(tx, account, kind, abs(change), order_id=None, reason="")


async def cancel_sold(tx: Tx, cards: Sequence[Row]) -> None:
    """The sale of these locked, unused cards is undone: from now on they are worth nothing."""
    for row in [row for row in cards if _is_blocked(row)]:
        await follow_block(tx, row, -row["balance"])
    await store.cancel(tx, account_ids=[row["id"] for row in cards], now=clock.now())


async def unsell(engine: Engine, order_id: UUID) -> bool:
    """Take some of the canceled cards of an order out of the books: what was paid for them is owed to their
    buyer, not to whoever holds them. False when none was left."""
    async with engine.database.transaction() as tx:
        cards = await store.lock_unsettled(tx, order_id=order_id, limit=CANCEL_BATCH)
        if not cards:
            return False
        events = [
            event_of("credit_unsold", str(new_id()), row["balance"], provider=row["kind"]) for row in cards
        ]
        await store.insert_events(
            tx, events, provider=CreditKind.GIFT_CARD, currency=cards[0]["currency"], order_id=order_id,
            reason="",
        )  # fmt: skip
        entry_ids = [new_id() for _ in cards]
        await store.empty(tx, cards=cards, entry_ids=entry_ids, order_id=order_id, now=clock.now())
    return True


async def unsell_all(engine: Engine, order_id: UUID) -> None:
    """`unsell` until none is left, so many cards to a transaction that nobody waits long for their locks."""
    while await unsell(engine, order_id):
        pass


async def reinstate(tx: Tx, card_id: UUID) -> Row:
    """A canceled card is sold after all: its code works again. Does nothing to any other card."""
    row = (await store.lock_accounts(tx, [card_id]))[card_id]
    if row["canceled_at"] is None:
        return row
    # Until `unsell` has reached it, it is in the books as if it could be used.
    missing: int = row["initial"] - row["balance"]
    row = await store.reinstate(tx, account_id=card_id)
    if missing:
        await store.insert_entry(
            tx,
            {
                "id": new_id(), "account_id": card_id, "kind": "reinstated", "amount": missing,
                "balance_after": row["balance"], "key": f"reinstate:{card_id}:{row['version']}",
                "order_id": row["bought_with"], "reason": "", "actor": "system", "at": clock.now(),
            },
        )  # fmt: skip
        await _book(tx, row, "credit_sold", missing, order_id=row["bought_with"], reason="")
    if not row["is_active"]:
        await follow_block(tx, row, row["balance"])
    return row


async def _note(
    tx: Tx,
    account: Row,
    *,
    kind: str,
    amount: int,
    after: int,
    key: str,
    order_id: UUID | None,
    reason: str,
    actor: str,
) -> None:
    is_new = await store.insert_entry(
        tx,
        {
            "id": new_id(), "account_id": account["id"], "kind": kind, "amount": amount,
            "balance_after": after, "key": key, "order_id": order_id, "reason": reason,
            "actor": actor, "at": clock.now(),
        },
    )  # fmt: skip
    if not is_new:
        raise Conflict("already_done", "This has been booked before.")
    if _is_blocked(account):
        await follow_block(tx, account, amount)


def _is_blocked(account: Row) -> bool:
    return not account["is_active"] and account["canceled_at"] is None


async def _book(tx: Tx, account: Row, kind: str, amount: int, *, order_id: UUID | None, reason: str) -> None:
    provider = account["kind"]
    event = event_of(kind, str(new_id()), amount, provider=provider)
    await store.insert_events(
        tx, [event], provider=provider, currency=account["currency"], order_id=order_id, reason=reason
    )
