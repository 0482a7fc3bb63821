create table privacy.outbox (id uuid primary key, position bigint generated always as identity, subject text not null, key uuid not null, body bytea not null,
  at timestamptz not null default now(), sent_seq bigint);
create index outbox_unsent on privacy.outbox (position) where sent_seq is null;
create table privacy.inbox (consumer text not null, event_id uuid not null, at timestamptz not null default now(), primary key (consumer, event_id));
create table privacy.dead_letters (id uuid primary key, consumer text not null, event_id uuid not null, subject text not null, body bytea not null, error text not null,
  deliveries int not null, at timestamptz not null default now(), resolved_at timestamptz, resolution text);

-- Copies of what the shop knows about a person, made when somebody asked; gone when their time is over.
create table privacy.exports (
  id uuid primary key,
  user_id uuid,
  email text not null,
  name text not null,
  locale text not null,
  asked_by text not null,
  asked_by_id uuid,
  status text not null default 'waiting' check (status in ('waiting', 'ready', 'failed')),
  content bytea,
  size bigint,
  asked_at timestamptz not null,
  ready_at timestamptz,
  expires_at timestamptz not null,
  check ((status = 'ready') = (content is not null))
);
alter table privacy.exports alter column content set storage external;
create unique index exports_waiting on privacy.exports (lower(email), asked_by) where status = 'waiting';
create index exports_of_user on privacy.exports (user_id, asked_at desc);
create index exports_newest on privacy.exports (asked_at desc, id desc);
create index exports_expiry on privacy.exports (expires_at);
-- Who has to be forgotten everywhere. `subject` says whose data it is while that is needed and goes with the end.
create table privacy.erasures (
  id uuid primary key,
  user_id uuid unique,
  subject bytea,
  status text not null default 'waiting' check (status in ('waiting', 'done')),
  waits_for text not null default '',
  asked_by text not null,
  asked_at timestamptz not null,
  done_at timestamptz,
  rows_changed bigint not null default 0,
  check ((status = 'done') = (done_at is not null)),
  check (status <> 'done' or subject is null)
);
create index erasures_newest on privacy.erasures (asked_at desc, id desc);
create index erasures_waiting on privacy.erasures (asked_at) where status = 'waiting';
-- What retention took away, run by run.
create table privacy.retention_runs (
  id uuid primary key,
  started_at timestamptz not null,
  ended_at timestamptz not null,
  asked_by text not null,
  results bytea not null
);
create index retention_runs_newest on privacy.retention_runs (started_at desc);
