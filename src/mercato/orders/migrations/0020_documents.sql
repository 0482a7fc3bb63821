-- Who sells in a channel, as it stands on papers, and how these are numbered.
create table orders.sellers (
  channel text primary key,
  name text not null,
  address text[] not null,
  country text not null,
  vat_id text,
  registration text,
  email text,
  website text,
  bank text,
  footer text not null,
  series text not null,
  invoice_prefix text not null,
  credit_note_prefix text not null,
  issue text not null check (issue in ('on_request', 'paid', 'shipped')),
  version int not null default 1
);

-- The last number given, by series, kind and year. A row is counted up in the transaction that issues a
-- document: when that fails, the number was never given, so there are no gaps.
create table orders.document_series (
  series text not null,
  kind text not null,
  year int not null,
  last int not null check (last > 0),
  primary key (series, kind, year)
) with (fillfactor = 50);

-- Issued papers, never changed. `cause` says what each was issued for: the same cause once.
create table orders.documents (
  id uuid primary key,
  order_id uuid not null references orders.orders,
  kind text not null check (kind in ('invoice', 'credit_note')),
  cause text not null,
  series text not null,
  year int not null,
  sequence int not null check (sequence > 0),
  number text not null unique,
  invoice_id uuid references orders.documents,
  total bigint not null check (total >= 0),
  currency text not null,
  content jsonb not null,
  issued_at timestamptz not null,
  issued_by text not null,
  unique (order_id, kind, cause),
  unique (series, kind, year, sequence),
  check ((kind = 'credit_note') = (invoice_id is not null))
);

-- What was first printed is what everybody gets ever after.
create table orders.document_files (
  document_id uuid primary key references orders.documents,
  pdf bytea not null,
  created_at timestamptz not null
);
alter table orders.document_files alter column pdf set storage external;
