create table carriers.outbox (id uuid primary key, position bigint generated always as identity, subject text not null, key uuid not null, body bytea not null,
  at timestamptz not null default now(), sent_seq bigint);
create index outbox_unsent on carriers.outbox (position) where sent_seq is null;
create table carriers.inbox (consumer text not null, event_id uuid not null, at timestamptz not null default now(), primary key (consumer, event_id));
create table carriers.dead_letters (id uuid primary key, consumer text not null, event_id uuid not null, subject text not null, body bytea not null, error text not null,
  deliveries int not null, at timestamptz not null default now(), resolved_at timestamptz, resolution text);

-- Where the parcels of a channel leave from.
create table carriers.senders (channel text primary key, address jsonb not null, version int not null default 1);

-- One label for each reference. A row without a tracking number was asked for and is not known to be bought:
-- it is asked for again with the same key.
create table carriers.labels (
  id uuid primary key,
  reference uuid not null unique,
  carrier text not null,
  service text not null,
  request jsonb not null,
  tracking_number text,
  tracking_url text,
  price bigint,
  currency text,
  pdf bytea,
  tries int not null default 0,
  due_at timestamptz,
  error text,
  asked_at timestamptz not null,
  asked_by text not null,
  bought_at timestamptz,
  unique (carrier, tracking_number),
  check ((tracking_number is null) = (bought_at is null))
) with (fillfactor = 70);
alter table carriers.labels alter column pdf set storage external;
create index labels_due on carriers.labels (due_at) where due_at is not null;

create table carriers.sightings (
  label_id uuid not null references carriers.labels,
  id text not null,
  at timestamptz not null,
  status text not null check (status in ('created', 'in_transit', 'out_for_delivery', 'delivered', 'failed', 'returned')),
  place text not null,
  text text not null,
  primary key (label_id, id)
);

create table carriers.webhooks (
  carrier text not null,
  event_id text not null,
  tracking_number text not null,
  received_at timestamptz not null default now(),
  processed_at timestamptz,
  tries int not null default 0,
  due_at timestamptz not null,
  error text,
  primary key (carrier, event_id)
) with (fillfactor = 70);
create index webhooks_due on carriers.webhooks (due_at) where processed_at is null;
