create table payments.outbox (id uuid primary key, position bigint generated always as identity, subject text not null, key uuid not null, body bytea not null,
  at timestamptz not null default now(), sent_seq bigint);
create index outbox_unsent on payments.outbox (position) where sent_seq is null;
create table payments.inbox (consumer text not null, event_id uuid not null, at timestamptz not null default now(), primary key (consumer, event_id));
create table payments.dead_letters (id uuid primary key, consumer text not null, event_id uuid not null, subject text not null, body bytea not null, error text not null,
  deliveries int not null, at timestamptz not null default now(), resolved_at timestamptz, resolution text);

create table payments.sessions (
  id uuid primary key,
  order_id uuid not null,
  attempt int not null,
  provider text not null,
  status text not null,
  amount bigint not null check (amount > 0),
  currency text not null,
  captures boolean not null,
  reference text,
  return_url text,
  next_action jsonb,
  decline_code text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (order_id, attempt)
) with (fillfactor = 80);
create unique index sessions_reference on payments.sessions (provider, reference) where reference is not null;

create table payments.payments (
  id uuid primary key,
  session_id uuid not null unique references payments.sessions,
  order_id uuid not null,
  provider text not null,
  reference text not null,
  currency text not null,
  authorized bigint not null default 0 check (authorized >= 0),
  captured bigint not null default 0 check (captured >= 0 and captured <= authorized),
  refunded bigint not null default 0 check (refunded >= 0 and refunded <= captured),
  voided bigint not null default 0 check (voided >= 0 and voided <= authorized - captured),
  created_at timestamptz not null default now(),
  unique (provider, reference)
) with (fillfactor = 80);
create index payments_of_order on payments.payments (order_id, id);

-- What somebody asked for (capture, void, refund), kept until the provider has answered.
create table payments.operations (
  id uuid primary key,
  payment_id uuid not null references payments.payments,
  order_id uuid not null,
  kind text not null,
  key text not null,
  amount bigint not null check (amount > 0),
  asked_amount bigint,
  reason text not null default '',
  status text not null default 'requested',
  failure text,
  tries int not null default 0,
  due_at timestamptz not null,
  created_at timestamptz not null default now(),
  unique (payment_id, kind, key)
);
create index operations_of_order on payments.operations (order_id, kind, key);
create index operations_due on payments.operations (due_at) where status = 'requested';

-- Append only: amounts of a payment are the sums of its succeeded events.
create table payments.events (
  id uuid primary key,
  session_id uuid not null references payments.sessions,
  payment_id uuid references payments.payments,
  order_id uuid not null,
  provider text not null,
  type text not null,
  reference text not null,
  amount bigint not null check (amount >= 0),
  currency text not null,
  reason text,
  at timestamptz not null default now(),
  unique (provider, type, reference)
);
create index events_of_payment on payments.events (payment_id);
create index events_of_order on payments.events (order_id, at);

create table payments.ledger (
  id bigint generated always as identity primary key,
  event_id uuid not null references payments.events,
  order_id uuid not null,
  account text not null,
  debit bigint not null default 0 check (debit >= 0),
  credit bigint not null default 0 check (credit >= 0),
  currency text not null,
  at timestamptz not null default now(),
  check ((debit = 0) <> (credit = 0))
);
create index ledger_of_order on payments.ledger (order_id, id);
create index ledger_of_event on payments.ledger (event_id);

create table payments.webhooks (
  provider text not null,
  event_id text not null,
  reference text not null,
  received_at timestamptz not null default now(),
  processed_at timestamptz,
  tries int not null default 0,
  due_at timestamptz not null,
  error text,
  primary key (provider, event_id)
);
create index webhooks_due on payments.webhooks (due_at) where processed_at is null;
