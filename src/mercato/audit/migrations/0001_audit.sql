create table audit.outbox (id uuid primary key, position bigint generated always as identity, subject text not null, key uuid not null, body bytea not null,
  at timestamptz not null default now(), sent_seq bigint);
create index outbox_unsent on audit.outbox (position) where sent_seq is null;
create table audit.inbox (consumer text not null, event_id uuid not null, at timestamptz not null default now(), primary key (consumer, event_id));
create table audit.dead_letters (id uuid primary key, consumer text not null, event_id uuid not null, subject text not null, body bytea not null, error text not null,
  deliveries int not null, at timestamptz not null default now(), resolved_at timestamptz, resolution text);

-- The chain. Whatever can name a person stands in `payload`, which can be taken away: the hash covers only a
-- digest of it, made with a salt that goes with it, so that nobody can guess an erased payload from its digest.
create table audit.entries (
  sequence bigint primary key,
  event_id uuid not null unique,
  at timestamptz not null,
  act text not null,
  object_kind text not null,
  object_id text not null,
  actor_kind text not null,
  actor_id uuid,
  payload bytea,
  salt bytea,
  payload_digest bytea not null,
  previous_hash bytea not null,
  hash bytea not null,
  erased_for uuid,
  check ((payload is null) = (salt is null)),
  check ((payload is null) = (erased_for is not null))
);
create index entries_by_act on audit.entries (act text_pattern_ops, sequence);
create index entries_of_object on audit.entries (object_kind, object_id, sequence);
create index entries_of_actor on audit.entries (actor_id, sequence);
create index entries_by_time on audit.entries (at);

-- The end of the chain, sealed with a key that the database does not know.
create table audit.chain (
  id int primary key default 1 check (id = 1),
  sequence bigint not null,
  hash bytea not null,
  seal bytea not null
);
insert into audit.chain (sequence, hash, seal) values (0, decode(repeat('00', 32), 'hex'), '');
