-- A bought card whose price goes back: its value has left the books, and it is told from one that was spent.
alter table payments.credit_accounts add column canceled_at timestamptz;
-- The column is new, so that this partial index is empty and made at once.
-- squawk-ignore require-concurrent-index-creation
create index credit_accounts_unsettled on payments.credit_accounts (bought_with)
  where canceled_at is not null and balance > 0;
-- One more kind; every row that fits the old constraint fits the new one.
-- squawk-ignore ban-drop-constraint
alter table payments.credit_entries drop constraint credit_entries_kind_check;
alter table payments.credit_entries add constraint credit_entries_kind_check
  check (kind in ('issued', 'spent', 'returned', 'adjusted', 'expired', 'canceled')) not valid;

-- What is on cards that cannot be used is kept apart from what may be spent any day. Cards that were disabled
-- before this was booked are booked now.
with e as (
  insert into payments.events (id, provider, type, reference, amount, currency)
  select gen_random_uuid(), kind, 'credit_blocked', 'blocked:' || id, balance, currency
  from payments.credit_accounts where not is_active and balance > 0
  returning id, provider, amount, currency)
insert into payments.ledger (event_id, account, debit, credit, currency)
  select e.id, e.provider || x.suffix, x.debit * e.amount, x.credit * e.amount, e.currency
  from e cross join (values ('_liability', 1, 0), ('_blocked', 0, 1)) x(suffix, debit, credit);
