create table carts.delivery_zones (id uuid primary key, name text not null, areas jsonb not null, version int not null default 1);

-- Days on which nothing leaves and nothing arrives.
create table carts.delivery_calendars (id uuid primary key, channel text not null unique, holidays date[] not null, version int not null default 1);

alter table carts.delivery_methods
  add column kind text not null default 'flat' check (kind in ('flat', 'weight', 'price', 'pickup', 'carrier')),
  add column zone_ids uuid[] not null default '{}',
  add column tiers jsonb not null default '[]',
  add column heaviest_g int check (heaviest_g > 0),
  add column carrier text,
  add column carrier_service text,
  add column pickup_place text not null default '';
