"""Gift cards and store credit."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from babel.numbers import is_currency

from mercato.contracts.payments import (
    CreditBalance,
    CreditEntry,
    CreditKind,
    GiftCard,
    GiftCardHistory,
    GiftCardIssued,
    GiftCardStatus,
    IssuedGiftCard,
    StoreCredit,
)
from mercato.contracts.shared import DEFAULT_LIMIT, Page
from mercato.kernel import clock
from mercato.kernel.acts import acted, changes_between
from mercato.kernel.context import Context, PrincipalKind
from mercato.kernel.db import Row, Tx
from mercato.kernel.errors import Conflict, Denied, FieldError, Invalid, NotFound
from mercato.kernel.ids import derived_id, new_id
from mercato.kernel.money import Money
from mercato.kernel.pages import decode_cursor, encode_cursor
from mercato.payments.actions import balances, credit
from mercato.payments.domain import card_status, refusal_of
from mercato.payments.service.part import Part
from mercato.payments.store import credit as store

SHOWN_ENTRIES = 200
SHOWN_TO_CUSTOMER = 50
MAX_CODE = 40
CHANGEABLE = ("is_active", "expires_at", "note")


class CreditingPart(Part):
    """Balances: read by their owners, changed by staff."""

    async def gift_card_by_code(self, ctx: Context, *, code: str) -> CreditBalance:
        row = await store.account_by_code(self._engine.database, balances.code_digest(code[:MAX_CODE]))
        if row is None:
            raise NotFound("gift_card_unknown", "There is no gift card with this code.")
        return _balance(row, clock.now())

    async def credit_balances(
        self, ctx: Context, *, account_ids: list[UUID], customer_id: UUID | None, currency: str
    ) -> list[CreditBalance]:
        require_system(ctx)
        rows = await store.accounts(
            self._engine.database, account_ids=account_ids, customer_id=customer_id, currency=currency
        )
        now = clock.now()
        known = {row["id"]: _balance(row, now) for row in rows}
        named = [known.pop(one) for one in account_ids if one in known]
        return named + [one for one in known.values() if one.kind is CreditKind.STORE_CREDIT]

    async def release_credit(self, ctx: Context, *, order_id: UUID, attempt: int) -> None:
        require_system(ctx)
        await credit.drop(self._engine, order_id=order_id, attempt=attempt)

    async def my_store_credit(self, ctx: Context) -> list[StoreCredit]:
        return await self._store_credit(ctx.principal.require_user_id(), SHOWN_TO_CUSTOMER)

    async def issue_gift_card(
        self,
        ctx: Context,
        *,
        value: int,
        currency: str,
        expires_at: datetime | None = None,
        recipient: str | None = None,
        note: str = "",
    ) -> IssuedGiftCard:
        ctx.principal.require("write_gift_cards")
        _check_currency(currency)
        _check_expiry(expires_at)
        code, card_id = balances.new_code(), _card_id(ctx)
        new = balances.NewCard(
            value=value, currency=currency, expires_at=expires_at, recipient=recipient, note=note,
            actor=ctx.principal.label,
        )  # fmt: skip
        async with self._engine.database.transaction() as tx:
            row = await balances.issue(tx, new, code, card_id=card_id)
            if row is None:
                return await self._issued_before(tx, card_id, new)
            told = {"value": value, "currency": currency, "expires_at": expires_at, "recipient": recipient}
            await self._acted(tx, ctx, "gift_card.issued", row, after=told)
            if recipient:
                await self._engine.outbox.add(tx, issued_event(row, code, locale=ctx.locale))
        return IssuedGiftCard(card_of(row, clock.now()), code)

    async def _issued_before(self, tx: Tx, card_id: UUID, asked: balances.NewCard) -> IssuedGiftCard:
        """The card of the request that this one repeats; its code was told then and is not known any more."""
        row = await store.account(tx, card_id)
        if row is None or (row["initial"], row["currency"], row["recipient"]) != (
            asked.value, asked.currency, asked.recipient
        ):  # fmt: skip
            raise Conflict("idempotency_mismatch", "This key was used for another gift card.")
        return IssuedGiftCard(card_of(row, clock.now()), None)

    async def gift_cards(
        self,
        ctx: Context,
        *,
        query: str = "",
        status: GiftCardStatus | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[GiftCard]:
        ctx.principal.require("read_gift_cards")
        now = clock.now()
        rows = await store.cards(
            self._engine.database,
            now=now,
            query=query.strip(),
            status=status,
            before=decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None,
            limit=limit + 1,
        )
        last = rows[limit - 1] if len(rows) > limit else None
        more = encode_cursor((last["created_at"], last["id"])) if last else None
        return Page([card_of(row, now) for row in rows[:limit]], more)

    async def gift_card(self, ctx: Context, *, card_id: UUID) -> GiftCardHistory:
        ctx.principal.require("read_gift_cards")
        row = await store.account(self._engine.database, card_id)
        if row is None or row["kind"] != CreditKind.GIFT_CARD:
            raise _no_card()
        entries = await store.entries(self._engine.database, [card_id], limit=SHOWN_ENTRIES)
        return GiftCardHistory(card_of(row, clock.now()), [_entry(one, row["currency"]) for one in entries])

    async def change_gift_card(
        self,
        ctx: Context,
        *,
        card_id: UUID,
        version: int,
        is_active: bool,
        expires_at: datetime | None = None,
        note: str = "",
    ) -> GiftCard:
        ctx.principal.require("write_gift_cards")
        async with self._engine.database.transaction() as tx:
            known = (await store.lock_accounts(tx, [card_id])).get(card_id)
            if known is None or known["kind"] != CreditKind.GIFT_CARD:
                raise _no_card()
            row = await store.change_card(
                tx, card_id=card_id, version=version, is_active=is_active, expires_at=expires_at, note=note
            )
            if row is None:
                data = {"version": known["version"]}
                text = "Somebody has changed this gift card meanwhile."
                raise Conflict("version_conflict", text, data=data)
            if row["canceled_at"] is not None and is_active:
                raise _canceled()
            if row["is_active"] != known["is_active"]:
                await balances.follow_block(tx, row, row["balance"] * (-1 if row["is_active"] else 1))
            before, after = ({name: each[name] for name in CHANGEABLE} for each in (known, row))
            await self._acted(tx, ctx, "gift_card.changed", row, before=before, after=after)
        return card_of(row, clock.now())

    async def adjust_gift_card(self, ctx: Context, *, card_id: UUID, change: int, reason: str) -> GiftCard:
        ctx.principal.require("write_gift_cards")
        _check_change(change)
        key = _key(ctx, "adjust", card_id)
        async with self._engine.database.transaction() as tx:
            row = (await store.lock_accounts(tx, [card_id])).get(card_id)
            if row is None or row["kind"] != CreditKind.GIFT_CARD:
                raise _no_card()
            if row["canceled_at"] is not None:
                raise _canceled()
            if await store.entry_of_key(tx, key) is None:
                before, actor = row["balance"], ctx.principal.label
                row = await balances.adjust(tx, row, change=change, key=key, reason=reason, actor=actor)
                after = {"balance": row["balance"], "currency": row["currency"], "reason": reason}
                await self._acted(tx, ctx, "gift_card.adjusted", row, before={"balance": before}, after=after)
        return card_of(row, clock.now())

    async def store_credit(self, ctx: Context, *, customer_id: UUID) -> list[StoreCredit]:
        ctx.principal.require("read_gift_cards")
        return await self._store_credit(customer_id, SHOWN_ENTRIES)

    async def adjust_store_credit(
        self, ctx: Context, *, customer_id: UUID, currency: str, change: int, reason: str
    ) -> StoreCredit:
        ctx.principal.require("write_gift_cards")
        _check_currency(currency)
        _check_change(change)
        key = _key(ctx, f"credit-{currency}", customer_id)
        async with self._engine.database.transaction() as tx:
            is_known = await store.entry_of_key(tx, key) is not None
            row = await balances.grant(
                tx, customer_id=customer_id, currency=currency, change=change, key=key, reason=reason,
                actor=ctx.principal.label,
            )  # fmt: skip
            if not is_known:
                after = {"balance": row["balance"], "currency": currency, "reason": reason}
                told = changes_between({"balance": row["balance"] - change}, after)
                about = ("user", customer_id)
                await self._engine.outbox.add(tx, acted(ctx, "store_credit.adjusted", *about, changes=told))
        found = await self._store_credit(customer_id, SHOWN_TO_CUSTOMER)
        return next(one for one in found if one.balance.currency == currency)

    async def _acted(
        self,
        tx: Tx,
        ctx: Context,
        act: str,
        card: Row,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any],
    ) -> None:
        """Tell the audit of an act on a gift card: by the end of its code, and without whom it is for."""
        told = changes_between(before, after, hidden=("recipient", "note"))
        done = acted(ctx, act, "gift_card", card["id"], label=card["label"], changes=told)
        await self._engine.outbox.add(tx, done)

    async def _store_credit(self, customer_id: UUID, limit: int) -> list[StoreCredit]:
        accounts = await store.accounts_of_customer(self._engine.database, customer_id)
        if not accounts:
            return []
        rows = await store.entries(self._engine.database, [row["id"] for row in accounts], limit=limit)
        return [
            StoreCredit(
                row["id"],
                customer_id,
                Money(row["balance"], row["currency"]),
                Money(row["held"], row["currency"]),
                [_entry(one, row["currency"]) for one in rows if one["account_id"] == row["id"]],
            )
            for row in accounts
        ]


def issued_event(row: Row, code: str, *, locale: str, message: str = "") -> GiftCardIssued:
    """The news that a card is on its way to its recipient."""
    return GiftCardIssued(
        card_id=row["id"], email=row["recipient"], locale=locale, token=code, value=row["initial"],
        currency=row["currency"], expires_at=row["expires_at"], message=message,
    )  # fmt: skip


def _balance(row: Row, now: datetime) -> CreditBalance:
    kind = CreditKind(row["kind"])
    label = f"Gift card {row['label']}" if kind is CreditKind.GIFT_CARD else row["label"]
    return CreditBalance(
        row["id"], kind, label, Money(row["balance"] - row["held"], row["currency"]), row["expires_at"],
        refusal_of(row["is_active"], row["expires_at"], now),
    )  # fmt: skip


def card_of(row: Row, now: datetime) -> GiftCard:
    """A stored card as staff sees it."""
    currency = row["currency"]
    status = card_status(row["balance"], is_active=row["is_active"], expires_at=row["expires_at"], now=now)
    return GiftCard(
        row["id"], row["label"], status, Money(row["initial"], currency), Money(row["balance"], currency),
        Money(row["held"], currency), row["recipient"], row["note"], row["created_at"], row["created_by"],
        row["expires_at"], row["version"], row["bought_with"],
    )  # fmt: skip


def _entry(row: Row, currency: str) -> CreditEntry:
    return CreditEntry(
        row["id"], row["kind"], Money(row["amount"], currency), Money(row["balance_after"], currency),
        row["order_id"], row["reason"], row["actor"], row["at"],
    )  # fmt: skip


def _key(ctx: Context, what: str, subject: UUID) -> str:
    return f"{what}:{subject}:{ctx.idempotency_key or new_id()}"


def _card_id(ctx: Context) -> UUID:
    """The same for a request that is repeated under its idempotency key."""
    if ctx.idempotency_key is None:
        return new_id()
    return derived_id(ctx.principal.id or UUID(int=0), f"gift-card:{ctx.idempotency_key}")


def _canceled() -> Conflict:
    return Conflict("gift_card_canceled", "What was paid for this card went back: issue another one.")


def _no_card() -> NotFound:
    return NotFound(detail="There is no such gift card.")


def _check_currency(currency: str) -> None:
    if not is_currency(currency):
        error = FieldError("currency", "unknown_currency", "Write it like EUR.")
        raise Invalid(detail="Some values are refused.", errors=[error])


def _check_expiry(expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= clock.now():
        error = FieldError("expires_at", "in_the_past", "Choose a day to come.")
        raise Invalid(detail="Some values are refused.", errors=[error])


def _check_change(change: int) -> None:
    if change == 0:
        error = FieldError("change", "out_of_range", "Say how much more or less.")
        raise Invalid(detail="Some values are refused.", errors=[error])


def require_system(ctx: Context) -> None:
    """Raise Denied for everybody else."""
    if ctx.principal.kind is not PrincipalKind.SYSTEM:
        raise Denied(detail="Only Mercato itself pays with balances.")
