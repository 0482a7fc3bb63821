create table stock.outbox (id uuid primary key, position bigint generated always as identity, subject text not null, key uuid not null, body bytea not null,
  at timestamptz not null default now(), sent_seq bigint);
create index outbox_unsent on stock.outbox (position) where sent_seq is null;
create table stock.inbox (consumer text not null, event_id uuid not null, at timestamptz not null default now(), primary key (consumer, event_id));
create table stock.dead_letters (id uuid primary key, consumer text not null, event_id uuid not null, subject text not null, body bytea not null, error text not null,
  deliveries int not null, at timestamptz not null default now(), resolved_at timestamptz, resolution text);

create table stock.locations (
  id uuid primary key, code text not null unique, name text not null, position int not null, is_active bool not null default true);
-- A shop has one location from the start, as it has one channel.
insert into stock.locations (id, code, name, position) values ('01900000-0000-7000-8000-000000000001', 'main', 'Main warehouse', 1);

create table stock.items (variant_id uuid primary key, sku text not null);
create index items_sku on stock.items (sku, variant_id);

-- The check on what is promised is the last line of defense: no code path may sell what is not there.
create table stock.levels (
  variant_id uuid not null references stock.items, location_id uuid not null references stock.locations,
  on_hand int not null default 0, allocated int not null default 0, reserved int not null default 0, safety_stock int not null default 0,
  version int not null default 1, primary key (variant_id, location_id),
  constraint levels_not_negative check (allocated >= 0 and reserved >= 0 and safety_stock >= 0),
  constraint levels_not_oversold check (on_hand >= allocated + reserved)) with (fillfactor = 70);

create table stock.reservations (
  owner uuid not null, variant_id uuid not null, location_id uuid not null, quantity int not null check (quantity > 0),
  expires_at timestamptz not null, is_first bool not null, created_at timestamptz not null default now(),
  primary key (owner, variant_id, location_id)) with (fillfactor = 70);
-- Two first holds of one owner at the same moment collide here even when they want different things.
create unique index reservations_one_hold on stock.reservations (owner) where is_first;
create index reservations_expiry on stock.reservations (expires_at);
create index reservations_variant on stock.reservations (variant_id);

create table stock.movements (
  id bigint generated always as identity primary key, at timestamptz not null default now(), variant_id uuid not null, location_id uuid not null,
  kind text not null, quantity int not null, cause_type text, cause_id uuid, actor text not null, reason text);
create index movements_variant on stock.movements (variant_id, id);

-- Guard rows: what has had its effect once (allocation of an owner, shipment of a fulfillment, ...).
create table stock.effects (kind text not null, cause_id uuid not null, at timestamptz not null default now(), primary key (kind, cause_id));
