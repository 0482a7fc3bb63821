-- What banks say of charges; the simulated company tells of it by webhook.
create table simulator.disputes (
  reference text primary key,
  charge text not null references simulator.charges (reference),
  amount bigint not null,
  status text not null,
  reason text not null,
  evidence_due_at timestamptz,
  at timestamptz not null
);
create index disputes_of_charge on simulator.disputes (charge);
