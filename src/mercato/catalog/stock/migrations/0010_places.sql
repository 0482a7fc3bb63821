-- Several locations, units sold before they are there, and promises that know whose they are.

-- low_at: at or below so many units a variant is low; the shop's own number when null.
-- backorder_limit: how many units may be promised beyond what is there.
alter table stock.items add column low_at int check (low_at >= 0), add column backorder_limit int not null default 0 check (backorder_limit >= 0);

-- The limit of a variant counts at one of its levels, so that the check below stays a check of one row.
alter table stock.levels add column backorder int not null default 0;
alter table stock.levels add constraint levels_backed check (on_hand >= 0 and backorder >= 0 and on_hand + backorder >= allocated + reserved) not valid;
alter table stock.levels validate constraint levels_backed;
alter table stock.levels drop constraint levels_not_oversold;

-- What a channel sells from, in this order; all active locations in their own order when null.
create table stock.channels (channel text primary key, strategy text not null default 'location_order' check (strategy in ('location_order', 'most_stock')),
  location_ids uuid[] check (cardinality(location_ids) > 0));

-- What was promised to which order from where. Promises from before this table belong to nobody in particular.
create table stock.allocations (
  owner uuid not null, variant_id uuid not null, location_id uuid not null, quantity int not null check (quantity > 0),
  at timestamptz not null default now(), primary key (owner, variant_id, location_id)) with (fillfactor = 80);
create index allocations_level on stock.allocations (variant_id, location_id);
insert into stock.allocations (owner, variant_id, location_id, quantity)
  select '00000000-0000-0000-0000-000000000000', variant_id, location_id, allocated from stock.levels where allocated > 0;

create index levels_location on stock.levels (location_id, variant_id);
create index movements_cause on stock.movements (cause_id) where cause_type in ('transfer', 'receipt', 'stock_take');
