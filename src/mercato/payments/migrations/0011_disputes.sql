-- Chargebacks, as the provider tells of them.
create table payments.disputes (
  id uuid primary key,
  provider text not null,
  reference text not null,
  payment_id uuid not null references payments.payments,
  order_id uuid not null,
  amount bigint not null check (amount > 0),
  currency text not null,
  reason text not null,
  status text not null check (status in ('needs_response', 'under_review', 'won', 'lost')),
  evidence_due_at timestamptz,
  opened_at timestamptz not null,
  closed_at timestamptz,
  unique (provider, reference)
);
create index disputes_newest on payments.disputes (opened_at, id);
create index disputes_of_order on payments.disputes (order_id);
-- What banks hold or have taken back: it cannot be refunded as well.
alter table payments.payments add column disputed bigint not null default 0;
