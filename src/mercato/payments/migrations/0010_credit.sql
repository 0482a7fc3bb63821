-- Gift cards and store credit. `held` is promised to attempts that are being paid; both are sums that `verify` recomputes.
create table payments.credit_accounts (
  id uuid primary key,
  kind text not null check (kind in ('gift_card', 'store_credit')),
  currency text not null,
  code_digest bytea unique,
  label text not null,
  customer_id uuid,
  recipient text,
  note text not null default '',
  initial bigint not null check (initial >= 0),
  balance bigint not null check (balance >= 0),
  held bigint not null default 0 check (held >= 0 and held <= balance),
  is_active boolean not null default true,
  expires_at timestamptz,
  bought_with uuid,
  version int not null default 1,
  created_at timestamptz not null,
  created_by text not null
) with (fillfactor = 80);
create unique index credit_accounts_customer on payments.credit_accounts (customer_id, currency) where kind = 'store_credit';
create index credit_accounts_newest on payments.credit_accounts (created_at, id) where kind = 'gift_card';
create index credit_accounts_expiry on payments.credit_accounts (expires_at) where expires_at is not null and balance > 0;

-- Append only: the balance of an account is the sum of its entries. `key` makes each happen once.
create table payments.credit_entries (
  id uuid primary key,
  account_id uuid not null references payments.credit_accounts,
  kind text not null check (kind in ('issued', 'spent', 'returned', 'adjusted', 'expired')),
  amount bigint not null,
  balance_after bigint not null check (balance_after >= 0),
  key text not null unique,
  order_id uuid,
  reason text not null default '',
  actor text not null,
  at timestamptz not null
);
create index credit_entries_of_account on payments.credit_entries (account_id, at, id);

-- A payment from a balance has no session with a provider; it belongs to the same attempt.
-- squawk-ignore ban-drop-not-null
alter table payments.payments alter column session_id drop not null;
alter table payments.payments add column attempt int not null default 1;
-- The account is in this schema and never deleted; a foreign key would scan a live table for a column that is empty.
alter table payments.payments add column account_id uuid;
-- The column is new, so that this partial index is empty and made at once.
-- squawk-ignore require-concurrent-index-creation
create index payments_of_account on payments.payments (account_id) where account_id is not null;
-- Issuing, adjusting and expiring balances are events of no order.
-- squawk-ignore ban-drop-not-null
alter table payments.events alter column session_id drop not null;
-- squawk-ignore ban-drop-not-null
alter table payments.events alter column order_id drop not null;
-- squawk-ignore ban-drop-not-null
alter table payments.ledger alter column order_id drop not null;
