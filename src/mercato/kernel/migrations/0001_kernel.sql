create table kernel.schedules (
  name text primary key,
  last_run_at timestamptz,
  duration_ms bigint,
  error text,
  runs bigint not null default 0,
  failures bigint not null default 0);

create table kernel.jobs (
  id uuid primary key,
  service text not null,
  kind text not null,
  payload bytea not null,
  unique_key text,
  status text not null default 'queued' check (status in ('queued', 'running', 'done', 'failed')),
  attempts int not null default 0,
  run_at timestamptz not null,
  lease_until timestamptz,
  done bigint not null default 0,
  total bigint,
  note text not null default '',
  error text not null default '',
  created_at timestamptz not null,
  finished_at timestamptz) with (fillfactor = 70);
create unique index jobs_unique on kernel.jobs (service, kind, unique_key) where status in ('queued', 'running');
create index jobs_due on kernel.jobs (service, run_at) where status in ('queued', 'running');
create index jobs_finished on kernel.jobs (finished_at) where finished_at is not null;
