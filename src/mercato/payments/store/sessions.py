"""Attempts to pay and what came of them: one guarded statement each, safe to run again."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from mercato.contracts.payments import NextAction, SessionStatus
from mercato.kernel.db import Queries, Row
from mercato.kernel.messaging.outbox import EventRows
from mercato.payments.providers.port import ProviderSession

SESSION = "id, order_id, attempt, provider, status, amount, currency, captures, reference, return_url, next_action, decline_code"
PAYMENT = "id, session_id, order_id, provider, reference, currency, authorized, captured, refunded, voided, created_at, attempt, account_id, disputed"

_OPEN = "('pending', 'processing', 'requires_action')"

# A session's id is made of order and attempt; the conflict is looked for where the id is, as that index is written
# first: two at once never meet at the other one.
# The payment, its events, its ledger rows and the outgoing event all hang on the session's guarded row and on
# the payment being new: a second run of the same result writes nothing.
_RECORD = f"""
with s as (
  insert into payments.sessions as o (id, order_id, attempt, provider, status, amount, currency, captures, reference, return_url,
    next_action, decline_code)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
  on conflict (id) do update set status = excluded.status, reference = coalesce(excluded.reference, o.reference),
    next_action = excluded.next_action, decline_code = excluded.decline_code, updated_at = now()
    where o.status in {_OPEN} and o.status <> excluded.status
  returning id),
p as (
  insert into payments.payments (id, session_id, order_id, attempt, provider, reference, currency, authorized, captured)
  select $13, s.id, $2, $3, $4, $9, $7, $14, $15 from s where $14::bigint > 0
  on conflict (session_id) do nothing returning id),
e as (
  insert into payments.events (id, session_id, payment_id, order_id, provider, type, reference, amount, currency, reason)
  select x.id, s.id, p.id, $2, $4, x.type, x.reference, x.amount, $7, $12
  from s left join p on true, unnest($16::uuid[], $17::text[], $18::text[], $19::bigint[]) x(id, type, reference, amount)),
l as (
  insert into payments.ledger (event_id, order_id, account, debit, credit, currency)
  select x.event_id, $2, x.account, x.debit, x.credit, $7
  from p, unnest($20::uuid[], $21::text[], $22::bigint[], $23::bigint[]) x(event_id, account, debit, credit)),
b as (
  insert into payments.outbox (id, subject, key, body)
  select x.* from s, unnest($24::uuid[], $25::text[], $26::uuid[], $27::bytea[]) x)
select id from s"""


class NewEvent(msgspec.Struct, frozen=True):
    """A row of the append-only events, with its double entry when money moved."""

    id: UUID
    type: str
    reference: str
    amount: int
    accounts: tuple[str, str] | None


async def record(
    db: Queries,
    *,
    ids: tuple[UUID, UUID],
    order_id: UUID,
    attempt: int,
    provider: str,
    captures: bool,
    return_url: str | None,
    said: ProviderSession,
    events: Sequence[NewEvent],
    outgoing: EventRows,
) -> bool:
    """Store what the provider said of an attempt; False when that was known already.

    `ids` are those of a new session and a new payment, used only when the rows do not exist.
    """
    entries = [entry for event in events for entry in _entries(event)]
    session_id = await db.fetchval(
        _RECORD, ids[0], order_id, attempt, provider, said.status, said.amount.amount, said.amount.currency,
        captures, said.reference, return_url,
        msgspec.json.encode(said.next_action).decode() if said.next_action else None, said.decline_code,
        ids[1], said.authorized, said.captured,
        [event.id for event in events], [event.type for event in events],
        [event.reference for event in events], [event.amount for event in events],
        [entry[0] for entry in entries], [entry[1] for entry in entries],
        [entry[2] for entry in entries], [entry[3] for entry in entries],
        *outgoing,
    )  # fmt: skip
    return session_id is not None


def _entries(event: NewEvent) -> list[tuple[UUID, str, int, int]]:
    if event.accounts is None or event.amount == 0:
        return []
    debited, credited = event.accounts
    return [(event.id, debited, event.amount, 0), (event.id, credited, 0, event.amount)]


async def session_of_attempt(db: Queries, order_id: UUID, attempt: int) -> Row | None:
    """The attempt with the amounts of its payment, when there is one."""
    return await db.fetchrow(
        f"""select {_columns("s", SESSION)}, p.id as payment_id, p.authorized, p.captured
            from payments.sessions s left join payments.payments p on p.session_id = s.id
            where s.order_id = $1 and s.attempt = $2""",
        order_id, attempt,
    )  # fmt: skip


async def open_sessions(db: Queries, *, older_than_s: int, limit: int) -> list[Row]:
    """Attempts that wait for the provider longer than usual: somebody should ask."""
    return await db.fetch(
        f"""select order_id, attempt, provider, reference from payments.sessions
            where status in {_OPEN} and reference is not null and updated_at < now() - make_interval(secs => $1)
            order by updated_at limit $2""",
        older_than_s, limit,
    )  # fmt: skip


async def touch_session(db: Queries, order_id: UUID, attempt: int) -> None:
    await db.execute(
        "update payments.sessions set updated_at = now() where order_id = $1 and attempt = $2",
        order_id,
        attempt,
    )


def status_of_row(row: Row) -> SessionStatus:
    return SessionStatus(row["status"])


def _columns(alias: str, names: str) -> str:
    return ", ".join(f"{alias}.{name.strip()}" for name in names.split(","))


def next_action_of(row: Row) -> NextAction | None:
    return None if row["next_action"] is None else msgspec.json.decode(row["next_action"], type=NextAction)
