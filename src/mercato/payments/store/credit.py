"""Balances of gift cards and store credit, their entries, and what is held of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from mercato.kernel.db import Queries, Row, Tx
from mercato.payments.store.sessions import PAYMENT, NewEvent

ACCOUNT = """id, kind, currency, label, customer_id, recipient, note, initial, balance, held, is_active, expires_at,
  bought_with, canceled_at, was_active, version, created_at, created_by"""
ENTRY = "id, account_id, kind, amount, balance_after, order_id, reason, actor, at"

# What staff filters by; the same words as `domain.card_status`.
_STATUS = """case when not is_active then 'disabled' when balance = 0 then 'used_up'
  when expires_at <= $1 then 'expired' else 'active' end"""


async def account_by_code(db: Queries, code_digest: bytes) -> Row | None:
    return await db.fetchrow(
        f"select {ACCOUNT} from payments.credit_accounts where code_digest = $1", code_digest
    )


async def account(db: Queries, account_id: UUID) -> Row | None:
    return await db.fetchrow(f"select {ACCOUNT} from payments.credit_accounts where id = $1", account_id)


async def accounts(
    db: Queries, *, account_ids: Sequence[UUID], customer_id: UUID | None, currency: str
) -> list[Row]:
    """The accounts of these ids, and the store credit of the customer in `currency`."""
    return await db.fetch(
        f"""select {ACCOUNT} from payments.credit_accounts where id = any($1)
            union all
            select {ACCOUNT} from payments.credit_accounts
            where customer_id = $2 and currency = $3 and kind = 'store_credit'""",
        account_ids, customer_id, currency,
    )  # fmt: skip


async def accounts_of_customer(db: Queries, customer_id: UUID) -> list[Row]:
    return await db.fetch(
        f"""select {ACCOUNT} from payments.credit_accounts where customer_id = $1 and kind = 'store_credit'
            order by currency""",
        customer_id,
    )


async def lock_accounts(tx: Tx, account_ids: Sequence[UUID]) -> dict[UUID, Row]:
    """The accounts, locked in the order of their ids."""
    rows = await tx.fetch(
        f"""select {ACCOUNT} from payments.credit_accounts where id = any($1) order by id
            for no key update""",
        account_ids,
    )
    return {row["id"]: row for row in rows}


async def insert_account(db: Queries, values: dict[str, Any]) -> Row | None:
    """A new account; None when there is one of this id, or the customer has one in this currency already."""
    return await db.fetchrow(
        f"""insert into payments.credit_accounts (id, kind, currency, code_digest, label, customer_id, recipient, note, initial,
              balance, expires_at, bought_with, created_at, created_by)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11, $12, $13)
            on conflict do nothing returning {ACCOUNT}""",
        values["id"], values["kind"], values["currency"], values["code_digest"], values["label"], values["customer_id"],
        values["recipient"], values["note"], values["initial"], values["expires_at"], values["bought_with"],
        values["created_at"], values["created_by"],
    )  # fmt: skip


async def store_credit_of(tx: Tx, *, customer_id: UUID, currency: str) -> Row | None:
    return await tx.fetchrow(
        f"""select {ACCOUNT} from payments.credit_accounts
            where customer_id = $1 and currency = $2 and kind = 'store_credit' for no key update""",
        customer_id, currency,
    )  # fmt: skip


async def sold_cards(db: Queries, *, order_id: UUID, limit: int) -> list[Row]:
    """The cards that an order bought, oldest first."""
    return await db.fetch(
        f"select {ACCOUNT} from payments.credit_accounts where bought_with = $1 order by created_at, id"
        " limit $2",
        order_id,
        limit,
    )


async def lock_sold_cards(tx: Tx, *, order_id: UUID, among: Sequence[UUID] | None) -> list[Row]:
    """The cards that an order bought and that were not canceled, locked in the order of their ids."""
    return await tx.fetch(
        f"""select {ACCOUNT} from payments.credit_accounts where bought_with = $1 and canceled_at is null
              and ($2::uuid[] is null or id = any($2)) order by id for no key update""",
        order_id, among,
    )  # fmt: skip


async def cancel(tx: Tx, *, account_ids: Sequence[UUID], now: datetime) -> None:
    await tx.execute(
        "update payments.credit_accounts set is_active = false, was_active = is_active, canceled_at = $2,"
        " version = version + 1 where id = any($1)",
        account_ids, now,
    )  # fmt: skip


async def reinstate(tx: Tx, *, account_id: UUID) -> Row:
    """A canceled, locked card is valid again: with all that was paid for it, and as usable as it was."""
    row = await tx.fetchrow(
        f"""update payments.credit_accounts set is_active = coalesce(was_active, true), was_active = null,
              canceled_at = null, balance = initial, version = version + 1 where id = $1 returning {ACCOUNT}""",
        account_id,
    )
    assert row is not None
    return row


async def lock_unsettled(tx: Tx, *, order_id: UUID, limit: int) -> list[Row]:
    """Canceled cards of an order whose value is in the books yet, locked in the order of their ids."""
    return await tx.fetch(
        f"""select {ACCOUNT} from payments.credit_accounts where bought_with = $1 and canceled_at is not null
              and balance > 0 order by id limit $2 for no key update""",
        order_id, limit,
    )  # fmt: skip


async def unsettled_orders(db: Queries, *, limit: int) -> list[UUID]:
    """Orders that bought such cards."""
    rows = await db.fetch(
        """select distinct bought_with from payments.credit_accounts
           where canceled_at is not null and balance > 0 limit $1""",
        limit,
    )
    return [row["bought_with"] for row in rows]


async def empty(
    tx: Tx, *, cards: Sequence[Row], entry_ids: Sequence[UUID], order_id: UUID, now: datetime
) -> None:
    """Nothing is left on these locked cards, and their entries say so."""
    await tx.execute(
        """with a as (
             update payments.credit_accounts set balance = 0, version = version + 1 where id = any($1)
             returning id, version)
           insert into payments.credit_entries (id, account_id, kind, amount, balance_after, key, order_id, actor, at)
           select x.entry_id, a.id, 'canceled', -x.amount, 0, 'cancel:' || a.id || ':' || a.version, $4, 'system', $5
           from unnest($1::uuid[], $2::uuid[], $3::bigint[]) x(id, entry_id, amount) join a using (id)""",
        [card["id"] for card in cards], entry_ids, [card["balance"] for card in cards], order_id, now,
    )  # fmt: skip


async def change_card(
    db: Queries, *, card_id: UUID, version: int, is_active: bool, expires_at: datetime | None, note: str
) -> Row | None:
    """None when the card is not in `version`."""
    return await db.fetchrow(
        f"""update payments.credit_accounts set is_active = $3, expires_at = $4, note = $5, version = version + 1
            where id = $1 and version = $2 and kind = 'gift_card' returning {ACCOUNT}""",
        card_id, version, is_active, expires_at, note,
    )  # fmt: skip


async def entry_of_key(db: Queries, key: str) -> Row | None:
    return await db.fetchrow(f"select {ENTRY} from payments.credit_entries where key = $1", key)


async def insert_entry(tx: Tx, values: dict[str, Any]) -> bool:
    """False when an entry of this key exists."""
    done = await tx.fetchval(
        """insert into payments.credit_entries (id, account_id, kind, amount, balance_after, key, order_id, reason, actor, at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (key) do nothing returning true""",
        values["id"], values["account_id"], values["kind"], values["amount"], values["balance_after"], values["key"],
        values["order_id"], values["reason"], values["actor"], values["at"],
    )  # fmt: skip
    return bool(done)


async def move(
    tx: Tx, account_id: UUID, *, balance: int, held: int, lasts_until: datetime | None = None
) -> int:
    """Add to the balance and to what is held; the new balance. Never below nothing: the table checks."""
    after: int = await tx.fetchval(
        """update payments.credit_accounts set balance = balance + $2, held = held + $3, version = version + 1,
             expires_at = case when $4::timestamptz is null then expires_at else greatest(expires_at, $4) end
           where id = $1 returning balance""",
        account_id, balance, held, lasts_until,
    )  # fmt: skip
    return after


async def entries(db: Queries, account_ids: Sequence[UUID], *, limit: int) -> list[Row]:
    """The latest changes, newest first."""
    return await db.fetch(
        f"""select {", ".join("e." + name.strip() for name in ENTRY.split(","))} from unnest($1::uuid[]) a(id)
            cross join lateral (select {ENTRY} from payments.credit_entries where account_id = a.id
              order by at desc, id desc limit $2) e order by e.at desc, e.id desc""",
        account_ids, limit,
    )  # fmt: skip


async def cards(
    db: Queries,
    *,
    now: datetime,
    query: str,
    status: str | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Row]:
    at, last = before or (None, None)
    return await db.fetch(
        f"""select {ACCOUNT} from payments.credit_accounts where kind = 'gift_card'
              and ($2 = '' or strpos(lower(label || ' ' || coalesce(recipient, '') || ' ' || note), lower($2)) > 0)
              and ($3::text is null or {_STATUS} = $3)
              and ($4::timestamptz is null or (created_at, id) < ($4, $5::uuid))
            order by created_at desc, id desc limit $6""",
        now, query, status, at, last, limit,
    )  # fmt: skip


async def expired(db: Queries, *, now: datetime, limit: int) -> list[UUID]:
    """Accounts whose time is over and that still have something left that nobody holds."""
    rows = await db.fetch(
        """select id from payments.credit_accounts where expires_at <= $1 and balance > 0 and balance > held
             and canceled_at is null
           order by expires_at limit $2""",
        now, limit,
    )  # fmt: skip
    return [row["id"] for row in rows]


# Payments from balances


async def payments_of_attempt(db: Queries, order_id: UUID, attempt: int) -> list[Row]:
    """What an attempt has taken or holds of balances, in order of ids."""
    return await db.fetch(
        f"""select {PAYMENT} from payments.payments
            where order_id = $1 and attempt = $2 and account_id is not null order by id""",
        order_id, attempt,
    )  # fmt: skip


async def insert_payment(
    tx: Tx,
    *,
    payment_id: UUID,
    order_id: UUID,
    attempt: int,
    account_id: UUID,
    provider: str,
    currency: str,
    amount: int,
    event: NewEvent,
) -> None:
    """A payment that holds `amount` of an account, with its first event."""
    await tx.execute(
        """with p as (
             insert into payments.payments (id, session_id, order_id, attempt, account_id, provider, reference, currency, authorized)
             values ($1::uuid, null, $2, $3, $4, $5, $1::uuid::text, $6, $7) returning id)
           insert into payments.events (id, session_id, payment_id, order_id, provider, type, reference, amount, currency)
           select $8, null, p.id, $2, $5, $9, $1::uuid::text, $7, $6 from p""",
        payment_id, order_id, attempt, account_id, provider, currency, amount, event.id, event.type,
    )  # fmt: skip


async def left_holding(db: Queries, *, limit: int) -> list[Row]:
    """Attempts whose provider has decided and that still hold something of a balance."""
    return await db.fetch(
        """select distinct p.order_id, p.attempt, s.status from payments.payments p
           join payments.sessions s on s.order_id = p.order_id and s.attempt = p.attempt
           where p.account_id is not null and p.authorized > p.captured + p.voided
             and s.status in ('completed', 'failed', 'canceled', 'expired') limit $1""",
        limit,
    )


async def insert_events(
    tx: Tx, events: Sequence[NewEvent], *, provider: str, currency: str, order_id: UUID | None, reason: str
) -> None:
    """Events of balances that no payment stands behind, with their double entries."""
    accounts = [event.accounts or ("", "") for event in events]
    await tx.execute(
        """with x as (
             select * from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[])
               x(id, type, reference, amount, debited, credited)),
           e as (
             insert into payments.events (id, session_id, payment_id, order_id, provider, type, reference, amount, currency, reason)
             select id, null, null, $7, $8, type, reference, amount, $9, $10 from x returning id)
           insert into payments.ledger (event_id, order_id, account, debit, credit, currency)
           select e.id, $7, side.account, side.debit, side.credit, $9 from e join x using (id)
           cross join lateral (values (x.debited, x.amount, 0), (x.credited, 0, x.amount)) side(account, debit, credit)""",
        [event.id for event in events], [event.type for event in events], [event.reference for event in events],
        [event.amount for event in events], [debited for debited, _ in accounts], [credited for _, credited in accounts],
        order_id, provider, currency, reason or None,
    )  # fmt: skip


# Proof


async def wrong_balances(db: Queries) -> list[Row]:
    """Accounts whose balance is not the sum of their entries, or that hold more or less than their payments."""
    return await db.fetch(
        """select a.id, a.balance, a.held, e.sum as entries, p.sum as holding from payments.credit_accounts a
           cross join lateral (select coalesce(sum(amount), 0)::bigint as sum from payments.credit_entries
             where account_id = a.id) e
           cross join lateral (select coalesce(sum(authorized - captured - voided), 0)::bigint as sum
             from payments.payments where account_id = a.id) p
           where a.balance <> e.sum or a.held <> p.sum limit 100"""
    )


async def wrong_liabilities(db: Queries) -> list[Row]:
    """Accounts and currencies for which the ledger owes another amount than the balances say."""
    return await db.fetch(
        """select coalesce(a.account, l.account) as account, coalesce(a.currency, l.currency) as currency,
             coalesce(a.sum, 0)::bigint as balances, coalesce(l.sum, 0)::bigint as ledger
           from (select kind || case when is_active or canceled_at is not null then '_liability' else '_blocked' end as account, currency,
                   sum(balance) as sum from payments.credit_accounts group by 1, 2) a
           full join (select account, currency, sum(credit) - sum(debit) as sum from payments.ledger
                 where account in ('gift_card_liability', 'gift_card_blocked', 'store_credit_liability') group by 1, 2) l
             on a.account = l.account and a.currency = l.currency
           where coalesce(a.sum, 0) <> coalesce(l.sum, 0)"""
    )


async def count_accounts(db: Queries) -> int:
    return int(await db.fetchval("select count(*) from payments.credit_accounts"))
