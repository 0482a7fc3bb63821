"""What payments keeps about people. Amounts and the providers' references stay in the books."""

from mercato.kernel.personal import Matter, PersonalTable

_MINE = "t.order_id = any(s.order_ids)"
_ACCOUNT = "(t.customer_id = s.user_id or lower(t.recipient) = any(s.emails))"
_ACTOR = (
    "case when exists(select from unnest(s.emails) e where position(e in lower(t.{0})) > 0)"
    " then 'customer' else t.{0} end"
)

TABLES = (
    PersonalTable(
        section="payment_attempts", table="payments.sessions", of=_MINE,
        columns="t.created_at, t.order_id, t.attempt, t.provider, t.status, t.amount, t.currency, t.reference,"
        " t.decline_code",
        erase="return_url = null, next_action = null",
    ),
    PersonalTable(
        section="payments", table="payments.payments", of=_MINE,
        columns="t.created_at, t.order_id, t.provider, t.reference, t.currency, t.authorized, t.captured,"
        " t.refunded, t.voided",
    ),
    PersonalTable(
        section="payment_operations", table="payments.operations", of=_MINE,
        columns="t.created_at, t.order_id, t.kind, t.amount, t.reason, t.status, t.failure",
        erase="reason = '', failure = null",
    ),
    PersonalTable(
        # An event of a balance does not know whose it is: the reason that was given is what both share.
        section="payment_events", table="payments.events",
        of=f"{_MINE} or (t.order_id is null and t.reason in (select e.reason from payments.credit_entries e"
        " where e.reason <> '' and e.account_id in"
        f" (select t.id from payments.credit_accounts t where {_ACCOUNT})))",
        columns="t.at, t.order_id, t.provider, t.type, t.reference, t.amount, t.currency, t.reason",
        erase="reason = null",
    ),
    PersonalTable(
        section="disputes", table="payments.disputes", of=_MINE,
        columns="t.opened_at, t.order_id, t.provider, t.amount, t.currency, t.reason, t.status, t.closed_at",
    ),
    PersonalTable(
        section="credit_entries", table="payments.credit_entries",
        of=f"t.account_id in (select t.id from payments.credit_accounts t where {_ACCOUNT})"
        " or t.order_id = any(s.order_ids)",
        columns="t.at, t.kind, t.amount, t.balance_after, t.order_id, t.reason",
        erase=f"reason = '', actor = {_ACTOR.format('actor')}",
    ),
    PersonalTable(
        section="credit_accounts", table="payments.credit_accounts",
        of=f"{_ACCOUNT} or t.bought_with = any(s.order_ids)",
        columns="t.created_at, t.kind, t.currency, t.label, t.recipient, t.note, t.initial, t.balance,"
        " t.expires_at",
        erase="recipient = null, note = '', customer_id = case when t.kind = 'gift_card' then null"
        f" else t.customer_id end, created_by = {_ACTOR.format('created_by')}",
    ),
)  # fmt: skip

MATTERS = (
    Matter(
        code="store_credit", table="payments.credit_accounts",
        detail="There is store credit left: it has to be spent, paid out or given up first.",
        of="t.kind = 'store_credit' and t.customer_id = s.user_id and t.balance > 0",
    ),
    Matter(
        code="dispute_open", table="payments.disputes", detail="A bank disputes a payment.",
        of=f"{_MINE} and t.closed_at is null",
    ),
    Matter(
        code="payment_open", table="payments.operations", detail="A payment is still being moved.",
        of=f"{_MINE} and t.status = 'requested'",
    ),
)  # fmt: skip
