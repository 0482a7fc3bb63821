-- Goods between two locations, and counts.
create table stock.transfers (
  id uuid primary key, from_id uuid not null references stock.locations, to_id uuid not null references stock.locations, status text not null check (status in ('in_transit', 'received', 'canceled')),
  note text not null default '', created_at timestamptz not null, created_by text not null, closed_at timestamptz, closed_by text, check (from_id <> to_id));
create index transfers_newest on stock.transfers (created_at desc, id desc);
create table stock.transfer_lines (
  transfer_id uuid not null references stock.transfers, variant_id uuid not null references stock.items, quantity int not null check (quantity > 0),
  received int not null default 0 check (received between 0 and quantity), primary key (transfer_id, variant_id));

create table stock.stock_takes (
  id uuid primary key, location_id uuid not null references stock.locations, status text not null check (status in ('open', 'applied', 'canceled')),
  note text not null default '', created_at timestamptz not null, created_by text not null, closed_at timestamptz, closed_by text);
create index stock_takes_newest on stock.stock_takes (created_at desc, id desc);
-- expected is what the books said when it was counted: what moves afterwards does not disturb the count.
create table stock.stock_take_lines (
  stock_take_id uuid not null references stock.stock_takes, variant_id uuid not null references stock.items, counted int not null check (counted >= 0),
  expected int not null, counted_at timestamptz not null, counted_by text not null, primary key (stock_take_id, variant_id));
