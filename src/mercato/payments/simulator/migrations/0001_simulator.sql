-- The books of the simulated provider: another company's, reached only through its provider port.
create table simulator.charges (
  key text primary key,
  reference text not null unique,
  token text not null,
  status text not null,
  amount bigint not null,
  currency text not null,
  captures boolean not null,
  authorized bigint not null default 0,
  captured bigint not null default 0,
  refunded bigint not null default 0,
  voided bigint not null default 0,
  decline_code text,
  return_url text,
  metadata jsonb not null,
  decide_at timestamptz,
  at timestamptz not null
);
create index charges_undecided on simulator.charges (decide_at) where decide_at is not null;
create index charges_by_time on simulator.charges (at, reference);

create table simulator.operations (
  key text primary key,
  reference text not null references simulator.charges (reference),
  kind text not null,
  amount bigint not null,
  at timestamptz not null
);

create table simulator.webhooks (
  id text primary key,
  reference text not null,
  type text not null,
  deliver_at timestamptz not null,
  deliveries int not null default 0,
  wanted int not null default 1
);
create index webhooks_waiting on simulator.webhooks (deliver_at) where deliveries < wanted;
