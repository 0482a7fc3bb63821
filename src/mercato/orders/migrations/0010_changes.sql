-- What was promised back to buyers without changing what was sold. Net due = due_amount - credited.
alter table orders.orders add column credited bigint not null default 0;
update orders.orders set credited = greatest(0, least(refunded, due_amount - (captured - refunded))) where refunded > 0;
alter table orders.orders add column tags text[] not null default '{}';
-- Of no row yet, so it takes no time.
-- squawk-ignore require-concurrent-index-creation
create index orders_tags on orders.orders using gin (tags) where tags <> '{}';
alter table orders.lines add column quantity_returned int not null default 0;

-- A change of an order's contents after the sale is a row of the books too.
-- The constraint that follows allows more.
-- squawk-ignore ban-drop-constraint
alter table orders.sales drop constraint sales_kind_check;
alter table orders.sales add constraint sales_kind_check
  check (kind in ('sale', 'change', 'refund', 'cancellation')) not valid;

-- Order changes: edits, returns, exchanges, claims; previewed, then confirmed. Amounts in minor units.
create table orders.changes (
  id uuid primary key,
  order_id uuid not null references orders.orders,
  kind text not null check (kind in ('edit', 'return', 'exchange', 'claim')),
  status text not null check (status in
    ('draft', 'requested', 'approved', 'confirmed', 'received', 'refunded', 'canceled')),
  lines jsonb not null,
  -- what confirming does to the total, and what it promises back
  total_change bigint not null,
  total_before bigint not null,
  credit bigint not null default 0,
  credited bigint not null default 0,
  fee bigint not null default 0,
  delivery_credit bigint not null default 0,
  reason text not null default '',
  created_at timestamptz not null,
  created_by text not null,
  -- times of the steps
  confirmed_at timestamptz,
  received_at timestamptz,
  closed_at timestamptz
) with (fillfactor = 80);
create index changes_of_order on orders.changes (order_id);
create index changes_returns on orders.changes (created_at, id) where kind in ('return', 'exchange') and status <> 'draft';
create index changes_drafts on orders.changes (created_at) where status = 'draft';
